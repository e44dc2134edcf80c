//! Stories: what violates an invariant without a guardrail, and none with it.

use super::{pager, script, violated};
use crate::checks::check_story;
use shakedown_scenarios::topology::ENTRY;
use shakedown_sim::Script;

/// Checks that the script violates this invariant without the guardrail, and none with it.
fn check(missing: &str, script: &Script, invariant: &str) {
    let whole = check_story(&ENTRY, missing, script, &[invariant]);
    assert_eq!(whole.unapplied, [], "with {missing}: {script}");
}

const SLOW: &str = "registry/episode @ filing-1/request-1/attempt-1 #1 = slow for 10 min";
const DOWN: &str = "registry/episode @ filing-1/request-1/attempt-1 #1 = down for 30 min";
const LOST: &str = "partner.reserve/request @ intent-1/request-1/attempt-1/step-1 #1 = lost";
const MALFORMED: &str = "partner.reserve/outcome @ intent-1/request-1/attempt-1/step-1 #1 = malformed";

#[test]
fn an_unknown_outcome_has_two_words_if_each_client_maps_states_itself() {
    check("web-contract", &script("lookup", &[LOST]), "entry-points-agree");
    check("web-contract", &script("neither", &[MALFORMED]), "entry-points-agree");
}

#[test]
fn a_slow_registry_delays_guests_if_jobs_run_on_the_web_tier() {
    check("worker-services", &script("lookup", &[SLOW]), "requests-answer-in-time");
}

#[test]
fn health_checks_pass_while_late_work_is_not_noticed() {
    for late in [DOWN, SLOW] {
        check("completion-monitoring", &script("lookup", &[late]), "stuck-work-is-noticed");
    }
    check("completion-monitoring", &script("neither", &[MALFORMED]), "stuck-work-is-noticed");
}

#[test]
fn health_checks_and_error_rates_alert_on_faults_of_nodes() {
    let hung = "worker/before send @ filing-1/request-1/attempt-1 #1 = pause 10 min";
    let failing = "store/commit accept @ filing-1/request-1 #1 = fails";
    for one in [hung, failing] {
        // The naive form alerts on the fault, which is not late work; the whole design has no alert to send.
        let names = violated(&["completion-monitoring"], &script("lookup", &[one]));
        assert!(names.contains("no-false-alarm"), "{one}: {names:?}");
        assert_eq!(pager(&script("lookup", &[one])), [""; 0], "{one}");
    }
}

#[test]
fn an_alert_about_a_review_is_repeated_until_a_person_takes_it() {
    let alerts = pager(&script("neither", &[MALFORMED]));
    let expected = [
        "01:31:00.020 shows an alert: B1 is late",
        "01:33:00.020 shows an alert: B1 is late",
        "01:34:00.020 records that somebody acknowledged the alert: B1 is late",
    ];
    assert_eq!(alerts, expected);
}

#[test]
fn the_pager_rings_when_the_monitor_hangs_before_an_alert() {
    let hangs = "monitor/before pager.alert @ filing-1/request-1/alert-1 #1 = pause 10 min";
    let log = pager(&script("lookup", &[DOWN, hangs]));
    let rings =
        |minute| format!("00:{minute}:00.000 rings: the last heartbeat of the monitor came at 00:16:00.000");
    assert_eq!(log[..3], [rings(19), rings(22), rings(25)], "{log:#?}");
    assert_eq!(log[3], "00:26:00.020 shows an alert: F1 is late", "{log:#?}");
}
