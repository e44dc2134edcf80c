//! What happens without one guardrail, and with it does not: the stories, each by one deviation.

use super::{broken, script, without};
use crate::scripts::run;
use shakedown_sim::Plan;

/// One thing goes wrong: without the guardrail it breaks these claims, with it none.
fn tells(form: &str, deviation: &str, expected: &[&str]) {
    let script = script(&[deviation]);
    let outcome = run(&mut without(&[form]), &script);
    for claim in expected {
        assert!(broken(&outcome).contains(claim), "without {form}, {deviation}: {:?}", outcome.violations);
    }
    let kept = without(&[]).run(Plan::Script(&script));
    assert_eq!(kept.violations, [], "with {form}: {deviation}");
}

/// Where the first mail is sent: by a mailer, and by the action itself.
const MAIL: &str = "@ intent-1/click-1/request-1/mail-1";

#[test]
fn a_callback_beside_the_response_tells_it_twice() {
    tells(
        "notification-service",
        "partner/callback @ intent-1/click-1/request-1/attempt-1/step-1/callback-1 = before the answer",
        &["one-message-per-event-and-recipient"],
    );
}

#[test]
fn a_text_that_changes_under_way_is_another_than_there_was() {
    for texts in ["new texts with the first mail", "broken texts with the first mail"] {
        tells("notification-service", &format!("editor/publishes @ - = {texts}"), &["right-template"]);
    }
}

#[test]
fn a_slow_provider_makes_the_action_slow_and_a_failing_one_makes_it_fail() {
    tells("delivery-queue", &format!("mail/slowness {MAIL} = 10 min"), &["requests-answer-in-time"]);
    tells(
        "delivery-queue",
        &format!("mail.send/outcome {MAIL} = 5xx after"),
        &["no-dependency-failure-shown"],
    );
}

#[test]
fn a_crash_after_the_send_sends_it_again() {
    tells(
        "notification-log",
        &format!("mailer/after mail.send {MAIL} = crash"),
        &["one-message-per-event-and-recipient", "delivery-known-or-flagged", "every-side-effect-accounted"],
    );
}
