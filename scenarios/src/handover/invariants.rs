//! The invariants of handover: those of booking, and that no job exists without its committed booking.

use crate::booking;
use crate::invariants::events::NoPhantomEvent;
use shakedown_model::Fact;
use shakedown_sim::Invariant;

/// Returns all invariants, in the order of reports.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    let mut all = booking::invariants::all();
    all.push(Box::new(NoPhantomEvent::default()));
    all
}
