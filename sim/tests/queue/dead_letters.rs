//! Dead letters: when a message becomes one, and its redrive.

use crate::depot::Do::{Ack, Nack, Work};
use crate::depot::{Depot, Sent};
use crate::{check, check_broker, check_left};
use shakedown_sim::queue::Counts;
use shakedown_sim::{DeliveryFault, Duration, QueueFaults, QueueProfile};

const PROFILE: QueueProfile = QueueProfile {
    visibility: Duration::from_secs(10),
    receives_max: Some(2),
    faults: QueueFaults { delivery: &[DeliveryFault::Lost], ..QueueFaults::NONE },
    ..QueueProfile::STANDARD
};

#[test]
fn a_message_is_dead_when_its_last_lease_has_ended() {
    let depot = Depot::new(PROFILE, &[Sent::at(0, 7)], &[&[&[Nack(0)], &[]]]);
    let broker = ["5 7 Accepted", "5 7 Delivered(1)", "15 7 Returned", "20 7 Delivered(2)", "10020 7 Died"];
    check_broker(&depot, "", &broker);
    let told = [
        "10 worker-1 receives 7 (1)",
        "10 client-1 has sent 7",
        "20 worker-1 gives back 7",
        "25 worker-1 receives 7 (2)",
    ];
    check(&depot, "", &told);
    check_left(&depot, "", Counts { dead: 1, ..Counts::default() });
}

#[test]
fn a_lost_delivery_counts_as_a_receive() {
    let depot = Depot::new(PROFILE, &[Sent::at(0, 7)], &[&[&[Nack(0)]]]);
    let lost = "jobs/delivery @ order-1/job-1/delivery-1 #1 = lost";
    let broker =
        ["5 7 Accepted", "5 7 Delivered(1)", "10005 7 Returned", "10005 7 Delivered(2)", "10015 7 Died"];
    check_broker(&depot, lost, &broker);
}

#[test]
fn an_ack_after_the_last_lease_does_not_bring_back_a_dead_letter() {
    let depot = Depot::new(PROFILE, &[Sent::at(0, 7)], &[&[&[Nack(0)], &[Work(11_000), Ack]]]);
    let broker = ["5 7 Accepted", "5 7 Delivered(1)", "15 7 Returned", "20 7 Delivered(2)", "10020 7 Died"];
    check_broker(&depot, "", &broker);
}

#[test]
fn dead_letters_that_are_redriven_are_received_again_with_none_counted() {
    let sent = [Sent::at(0, 7), Sent::at(30, 8), Sent::at(20_000, 9)];
    let mut depot = Depot::new(PROFILE, &sent, &[&[&[Nack(0)], &[Nack(0)], &[Nack(0)], &[Nack(0)], &[Ack]]]);
    depot.redrive_at = Some(30_000);
    let told = told_from(&depot, 20_000);
    let expected = [
        "20010 worker-1 receives 9 (1)",
        "20010 client-3 has sent 9",
        "20020 worker-1 acks 9",
        "30000 operator finds [7, 8]",
        "30010 worker-1 receives 7 (1)",
        "30010 operator redrives Ok(2)",
        "30020 worker-1 acks 7",
        "30025 worker-1 receives 8 (1)",
        "30035 worker-1 acks 8",
    ];
    assert_eq!(told, expected);
}

fn told_from(depot: &Depot, from: u64) -> Vec<String> {
    let all = crate::told(depot, "").into_iter().filter(|(ms, _)| *ms >= from);
    let said = all.filter_map(|(ms, told)| match told.did {
        crate::Did::Said(text) => Some(format!("{ms} {} {text}", told.who)),
        _ => None,
    });
    said.collect()
}
