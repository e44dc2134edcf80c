//! The stories of what goes wrong where a guardrail is missing, each beside the design that bears it.

use super::{broken, script, without};
use shakedown_sim::{Plan, Script};

/// The script holds in the whole design, and without this guardrail breaks this invariant.
fn check(missing: &str, script: &Script, invariant: &str) {
    let names = broken(&[missing], script);
    assert!(names.iter().any(|name| name == invariant), "without {missing} {names:?}: {script}");
    // A guardrail may leave no place at which a deviation could happen.
    let whole = without(&[]).run(Plan::Script(script));
    assert_eq!(whole.violations, [], "with {missing}: {script}");
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
fn a_job_that_comes_back_across_the_roll_is_not_read_by_the_release_after_it() {
    let lost = ["attempt-1", "attempt-4"]
        .map(|attempt| format!("store/commit claim job @ intent-1/request-1/{attempt} #1 = response lost"));
    check("compatibility-check", &script("R1-R2", &[&lost[0], &lost[1]]), "every-message-readable");
}

#[test]
fn a_dead_letter_of_before_is_not_read_by_the_release_after_it() {
    let replayed = "supervisor/dead letters @ rollout-1 #1 = has them replayed";
    check("compatibility-check", &script("R1-R2", &[replayed]), "every-message-readable");
}

#[test]
fn a_release_that_was_taken_back_has_rows_rewritten_without_what_it_added() {
    check("compatibility-check", &script("R1-R2", &[&recalled("20 min")]), "rollback-is-safe");
}

#[test]
fn a_switch_before_the_names_are_filled_in_shows_bookings_for_nobody() {
    let slow = "manager/fill in @ rollout-1/turn-3/background-1 #1 = 30 min";
    check("staged-deploy", &script("R2-R3", &[slow]), "no-half-rolled-field-shown");
}

#[test]
fn a_worker_that_is_slow_to_roll_cannot_read_rows_whose_column_is_gone() {
    let slow = "host/last roll @ rollout-1 #1 = slow at a worker";
    check("staged-deploy", &script("R4-drop", &[slow]), "every-message-readable");
}

#[test]
fn a_page_asks_an_api_that_is_slow_to_roll_for_what_that_one_cannot_read() {
    let slow = "host/last roll @ rollout-1 #1 = slow at the API";
    check("staged-deploy", &script("R4-drop", &[slow]), "every-message-readable");
}

#[test]
fn a_column_dropped_too_soon_leaves_no_way_back() {
    check("staged-deploy", &script("R4-drop", &[&recalled("3 min")]), "rollback-is-safe");
}

#[test]
fn a_bad_release_gets_everywhere_if_all_that_counts_is_that_nodes_are_up() {
    let bad = "host/build @ rollout-1 #1 = turns some orders down";
    check("release-feedback", &script("R2-R3", &[bad]), "bad-release-is-stopped");
}

#[test]
fn no_news_of_a_canary_is_bad_news() {
    let bad = "host/build @ rollout-1 #1 = turns orders down";
    let silence = "telemetry/silence @ rollout-1/turn-8 #1 = 30 min";
    let script = script("R2-R3", &[bad, silence]);
    assert_eq!(broken(&[], &script), Vec::<String>::new());
}
