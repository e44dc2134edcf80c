//! `bounded-retry`: what failed is tried again, later and later, so often and no more, and not at the expense of
//! a service that is failing.

use crate::backbone::jobs::{Ending, Job};
use crate::guardrail::{Guardrail, Naive};
use crate::settings::{MAX_ATTEMPTS, backoff};
use shakedown_sim::Duration;

/// Its row of the table.
pub const ROW: Guardrail = Guardrail {
    name: "bounded-retry",
    system: "job lifecycle",
    guarded: "attempts are counted at the claim; retries have backoff, a budget and a circuit breaker",
    naive: &[
        Naive {
            what: "failed work is retried at once, for ever",
            breaks: &["attempts-bounded", "goodput-recovers"],
            masked_by: &[],
        },
        Naive { what: "failed work is never retried", breaks: &["transient-faults-heal"], masked_by: &[] },
    ],
};

/// The seam: when a job that brought nothing is due again, when it has been tried often enough, and whether a
/// dependency that fails is spared.
pub trait BoundedRetry {
    /// The wait before the next attempt, after this many: the middle of what may be drawn.
    fn wait(&self, attempts: u32) -> Duration;
    /// Whether a job that has failed is to be given up.
    fn is_spent(&self, job: &Job) -> bool;
    /// Whether retries have a budget, and calls a breaker.
    fn spares_dependencies(&self) -> bool;
}

/// Guarded: attempts are counted at the claim and bounded, with a wait that doubles; retries have a budget, and a
/// breaker leaves off when calls fail.
pub struct Bounded;

impl BoundedRetry for Bounded {
    fn wait(&self, attempts: u32) -> Duration {
        backoff(attempts)
    }

    fn is_spent(&self, job: &Job) -> bool {
        job.attempts >= MAX_ATTEMPTS
    }

    fn spares_dependencies(&self) -> bool {
        true
    }
}

/// Naive (a): what failed goes back into the queue at once, until it succeeds.
pub struct AtOnceForEver;

impl BoundedRetry for AtOnceForEver {
    fn wait(&self, _: u32) -> Duration {
        Duration::ZERO
    }

    fn is_spent(&self, _: &Job) -> bool {
        false
    }

    fn spares_dependencies(&self) -> bool {
        false
    }
}

/// Naive (b): what failed is listed for a person, whatever the reason.
pub struct Never;

impl BoundedRetry for Never {
    fn wait(&self, _: u32) -> Duration {
        Duration::ZERO
    }

    fn is_spent(&self, job: &Job) -> bool {
        job.ended != Some(Ending::Waits)
    }

    fn spares_dependencies(&self) -> bool {
        true
    }
}
