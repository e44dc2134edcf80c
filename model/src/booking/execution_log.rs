//! `execution-log`: a row for each attempt, written before the partner is called.

use super::rows::Attempt;
use crate::guardrail::{Guardrail, Naive};

/// The row of `execution-log` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "execution-log",
    system: "idempotency",
    guarded: "a row is written before each call to the partner, and its response after it",
    naive: &[Naive {
        what: "the row is written when the call returns",
        breaks: &["every-side-effect-accounted", "exactly-one-reservation-per-intent"],
        masked_by: &[],
    }],
};

/// The seam: the row in the log while the partner is called.
pub trait ExecutionLog {
    /// Returns the row to commit before the call; `None` if the log only records completed calls.
    fn before_call(&self, attempt: Attempt) -> Option<Attempt>;
}

/// Guarded: the attempt is on record before it can have an effect.
pub struct RowBeforeCall;

impl ExecutionLog for RowBeforeCall {
    fn before_call(&self, attempt: Attempt) -> Option<Attempt> {
        Some(attempt)
    }
}

/// Naive: the row is written when the call returns, with its result.
pub struct RowAfterCall;

impl ExecutionLog for RowAfterCall {
    fn before_call(&self, _: Attempt) -> Option<Attempt> {
        None
    }
}
