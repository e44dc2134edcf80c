//! `job-queue`: accepted work waits in the database, not in the memory of a process.

use super::{Platform, report};
use crate::backbone::jobs::Job;
use crate::guardrail::{Guardrail, Naive};
use crate::settings::{MAX_ATTEMPTS, backoff};
use shakedown_sim::{Env, StoreError};
use std::rc::Rc;

/// The row of `job-queue` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "job-queue",
    system: "jobs",
    guarded: "a job is a row in the same database as the visit",
    naive: &[Naive {
        what: "a job is a task in the process that served the request",
        breaks: &["accepted-work-finishes"],
        masked_by: &[],
    }],
};

/// The seam: the place where a job waits.
pub trait JobQueue {
    /// Returns the row that is stored in the transaction which requires the job; `None` if the job waits elsewhere.
    fn kept(&self, job: Job) -> Option<Job>;
    /// Called on the node that has committed that transaction.
    fn committed(&self, env: &Env, platform: &Rc<Platform>, job: Job);
}

/// Guarded: the job is a row; any worker takes it.
pub struct Rows;

impl JobQueue for Rows {
    fn kept(&self, job: Job) -> Option<Job> {
        Some(job)
    }

    fn committed(&self, _: &Env, _: &Rc<Platform>, _: Job) {}
}

/// Naive: the process that sent the response does the work in a task of its own, retries included.
pub struct InProcess;

impl JobQueue for InProcess {
    fn kept(&self, _: Job) -> Option<Job> {
        None
    }

    fn committed(&self, env: &Env, platform: &Rc<Platform>, job: Job) {
        let (env, platform) = (env.clone(), Rc::clone(platform));
        env.clone().spawn(async move {
            for attempt in 1..=MAX_ATTEMPTS {
                let env = env.child("attempt");
                if run(&env, &platform, job.subject).await.is_ok_and(|over| over) {
                    return;
                }
                env.sleep(backoff(attempt)).await;
            }
        });
    }
}

/// Tries to make a report. Returns whether no further try is needed.
async fn run(env: &Env, platform: &Platform, report: u32) -> Result<bool, StoreError> {
    let Some(row) = report::read(env, platform, report).await? else { return Ok(true) };
    if report::make(env, platform, &row).await.is_err() {
        return Ok(false);
    }
    let mut tx = platform.backbone.store.begin(env);
    let Some(row) = tx.lock(&platform.tables.reports, &report).await? else { return Ok(true) };
    report::ready(&mut tx, platform, &row).await?;
    tx.commit("report ready").await?;
    Ok(true)
}
