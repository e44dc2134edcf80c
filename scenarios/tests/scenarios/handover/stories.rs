//! What happens without one guardrail, and with it does not: the stories, each by one deviation.

use super::{broken, script, without};
use crate::scripts::run;
use shakedown_sim::Plan;

/// One thing goes wrong: without the guardrail it breaks these claims, with it none.
fn tells(form: &str, deviation: &str, expected: &[&str]) {
    let script = script("neither", &[deviation]);
    let outcome = run(&mut without(&[form]), &script);
    for claim in expected {
        assert!(broken(&outcome).contains(claim), "without {form}, {deviation}: {:?}", outcome.violations);
    }
    let kept = without(&[]).run(Plan::Script(&script));
    assert_eq!(kept.violations, [], "with {form}: {deviation}");
}

const STEP: &str = "@ intent-1/click-1/request-1/attempt-1/step-1 #1";

#[test]
fn what_was_called_confirmed_is_refused_or_held_or_long_in_coming() {
    for trouble in ["refuses", "pending"] {
        let trouble = format!("partner.reserve/outcome {STEP} = {trouble}");
        tells("honest-acknowledgement", &trouble, &["no-premature-success"]);
    }
    for trouble in ["slowness", "outage"] {
        let trouble = format!("partner/{trouble} {STEP} = 30 s");
        tells("honest-acknowledgement", &trouble, &["no-premature-success"]);
    }
}

/// The commit that takes an order on.
const ACCEPT: &str = "store/commit accept @ intent-1/click-1/request-1 #1";

#[test]
fn a_commit_that_fails_leaves_work_for_an_order_that_never_was() {
    tells("work-queue", &format!("{ACCEPT} = fails"), &["no-phantom-event"]);
}

#[test]
fn a_worker_is_faster_than_a_slow_commit_and_drops_what_it_does_not_know() {
    tells("work-queue", &format!("{ACCEPT} = late 2 s"), &["no-phantom-event", "accepted-work-finishes"]);
}

#[test]
fn a_broker_that_is_down_loses_the_work_of_an_order_that_was_taken_on() {
    let script = script("neither", &["work/restart @ intent-1/click-1/request-1/job-1 #1 = 10 min"]);
    let outcome = run(&mut without(&["work-queue"]), &script);
    assert_eq!(broken(&outcome), ["accepted-work-finishes"]);
}

#[test]
fn a_worker_that_dies_before_it_stores_leaves_a_screen_that_says_what_no_row_does() {
    let dies = "worker/before result @ intent-1/click-1/request-1/attempt-1/step-2 #1 = crash";
    tells("completion-worker", dies, &["screens-agree-at-rest", "accepted-work-finishes"]);
}

#[test]
fn a_partner_that_calls_back_makes_up_for_a_result_that_was_not_stored() {
    let dies = "worker/before result @ intent-1/click-1/request-1/attempt-1/step-2 #1 = crash";
    let outcome = run(&mut without(&["completion-worker"]), &script("keys", &[dies]));
    assert_eq!(outcome.violations, []);
}
