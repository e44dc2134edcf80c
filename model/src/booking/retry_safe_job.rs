//! `retry-safe-job`: a job that runs again requests the same thing, under the same key.

use super::case::{Case, Step};
use super::rows::Booking;
use crate::guardrail::{Guardrail, Naive};

/// The row of `retry-safe-job` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "retry-safe-job",
    system: "idempotency",
    guarded: "the idempotency key is derived from the booking and its generation",
    naive: &[
        Naive {
            what: "each attempt has a new idempotency key",
            breaks: &["exactly-one-reservation-per-intent"],
            masked_by: &[],
        },
        Naive { what: "the first error is final", breaks: &["transient-faults-heal"], masked_by: &[] },
    ],
};

/// The seam: the key of a request, and the next step after an attempt without result.
pub trait RetrySafeJob {
    /// Returns the key by which the partner recognizes a repeat.
    fn key(&self, booking: &Booking, attempt: u32) -> u64;
    /// Returns the step to take instead of `step`, which the rules chose.
    fn again(&self, case: &Case, step: Step) -> Step;
}

/// Guarded: the key belongs to the booking, and changes only with its generation.
pub struct KeyOfBooking;

impl RetrySafeJob for KeyOfBooking {
    fn key(&self, booking: &Booking, _: u32) -> u64 {
        u64::from(booking.id) << 16 | u64::from(booking.generation)
    }

    fn again(&self, _: &Case, step: Step) -> Step {
        step
    }
}

/// Naive (a): the HTTP client creates a key for each request that it sends.
pub struct KeyOfAttempt;

impl RetrySafeJob for KeyOfAttempt {
    fn key(&self, _: &Booking, attempt: u32) -> u64 {
        1 << 48 | u64::from(attempt)
    }

    fn again(&self, _: &Case, step: Step) -> Step {
        step
    }
}

/// Naive (b): the first error is final, and a person will look at it.
pub struct FirstErrorFinal;

impl RetrySafeJob for FirstErrorFinal {
    fn key(&self, booking: &Booking, attempt: u32) -> u64 {
        KeyOfBooking.key(booking, attempt)
    }

    fn again(&self, case: &Case, step: Step) -> Step {
        let failed = case.reserving().next().is_some();
        match step {
            Step::Reserve | Step::Lookup | Step::Wait(_) if failed && case.booking.status.is_open() => {
                Step::Review("the partner could not be reached")
            }
            step => step,
        }
    }
}
