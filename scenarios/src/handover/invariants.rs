//! The invariants of handover: those of booking, whose flow it is, and that no work is given out for what is not so.

use crate::booking;
use crate::invariants::events::NoPhantomEvent;
use shakedown_model::Fact;
use shakedown_sim::Invariant;

/// All of them, in the order in which reports list them.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    let mut all = booking::invariants::all();
    all.push(Box::new(NoPhantomEvent::default()));
    all
}
