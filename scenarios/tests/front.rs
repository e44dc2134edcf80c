//! Booking, rehearsed in a few lines a test: what holds, what breaks without a guardrail, and what such a test
//! says when its expectation is not met.

use shakedown_scenarios::booking::Booking;
use shakedown_sim::rehearsal::Unmet;
use shakedown_sim::{Rehearsal, rehearse};
use std::fs;

/// A rehearsal of booking without these guardrails.
fn booking(without: &[&str]) -> Rehearsal {
    let without: Vec<String> = without.iter().map(|name| (*name).to_owned()).collect();
    rehearse(Booking::without(&without).expect("they are guardrails")).replayed_by("shakedown run")
}

const TWO_LIVE: &str = "exactly-one-reservation-per-intent";
const CRASH: &str = "worker/before job done @ intent-1/click-1/request-1/attempt-1/step-2 #1 = vanish";

#[test]
fn guarded_booking_holds_and_reaches_what_matters() {
    booking(&[])
        .kept(env!("CARGO_MANIFEST_DIR"), "guarded_booking")
        .seeds(..2_000)
        .goals(["crash between partner call and log", "partner created behind a timeout"])
        .holds();
}

#[test]
fn guarded_booking_survives_any_one_thing_going_wrong() {
    booking(&[]).deviations(1).holds();
}

#[test]
fn without_an_execution_log_one_crash_makes_two_reservations() {
    booking(&["execution-log"]).seeds(..1_000).violates(TWO_LIVE).within(1);
    booking(&["execution-log"]).script(format!("variant partner=neither\n{CRASH}")).violates(TWO_LIVE);
}

#[test]
fn the_first_script_that_breaks_is_the_smallest() {
    let found = booking(&["execution-log"]).variant("partner=neither").deviations(1).violates(TWO_LIVE);
    assert_eq!(found.failure.found.deviations.len(), 1, "{found}");
}

#[test]
fn an_expectation_that_is_not_met_tells_the_story_and_how_to_see_it_again() {
    let unmet = booking(&["execution-log"]).seeds(..1_000).check().unwrap_err().to_string();
    for part in [
        "booking without execution-log breaks, in run ",
        "the happy path, except",
        "\nwhy\n",
        "\nscript\n  scenario booking\n  without execution-log\n  variant partner=",
        "\nreplay    shakedown run booking --without execution-log --variant 'partner=",
        " --deviate '",
    ] {
        assert!(unmet.contains(part), "{part:?} is missing:\n{unmet}");
    }
}

#[test]
fn what_broke_a_test_is_kept_and_run_first() {
    let crate_of_the_test = tempfile::tempdir().unwrap();
    let rehearsal = || booking(&["execution-log"]).kept(&crate_of_the_test, "holds");
    let Err(Unmet::Broken(first)) = rehearsal().seeds(1..1_000).check() else { panic!("it breaks") };
    let path = first.kept.clone().expect("it is kept");
    assert_eq!(path, crate_of_the_test.path().join("rehearsal-regressions/holds.script"));
    assert!(first.runs > 1, "{first}");

    let Err(Unmet::Broken(again)) = rehearsal().seeds(1..1_000).check() else { panic!("it still breaks") };
    assert_eq!((again.runs, &again.failure.shrunk), (1, &first.failure.shrunk));
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("scenario ").count(), 1, "it is kept once:\n{text}");
    assert!(text.starts_with(&format!("# breaks {}: ", first.failure.violation.invariant)), "{text}");
}

#[test]
fn what_the_scenario_does_not_know_is_said_with_what_it_does() {
    fn check(rehearsal: Rehearsal, invariant: &str, expected: &str) {
        let unmet = rehearsal.find(invariant).unwrap_err().to_string();
        assert!(unmet.contains(expected), "{unmet}");
    }
    check(
        booking(&[]).seeds(..10),
        "no-such-thing",
        "booking has no invariant `no-such-thing`: expected one of ",
    );
    check(
        booking(&[]).seeds(..10),
        TWO_LIVE,
        "booking: no run of 10 breaks exactly-one-reservation-per-intent, or",
    );
    check(booking(&[]).script("variant partner=nobody"), TWO_LIVE, "`nobody` is no value of `partner`");
    let log = format!("without execution-log\n{CRASH}");
    check(booking(&[]).script(log), TWO_LIVE, "of a design without `execution-log`");
    check(
        booking(&[]).script(CRASH.replace("step-2", "step-77")),
        TWO_LIVE,
        "#1 = vanish` was never offered",
    );
    let missed = booking(&[]).script("").goals(["crash between partner call and log"]).check().unwrap_err();
    assert_eq!(missed.to_string(), "booking: no run of 1 reaches crash between partner call and log");
}
