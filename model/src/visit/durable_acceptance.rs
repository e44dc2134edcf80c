//! `durable-acceptance`: an order is in the database before the response "accepted".

use super::Platform;
use super::api::{self, Verdict};
use super::change::{self, Order};
use super::rows::Action;
use super::rules;
use crate::backbone::Code;
use crate::backbone::Reply;
use crate::guardrail::{Guardrail, Naive};
use shakedown_sim::{Env, StoreError};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// The row of `durable-acceptance` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "durable-acceptance",
    system: "jobs",
    guarded: "a request is committed before its response; after an unknown commit the client retries with the same key",
    naive: &[Naive {
        what: "the response is sent before the commit",
        breaks: &["accepted-means-durable"],
        masked_by: &[],
    }],
};

/// The future of a response.
pub type Answered = Pin<Box<dyn Future<Output = Reply<Verdict>>>>;

/// The seam: when the caller receives the response.
pub trait DurableAcceptance {
    /// Accepts an order.
    fn accept(&self, env: Env, platform: Rc<Platform>, order: Order) -> Answered;
}

/// Guarded: the commit comes first. If its outcome is unknown the response asks for a retry; the request's key shows
/// whether the order was executed.
pub struct CommitFirst;

impl DurableAcceptance for CommitFirst {
    fn accept(&self, env: Env, platform: Rc<Platform>, order: Order) -> Answered {
        Box::pin(api::carry_out(env, platform, order))
    }
}

/// Naive: an order that looks valid is accepted at once, and saved after the response.
pub struct AnswerFirst;

impl DurableAcceptance for AnswerFirst {
    fn accept(&self, env: Env, platform: Rc<Platform>, order: Order) -> Answered {
        Box::pin(async move {
            match looks_right(&env, &platform, &order).await {
                Err(_) => Reply::bare(Code::Unavailable),
                Ok(Verdict::Taken) => {
                    let (behind, at) = (env.clone(), Rc::clone(&platform));
                    env.spawn(async move {
                        api::carry_out(behind, at, order).await;
                    });
                    api::taken(Code::Accepted)
                }
                Ok(verdict) => api::refused(verdict),
            }
        })
    }
}

async fn looks_right(env: &Env, platform: &Platform, order: &Order) -> Result<Verdict, StoreError> {
    let mut read = platform.backbone.store.begin(env);
    if change::is_repeat(&mut read, platform, order.request).await? {
        return Ok(Verdict::Taken);
    }
    let visit = read.get(&platform.tables.visits, &order.visit).await?;
    let may = |status| rules::next(status, order.action, order.by).is_some();
    Ok(match visit {
        _ if matches!(order.action, Action::Schedule | Action::ScheduleAhead) => Verdict::Taken,
        None => Verdict::NotKnown,
        Some(visit) if visit.revision == order.revision && may(visit.status) => Verdict::Taken,
        Some(_) => Verdict::Refused,
    })
}
