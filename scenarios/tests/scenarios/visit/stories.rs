//! Stories: what violates an invariant without a guardrail, and none with it.

use crate::checks::check_story;
use shakedown_scenarios::visit::ENTRY;

/// Checks that one deviation violates this invariant without the guardrail, and none with it, where the patients do
/// this.
fn check(missing: &str, patients: &str, deviation: &str, invariant: &str) {
    let text = format!("scenario visit\nvariant patients={patients} visits=1\n{deviation}\n");
    check_story(&ENTRY, missing, &text.parse().expect("a script"), &[invariant]);
}

/// The request by which the operator processes the visit, and the first attempt to make its report.
const PROCESSES: &str = "@ visit-1/action-2/click-1/request-1";
const MAKES: &str = "@ visit-1/action-2/click-1/request-1/attempt-1";

#[test]
fn a_crash_leaves_half_a_pdf_and_a_screen_that_says_processed() {
    let dies = format!("worker/after documents.upload {MAKES} = crash");
    check("operational-status-view", "come", &dies, "no-premature-success");
}

#[test]
fn a_replay_of_finished_work_notifies_the_patient_twice() {
    let replays = "operator/second thoughts @ visit-1 = replays later";
    check("operational-status-view", "come", replays, "replay-is-safe");
}

#[test]
fn a_late_row_of_a_clinic_cancels_a_patient_who_has_arrived() {
    let late = "importer/delay @ visit-1/row-2 = 20 min";
    check("workflow-service", "cancel", late, "legal-transitions-only");
}

#[test]
fn a_slow_renderer_makes_the_request_slow_and_a_failing_one_makes_it_fail() {
    let slow = format!("renderer/slowness {MAKES} = 10 min");
    check("async-worker", "come", &slow, "requests-answer-in-time");
    let fails = format!("renderer.render/outcome {MAKES} = 5xx");
    check("async-worker", "come", &fails, "no-dependency-failure-shown");
}

#[test]
fn a_change_acknowledged_before_its_commit_is_lost_with_a_crash_or_a_failed_commit() {
    for lost in ["api/before process {} = crash", "store/commit process {} = fails"] {
        let lost = lost.replace("{}", PROCESSES);
        check("durable-acceptance", "come", &lost, "accepted-means-durable");
    }
}

#[test]
fn a_day_of_24_hours_is_closed_too_early_in_autumn_and_too_late_in_spring() {
    for change in ["back", "forward"] {
        let change = format!("clinics/clocks @ - #1 = go {change}");
        check("local-calendar", "stay-away", &change, "nobody-judged-early-or-late");
        check("local-calendar", "come-tomorrow", &change, "nobody-judged-early-or-late");
    }
}

#[test]
fn a_task_in_memory_dies_with_its_process() {
    let dies = format!("api/before renderer.render {MAKES} = crash");
    check("job-queue", "come", &dies, "accepted-work-finishes");
}
