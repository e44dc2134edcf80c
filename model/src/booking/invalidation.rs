//! `invalidation`: changed data is deleted from the cache, and a pending fill does not restore the old value.

use super::cache::Lease;
use crate::guardrail::{Guardrail, Naive};

/// The row of `invalidation` in the table of guardrails.
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
    /// Returns whether the relay deletes changed data from the cache.
    fn deletes(&self) -> bool;
    /// Returns the lease of a fill; `None` for a fill without a lease.
    fn fills_by(&self, lease: Lease) -> Option<Lease>;
}

/// Guarded: the outbox deletes changes from the cache, and a fill needs the lease of its miss.
pub struct DeletedAndLeased;

impl Invalidation for DeletedAndLeased {
    fn deletes(&self) -> bool {
        true
    }

    fn fills_by(&self, lease: Lease) -> Option<Lease> {
        Some(lease)
    }
}

/// Naive (a): a cached value ends with its time to live.
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
