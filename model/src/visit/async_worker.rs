//! `async-worker`: workers make documents, after the operator has received the response.

use super::{Platform, report};
use crate::backbone::Code;
use crate::backbone::jobs::Job;
use crate::guardrail::{Guardrail, Naive};
use shakedown_sim::{Env, Moment};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// The row of `async-worker` in the table of guardrails.
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

/// The seam: in which state a report's job is stored with the visit, and what happens before the response.
pub trait AsyncWorker {
    /// Returns the job as it is stored with the visit.
    fn first(&self, job: Job, now: Moment) -> Job;
    /// Completes the request once the visit is committed; returns the response to the operator.
    fn follow_up(&self, env: Env, platform: Rc<Platform>, job: Job) -> Pin<Box<dyn Future<Output = Code>>>;
}

/// Guarded: the job waits for a worker, and the operator learns that the move was accepted.
pub struct AfterTheAnswer;

impl AsyncWorker for AfterTheAnswer {
    fn first(&self, job: Job, _: Moment) -> Job {
        job
    }

    fn follow_up(&self, _: Env, _: Rc<Platform>, _: Job) -> Pin<Box<dyn Future<Output = Code>>> {
        Box::pin(async { Code::Accepted })
    }
}

/// Naive: the request itself makes the document, and its response reports the result.
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
