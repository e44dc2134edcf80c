//! `dead-letter`: a job whose attempts are used up is kept and listed, and only a person queues it again.

use crate::backbone::jobs::{Job, JobState};
use crate::guardrail::{Guardrail, Naive};
use shakedown_sim::{Duration, Moment};

/// The row of `dead-letter` in the table of guardrails.
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

/// The seam: the fate of a job whose attempts are used up.
pub trait DeadLetter {
    /// Returns the row that is kept; `None` if it is deleted.
    fn parked(&self, job: Job, now: Moment) -> Option<Job>;
    /// Returns when a dead letter goes back into the queue by itself.
    fn returns(&self, job: &Job) -> Option<Moment>;
}

/// Guarded: the job is listed until a person has looked at it.
pub struct Parked;

impl DeadLetter for Parked {
    fn parked(&self, job: Job, _: Moment) -> Option<Job> {
        Some(Job { state: JobState::DeadLetter, ..job })
    }

    fn returns(&self, _: &Job) -> Option<Moment> {
        None
    }
}

/// Naive (a): the job is deleted after its last attempt, as in a queue without dead letters.
pub struct Deleted;

impl DeadLetter for Deleted {
    fn parked(&self, _: Job, _: Moment) -> Option<Job> {
        None
    }

    fn returns(&self, _: &Job) -> Option<Moment> {
        None
    }
}

/// Naive (b): a timer queues dead letters again, in the belief that the cause has passed by then.
pub struct ReturnedByTimer;

/// The wait of the timer.
const RETURNS_AFTER: Duration = Duration::from_secs(600);

impl DeadLetter for ReturnedByTimer {
    fn parked(&self, job: Job, now: Moment) -> Option<Job> {
        Some(Job { state: JobState::DeadLetter, due: now + RETURNS_AFTER, ..job })
    }

    fn returns(&self, job: &Job) -> Option<Moment> {
        Some(job.due)
    }
}
