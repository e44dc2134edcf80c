//! The invariants of topology and monitoring. They read the edge's log, the pager's log, the content of screens and
//! committed rows, and know nothing of the platform's structure.

mod alerts;
mod entries;

use crate::invariants::{attempts, jobs, requests};
use shakedown_model::Fact;
use shakedown_sim::Invariant;

/// Returns all invariants, the most specific first: the first one that a run violates names its failure.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![
        Box::new(jobs::OnlyTheHolderActs::default()),
        Box::new(attempts::EveryReplayHasItsAttempts::default()),
        Box::new(entries::EntryPointsAgree::default()),
        Box::new(alerts::UntakenAlertsAreRepeated::default()),
        Box::new(alerts::NoFalseAlarm::default()),
        Box::new(alerts::StuckWorkIsNoticed::default()),
        Box::new(jobs::ParkedWorkIsUnfinished::default()),
        Box::new(requests::NoDependencyFailureShown),
        Box::new(requests::RequestsAnswerInTime::default()),
    ]
}
