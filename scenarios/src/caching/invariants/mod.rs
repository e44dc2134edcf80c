//! The invariants of caching. They read committed rows, the content of screens and the database's own count of reads, and
//! know nothing of the platform's structure.

mod capacity;
mod decisions;
mod staleness;

use crate::invariants::requests;
use shakedown_model::Fact;
use shakedown_sim::Invariant;

/// Returns all invariants, in the order of reports.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![
        Box::new(staleness::StalenessBounded::default()),
        Box::new(decisions::NoStaleDecision::default()),
        Box::new(capacity::PrimaryWithinCapacity::default()),
        Box::new(requests::RequestsAnswerInTime::default()),
    ]
}
