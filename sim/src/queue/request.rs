//! The requests of nodes to the broker, with the faults of requests and responses.

use super::broker::{Accepted, Acked, Expired, Incoming, MessageId, Receipt};
use super::consumer::Delivery;
use super::profile::{Deletions, QueueProfile, SendFault, Sends, SettleFault, Settles, Superseded};
use super::rejection::Rejection;
use super::{Flavour, Message, Parcel, Queue, QueueState, Reached};
use crate::access::{Access, Verb};
use crate::broker_request::{BrokerRequest, Fate, Refused, RequestError};
use crate::choice::Site;
use crate::digest::Digest;
use crate::env::{Env, Side};
use crate::event::Kind;
use crate::label::Label;
use crate::scope::{Scope, User};
use crate::time::{self, Duration, Moment};
use serde::Serialize;

const SEND: Label = Label::new("send");
const DELETION: Label = Label::new("deletion");
const SUPERSEDED: Label = Label::new("superseded");
const ACK: Label = Label::new("ack");
const NACK: Label = Label::new("nack");
const EXTEND: Label = Label::new("extend");
const REJECT: Label = Label::new("reject");
const REDRIVE: Label = Label::new("redrive");

/// The reason why the sender does not know that the broker has the message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error, serde::Serialize)]
pub enum SendError {
    /// The broker refused: it has not accepted the message and never will.
    #[error("refused by the broker")]
    Refused,
    /// No response came in time: the broker may have accepted the message, or may still do so.
    #[error("no response from the broker in time")]
    TimedOut,
    /// The queue does not offer that: the broker has not accepted the message and never will.
    #[error("rejected: {0}")]
    Rejected(Rejection),
}

/// The reason why the consumer does not know that the message is settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error, serde::Serialize)]
pub enum SettleError {
    /// The broker refused: nothing has changed.
    #[error("refused by the broker")]
    Refused,
    /// No response came in time: the message may be settled, or may still be.
    #[error("no response from the broker in time")]
    TimedOut,
    /// The lease has ended: another consumer may have the message.
    #[error("the receipt has expired")]
    Expired,
    /// The queue does not offer that: nothing has changed.
    #[error("rejected: {0}")]
    Rejected(Rejection),
}

/// Why the broker does not settle a message.
pub(super) enum NotSettled {
    Expired,
    Rejected(Rejection),
}

impl From<NotSettled> for SettleError {
    fn from(error: NotSettled) -> Self {
        match error {
            NotSettled::Expired => Self::Expired,
            NotSettled::Rejected(rejection) => Self::Rejected(rejection),
        }
    }
}

impl From<RequestError> for SendError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Refused => Self::Refused,
            RequestError::TimedOut => Self::TimedOut,
        }
    }
}

impl From<SendError> for SettleError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Refused => Self::Refused,
            SendError::TimedOut => Self::TimedOut,
            SendError::Rejected(rejection) => Self::Rejected(rejection),
        }
    }
}

/// The possible settlements of a message by its consumer.
#[derive(Clone, Copy)]
pub(super) enum Settlement {
    Ack,
    Nack(Duration),
    Extend(Duration),
    Reject,
}

impl Settlement {
    const fn name(self) -> Label {
        match self {
            Self::Ack => ACK,
            Self::Nack(_) => NACK,
            Self::Extend(_) => EXTEND,
            Self::Reject => REJECT,
        }
    }

    /// Verifies that a flavour has such a settlement.
    fn check(self, flavour: Flavour) -> Result<(), Rejection> {
        let is_channel = flavour == Flavour::Channel;
        match self {
            Self::Nack(delay) if is_channel && !delay.is_zero() => Err(Rejection::DelayedNack),
            Self::Extend(_) if is_channel => Err(Rejection::Extension),
            Self::Reject if !is_channel => Err(Rejection::Reject),
            _ => Ok(()),
        }
    }

    const fn visibility(self) -> Duration {
        match self {
            Self::Ack | Self::Reject => Duration::ZERO,
            Self::Nack(visibility) | Self::Extend(visibility) => visibility,
        }
    }

