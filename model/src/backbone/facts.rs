//! Facts of the job tables.

use super::audit::JobAttempt;
use super::jobs::{Job, Replay};
use serde::Serialize;

/// A fact about jobs: a committed row, or an action of a broker on a job.
#[derive(Clone, Debug, Serialize)]
pub enum JobFact {
    /// A job row changed.
    Changed {
        /// The job before; `None` if it is new.
        before: Option<Job>,
        /// The job after.
        after: Job,
    },
    /// The broker delivered a job.
    Delivered(Job),
    /// A person had a dead letter replayed.
    Replayed(Replay),
    /// The record of a job's attempt changed.
    Attempt(JobAttempt),
}

impl JobFact {
    pub(crate) fn is_routine(&self) -> bool {
        matches!(self, JobFact::Changed { .. } | JobFact::Attempt(_))
    }

    pub(crate) fn sentence(&self) -> String {
        match self {
            JobFact::Changed { before, after } => changed(before.as_ref(), after),
            JobFact::Delivered(job) => format!("delivers job {} for {}", job.id, job.item()),
            JobFact::Replayed(Replay { job, by, reason, .. }) => {
                format!("records that {by} replayed job {job}: {reason}")
            }
            JobFact::Attempt(record) => attempt(record),
        }
    }
}

fn changed(before: Option<&Job>, after: &Job) -> String {
    match before {
        None => format!("stores job {} for {}: {:?}", after.id, after.item(), after.state),
        Some(before) if before.state == after.state => {
            format!("updates job {}, still {:?}", after.id, after.state)
        }
        Some(before) => format!("moves job {} from {:?} to {:?}", after.id, before.state, after.state),
    }
}

fn attempt(record: &JobAttempt) -> String {
    let JobAttempt { job, attempt, touched, ended, .. } = record;
    match (ended, touched) {
        (Some(ending), _) => format!("records that attempt {attempt} of job {job} ended: {ending:?}"),
        (None, Some(touched)) => {
            format!("records that attempt {attempt} of job {job} is about to act on {touched}")
        }
        (None, None) => format!("records that attempt {attempt} of job {job} began"),
    }
}
