//! `bounded-retry`: failed work is retried with growing waits, a limited number of times, and not at the expense of a
//! service that is failing.

use crate::backbone::jobs::{Ending, Job};
use crate::guardrail::{Guardrail, Naive};
use crate::settings::{MAX_ATTEMPTS, backoff};
use shakedown_sim::Duration;

/// The row of `bounded-retry` in the table of guardrails.
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

/// The seam: when a job without result is due again, when its attempts are used up, and whether a failing dependency
/// is spared.
pub trait BoundedRetry {
    /// Returns the wait before the next attempt, after this many: the middle of the drawn range.
    fn wait(&self, attempts: u32) -> Duration;
    /// Returns whether the attempts of a failed job are used up.
    fn is_spent(&self, job: &Job) -> bool;
    /// Returns whether retries have a budget, and calls a breaker.
    fn spares_dependencies(&self) -> bool;
}

/// Guarded: attempts are counted at the claim and bounded, with a wait that doubles; retries have a budget, and a
/// breaker stops calls while they fail.
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

/// Naive (a): a failed job is queued again at once, until it succeeds.
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

/// Naive (b): a failed job is listed for a person, whatever the reason.
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
