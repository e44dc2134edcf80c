//! `background-sync`: workers call the partner, after the customer has received the response.

use super::platform::Platform;
use super::rows::Status;
use super::worker;
use crate::backbone::Code;
use crate::backbone::jobs::Job;
use crate::guardrail::{Guardrail, Naive};
use shakedown_sim::{Env, Moment};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// The row of `background-sync` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "background-sync",
    system: "booking",
    guarded: "the order is committed and the request returns; workers call the partner",
    naive: &[Naive {
        what: "the partner is called within the request",
        breaks: &["requests-answer-in-time", "no-dependency-failure-shown"],
        masked_by: &[],
    }],
};

/// The seam: in which state a booking's job is stored with it, and what happens before the response.
pub trait BackgroundSync {
    /// Returns the job as it is stored with the booking.
    fn first(&self, job: Job, now: Moment) -> Job;
    /// Completes the request once the booking is committed; returns the response to the customer.
    fn follow_up(&self, env: Env, platform: Rc<Platform>, job: Job) -> Pin<Box<dyn Future<Output = Code>>>;
}

/// Guarded: the job waits for a worker, and the customer learns that the order was accepted.
pub struct Workers;

impl BackgroundSync for Workers {
    fn first(&self, job: Job, _: Moment) -> Job {
        job
    }

    fn follow_up(&self, _: Env, _: Rc<Platform>, _: Job) -> Pin<Box<dyn Future<Output = Code>>> {
        Box::pin(async { Code::Accepted })
    }
}

/// Naive: the request itself does the work, and its response is the partner's.
pub struct InTheRequest;

impl BackgroundSync for InTheRequest {
    fn first(&self, job: Job, now: Moment) -> Job {
        job.claimed(now)
    }

    fn follow_up(&self, env: Env, platform: Rc<Platform>, job: Job) -> Pin<Box<dyn Future<Output = Code>>> {
        Box::pin(async move {
            let env = env.child("attempt");
            worker::work(&env, &platform, job).await;
            let mut read = platform.backbone.store.begin(&env);
            match read.get(&platform.tables.bookings, &job.subject).await {
                Ok(Some(booking)) if booking.status != Status::Accepted => Code::Accepted,
                Ok(_) => Code::BadGateway,
                Err(_) => Code::Unavailable,
            }
        })
    }
}
