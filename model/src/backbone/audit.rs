//! The audit log: a record of each attempt of a job, for people who decide whether another attempt is safe.
//!
//! The record of an attempt begins with its lease, names the effect before the attempt tries it, and ends with the run or
//! with the rescue of the job. It is written in the transactions that move the job. [`Backbone::with_audit`] adds the log;
//! without it nothing is written.

use super::Backbone;
use super::jobs::{Ending, Job, WorkItem};
use serde::Serialize;
use shakedown_sim::{NodeId, Row, StoreError, Transaction};

/// The record of one attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct JobAttempt {
    /// The job.
    pub job: u32,
    /// Its position among the records of the job.
    pub place: u32,
    /// The token of the attempt's lease.
    pub attempt: u32,
    /// The worker that made it.
    pub worker: NodeId,
    /// The release of the platform that the worker ran.
    pub release: u32,
    /// The piece of work whose external effect the attempt was about to have; `None` if it ended before.
    pub touched: Option<WorkItem>,
    /// How it ended; `None` if it has not ended, or if its end is not known yet.
    pub ended: Option<Ending>,
}

impl Row for JobAttempt {
    type Key = (u32, u32);
    const TABLE: &'static str = "job_attempts";
    fn key(&self) -> (u32, u32) {
        (self.job, self.place)
    }
}

/// Begins the record of a claim by `worker`.
///
/// # Errors
/// If the store fails.
pub(super) async fn begin(
    tx: &mut Transaction,
    backbone: &Backbone,
    job: &Job,
    worker: NodeId,
) -> Result<(), StoreError> {
    let Some(records) = &backbone.audit else { return Ok(()) };
    let (place, release) = (backbone.design.audit_log.place(job.token), backbone.release);
    let (touched, ended) = (None, None);
    let record = JobAttempt { job: job.id, place, attempt: job.token, worker, release, touched, ended };
    tx.update(records, record).await
}

/// Records the effect that the holder's attempt is about to have. This is committed before the effect.
///
/// # Errors
/// If the store fails.
pub async fn touches(
    tx: &mut Transaction,
    backbone: &Backbone,
    held: &Job,
    touched: WorkItem,
) -> Result<(), StoreError> {
    amend(tx, backbone, held, |record| JobAttempt { touched: Some(touched), ..record }).await
}

/// Ends the record of the job's current attempt.
///
/// # Errors
/// If the store fails.
pub(super) async fn end(
    tx: &mut Transaction,
    backbone: &Backbone,
    held: &Job,
    ending: Ending,
) -> Result<(), StoreError> {
    amend(tx, backbone, held, |record| JobAttempt { ended: Some(ending), ..record }).await
}

async fn amend(
    tx: &mut Transaction,
    backbone: &Backbone,
    held: &Job,
    amended: impl Fn(JobAttempt) -> JobAttempt,
) -> Result<(), StoreError> {
    let Some(records) = &backbone.audit else { return Ok(()) };
    let key = (held.id, backbone.design.audit_log.place(held.token));
    match tx.lock(records, &key).await? {
        Some(record) => tx.update(records, amended(record)).await,
        None => Ok(()),
    }
}
