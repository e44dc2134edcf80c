//! The stories of what goes wrong where a guardrail is missing, each beside the design that bears it.

use super::{broken, script};
use shakedown_sim::Script;

/// The script holds in the whole design, and without this guardrail breaks this invariant.
fn check(missing: &str, script: &Script, invariant: &str) {
    assert_eq!(broken(&[], script), Vec::<String>::new(), "with {missing}: {script}");
    let names = broken(&[missing], script);
    assert!(names.iter().any(|name| name == invariant), "without {missing} {names:?}: {script}");
}

const SLOW: &str = "registry/episode @ filing-1/request-1/attempt-1 #1 = slow for 10 min";
const BURST: &str = "clinic/burst @ crowd-1 #1 = as declared";
const ANSWER_LOST: &str = "registry.file/response @ filing-1/request-1/attempt-1 #1 = lost";

#[test]
fn retries_keep_a_registry_down_whose_trouble_is_over_and_with_bounds_it_recovers() {
    check("bounded-retry", &script("same", &[SLOW, BURST]), "goodput-recovers");
    // Neither alone does: it takes load and a trigger.
    for one in [SLOW, BURST] {
        let names = broken(&["bounded-retry"], &script("same", &[one]));
        assert!(!names.iter().any(|name| name == "goodput-recovers"), "{one}: {names:?}");
    }
}

#[test]
fn a_registry_that_is_down_is_asked_for_ever_without_bounds() {
    let down = "registry/episode @ filing-1/request-1/attempt-1 #1 = down for 30 s";
    check("bounded-retry", &script("same", &[down]), "attempts-bounded");
}

#[test]
fn one_5xx_needs_a_person_where_nothing_is_tried_again() {
    let busy = "registry.file/outcome @ filing-1/request-1/attempt-1 #1 = 503";
    check("bounded-retry:b", &script("same", &[busy]), "transient-faults-heal");
}

#[test]
fn a_burst_is_refused_where_work_cannot_wait() {
    check("queued-state", &script("same", &[BURST]), "spikes-absorbed");
}

#[test]
fn an_outage_loses_what_was_accepted_where_dead_letters_are_deleted() {
    let down = "registry/episode @ filing-1/request-1/attempt-1 #1 = down for 30 min";
    check("dead-letter", &script("same", &[down]), "accepted-work-finishes");
}

#[test]
fn a_filing_that_can_never_be_filed_is_listed_and_holds_up_nobody() {
    let poison = script("same", &["registry.file/outcome @ filing-1/request-1/attempt-1 #1 = rejects it"]);
    check("dead-letter", &poison, "accepted-work-finishes");
}

#[test]
fn what_may_have_had_its_effect_is_sent_back_by_a_timer() {
    check("dead-letter:b", &script("new", &[ANSWER_LOST]), "unsafe-work-never-replays-by-itself");
}

#[test]
fn a_crash_after_the_document_leaves_no_trace_in_a_last_result() {
    let crash = "worker/after registry.file @ filing-1/request-1/attempt-1 #1 = crash";
    check("audit-log", &script("same", &[crash]), "every-side-effect-accounted");
}
