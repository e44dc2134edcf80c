//! `queued-state`: work waits in a state of its own until a worker is free.

use crate::backbone::admission::Load;
use crate::guardrail::{Guardrail, Naive};

/// The row of `queued-state` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "queued-state",
    system: "job lifecycle",
    guarded: "work waits in the queue until a worker is free; only a full queue refuses work, and it does so before acceptance",
    naive: &[Naive {
        what: "work is handed to a free worker; if there is none, it is refused",
        breaks: &["spikes-absorbed"],
        masked_by: &[],
    }],
};

/// The seam: whether new work is accepted at the present load.
pub trait QueuedState {
    /// Returns whether there is room for one more job.
    fn admits(&self, load: &Load) -> bool;
}

/// Guarded: the work waits; only a full queue rejects work, before anything is promised.
pub struct Waits;

impl QueuedState for Waits {
    fn admits(&self, load: &Load) -> bool {
        load.queued < load.capacity.queue
    }
}

/// Naive: the work is handed to a free worker; if there is none, that is an error.
pub struct FreeWorkerOrError;

impl QueuedState for FreeWorkerOrError {
    fn admits(&self, load: &Load) -> bool {
        load.live < load.capacity.workers
    }
}
