//! The invariants of consistency. They read committed rows, the feed's log and the content of lists, and know nothing
//! of the platform's structure.

mod events;
mod lists;

use crate::invariants::events::NoPhantomEvent;
use crate::invariants::{attempts, jobs};
use shakedown_model::Fact;
use shakedown_sim::Invariant;

/// Returns all invariants, the most specific first: the first one that a run violates names its failure.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![
        Box::new(NoPhantomEvent::default()),
        Box::new(events::NoLostEvent::default()),
        Box::new(jobs::OnlyTheHolderActs::default()),
        Box::new(attempts::EveryReplayHasItsAttempts::default()),
        Box::new(lists::ScreensShowOneVersion::default()),
        Box::new(jobs::ParkedWorkIsUnfinished::default()),
        Box::new(lists::ScreensAgreeAtRest::default()),
    ]
}
