//! Stories: what violates an invariant without a guardrail, and none with it.

use super::{script, without};
use crate::checks::{check_holds, check_story, violated};
use crate::plants::only;
use shakedown_scenarios::handover::ENTRY;

/// Checks that one deviation violates these invariants without the guardrail, and none with it.
fn check(missing: &str, deviation: &str, invariants: &[&str]) {
    check_story(&ENTRY, missing, &script("neither", &[deviation]), invariants);
}

const STEP: &str = "@ intent-1/click-1/request-1/attempt-1/step-1 #1";

#[test]
fn an_order_called_confirmed_is_refused_or_pending_or_late() {
    for trouble in ["refuses", "pending"] {
        let trouble = format!("partner.reserve/outcome {STEP} = {trouble}");
        check("honest-acknowledgement", &trouble, &["no-premature-success"]);
    }
    for trouble in ["slowness", "outage"] {
        let trouble = format!("partner/{trouble} {STEP} = 30 s");
        check("honest-acknowledgement", &trouble, &["no-premature-success"]);
    }
}

/// The commit that accepts an order.
const ACCEPT: &str = "store/commit accept @ intent-1/click-1/request-1 #1";

#[test]
fn a_failed_commit_leaves_a_job_without_an_order() {
    check("work-queue", &format!("{ACCEPT} = fails"), &["no-phantom-event"]);
}

#[test]
fn a_worker_overtakes_a_slow_commit_and_drops_the_job() {
    check("work-queue", &format!("{ACCEPT} = late 2 s"), &["no-phantom-event", "accepted-work-finishes"]);
}

#[test]
fn a_broker_that_is_down_loses_the_job_of_an_accepted_order() {
    let script = script("neither", &["work/restart @ intent-1/click-1/request-1/job-1 #1 = 10 min"]);
    let found = violated(without(&["work-queue"]).as_mut(), &script);
    assert_eq!(found, only("accepted-work-finishes"));
}

#[test]
fn a_worker_that_crashes_before_the_commit_leaves_a_screen_without_a_row() {
    let dies = "worker/before result @ intent-1/click-1/request-1/attempt-1/step-2 #1 = crash";
    check("completion-worker", dies, &["screens-agree-at-rest", "accepted-work-finishes"]);
}

#[test]
fn a_callback_replaces_a_result_that_was_not_stored() {
    let dies = "worker/before result @ intent-1/click-1/request-1/attempt-1/step-2 #1 = crash";
    check_holds(without(&["completion-worker"]).as_mut(), &script("keys", &[dies]));
}
