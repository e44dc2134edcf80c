//! `worker-services`: jobs run on nodes of their own, with a pool for each dependency, apart from the nodes that
//! serve requests.

use crate::guardrail::{Guardrail, Naive};
use crate::settings::POOL;

/// The row of `worker-services` in the table of guardrails.
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

/// The seam: where jobs run, and what limits their number.
pub trait WorkerServices {
    /// Returns whether workers have nodes of their own, or run on those of the web tier.
    fn have_nodes(&self) -> bool;
    /// Returns how many jobs for the same dependency one node processes at once, if it has a thread for each.
    fn room(&self) -> u32;
}

/// Guarded: on nodes of their own, a few at once for each dependency.
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
