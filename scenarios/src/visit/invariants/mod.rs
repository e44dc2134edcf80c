//! The invariants of visits. They read the document store, the mail provider, the edge's log, screens and committed rows; none
//! knows how the platform is built.

mod acceptance;
mod replays;
mod screens;
mod transitions;

use crate::invariants::requests;
use shakedown_model::Fact;
use shakedown_sim::Invariant;

/// All of them, in the order in which reports list them.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![
        Box::new(transitions::LegalTransitionsOnly),
        Box::new(screens::NoPrematureSuccess::default()),
        Box::new(replays::ReplayIsSafe::default()),
        Box::new(requests::RequestsAnswerInTime::default()),
        Box::new(requests::NoDependencyFailureShown),
        Box::new(acceptance::AcceptedMeansDurable::default()),
        Box::new(acceptance::AcceptedWorkFinishes::default()),
        Box::new(acceptance::TransientFaultsHeal::default()),
        Box::new(screens::ScreensAgreeAtRest::default()),
    ]
}
