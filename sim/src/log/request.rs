//! The requests of nodes to the broker, with the faults of requests and responses.

use super::group::Fenced;
use super::partition::AppendError;
use super::profile::{RequestFault, Requests};
use super::{Log, LogState};
use crate::broker_request::{BrokerRequest, Fate, RequestError};
use crate::choice::Site;
use crate::env::{Env, slot};
use crate::label::Label;
use serde::Serialize;

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

impl From<RequestError> for LogError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Refused => Self::Refused,
            RequestError::TimedOut => Self::TimedOut,
        }
    }
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

impl From<RequestFault> for Fate {
    fn from(fault: RequestFault) -> Self {
        match fault {
            RequestFault::Lost => Self::Lost,
            RequestFault::Refused => Self::Refused,
            RequestFault::ResponseLost => Self::ResponseLost,
            RequestFault::Late(by) => Self::Late(by),
        }
    }
}

impl<M: Clone + Serialize + 'static> Log<M> {
    /// Sends a request to the broker and waits for the response, at most for the profile's timeout. There is a crash
    /// point after the response.
    pub(super) async fn request<T: 'static>(
        &self,
        env: &Env,
        request: Request,
        act: impl FnOnce(&Log<M>) -> Result<T, LogError> + 'static,
    ) -> Result<T, LogError> {
        let log = self.clone();
        let request = self.with_fate(env, request);
        request.execute(self.0.profile.timeout, move || Ok(act(&log))).await?
    }

    /// Sends a request whose response nothing waits for.
    pub(super) fn send_request(
        &self,
        env: &Env,
        request: Request,
        act: impl FnOnce(&Log<M>) -> Result<(), LogError> + 'static,
    ) {
        let log = self.clone();
        self.with_fate(env, request).send(&slot(), move || Ok(act(&log)));
    }

    /// Draws the fate of a request.
    fn with_fate<'a>(&'a self, env: &'a Env, request: Request) -> BrokerRequest<'a> {
        let LogState { name, server, profile, .. } = &*self.0;
        let fault = env.choose_fault(&Site::new(*name, request.point), request.faults);
        BrokerRequest {
            client: env,
            broker: server,
            service: "broker",
            effect: request.effect,
            latency: profile.latency,
            fate: fault.map_or(Fate::Arrives, Fate::from),
        }
    }
}
