//! Stories: what violates an invariant without a guardrail, and none with it.

use super::{script, violated};
use crate::checks::check_story;
use shakedown_scenarios::releases::ENTRY;
use shakedown_sim::Script;
use std::collections::BTreeSet;

/// Checks that the script violates this invariant without the guardrail, and none with it.
fn check(missing: &str, script: &Script, invariant: &str) {
    check_story(&ENTRY, missing, script, &[invariant]);
}

const ORDERS_MEANWHILE: &str = "guest/orders @ intent-2 #1 = while nodes are replaced";

fn recalled(minutes: &str) -> String {
    format!("supervisor/second thoughts @ rollout-1 #1 = recalls it after {minutes}")
}

#[test]
fn an_old_worker_cannot_read_a_field_that_was_renamed_in_one_step() {
    check("compatibility-check", &script("R1-R2", &[ORDERS_MEANWHILE]), "every-message-readable");
}

#[test]
fn a_job_that_is_retried_across_the_roll_is_unreadable_to_the_next_release() {
    let lost = ["attempt-1", "attempt-4"]
        .map(|attempt| format!("store/commit claim job @ intent-1/request-1/{attempt} #1 = response lost"));
    check("compatibility-check", &script("R1-R2", &[&lost[0], &lost[1]]), "every-message-readable");
}

#[test]
fn an_old_dead_letter_is_unreadable_to_the_next_release() {
    let replayed = "supervisor/dead letters @ rollout-1 #1 = has them replayed";
    check("compatibility-check", &script("R1-R2", &[replayed]), "every-message-readable");
}

#[test]
fn after_a_rollback_rows_are_rewritten_without_the_new_fields() {
    check("compatibility-check", &script("R1-R2", &[&recalled("20 min")]), "rollback-is-safe");
}

#[test]
fn a_switch_before_the_backfill_shows_bookings_without_a_guest() {
    let slow = "manager/fill in @ rollout-1/turn-3/background-1 #1 = 30 min";
    check("staged-deploy", &script("R2-R3", &[slow]), "no-half-rolled-field-shown");
}

#[test]
fn a_worker_that_is_slow_to_roll_cannot_read_rows_without_the_column() {
    let slow = "host/last roll @ rollout-1 #1 = slow at a worker";
    check("staged-deploy", &script("R4-drop", &[slow]), "every-message-readable");
}

#[test]
fn a_new_page_meets_an_api_that_is_slow_to_roll() {
    let slow = "host/last roll @ rollout-1 #1 = slow at the API";
    check("staged-deploy", &script("R4-drop", &[slow]), "every-message-readable");
}

#[test]
fn a_column_dropped_too_soon_prevents_a_rollback() {
    check("staged-deploy", &script("R4-drop", &[&recalled("3 min")]), "rollback-is-safe");
}

#[test]
fn a_bad_release_spreads_if_only_running_nodes_count() {
    let bad = "host/build @ rollout-1 #1 = turns some orders down";
    check("release-feedback", &script("R2-R3", &[bad]), "bad-release-is-stopped");
}

#[test]
fn missing_telemetry_of_a_canary_stops_the_release() {
    let bad = "host/build @ rollout-1 #1 = turns orders down";
    let silence = "telemetry/silence @ rollout-1/turn-8 #1 = 30 min";
    let script = script("R2-R3", &[bad, silence]);
    assert_eq!(violated(&[], &script), BTreeSet::new());
}
