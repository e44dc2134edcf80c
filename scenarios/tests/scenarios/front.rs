//! Rehearsals of booking in a few lines per test: designs that hold, designs that fail without a guardrail, and the
//! message of a test whose expectation is not met.

use proptest::prelude::{ProptestConfig, proptest};
use proptest::test_runner::{FileFailurePersistence, TestCaseError, TestError, TestRunner};
use shakedown::rehearsal::{Rehearsal, Unmet, rehearse};
use shakedown_scenarios::booking::Booking;
use shakedown_sim::strategies::{any_script, any_variant};
use shakedown_sim::{Scenario, Script, Variant};
use std::fs;

/// Returns booking without these guardrails.
fn scenario(without: &[&str]) -> Booking {
    let without: Vec<String> = without.iter().map(|name| (*name).to_owned()).collect();
    Booking::without(&without).expect("they are guardrails")
}

/// Returns a rehearsal of it.
fn booking(without: &[&str]) -> Rehearsal {
    rehearse(scenario(without)).replayed_by("shakedown")
}

const TWO_LIVE: &str = "exactly-one-reservation-per-intent";
const CRASH: &str = "worker/before job done @ intent-1/click-1/request-1/attempt-1/step-2 #1 = crash";

#[test]
fn guarded_booking_holds_and_reaches_what_matters() {
    booking(&[])
        .pinned(env!("CARGO_MANIFEST_DIR"), "guarded_booking")
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
fn a_variant_that_is_named_is_the_only_one_that_seeds_are_run_of() {
    let variants = ["partner=lookup intents=2", "partner=neither"];
    for variant in variants {
        let found = booking(&["execution-log"]).variant(variant).seeds(..1_000).violates(TWO_LIVE);
        let partner = found.finding.failure.found.variant.get("partner");
        assert_eq!(partner, variant.parse::<Variant>().unwrap().get("partner"), "{found}");
    }
    let both = || variants.iter().fold(booking(&[]), |rehearsal, variant| rehearsal.variant(variant));
    assert_eq!(both().seeds(..40).check().ok(), Some(40));
    let unknown = booking(&[]).variant("partner=nobody").seeds(..1).check().unwrap_err().to_string();
    assert!(unknown.contains("`nobody` is no value of `partner`"), "{unknown}");
}

#[test]
fn the_first_script_that_breaks_is_the_smallest() {
    let found = booking(&["execution-log"]).variant("partner=neither").deviations(1).violates(TWO_LIVE);
    assert_eq!(found.finding.failure.found.deviations.len(), 1, "{found}");
}

#[test]
fn an_expectation_that_is_not_met_tells_the_story_and_how_to_see_it_again() {
    let unmet = booking(&["execution-log"]).seeds(..1_000).check().unwrap_err().to_string();
    for part in [
        "FAIL  booking  without execution-log",
        "  the happy path, except\n",
        "\n  why\n",
        "\n  needed    without (1) it holds\n",
        "\n  replay    shakedown replay ",
        "\n  script\n    scenario booking\n    without execution-log\n    variant partner=",
    ] {
        assert!(unmet.contains(part), "{part:?} is missing:\n{unmet}");
    }
}

#[test]
fn what_broke_a_test_is_kept_and_run_first() {
    let crate_of_the_test = tempfile::tempdir().unwrap();
    let rehearsal = || booking(&["retry-safe-job:a"]).pinned(&crate_of_the_test, "holds");
    let Err(Unmet::Violated(first)) = rehearsal().seeds(..1_000).check() else { panic!("it breaks") };
    let path = first.pinned.clone().expect("it is pinned");
    assert_eq!(path, crate_of_the_test.path().join("rehearsal-regressions/holds.script"));
    assert!(first.runs > 1, "{first}");

    let Err(Unmet::Violated(again)) = rehearsal().seeds(..1_000).check() else { panic!("it still breaks") };
    assert_eq!((again.runs, &again.finding.failure.shrunk), (1, &first.finding.failure.shrunk));
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("scenario ").count(), 1, "it is kept once:\n{text}");
    assert!(text.starts_with(&format!("# breaks {}: ", first.finding.failure.violation.invariant)), "{text}");

    fs::write(&path, text.replace("#1 = ", "#9 = ")).unwrap();
    let drifted = rehearsal().seeds(..1).check().unwrap_err().to_string();
    let where_it_is = format!("was never offered (in {}: correct it or remove it)", path.display());
    assert!(drifted.contains(&where_it_is), "{drifted}");
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
        "booking: no run of 10 violates exactly-one-reservation-per-intent, or",
    );
    check(booking(&[]).script("variant partner=nobody"), TWO_LIVE, "`nobody` is no value of `partner`");
    let log = format!("without execution-log\n{CRASH}");
    check(booking(&[]).script(log), TWO_LIVE, "of a design without `execution-log`");
    check(booking(&[]).script(CRASH.replace("step-2", "step-77")), TWO_LIVE, "#1 = crash` was never offered");
    let other = "exactly-one-reservation-per-intent; violated are ";
    check(booking(&["retry-safe-job:b"]).variant("partner=lookup").deviations(1), TWO_LIVE, other);
    let missed = booking(&[]).script("").goals(["crash between partner call and log"]).check().unwrap_err();
    assert_eq!(missed.to_string(), "booking: no run of 1 reaches crash between partner call and log");
}

