//! `work-queue`: the job that executes an order exists if and only if the order exists.

use super::platform::Platform;
use super::worker;
use crate::backbone::jobs::Job;
use crate::backbone::retry::in_transaction;
use crate::guardrail::{Guardrail, Naive};
use crate::settings::backoff;
use shakedown_sim::{Delivery, Env, StoreError, Transaction};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// The row of `work-queue` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "work-queue",
    system: "request path",
    guarded: "the job is a row, written by the transaction that accepts the order",
    naive: &[Naive {
        what: "the job is pushed to a message broker before that transaction commits",
        breaks: &["no-phantom-event", "accepted-work-finishes"],
        masked_by: &[],
    }],
};

/// The result of putting a job into the queue.
pub type Put<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'a>>;

/// The seam: the place where the job of an order waits for a worker.
pub trait WorkQueue {
    /// Puts a new order's job into the queue, while the order's transaction is open.
    fn put<'a>(&self, tx: &'a mut Transaction, platform: &'a Platform, job: Job) -> Put<'a>;
    /// Makes a worker take such jobs from any place other than the table of jobs.
    fn boot(&self, env: &Env, platform: &Rc<Platform>);
}

/// Guarded: the job is a row beside the order's; workers look for such rows.
pub struct RowWithTheOrder;

impl WorkQueue for RowWithTheOrder {
    fn put<'a>(&self, tx: &'a mut Transaction, platform: &'a Platform, job: Job) -> Put<'a> {
        Box::pin(tx.insert(&platform.backbone.jobs, job))
    }

    fn boot(&self, _: &Env, _: &Rc<Platform>) {}
}

/// Naive: the job goes to the broker while the transaction is still open; the client library sends it without the
/// caller's knowledge. A worker that receives the job enters it into the table of jobs as its own, so that it is
/// found if the worker crashes, and recognizes it later by its number.
pub struct PushedBeforeCommit;

impl WorkQueue for PushedBeforeCommit {
    fn put<'a>(&self, tx: &'a mut Transaction, platform: &'a Platform, job: Job) -> Put<'a> {
        if let Some(broker) = platform.broker.clone() {
            let env = tx.client().clone();
            env.clone().spawn(async move {
                if broker.send(&env, "job", job).await.is_err() {
                    env.note(|| "logs that a job could not be pushed".to_owned());
                }
            });
        }
        Box::pin(async { Ok(()) })
    }

    fn boot(&self, env: &Env, platform: &Rc<Platform>) {
        let Some(broker) = platform.broker.clone() else { return };
        let (env, platform) = (env.clone(), Rc::clone(platform));
        env.clone().spawn(async move {
            loop {
                let delivery = broker.receive(&env).await;
                let platform = Rc::clone(&platform);
                env.spawn(async move { take(&platform, delivery).await });
            }
        });
    }
}

/// Takes a job that the broker has delivered, and runs it.
async fn take(platform: &Rc<Platform>, delivery: Delivery<Job>) {
    let (env, job) = (delivery.env().clone(), *delivery.body());
    let entered = in_transaction(&env, async || enter(&env, platform, job).await).await;
    // An unsettled job is delivered again, and is known by then.
    let _ = match entered {
        Ok(_) => delivery.ack().await,
        Err(_) => delivery.nack(backoff(delivery.receive_count())).await,
    };
    if let Ok(Some(job)) = entered {
        worker::work(&env, platform, job).await;
    }
}

/// Enters a job into the table of jobs, as claimed; returns `None` if there is nothing to do for it.
async fn enter(env: &Env, platform: &Platform, job: Job) -> Result<Option<Job>, StoreError> {
    let mut tx = platform.backbone.store.begin(env);
    if tx.get(&platform.tables.bookings, &job.subject).await?.is_none() {
        env.note(|| format!("drops the job of B{}, which does not exist", job.subject));
        return Ok(None);
    }
    let claimed = job.claimed(env.now());
    if !tx.insert_or_ignore(&platform.backbone.jobs, claimed).await? {
        env.note(|| "has this job already".to_owned());
        return Ok(None);
    }
    tx.commit("claim job").await?;
    Ok(Some(claimed))
}
