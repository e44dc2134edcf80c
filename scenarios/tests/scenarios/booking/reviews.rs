//! What a person makes of the bookings that the platform leaves to them.

use super::without;
use crate::scripts::run;
use shakedown_sim::{Rehearse, Script};

/// Runs the design whose reviews are worked off, with this partner and these deviations: it holds, and the goal is
/// among those that it reaches.
fn check(partner: &str, deviations: &str, goal: &str) {
    let variant = format!("partner={partner} customers=1 intents=1 isolation=read-committed reviews=worked");
    let script: Script =
        format!("scenario booking\nvariant {variant}\n{deviations}").parse().expect("well formed");
    let mut runner = without(&[]);
    let outcome = run(&mut runner, &script);
    assert_eq!(outcome.violations, [], "{script}");
    let goals = runner.goals();
    let reached = (0..goals.len()).filter(|at| outcome.goals >> at & 1 == 1).map(|at| goals[at]);
    assert!(reached.clone().any(|reached| reached == goal), "{script}: {:?}", reached.collect::<Vec<_>>());
}

const ATTEMPT: &str = "@ intent-1/click-1/request-1/attempt-1/step-1 #1";

#[test]
fn what_was_made_behind_a_lost_answer_is_found_on_the_list_of_the_partner() {
    let lost = format!("partner.reserve/response {ATTEMPT} = lost");
    check("neither", &lost, "settled by what the partner's list shows");
}

#[test]
fn what_is_not_on_the_list_is_tried_again_once_nothing_can_be_under_way() {
    let lost = format!("partner.reserve/request {ATTEMPT} = lost");
    check("neither", &lost, "tried again after a review");
    let late = format!("partner.reserve/request {ATTEMPT} = 10 min");
    check("neither", &late, "settled by what the partner's list shows");
}

#[test]
fn what_the_partner_does_not_give_up_is_confirmed_again() {
    let refused = "customer/second thoughts @ intent-1/click-1 #1 = cancels later\n\
                   partner.cancel/outcome @ intent-1/click-1/request-1/attempt-2/step-1 #1 = refuses";
    for partner in ["keys", "lookup", "neither"] {
        check(partner, refused, "kept, since the partner refuses to cancel");
    }
}
