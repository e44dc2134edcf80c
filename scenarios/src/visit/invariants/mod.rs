//! The invariants of visits. They read the document store, the mail provider, the edge's log, screens and committed rows,
//! and know nothing of the platform's structure.

mod acceptance;
mod deadlines;
mod replays;
mod screens;
mod transitions;

use crate::invariants::{attempts, jobs, requests};
use shakedown_model::Fact;
use shakedown_sim::Invariant;

/// Returns all invariants, the most specific first: the first one that a run violates names its failure.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![
        Box::new(jobs::OnlyTheHolderActs::default()),
        Box::new(attempts::EveryReplayHasItsAttempts::default()),
        Box::new(deadlines::NobodyJudgedEarlyOrLate::default()),
        Box::new(transitions::LegalTransitionsOnly),
        Box::new(replays::ReplayIsSafe::default()),
        Box::new(acceptance::AcceptedMeansDurable::default()),
        Box::new(screens::NoPrematureSuccess::default()),
        Box::new(jobs::ParkedWorkIsUnfinished::default()),
        Box::new(requests::NoDependencyFailureShown),
        Box::new(requests::RequestsAnswerInTime::default()),
        Box::new(screens::ScreensAgreeAtRest::default()),
        Box::new(acceptance::TransientFaultsHeal::default()),
        Box::new(acceptance::AcceptedWorkFinishes::default()),
    ]
}
