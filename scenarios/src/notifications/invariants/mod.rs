//! The invariants of notifications. They read the mailboxes, the provider's log, the edge's log and committed rows, and
//! know nothing of the platform's structure.

mod addresses;
mod delivery;
mod messages;
mod texts;

use crate::invariants::{attempts, jobs, requests};
use shakedown_model::Fact;
use shakedown_sim::Invariant;

/// Returns all invariants, the most specific first: the first one that a run violates names its failure.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![
        Box::new(jobs::OnlyTheHolderActs::default()),
        Box::new(attempts::EveryReplayHasItsAttempts::default()),
        Box::new(messages::OneMessage::default()),
        Box::new(texts::RightTemplate::default()),
        Box::new(addresses::DeadAddressesAreSpared::default()),
        delivery::every_side_effect_accounted(),
        delivery::known_or_flagged(),
        Box::new(jobs::ParkedWorkIsUnfinished::default()),
        Box::new(requests::NoDependencyFailureShown),
        Box::new(requests::RequestsAnswerInTime::default()),
        Box::new(delivery::TransientFaultsHeal::default()),
        delivery::accepted_work_finishes(),
    ]
}
