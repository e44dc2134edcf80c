//! `dead-letter`: a job that is given up is kept and listed, and only a person sends it back.

use crate::backbone::jobs::{Job, JobState};
use crate::guardrail::{Guardrail, Naive};
use shakedown_sim::{Duration, Moment};

/// Its row of the table.
pub const ROW: Guardrail = Guardrail {
    name: "dead-letter",
    system: "job lifecycle",
    guarded: "abandoned work is listed as a dead letter; a person replays it and states a reason",
    naive: &[
        Naive { what: "abandoned work is deleted", breaks: &["accepted-work-finishes"], masked_by: &[] },
        Naive {
            what: "a timer replays abandoned work",
            breaks: &["unsafe-work-never-replays-by-itself"],
            masked_by: &[],
        },
    ],
};

/// The seam: what becomes of a job that is given up.
pub trait DeadLetter {
    /// The row as it stays; none if it is deleted.
    fn parked(&self, job: Job, now: Moment) -> Option<Job>;
    /// When a dead letter goes back into the queue by itself.
    fn returns(&self, job: &Job) -> Option<Moment>;
}

/// Guarded: it is listed until a person has looked at it.
pub struct Parked;

impl DeadLetter for Parked {
    fn parked(&self, job: Job, _: Moment) -> Option<Job> {
        Some(Job { state: JobState::DeadLetter, ..job })
    }

    fn returns(&self, _: &Job) -> Option<Moment> {
        None
    }
}

/// Naive (a): after its last attempt it is deleted, as a queue without a place for dead letters does.
pub struct Deleted;

impl DeadLetter for Deleted {
    fn parked(&self, _: Job, _: Moment) -> Option<Job> {
        None
    }

    fn returns(&self, _: &Job) -> Option<Moment> {
        None
    }
}

/// Naive (b): a timer sends dead letters back, for by then it will have passed.
pub struct ReturnedByTimer;

/// How long the timer leaves a dead letter.
const RETURNS_AFTER: Duration = Duration::from_secs(600);

impl DeadLetter for ReturnedByTimer {
    fn parked(&self, job: Job, now: Moment) -> Option<Job> {
        Some(Job { state: JobState::DeadLetter, due: now + RETURNS_AFTER, ..job })
    }

    fn returns(&self, job: &Job) -> Option<Moment> {
        Some(job.due)
    }
}
