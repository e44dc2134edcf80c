//! [`Exchange`]: a request to a node, and its response.

use crate::body::Body;
use crate::crash_point::crash_point;
use crate::error::Error;
use crate::faults::{Fate, Link, StatusFault};
use crate::web::{Served, Web};
use crate::wording;
use bytes::Bytes;
use http::{Request, Response};
use shakedown_sim::ambient::{Handle, NodeInfo};
use shakedown_sim::trace::Kind;
use shakedown_sim::{Label, NodeId, Scope, Side, Site};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

const REQUEST: Label = Label::new("request");
const RESPONSE: Label = Label::new("response");
const STATUS: Label = Label::new("status");

/// A response with the step that sent it, or an error.
type Reply = Result<(Response<Body>, Option<u32>), Error>;

#[derive(Default)]
pub(crate) struct Slot {
    reply: Option<Reply>,
    waker: Option<Waker>,
}

/// A request in flight, and its response.
#[derive(Clone)]
pub(crate) struct Exchange {
    /// The caller, for the request's own scope, by which its choices are named.
    pub(crate) caller: Handle,
    /// The entity that the request concerns.
    entity: Scope,
    pub(crate) target: NodeInfo,
    link: Link,
    /// Such as `POST /charges`.
    request: String,
    slot: Arc<Mutex<Slot>>,
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Exchange {
    /// Opens an exchange of the caller with a node.
    pub(crate) fn open(web: &Web, caller: Handle, target: NodeInfo, request: &Request<Bytes>) -> Self {
        let link = web.link_to(target.role.text());
        let entity = web.entity(caller.scope(), &link, request.headers());
        let caller = caller.within(entity).child(target.role);
        Self { caller, entity, target, link, request: wording::request(request), slot: Arc::default() }
    }

    /// Sends the request.
    pub(crate) fn send(&self, request: Request<Bytes>) {
        let (caller, role) = (self.caller, self.target.role);
        let words = wording::request_words(&request);
        let cause = caller.step(Kind::Call, words, None, || format!("sends {} to {role}", self.request));
        let faults = &self.link.faults.request;
        let pick = caller.choose(&Site::new(role, REQUEST), faults);
        let (after, request) = match Fate::of(faults, pick) {
            Fate::Lost => return,
            Fate::Refused => return self.fail(caller, 2, Error::Refused),
            Fate::Reset => {
                self.fail(caller, 2, Error::Reset);
                (self.link.latency, request.map(|bytes| Body::from(bytes).cut()))
            }
            Fate::Arrives(delay) => {
                if !delay.is_zero() {
                    caller.lasts(delay);
                }
                (self.link.latency + delay, request.map(Body::from))
            }
        };
        let exchange = self.clone();
        caller
            .deliver((self.target.id, caller.scope()), after, move || exchange.arrive(request, words, cause));
    }

    /// The node and scope at which the reply arrives.
    fn back(&self) -> (NodeId, Scope) {
        (self.caller.node(), self.caller.scope())
    }

    /// Reports to the caller, after `latencies` times the latency, why there is no response.
    fn fail(&self, sender: Handle, latencies: u32, error: Error) {
        let exchange = self.clone();
        sender.deliver(self.back(), self.link.latency * latencies, move || exchange.settle(Err(error)));
    }

    /// Keeps the first reply; later ones are dropped.
    fn settle(&self, reply: Reply) {
        let mut slot = lock(&self.slot);
        slot.reply.get_or_insert(reply);
        slot.waker.take().into_iter().for_each(|waker| waker.wake());
    }

    /// Takes the reply, if there is one.
    pub(crate) fn poll_reply(&self, context: &mut Context<'_>) -> Poll<Reply> {
        let mut slot = lock(&self.slot);
        match slot.reply.take() {
            Some(reply) => Poll::Ready(reply),
            None => {
                slot.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// The request reaches the node.
    fn arrive(self, request: Request<Body>, words: [u64; 2], cause: Option<u32>) {
        let web = self.caller.try_extension::<Web>();
        match web.and_then(|web| web.served(self.target.id)) {
            // The machine is up and nothing listens, or the balancer has removed it.
            None => self.fail(self.caller, 1, Error::Refused),
            Some(Served { owner, handler }) => {
                let server = owner.within(self.caller.scope());
                owner.within(self.entity).spawn(async move {
                    server.step(Kind::Arrive, words, cause, || format!("receives {}", self.request));
                    let response = match self.draw_status(server) {
                        Some(StatusFault { status, has_effect: false }) => Ok(bare(status)),
                        fault => {
                            let own = handler(request).await;
                            fault.map_or(own, |fault| Ok(bare(fault.status)))
                        }
                    };
                    crash_point(server, Side::Before, RESPONSE).await;
                    self.respond(server, response);
                });
            }
        }
    }

    /// Draws the status that replaces the service's own response, if any.
    fn draw_status(&self, server: Handle) -> Option<StatusFault> {
        let faults = &self.link.faults.status;
        if faults.names().len() == 1 {
            return None;
        }
        let pick = server.choose(&Site::new(self.target.role, STATUS), faults);
        (!pick.is_benign()).then(|| StatusFault::read(faults.names()[pick.index()]))
    }

    /// Sends the response.
    fn respond(&self, server: Handle, response: Result<Response<Bytes>, String>) {
        let response = match response {
            Ok(response) => response,
            Err(error) => {
                server.step(Kind::Respond, [0, 0], None, || format!("resets the connection: {error}"));
                return self.fail(server, 1, Error::Reset);
            }
        };
        let status = response.status();
        let words = wording::response_words(&response);
        let cause =
            server.step(Kind::Respond, words, None, || format!("responds {status} to {}", self.request));
        let faults = &self.link.faults.response;
        let pick = server.choose(&Site::new(self.target.role, RESPONSE), faults);
        let (after, response) = match Fate::of(faults, pick) {
            Fate::Lost => return,
            Fate::Refused => unreachable!("a link has no response that is refused"),
            Fate::Reset if response.body().is_empty() => return self.fail(server, 1, Error::Reset),
            Fate::Reset => (self.link.latency, response.map(|bytes| Body::from(bytes).cut())),
            Fate::Arrives(delay) => {
                if !delay.is_zero() {
                    server.lasts(delay);
                }
                (self.link.latency + delay, response.map(Body::from))
            }
        };
        let exchange = self.clone();
        server.deliver(self.back(), after, move || exchange.settle(Ok((response, cause))));
    }
}

/// Returns a response without a body.
fn bare(status: http::StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
