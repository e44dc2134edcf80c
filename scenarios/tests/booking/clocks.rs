//! Clocks of nodes that are off: whoever judges by them is caught, and the design is not, for it asks the store.

use crate::scripts::run;
use shakedown_model::backbone::clock::Clock;
use shakedown_scenarios::booking::Booking;
use shakedown_sim::search::explore;
use shakedown_sim::{Plan, Runner, Script};

fn by_clock(clock: Clock) -> Runner<Booking> {
    Runner::new(Booking::without(&[]).expect("nothing is taken out").by_clock(clock))
}

fn script(partner: &str, deviations: &str) -> Script {
    let variant = format!("partner={partner} customers=1 intents=1 isolation=read-committed");
    format!("scenario booking\nvariant {variant}\n{deviations}").parse().expect("well formed")
}

/// Judged by nodes' clocks it breaks the claim; the design never reads them, so that their deviations are not
/// even offered, and holds under the rest.
fn check(partner: &str, deviations: &str, claim: &str) {
    let script = script(partner, deviations);
    let planted = run(&mut by_clock(Clock::OfTheNode), &script);
    let is_broken = planted.violations.iter().any(|violation| violation.invariant == claim);
    assert!(is_broken, "{deviations}: {:?}", planted.violations);
    let mut design = by_clock(Clock::OfTheStore);
    let outcome = design.run(Plan::Script(&script));
    assert_eq!(outcome.violations, [], "{deviations}");
    let clocks = script.deviations.iter().filter(|deviation| deviation.to_string().contains("clock"));
    assert_eq!(outcome.unapplied.len(), clocks.count(), "{deviations}");
}

#[test]
fn whatever_clocks_do_who_judges_by_the_right_ones_holds() {
    for partner in ["keys", "short-keys", "lookup", "neither"] {
        let happy = script(partner, "");
        assert_eq!(run(&mut by_clock(Clock::OfTheNode), &happy).violations, [], "{partner}");
    }
}

#[test]
fn a_clock_that_jumps_over_a_quarantine_makes_a_second_reservation() {
    let late = "partner.reserve/request @ intent-1/click-1/request-1/attempt-1/step-1 #1 = 10 min";
    let jump = "worker/clock jump @ intent-1/click-1/request-1/attempt-1/step-2 #1 = 25 h ahead";
    check("lookup", &format!("{late}\n{jump}"), "exactly-one-reservation-per-intent");
}

#[test]
fn seeds_find_fault_with_the_clocks_of_nodes() {
    let campaign = explore(&mut by_clock(Clock::OfTheNode), 0..2_000, 1);
    assert_ne!(campaign.failing, []);
}
