//! The requests of nodes to the broker, with the faults of requests and responses.

use super::Log;
use super::group::Fenced;
use super::partition::AppendError;
use super::profile::{RequestFault, Requests};
use crate::choice::Site;
use crate::env::{Env, SharedSlot, Side, put, slot, take};
use crate::event::Kind;
use crate::label::Label;
use crate::time::{self, Duration};
use serde::Serialize;
use std::rc::Rc;

/// The reason why a request failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error, serde::Serialize)]
pub enum LogError {
    /// The broker refused: nothing has changed.
    #[error("refused by the broker")]
    Refused,
    /// No response came in time: the request may have been executed, or may still be.
    #[error("no response from the broker in time")]
    TimedOut,
    /// The member belongs to no current generation, or a later producer has the transactional id: nothing has changed.
    #[error("fenced by the broker")]
    Fenced,
    /// An earlier record of the idempotent producer is missing: nothing has changed.
    #[error("out of order sequence number")]
    OutOfOrder,
}

impl From<Fenced> for LogError {
    fn from(Fenced: Fenced) -> Self {
        Self::Fenced
    }
}

impl From<AppendError> for LogError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::OutOfOrder => Self::OutOfOrder,
            AppendError::Fenced => Self::Fenced,
        }
    }
}

/// A request to the broker.
pub(super) struct Request {
    /// Its name, which begins the names of its crash points.
    pub(super) effect: Label,
    /// The point of the site at which its fault is drawn.
    pub(super) point: Label,
    pub(super) faults: Requests,
}

type Reply<T> = SharedSlot<Result<T, LogError>>;

impl<M: Clone + Serialize + 'static> Log<M> {
    /// Sends a request to the broker and waits for the response, at most for the profile's timeout. There is a crash
    /// point after the response.
    pub(super) async fn request<T: 'static>(
        &self,
        env: &Env,
        request: Request,
        act: impl FnOnce(&Log<M>) -> Result<T, LogError> + 'static,
    ) -> Result<T, LogError> {
        let (effect, timeout, reply) = (request.effect, self.0.profile.timeout, slot());
        let response = match self.send_request(env, &request, &reply, act) {
            // The response is certain and in time, so no timer is needed.
            Some(after) if after <= timeout => Some(take(&env.world, &reply).await),
            _ => env.timeout(timeout, take(&env.world, &reply)).await,
        };
        let words = [effect.word(), 0];
        match response {
            None => {
                env.event(Kind::GiveUp, words, || {
                    format!("times out: no response from the broker within {}", time::text(timeout))
                });
                Err(LogError::TimedOut)
            }
            Some(Err(LogError::Refused)) => {
                env.event(Kind::Refused, words, || "is refused by the broker".to_owned());
                Err(LogError::Refused)
            }
            Some(result) => {
                env.crash_point(Side::After, effect).await;
                result
            }
        }
    }

    /// Sends a request; returns the time until its response, if there will be one.
    pub(super) fn send_request<T: 'static>(
        &self,
        env: &Env,
        request: &Request,
        reply: &Reply<T>,
        act: impl FnOnce(&Log<M>) -> Result<T, LogError> + 'static,
    ) -> Option<Duration> {
        if !env.is_alive() {
            return None;
        }
        let (latency, reply) = (self.0.profile.latency, Rc::clone(reply));
        let fault = env.choose_fault(&Site::new(self.0.name, request.point), request.faults);
        let mut delay = Duration::ZERO;
        match fault {
            Some(RequestFault::Lost) => return None,
            Some(RequestFault::Refused) => {
                let refused = Err(LogError::Refused);
                env.world.deliver(env.place(), latency * 2, move |world| put(world, &reply, refused));
                return Some(latency * 2);
            }
            Some(RequestFault::Late(by)) => {
                delay = by;
                env.lasts(delay);
            }
            Some(RequestFault::ResponseLost) | None => {}
        }
        let responds = fault != Some(RequestFault::ResponseLost);
        let (log, client) = (self.clone(), env.place());
        env.world.act_later((self.0.server.node(), env.scope()), latency + delay, move |world| {
            let response = act(&log);
            if responds {
                world.deliver(client, latency, move |world| put(world, &reply, response));
            }
        });
        responds.then_some(latency * 2 + delay)
    }
}