/// Beside this file, where proptest finds the stored cases.
const KEPT: FileFailurePersistence = FileFailurePersistence::WithSource("regressions");

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: Some(Box::new(KEPT)), ..ProptestConfig::default() })]

    #[test]
    fn guarded_booking_holds_under_any_script(script in any_script(scenario(&[]), 6)) {
        booking(&[]).script(script).check()?;
    }

    #[test]
    fn the_happy_path_of_any_variant_holds_without_an_execution_log(variant in any_variant(scenario(&[]).parameters())) {
        booking(&["execution-log"]).script(format!("variant {variant}")).check()?;
    }
}

/// Returns proptest's message about a design without the execution log, with its cases stored in `file`.
fn fails(file: &'static str, seen: &mut Vec<Script>) -> (String, Script) {
    let failure_persistence = Some(Box::new(FileFailurePersistence::Direct(file)) as Box<_>);
    let config = ProptestConfig { failure_persistence, cases: 2_000, ..ProptestConfig::default() };
    let seen = std::cell::RefCell::new(seen);
    let tested = TestRunner::new(ProptestConfig { source_file: Some(file!()), ..config }).run(
        &any_script(scenario(&["execution-log"]), 6),
        |script| {
            seen.borrow_mut().push(script.clone());
            match booking(&["execution-log"]).script(script).find(TWO_LIVE) {
                Ok(found) => Err(TestCaseError::fail(found.to_string())),
                Err(_) => Ok(()),
            }
        },
    );
    match tested {
        Err(TestError::Fail(reason, script)) => (reason.to_string(), script),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_proptest_draws_shrinks_and_is_kept_and_its_failure_says_how_to_see_it_again() {
    let elsewhere = tempfile::tempdir().unwrap();
    let file: &str = elsewhere.path().join("kept.txt").to_str().unwrap().to_owned().leak();
    let (mut seen, mut again) = (Vec::new(), Vec::new());
    let (reason, script) = fails(file, &mut seen);
    assert!(reason.contains("\n  replay    shakedown replay "), "{reason}");

    let broke = |script: &Script| booking(&["execution-log"]).script(script).find(TWO_LIVE).is_ok();
    for at in 0..script.deviations.len() {
        let mut fewer = script.clone();
        fewer.deviations.remove(at);
        assert!(!broke(&fewer), "each deviation is needed: {script}");
    }
    let first = seen.iter().find(|script| broke(script)).unwrap();
    fails(file, &mut again);
    assert_eq!(again.first(), Some(first), "what was kept comes first");
}
