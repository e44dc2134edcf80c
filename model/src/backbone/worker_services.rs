//! `worker-services`: work is done on nodes of its own, with a pool for each dependency, apart from those that answer
//! requests.

use crate::guardrail::{Guardrail, Naive};
use crate::settings::POOL;

/// Its row of the table.
pub const ROW: Guardrail = Guardrail {
    name: "worker-services",
    system: "topology",
    guarded: "workers are separate nodes, with a pool for each dependency",
    naive: &[Naive {
        what: "jobs run on the free threads of the web tier",
        breaks: &["requests-answer-in-time"],
        masked_by: &[],
    }],
};

/// The seam: where jobs are worked, and what bounds how many at once.
pub trait WorkerServices {
    /// Whether workers are nodes of their own, or run on those of the web tier.
    fn have_nodes(&self) -> bool;
    /// How many jobs that need the same dependency one node processes at once, if it has a thread for each.
    fn room(&self) -> u32;
}

/// Guarded: on their own nodes, a few at once for each dependency.
pub struct OwnNodes;

impl WorkerServices for OwnNodes {
    fn have_nodes(&self) -> bool {
        true
    }

    fn room(&self) -> u32 {
        POOL
    }
}

/// Naive: on the web tier, as many at once as there are threads.
pub struct WebThreads;

impl WorkerServices for WebThreads {
    fn have_nodes(&self) -> bool {
        false
    }

    fn room(&self) -> u32 {
        u32::MAX
    }
}
