//! The invariants of notifications. They read the mailboxes, the provider's log, the edge's log and committed rows, and
//! know nothing of the platform's structure.

mod delivery;
mod messages;
mod texts;

use crate::invariants::{attempts, jobs, requests};
use shakedown_model::Fact;
use shakedown_sim::Invariant;

/// Returns all invariants, in the order of reports.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![
        Box::new(messages::OneMessage::default()),
        Box::new(texts::RightTemplate::default()),
        delivery::known_or_flagged(),
        delivery::accepted_work_finishes(),
        delivery::every_side_effect_accounted(),
        Box::new(delivery::TransientFaultsHeal::default()),
        Box::new(jobs::OnlyTheHolderActs::default()),
        Box::new(jobs::ParkedWorkIsUnfinished::default()),
        Box::new(attempts::EveryReplayHasItsAttempts::default()),
        Box::new(requests::RequestsAnswerInTime::default()),
        Box::new(requests::NoDependencyFailureShown),
    ]
}
