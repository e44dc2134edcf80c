//! The invariants of consistency. They read committed rows, what the feed wrote down and what lists show; none
//! knows how the platform is built.

mod events;
mod lists;

use crate::invariants::events::NoPhantomEvent;
use shakedown_model::Fact;
use shakedown_sim::Invariant;

/// All of them, in the order in which reports list them.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![
        Box::new(NoPhantomEvent::default()),
        Box::new(events::NoLostEvent::default()),
        Box::new(lists::ScreensShowOneVersion::default()),
        Box::new(lists::ScreensAgreeAtRest::default()),
    ]
}
