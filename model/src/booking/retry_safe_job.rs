//! `retry-safe-job`: a job that runs again asks for the same thing, under the same key.

use super::case::{Case, Step};
use super::rows::Booking;
use crate::guardrail::{Guardrail, Naive};

/// Its row of the table.
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

/// The seam: the key of a request, and what a job does about an attempt that brought nothing.
pub trait RetrySafeJob {
    /// The key under which the partner knows a repeat.
    fn key(&self, booking: &Booking, attempt: u32) -> u64;
    /// What to do in place of `step`, which the rules chose.
    fn again(&self, case: &Case, step: Step) -> Step;
}

/// Guarded: the key is the booking's, and moves only with its generation.
pub struct KeyOfBooking;

impl RetrySafeJob for KeyOfBooking {
    fn key(&self, booking: &Booking, _: u32) -> u64 {
        u64::from(booking.id) << 16 | u64::from(booking.generation)
    }

    fn again(&self, _: &Case, step: Step) -> Step {
        step
    }
}

/// Naive (a): the HTTP client makes a key for each request that it sends.
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
