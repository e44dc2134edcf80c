//! Stories: what violates an invariant without a guardrail, and none with it.

use super::script;
use crate::checks::check_story;
use shakedown_scenarios::notifications::ENTRY;

/// Checks that one deviation violates these invariants without the guardrail, and none with it.
fn check(missing: &str, deviation: &str, invariants: &[&str]) {
    check_story(&ENTRY, missing, &script(&[deviation]), invariants);
}

/// The first mail.
const MAIL: &str = "@ intent-1/click-1/request-1/mail-1";

#[test]
fn a_callback_beside_the_response_sends_two_mails() {
    check(
        "notification-service",
        "partner/callback @ intent-1/click-1/request-1/attempt-1/step-1/callback-1 = before the answer",
        &["one-message-per-event-and-recipient"],
    );
}

#[test]
fn a_template_that_changes_in_flight_is_not_the_planned_one() {
    for texts in ["new texts with the first mail", "broken texts with the first mail"] {
        check("notification-service", &format!("editor/publishes @ - = {texts}"), &["right-template"]);
    }
}

#[test]
fn a_slow_provider_makes_the_action_slow_and_a_failing_one_makes_it_fail() {
    check("delivery-queue", &format!("mail/slowness {MAIL} = 10 min"), &["requests-answer-in-time"]);
    check(
        "delivery-queue",
        &format!("mail.send/outcome {MAIL} = 5xx after"),
        &["no-dependency-failure-shown"],
    );
}

#[test]
fn a_crash_after_the_send_sends_it_again() {
    check(
        "notification-log",
        &format!("mailer/after mail.send {MAIL} = crash"),
        &["one-message-per-event-and-recipient", "delivery-known-or-flagged", "every-side-effect-accounted"],
    );
}
