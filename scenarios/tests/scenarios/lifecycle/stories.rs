//! Stories: what violates an invariant without a guardrail, and none with it.

use super::{script, violated};
use crate::checks::check_story;
use shakedown_scenarios::lifecycle::ENTRY;
use shakedown_sim::Script;

/// Checks that the script violates this invariant without the guardrail, and none with it.
fn check(missing: &str, script: &Script, invariant: &str) {
    let whole = check_story(&ENTRY, missing, script, &[invariant]);
    assert_eq!(whole.unapplied, [], "with {missing}: {script}");
}

const SLOW: &str = "registry/episode @ filing-1/request-1/attempt-1 #1 = slow for 10 min";
const BURST: &str = "clinic/burst @ crowd-1 #1 = as declared";
const ANSWER_LOST: &str = "registry.file/response @ filing-1/request-1/attempt-1 #1 = lost";

#[test]
fn unbounded_retries_keep_the_registry_down_after_its_episode() {
    check("bounded-retry", &script("same", &[SLOW, BURST]), "goodput-recovers");
    // Neither alone does: metastable failure needs load and a trigger.
    for one in [SLOW, BURST] {
        let names = violated(&["bounded-retry"], &script("same", &[one]));
        assert!(!names.contains("goodput-recovers"), "{one}: {names:?}");
    }
}

#[test]
fn without_bounds_a_registry_that_is_down_is_called_forever() {
    let down = "registry/episode @ filing-1/request-1/attempt-1 #1 = down for 30 s";
    check("bounded-retry", &script("same", &[down]), "attempts-bounded");
}

#[test]
fn one_5xx_needs_a_person_if_nothing_is_retried() {
    let busy = "registry.file/outcome @ filing-1/request-1/attempt-1 #1 = 503";
    check("bounded-retry:b", &script("same", &[busy]), "transient-faults-heal");
}

#[test]
fn a_burst_is_refused_if_work_cannot_wait() {
    check("queued-state", &script("same", &[BURST]), "spikes-absorbed");
}

#[test]
fn an_outage_loses_accepted_reports_if_dead_letters_are_deleted() {
    let down = "registry/episode @ filing-1/request-1/attempt-1 #1 = down for 30 min";
    check("dead-letter", &script("same", &[down]), "accepted-work-finishes");
}

#[test]
fn a_report_that_can_never_be_filed_is_listed() {
    let poison = script("same", &["registry.file/outcome @ filing-1/request-1/attempt-1 #1 = rejects it"]);
    check("dead-letter", &poison, "accepted-work-finishes");
}

#[test]
fn a_timer_sends_a_report_with_an_unknown_outcome_again() {
    check("dead-letter:b", &script("new", &[ANSWER_LOST]), "unsafe-work-never-replays-by-itself");
}

#[test]
fn a_crash_after_the_document_is_missing_from_a_last_result() {
    let crash = "worker/after registry.file @ filing-1/request-1/attempt-1 #1 = crash";
    check("audit-log", &script("same", &[crash]), "every-side-effect-accounted");
}
