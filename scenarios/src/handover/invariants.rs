//! The invariants of handover: those of booking, and that no job exists without its committed booking.

use crate::booking;
use crate::invariants::events::NoPhantomEvent;
use shakedown_model::Fact;
use shakedown_sim::Invariant;

/// Returns all invariants, the most specific first: the first one that a run violates names its failure.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    let mut all = booking::invariants::all();
    all.insert(0, Box::new(NoPhantomEvent::default()));
    all
}