    fn text(self, label: Label) -> String {
        match self {
            Self::Ack => format!("acknowledges {label}"),
            Self::Nack(Duration::ZERO) => format!("gives {label} back"),
            Self::Nack(delay) => format!("gives {label} back for {} from now", time::text(delay)),
            Self::Extend(by) => format!("asks to keep {label} for another {}", time::text(by)),
            Self::Reject => format!("rejects {label}"),
        }
    }
}

/// A request to the broker: its name, which begins the names of its crash points, and the site of its fate.
pub(super) struct Request {
    pub(super) effect: Label,
    pub(super) point: Point,
}

/// The site at which the fate of a request is drawn.
#[derive(Clone, Copy)]
pub(super) enum Point {
    /// The label is that of the send.
    Send(Label),
    /// The label is that of the settlement.
    Settle(Label),
    /// No fate is drawn.
    Redrive,
}

/// How often the broker accepts a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    Once,
    Twice,
}

impl<M: Clone + Serialize + 'static> Queue<M> {
    /// Sends a message. There are crash points before the request and after its response.
    ///
    /// # Errors
    /// [`SendError::Refused`] if the message was certainly not accepted, [`SendError::TimedOut`] if the outcome is
    /// unknown, [`SendError::Rejected`] if the flavour does not offer that.
    #[track_caller]
    pub fn post(&self, env: &Env, message: Message<M>) -> impl Future<Output = Result<(), SendError>> {
        env.placed(async move {
            let env = &env.child(message.label);
            let (label, scope) = (message.label, env.scope());
            let request = Request { effect: label, point: Point::Send(SEND) };
            let name = self.0.name;
            env.crash_point(Side::Before, label).await;
            env.digest(&(&message.body, message.group, message.dedup, message.delay));
            env.event(Kind::Call, [label.word(), 0], || format!("sends {label} to {name}"));
            let profile = &self.0.profile;
            let message =
                Message { dedup: message.dedup.or_else(|| content_id(profile, &message.body)), ..message };
            // The broker responds with an error, which takes as long as a success.
            let admitted = profile.admits(message.delay, message.dedup.is_some());
            let response = self.request(env, request, move |queue, arrival| {
                admitted.map(|()| queue.take_in(scope, message, arrival))
            });
            response.await?.map_err(SendError::Rejected)
        })
    }

    /// Redrives the dead letters, behind all other messages and with their receives reset; returns their number.
    /// There are crash points before the request and after its response.
    ///
    /// # Errors
    /// As [`Queue::post`].
    #[track_caller]
    pub fn redrive(&self, env: &Env) -> impl Future<Output = Result<usize, SendError>> {
        env.placed(async move {
            let name = self.0.name;
            env.crash_point(Side::Before, REDRIVE).await;
            env.event(Kind::Call, [REDRIVE.word(), 0], || format!("redrives the dead letters of {name}"));
            let request = Request { effect: REDRIVE, point: Point::Redrive };
            let scope = env.scope();
            self.request(env, request, move |queue, _| queue.redrive_now(scope)).await
        })
    }

    pub(super) async fn settle(
        &self,
        delivery: &Delivery<M>,
        settlement: Settlement,
    ) -> Result<(), SettleError> {
        let (env, label, receipt) = (delivery.env(), delivery.label(), delivery.receipt());
        let effect = settlement.name();
        env.crash_point(Side::Before, effect).await;
        let words = [effect.word(), settlement.visibility().as_nanos() as u64];
        env.event(Kind::Call, words, || settlement.text(label));
        if !matches!(settlement, Settlement::Extend(_)) {
            env.attach(|| self.access(Verb::Release, receipt.message));
        }
        let request = Request { effect, point: Point::Settle(effect) };
        let scope = env.scope();
        let settled =
            self.request(env, request, move |queue, _| queue.settle_now(scope, receipt, settlement));
        Ok(settled.await??)
    }

    /// Returns the access of a step to a message; its key is the message's scope.
    pub(super) fn access(&self, verb: Verb, id: MessageId) -> Vec<Access> {
        let scope = self.0.broker.borrow().content(id).scope;
        let key = self.0.server.world.core.borrow().scopes.path(scope);
        vec![Access::new(verb, self.0.name.text(), key)]
    }

    /// Sends a request to the broker and waits for the response, at most for the profile's timeout.
    pub(super) async fn request<T: 'static>(
        &self,
        env: &Env,
        request: Request,
        act: impl FnOnce(&Queue<M>, Arrival) -> T + 'static,
    ) -> Result<T, SendError> {
        let QueueState { server, profile, .. } = &*self.0;
        let (fate, arrival) = self.draw_fate(env, request.point);
        let request = BrokerRequest {
            client: env,
            broker: server,
            service: "broker",
            effect: request.effect,
            latency: profile.latency,
            fate,
        };
        let queue = self.clone();
        let act = move || if queue.is_down() { Err(Refused) } else { Ok(act(&queue, arrival)) };
        Ok(request.execute(profile.timeout, act).await?)
    }

    /// Draws the fate of a request, and how often its message arrives.
    fn draw_fate(&self, env: &Env, point: Point) -> (Fate, Arrival) {
        self.draw_restart(env);
        if self.is_down() {
            return (Fate::Refused, Arrival::Once);
        }
        let QueueState { name, profile: QueueProfile { faults, .. }, .. } = &*self.0;
        let fate = match point {
            Point::Send(point) => match env.choose_fault(&Site::new(*name, point), Sends(faults)) {
                Some(SendFault::Twice) => return (Fate::Arrives, Arrival::Twice),
                Some(SendFault::Lost) => Fate::Lost,
                Some(SendFault::Refused) => Fate::Refused,
                Some(SendFault::ResponseLost) => Fate::ResponseLost,
                Some(SendFault::Late(by)) => Fate::Late(by),
                None => Fate::Arrives,
            },
            Point::Settle(point) => match env.choose_fault(&Site::new(*name, point), Settles(faults)) {
                Some(SettleFault::Lost) => Fate::Lost,
                Some(SettleFault::Refused) => Fate::Refused,
                Some(SettleFault::ResponseLost) => Fate::ResponseLost,
                Some(SettleFault::Late(by)) => Fate::Late(by),
                None => Fate::Arrives,
            },
            Point::Redrive => Fate::Arrives,
        };
        (fate, Arrival::Once)
    }

    /// Accepts a message at the broker.
    pub(super) fn take_in(&self, scope: Scope, message: Message<M>, arrival: Arrival) {
        let Message { label, body, group, dedup, delay } = message;
        let content = Parcel { copy_of: None, label, scope, body, deaths: Vec::new(), cause: None };
        let now = self.0.server.now();
        let accepted = self.0.broker.borrow_mut().accept(now, Incoming { content, group, dedup, delay });
        let (id, is_new) = match accepted {
            Accepted::New(id) => (id, true),
            Accepted::Known(id) => (id, false),
        };
        let server = self.server_within(scope);
        let words = [label.word(), u64::from(id.number()) << 1 | u64::from(is_new)];
        let event = server.event(Kind::Arrive, words, || match is_new {
            true => format!("accepts {label}"),
            false => format!("has accepted {label} before, and drops this one"),
        });
        server.attach(|| self.access(if is_new { Verb::Write } else { Verb::Miss }, id));
        server.world.with_cause(event, || {
            if is_new {
                self.0.broker.borrow_mut().content_mut(id).cause = event;
            }
            self.notify(id, scope, if is_new { Reached::Accepted } else { Reached::Dropped });
            if is_new && arrival == Arrival::Twice {
                self.copy(id, delay.unwrap_or(self.0.profile.delay));
            }
            self.update();
        });
    }

    /// Settles a message at the broker.
    pub(super) fn settle_now(
        &self,
        scope: Scope,
        receipt: Receipt,
        settlement: Settlement,
    ) -> Result<(), NotSettled> {
        let (server, state) = (self.server_within(scope), &self.0);
        let label = state.broker.borrow().content(receipt.message).label;
        self.admits(server.now(), receipt, settlement).map_err(NotSettled::Rejected)?;
        let done = match settlement {
            Settlement::Reject => state.broker.borrow_mut().reject(receipt).map(|()| Done::Rejected),
            Settlement::Ack => self.ack_now(&server, receipt),
            Settlement::Nack(by) | Settlement::Extend(by) => {
                let mut broker = state.broker.borrow_mut();
                broker.change_visibility(server.now(), receipt, by).map(|()| Done::Kept)
            }
        };
        let words = [settlement.name().word(), receipt.word() << 2 | Done::code(done)];
        let event = server.event(Kind::Arrive, words, || match done {
            Err(Expired) => format!("does not take the receipt for {label} any more"),
            Ok(Done::Deleted) => format!("deletes {label}"),
            Ok(Done::Nothing) => format!("has {label} settled or with somebody else already"),
            Ok(Done::Kept) => format!("has changed when {label} can be received again"),
            Ok(Done::Rejected) => format!("has {label} rejected"),
        });
        if done == Ok(Done::Deleted) {
            server.attach(|| self.access(Verb::Delete, receipt.message));
        }
        server.world.with_cause(event, || {
            if done == Ok(Done::Deleted) {
                self.deleted(&server, receipt.message);
            }
            self.update();
        });
        done.map(|_| ()).map_err(|Expired| NotSettled::Expired)
    }

    /// Verifies that the flavour has such a settlement, within its limits.
    fn admits(&self, now: Moment, receipt: Receipt, settlement: Settlement) -> Result<(), Rejection> {
        settlement.check(self.0.profile.flavour)?;
        match settlement {
            Settlement::Nack(by) | Settlement::Extend(by) => {
                let held = self.0.broker.borrow().held_for(now, receipt);
                self.0.profile.admits_visibility(held, by)
            }
            Settlement::Ack | Settlement::Reject => Ok(()),
        }
    }

    fn ack_now(&self, server: &Env, receipt: Receipt) -> Result<Done, Expired> {
        let acked = self.0.broker.borrow_mut().ack(receipt)?;
        let faults = Superseded(&self.0.profile.faults);
        let site = Site::new(self.0.name, SUPERSEDED);
        if acked == Acked::Superseded && server.fault_for(User::ENGINE, &site, faults).is_some() {
            self.0.broker.borrow_mut().delete_superseded(receipt);
            return Ok(Done::Deleted);
        }
        Ok(if acked == Acked::Deleted { Done::Deleted } else { Done::Nothing })
    }

    /// Draws whether a deleted message reappears later.
    fn deleted(&self, server: &Env, id: MessageId) {
        self.notify(id, server.scope(), Reached::Acked);
        let faults = Deletions(&self.0.profile.faults);
        let site = Site::new(self.0.name, DELETION);
        if let Some(delay) = server.fault_for(User::ENGINE, &site, faults) {
            server.lasts(delay);
            self.copy(id, delay);
        }
    }

    fn redrive_now(&self, scope: Scope) -> usize {
        let server = self.server_within(scope);
        let redriven = self.0.broker.borrow_mut().redrive();
        let words = [REDRIVE.word(), redriven.len() as u64];
        let event = server.event(Kind::Arrive, words, || format!("redrives {} dead letters", redriven.len()));
        server.world.with_cause(event, || {
            for id in &redriven {
                let scope = {
                    let mut broker = self.0.broker.borrow_mut();
                    let parcel = broker.content_mut(*id);
                    parcel.cause = event;
                    parcel.scope
                };
                self.notify(*id, scope, Reached::Redriven);
            }
            self.update();
        });
        redriven.len()
    }
}

/// Returns the de-duplication id of a content, if the queue has that.
pub(super) fn content_id(profile: &QueueProfile, body: &impl Serialize) -> Option<u64> {
    profile.dedup_by_content.then(|| {
        let mut digest = Digest::default();
        digest.value(body);
        digest.bits()
    })
}

/// The effect of a settlement at the broker.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    Deleted,
    Kept,
    Nothing,
    Rejected,
}

impl Done {
    const fn code(done: Result<Self, Expired>) -> u64 {
        match done {
            // The name of the settlement tells a rejection from a deletion.
            Ok(Self::Deleted | Self::Rejected) => 0,
            Ok(Self::Kept) => 1,
            Ok(Self::Nothing) => 2,
            Err(Expired) => 3,
        }
    }
}
