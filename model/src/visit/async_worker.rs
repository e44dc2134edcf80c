//! `async-worker`: documents are made by workers, after the operator has been answered.

use super::{Platform, report};
use crate::backbone::Code;
use crate::backbone::jobs::Job;
use crate::guardrail::{Guardrail, Naive};
use shakedown_sim::{Env, Moment};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// Its row of the table.
pub const ROW: Guardrail = Guardrail {
    name: "async-worker",
    system: "visit",
    guarded: "the visit is committed and the request returns; workers create its documents",
    naive: &[Naive {
        what: "the document is created within the request",
        breaks: &["requests-answer-in-time", "no-dependency-failure-shown"],
        masked_by: &[],
    }],
};

/// The seam: in which state a report's job is stored with the visit, and what happens before the answer.
pub trait AsyncWorker {
    /// The job as it is stored with the visit.
    fn first(&self, job: Job, now: Moment) -> Job;
    /// What is done once the visit is committed, and what the operator is answered.
    fn follow_up(&self, env: Env, platform: Rc<Platform>, job: Job) -> Pin<Box<dyn Future<Output = Code>>>;
}

/// Guarded: the job waits for a worker, the operator is told that the move was accepted.
pub struct AfterTheAnswer;

impl AsyncWorker for AfterTheAnswer {
    fn first(&self, job: Job, _: Moment) -> Job {
        job
    }

    fn follow_up(&self, _: Env, _: Rc<Platform>, _: Job) -> Pin<Box<dyn Future<Output = Code>>> {
        Box::pin(async { Code::Accepted })
    }
}

/// Naive: the request itself has the document made, and its answer says how that went.
pub struct WithinTheRequest;

impl AsyncWorker for WithinTheRequest {
    fn first(&self, job: Job, now: Moment) -> Job {
        job.claimed(now)
    }

    fn follow_up(&self, env: Env, platform: Rc<Platform>, job: Job) -> Pin<Box<dyn Future<Output = Code>>> {
        Box::pin(async move {
            let made = report::work(&env.child("attempt"), &platform, job).await;
            if made { Code::Accepted } else { Code::BadGateway }
        })
    }
}
