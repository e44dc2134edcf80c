//! What happens without one guardrail, and with it does not: the stories, each by one deviation.

use super::without;
use crate::scripts::run;
use shakedown_sim::{Plan, Script};

/// One thing goes wrong where the patients do this: without the guardrail it breaks this claim, with it none.
fn tells(form: &str, patients: &str, deviation: &str, claim: &str) {
    let text = format!("scenario visit\nvariant patients={patients} visits=1\n{deviation}\n");
    let script: Script = text.parse().expect("a script");
    let outcome = run(&mut without(&[form]), &script);
    let is_broken = outcome.violations.iter().any(|violation| violation.invariant == claim);
    assert!(is_broken, "without {form}, {deviation}: {:?}", outcome.violations);
    let kept = without(&[]).run(Plan::Script(&script));
    assert_eq!(kept.violations, [], "with {form}: {deviation}");
}

/// Where the operator calls the visit processed, and where its report is made first.
const PROCESSES: &str = "@ visit-1/action-2/click-1/request-1";
const MAKES: &str = "@ visit-1/action-2/click-1/request-1/attempt-1";

#[test]
fn the_pdf_dies_half_written_and_the_screen_says_processed() {
    let dies = format!("worker/after documents.upload {MAKES} = crash");
    tells("operational-status-view", "come", &dies, "no-premature-success");
}

#[test]
fn a_replay_of_what_worked_tells_the_patient_twice() {
    let replays = "operator/second thoughts @ visit-1 = replays later";
    tells("operational-status-view", "come", replays, "replay-is-safe");
}

#[test]
fn a_late_row_of_a_clinic_cancels_a_patient_who_is_here() {
    let late = "importer/delay @ visit-1/row-2 = 20 min";
    tells("workflow-service", "cancel", late, "legal-transitions-only");
}

#[test]
fn a_slow_renderer_makes_the_request_slow_and_a_failing_one_makes_it_fail() {
    let slow = format!("renderer/slowness {MAKES} = 10 min");
    tells("async-worker", "come", &slow, "requests-answer-in-time");
    let fails = format!("renderer.render/outcome {MAKES} = 5xx");
    tells("async-worker", "come", &fails, "no-dependency-failure-shown");
}

#[test]
fn what_was_answered_before_it_was_saved_is_lost_with_a_crash_or_a_failed_commit() {
    for lost in ["api/before process {} = crash", "store/commit process {} = fails"] {
        let lost = lost.replace("{}", PROCESSES);
        tells("durable-acceptance", "come", &lost, "accepted-means-durable");
    }
}

#[test]
fn a_task_in_memory_dies_with_its_process() {
    let dies = format!("api/before renderer.render {MAKES} = crash");
    tells("job-queue", "come", &dies, "accepted-work-finishes");
}
