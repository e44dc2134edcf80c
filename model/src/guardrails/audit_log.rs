//! `audit-log`: each attempt of a job leaves a record of its own: who made it, what it touched, how it ended.

/// The seam: where an attempt's record is kept.
pub trait AuditLog {
    /// The number of the record among those of its job.
    fn place(&self, attempt: u32) -> u32;
}

/// Guarded: a record for each attempt, which no other attempt touches.
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
