//! `invalidation`: what has changed leaves the cache, and does not come back by a fill that was under way.

use super::cache::Lease;
use crate::guardrail::{Guardrail, Naive};

/// Its row of the table.
pub const ROW: Guardrail = Guardrail {
    name: "invalidation",
    system: "caching",
    guarded: "the outbox invalidates changed entries, and a fill needs a valid lease",
    naive: &[
        Naive {
            what: "entries expire by their time to live only",
            breaks: &["staleness-bounded"],
            masked_by: &[],
        },
        Naive {
            what: "each reader fills the cache with what it has read",
            breaks: &["staleness-bounded"],
            masked_by: &[],
        },
    ],
};

/// The seam: whether changes are deleted from the cache, and with which lease it is filled.
pub trait Invalidation {
    /// Whether the relay has the cache forget what has changed.
    fn deletes(&self) -> bool;
    /// The right by which a fill is made; none if by no right at all.
    fn fills_by(&self, lease: Lease) -> Option<Lease>;
}

/// Guarded: changes are deleted from the outbox on, and a fill needs the lease that its miss was given.
pub struct DeletedAndLeased;

impl Invalidation for DeletedAndLeased {
    fn deletes(&self) -> bool {
        true
    }

    fn fills_by(&self, lease: Lease) -> Option<Lease> {
        Some(lease)
    }
}

/// Naive (a): what is in the cache ends with its time to live.
pub struct TimeToLive;

impl Invalidation for TimeToLive {
    fn deletes(&self) -> bool {
        false
    }

    fn fills_by(&self, lease: Lease) -> Option<Lease> {
        Some(lease)
    }
}

/// Naive (b): changes are deleted, and every reader fills the cache with what it read.
pub struct FilledAtWill;

impl Invalidation for FilledAtWill {
    fn deletes(&self) -> bool {
        true
    }

    fn fills_by(&self, _: Lease) -> Option<Lease> {
        None
    }
}
