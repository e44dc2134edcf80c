//! The invariants of the lifecycle of jobs. They read the registry's log, the edge's log and committed rows, and know
//! nothing of the platform's structure.

mod endings;
mod load;
mod record;
mod replays;
mod retries;

use crate::invariants::{attempts, jobs, requests};
use shakedown_model::Fact;
use shakedown_model::outside::clinic::DECLARED;
use shakedown_sim::Invariant;

/// Returns all invariants, the most specific first: the first one that a run violates names its failure.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![
        Box::new(jobs::OnlyTheHolderActs::default()),
        Box::new(attempts::EveryReplayHasItsAttempts::default()),
        Box::new(attempts::RetriesAreSpread::default()),
        Box::new(retries::AttemptsBounded::default()),
        Box::new(replays::UnsafeWorkNeverReplaysByItself::default()),
        Box::new(replays::ReplayIsSafe::default()),
        Box::new(record::EverySideEffectAccounted::default()),
        Box::new(record::EveryAttemptHasItsEnd::default()),
        Box::new(endings::AcceptedMeansDurable::default()),
        Box::new(jobs::ParkedWorkIsUnfinished::default()),
        Box::new(requests::RequestsAnswerInTime::up_to(DECLARED)),
        Box::new(load::SpikesAbsorbed::default()),
        Box::new(load::GoodputRecovers::default()),
        Box::new(endings::TransientFaultsHeal::default()),
        Box::new(endings::AcceptedWorkFinishes::default()),
    ]
}
