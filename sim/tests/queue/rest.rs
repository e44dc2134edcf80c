//! Idle consumers cost nothing, and a run is at rest only when nothing is in flight.

use crate::check_left;
use crate::depot::Do::{Ack, Work};
use crate::depot::{Depot, Sent};
use shakedown_sim::queue::Counts;
use shakedown_sim::{Duration, Moment, Outcome, Plan, QueueProfile, Runner, Script};

fn run(depot: Depot) -> Outcome {
    let script: Script = "scenario depot".parse().unwrap();
    let outcome = Runner::new(depot).run(Plan::Script(&script));
    assert_eq!(outcome.violations, []);
    outcome
}

#[test]
fn idle_consumers_cost_no_event() {
    let idle = |workers: &[&[&[crate::depot::Do]]]| run(Depot::new(QueueProfile::STANDARD, &[], workers));
    let (one, three) = (idle(&[&[&[Ack]]]), idle(&[&[&[Ack]], &[&[Ack]], &[&[Ack]]]));
    // Each node boots, the run comes to rest, and the remaining messages are counted.
    assert_eq!((one.events, three.events), (4, 6));
    assert_eq!(one.ended, three.ended);
}

#[test]
fn a_cycle_costs_five_events() {
    let sent = |count: u64| {
        let sent: Vec<_> = (0..count).map(|n| Sent::at(1_000 * n, 7)).collect();
        run(Depot::new(QueueProfile::STANDARD, &sent, &[&[&[Ack]]])).events
    };
    // In addition, a client boots, and the client, its worker and the broker each state a fact.
    let facts = 3 + 3;
    assert_eq!(sent(11) - sent(1), 10 * (5 + 1 + facts));
}

#[test]
fn a_run_is_at_rest_when_the_last_lease_has_ended() {
    let long = Duration::from_secs(2_000);
    let profile = QueueProfile { visibility: long, receives_max: Some(1), ..QueueProfile::STANDARD };
    let left = run(Depot::new(profile, &[Sent::at(0, 7)], &[&[&[]]]));
    assert_eq!(left.ended, Moment::START + long + profile.latency);
    let acked = run(Depot::new(profile, &[Sent::at(0, 7)], &[&[&[Work(700_000), Ack]]]));
    assert_eq!(acked.ended, Moment::START + Duration::from_secs(700) + profile.latency * 4);
}

#[test]
fn a_message_without_a_consumer_does_not_keep_the_run_from_resting() {
    let depot = Depot::new(QueueProfile::STANDARD, &[Sent::at(0, 7)], &[]);
    check_left(&depot, "", Counts { ready: 1, ..Counts::default() });
}
