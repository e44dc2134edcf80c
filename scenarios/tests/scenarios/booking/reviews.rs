//! How a person resolves bookings in review.

use super::without;
use crate::checks::run;
use shakedown_sim::Script;

/// Checks that the design with a reviewer holds with this partner and these deviations, and reaches the goal.
fn check(partner: &str, deviations: &str, goal: &str) {
    let variant = format!("partner={partner} customers=1 intents=1 isolation=read-committed reviews=worked");
    let script: Script =
        format!("scenario booking\nvariant {variant}\n{deviations}").parse().expect("well formed");
    let mut runner = without(&[]);
    let outcome = run(runner.as_mut(), &script);
    assert_eq!(outcome.violations, [], "{script}");
    let goals = runner.goals();
    let reached = (0..goals.len()).filter(|at| outcome.goals >> at & 1 == 1).map(|at| goals[at]);
    assert!(reached.clone().any(|reached| reached == goal), "{script}: {:?}", reached.collect::<Vec<_>>());
}

const ATTEMPT: &str = "@ intent-1/click-1/request-1/attempt-1/step-1 #1";

#[test]
fn a_reservation_behind_a_lost_response_is_found_on_the_partners_list() {
    let lost = format!("partner.reserve/response {ATTEMPT} = lost");
    check("neither", &lost, "review resolved from the partner's list");
}

#[test]
fn a_booking_that_is_not_on_the_list_is_retried_after_the_quarantine() {
    let lost = format!("partner.reserve/request {ATTEMPT} = lost");
    check("neither", &lost, "retried after a review");
    let late = format!("partner.reserve/request {ATTEMPT} = 10 min");
    check("neither", &late, "review resolved from the partner's list");
}

#[test]
fn a_booking_that_the_partner_refuses_to_cancel_is_confirmed_again() {
    let refused = "customer/second thoughts @ intent-1/click-1 #1 = cancels later\n\
                   partner.cancel/outcome @ intent-1/click-1/request-1/attempt-2/step-1 #1 = refuses";
    for partner in ["keys", "lookup", "neither"] {
        check(partner, refused, "confirmed again because the partner refuses to cancel");
    }
}
