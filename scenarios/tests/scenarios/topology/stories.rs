//! The stories of what goes wrong where a guardrail is missing, each beside the design that bears it.

use super::{broken, pager, script};
use shakedown_sim::Script;

/// The script holds in the whole design, and without this guardrail breaks this invariant.
fn check(missing: &str, script: &Script, invariant: &str) {
    assert_eq!(broken(&[], script), Vec::<String>::new(), "with {missing}: {script}");
    let names = broken(&[missing], script);
    assert!(names.iter().any(|name| name == invariant), "without {missing} {names:?}: {script}");
}

const SLOW: &str = "registry/episode @ filing-1/request-1/attempt-1 #1 = slow for 10 min";
const DOWN: &str = "registry/episode @ filing-1/request-1/attempt-1 #1 = down for 30 min";
const LOST: &str = "partner.reserve/request @ intent-1/request-1/attempt-1/step-1 #1 = lost";
const MALFORMED: &str = "partner.reserve/outcome @ intent-1/request-1/attempt-1/step-1 #1 = malformed";

#[test]
fn an_outcome_that_nobody_knows_yet_is_called_two_things_where_each_client_has_its_own_words() {
    check("web-contract", &script("lookup", &[LOST]), "entry-points-agree");
    check("web-contract", &script("neither", &[MALFORMED]), "entry-points-agree");
}

#[test]
fn a_slow_registry_keeps_guests_waiting_where_jobs_run_on_the_web_tier() {
    check("worker-services", &script("lookup", &[SLOW]), "requests-answer-in-time");
}

#[test]
fn health_is_green_and_nobody_is_told_of_work_that_is_late() {
    for late in [DOWN, SLOW] {
        check("completion-monitoring", &script("lookup", &[late]), "stuck-work-is-noticed");
    }
    check("completion-monitoring", &script("neither", &[MALFORMED]), "stuck-work-is-noticed");
}

#[test]
fn health_checks_and_error_rates_see_what_they_are_made_for() {
    let hung = "worker/before send @ filing-1/request-1/attempt-1 #1 = pause 10 min";
    let failing = "store/commit accept @ filing-1/request-1 #1 = fails";
    for one in [hung, failing] {
        // Told of in the naive form, which is no alarm about work; the whole design has nothing to tell.
        let names = broken(&["completion-monitoring"], &script("lookup", &[one]));
        assert!(names.contains(&"no-false-alarm".to_owned()), "{one}: {names:?}");
        assert_eq!(pager(&script("lookup", &[one])), [""; 0], "{one}");
    }
}

#[test]
fn a_review_that_nobody_sees_to_is_told_of_until_somebody_takes_it() {
    let alerts = pager(&script("neither", &[MALFORMED]));
    let expected = [
        "01:31:00.020 shows an alert: B1 is late",
        "01:33:00.020 shows an alert: B1 is late",
        "01:34:00.020 records that somebody acknowledged the alert: B1 is late",
    ];
    assert_eq!(alerts, expected);
}

#[test]
fn the_pager_rings_when_the_monitor_hangs_as_it_is_about_to_tell() {
    let hangs = "monitor/before pager.alert @ filing-1/request-1/alert-1 #1 = pause 10 min";
    let log = pager(&script("lookup", &[DOWN, hangs]));
    let rings =
        |minute| format!("00:{minute}:00.000 rings: the last heartbeat of the monitor came at 00:16:00.000");
    assert_eq!(log[..3], [rings(19), rings(22), rings(25)], "{log:#?}");
    assert_eq!(log[3], "00:26:00.020 shows an alert: F1 is late", "{log:#?}");
}
