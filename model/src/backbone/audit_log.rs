//! `audit-log`: each attempt of a job leaves a record of its own: its worker, its effect, its end.

use crate::guardrail::{Guardrail, Naive};

/// The row of `audit-log` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "audit-log",
    system: "jobs",
    guarded: "each attempt of a job is recorded: its worker, its effects and its end",
    naive: &[Naive {
        what: "a job has one result, which its next attempt overwrites",
        breaks: &["every-side-effect-accounted"],
        masked_by: &[],
    }],
};

/// The seam: the position at which an attempt's record is kept.
pub trait AuditLog {
    /// Returns the number of the record among those of its job.
    fn place(&self, attempt: u32) -> u32;
}

/// Guarded: a record for each attempt, which no other attempt changes.
pub struct RecordPerAttempt;

impl AuditLog for RecordPerAttempt {
    fn place(&self, attempt: u32) -> u32 {
        attempt
    }
}

/// Naive: one "last result" for each job, overwritten by its next attempt.
pub struct LastResult;

impl AuditLog for LastResult {
    fn place(&self, _: u32) -> u32 {
        0
    }
}
