//! Requests of nodes to a broker or another server, which queues, logs and key-value stores have in common.
//!
//! One fault is drawn for a request and its response together, and the broker acts as soon as the request arrives. A
//! [call](crate::call), by contrast, draws a fault for each direction, and a task of the server's node serves it.

use crate::env::{Env, SharedSlot, Side, put, slot, take};
use crate::event::Kind;
use crate::label::Label;
use crate::time::{self, Duration};
use std::rc::Rc;

/// The fate of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrives, and so does the response.
    Arrives,
    /// The broker does not receive it.
    Lost,
    /// The broker refuses it.
    Refused,
    /// The broker executes it, but the node receives no response.
    ResponseLost,
    /// It takes this much longer.
    Late(Duration),
}

/// The broker refused: it has not acted on the request.
pub(crate) struct Refused;

/// The reason why a request has no result.
pub(crate) enum RequestError {
    Refused,
    TimedOut,
}

/// Where the response is delivered.
pub(crate) type Reply<T> = SharedSlot<Result<T, Refused>>;

/// A request to a broker.
pub(crate) struct BrokerRequest<'a> {
    pub(crate) client: &'a Env,
    pub(crate) broker: &'a Env,
    /// The word for it in traces.
    pub(crate) service: &'static str,
    /// Its name, which begins the names of its crash points.
    pub(crate) effect: Label,
    /// The one-way latency.
    pub(crate) latency: Duration,
    pub(crate) fate: Fate,
}

impl BrokerRequest<'_> {
    /// Like [`BrokerRequest::response`], with a crash point after the response.
    pub(crate) async fn execute<T: 'static>(
        self,
        timeout: Duration,
        act: impl FnOnce() -> Result<T, Refused> + 'static,
    ) -> Result<T, RequestError> {
        let (env, effect) = (self.client, self.effect);
        let result = self.response(timeout, act).await?;
        env.crash_point(Side::After, effect).await;
        Ok(result)
    }

    /// Sends the request, with `act` as what the broker does, and waits for the response, at most for `timeout`.
    pub(crate) async fn response<T: 'static>(
        self,
        timeout: Duration,
        act: impl FnOnce() -> Result<T, Refused> + 'static,
    ) -> Result<T, RequestError> {
        let (env, effect, service, reply) = (self.client, self.effect, self.service, slot());
        let response = match self.send(&reply, act) {
            // The response is certain and in time, so no timer is needed.
            Some(after) if after <= timeout => Some(take(&env.world, &reply).await),
            _ => env.timeout(timeout, take(&env.world, &reply)).await,
        };
        let words = [effect.word(), 0];
        match response {
            None => {
                env.event(Kind::Timeout, words, || {
                    format!("times out: no response from the {service} within {}", time::text(timeout))
                });
                Err(RequestError::TimedOut)
            }
            Some(Err(Refused)) => {
                env.event(Kind::Refused, words, || format!("is refused by the {service}"));
                Err(RequestError::Refused)
            }
            Some(Ok(result)) => Ok(result),
        }
    }

    /// Sends the request; returns the time until its response, if there will be one.
    pub(crate) fn send<T: 'static>(
        &self,
        reply: &Reply<T>,
        act: impl FnOnce() -> Result<T, Refused> + 'static,
    ) -> Option<Duration> {
        let Self { client, broker, latency, fate, .. } = *self;
        if !client.is_alive() {
            return None;
        }
        let (reply, place) = (Rc::clone(reply), client.place());
        let mut delay = Duration::ZERO;
        match fate {
            Fate::Lost => return None,
            Fate::Refused => {
                client.world.deliver(place, latency * 2, move |world| put(world, &reply, Err(Refused)));
                return Some(latency * 2);
            }
            Fate::Late(by) => {
                delay = by;
                client.lasts(delay);
            }
            Fate::Arrives | Fate::ResponseLost => {}
        }
        let responds = fate != Fate::ResponseLost;
        client.world.act_later((broker.node(), client.scope()), latency + delay, move |world| {
            let response = act();
            if responds {
                world.deliver(place, latency, move |world| put(world, &reply, response));
            }
        });
        responds.then_some(latency * 2 + delay)
    }
}
