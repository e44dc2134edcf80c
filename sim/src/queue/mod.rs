//! An at-least-once message queue: a broker that hands out what it was sent, at times late, twice, or to
//! somebody who is gone.
//!
//! What it does: a consumer that receives a message holds a *lease* on it. It acknowledges the message, gives it
//! back, or has the lease extended; if it does none of these in time, somebody else receives the message, with
//! one more receive counted; and a message that was received too often is a dead letter, listed, and redriven
//! when somebody says so. A consumer that outlives its lease meets the one that took over. Sends, settlements
//! and hand-outs may be lost, late or doubled, the broker may go down and come back with every lease ended, and
//! of each the node at the other end may never learn: [`QueueFaults`] lists what a queue shows. Idle consumers
//! cost no event.
//!
//! Three [`Flavour`]s: [`QueueProfile::STANDARD`], [`QueueProfile::FIFO`], [`QueueProfile::CHANNEL`].
//!
//! What it does not do: batches (one message a receive), retention (what nobody receives stays), topics and
//! routing, priorities, a limit of messages per consumer, heartbeats (a consumer that is paused keeps its channel
//! until the lease ends; give that the length of a heartbeat timeout), loss of what was accepted. An in-flight
//! limit keeps consumers waiting; SQS standard answers with an error. A message is dead as soon as the last lease
//! that it was due has ended; SQS looks at the next receive.
//!
//! A message travels with the scope of its sender as trace context does: sent in `order-1` under the label
//! `charge` it is `order-1/charge-1`, and what its second delivery leads to is in `order-1/charge-1/delivery-2`.
//! A further copy is `order-1/charge-1/copy-1`.
//!
//! ```
//! use shakedown_sim::*;
//! # #[derive(serde::Serialize)] struct Charged(u32);
//! # impl Fact for Charged { fn sentence(&self) -> String { format!("charges {}", self.0) } }
//! # #[derive(Default)] struct ChargedOnce(u32);
//! # impl Invariant<Charged> for ChargedOnce {
//! #     fn name(&self) -> &'static str { "charged-once" }
//! #     fn about(&self) -> &'static str { "there is at most one charge" }
//! #     fn reset(&mut self) { self.0 = 0; }
//! #     fn observe(&mut self, at: &At<'_>, _: &Charged, findings: &mut Findings) {
//! #         self.0 += 1;
//! #         if self.0 > 1 { findings.violated("order", &[at.event], || "charged twice".to_owned()); }
//! #     }
//! # }
//! # struct Shop;
//! # impl Scenario for Shop {
//! #     type Fact = Charged;
//! #     fn name(&self) -> &str { "shop" }
//! #     fn invariants(&self) -> Vec<Box<dyn Invariant<Charged>>> { vec![Box::<ChargedOnce>::default()] }
//! #     fn build(&self, stage: &Stage<Charged>) {
//! const WORK: QueueProfile = QueueProfile {
//!     faults: QueueFaults { settle: &[SettleFault::Lost], ..QueueFaults::NONE },
//!     ..QueueProfile::STANDARD
//! };
//! let broker = stage.node(Role::outside("broker".into()), |_| {});
//! let orders: Queue<u32> = Queue::new(&broker, "orders", WORK);
//!
//! let (facts, work) = (stage.facts().clone(), orders.clone());
//! let worker = stage.node(Role::outside("worker".into()), |_| {});
//! worker.clone().spawn(async move {
//!     loop {
//!         let delivery = work.receive(&worker).await;
//!         facts.state(delivery.env(), &Charged(*delivery.body()));
//!         let _ = delivery.ack().await; // If that fails, the message comes again.
//!     }
//! });
//! let client = stage.node(Role::outside("client".into()), |_| {}).within(stage.entity("order"));
//! client.clone().spawn(async move { orders.send(&client, "charge", 7).await.unwrap() });
//! #     }
//! # }
//! let twice = "orders/ack @ order-1/charge-1/delivery-1 #1 = lost";
//! let script: Script = format!("scenario shop\n{twice}").parse().unwrap();
//! let outcome = Runner::new(Shop).run(Plan::Script(&script));
//! assert_eq!(outcome.violations[0].invariant, "charged-once");
//! ```
//!
//! Sources: Amazon SQS Developer Guide ("Visibility timeout", "At-least-once delivery", "Avoiding inconsistent
//! message processing", "FIFO queues", "Dead-letter queues") and API reference (`DeleteMessage`,
//! `ChangeMessageVisibility`); RabbitMQ documentation ("Consumer Acknowledgements", "Quorum Queues") and the
//! source of its queues.
//!
//! In reading order: `profile` says what a queue is like, [`broker`] is the state machine, `server` drives it
//! through time, `request` is what nodes ask of it, `consumer` what they receive.

pub mod broker;
mod consumer;
mod profile;
mod request;
mod server;

pub use broker::{Counts, MessageId, Receipt};
pub use consumer::Delivery;
pub use profile::{
    DeliveryFault, Flavour, QueueFaults, QueueProfile, SendFault, SettleFault, SupersededFault,
};
pub use request::{SendError, SettleError};

use crate::env::Env;
use crate::label::Label;
use crate::scope::Scope;
use crate::time::{Duration, Moment};
use crate::world::Close;
use broker::Broker;
use consumer::Receiver;
use serde::Serialize;
use server::Alarm;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// A queue. Cheap to clone; all clones are one queue.
pub struct Queue<M>(Rc<QueueState<M>>);

impl<M> Clone for Queue<M> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

type Hook<M> = Rc<dyn Fn(&Env, &Milestone<'_, M>)>;

struct QueueState<M> {
    name: Label,
    server: Env,
    profile: QueueProfile,
    broker: RefCell<Broker<Parcel<M>>>,
    receivers: RefCell<VecDeque<Receiver<M>>>,
    alarm: Alarm,
    down_until: Cell<Moment>,
    hook: RefCell<Option<Hook<M>>>,
}

impl<M> Close for QueueState<M> {
    /// A hook may hold queues whose hooks hold this one.
    fn close(&self) {
        self.hook.take();
    }
}

/// What a message carries.
struct Parcel<M> {
    /// What it is a copy of.
    copy_of: Option<MessageId>,
    label: Label,
    scope: Scope,
    body: M,
    /// The event since which it can be received.
    cause: Option<u32>,
}

/// Something that became of a message, as the broker holds it.
#[derive(Clone, Copy, Debug)]
pub struct Milestone<'a, M> {
    /// What it was.
    pub reached: Reached,
    /// Which message; every copy is one of its own.
    pub message: MessageId,
    /// Of which message it is a copy.
    pub copy_of: Option<MessageId>,
    /// Under which label it was sent.
    pub label: Label,
    /// What it says.
    pub body: &'a M,
}

/// What may become of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub enum Reached {
    /// The broker accepted it.
    Accepted,
    /// Another one with its de-duplication id was sent, answered with success, and dropped.
    Dropped,
    /// There is a further copy of it.
    Copied,
    /// It was handed out, so many times by now; the consumer may yet never see it.
    Delivered(u32),
    /// It was acknowledged, and is deleted.
    Acked,
    /// A lease on it ended, and it is ready again.
    Returned,
    /// It is a dead letter.
    Died,
    /// It was a dead letter, and is ready again.
    Redriven,
}

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Message<M> {
    label: Label,
    body: M,
    group: u64,
    dedup: Option<u64>,
    delay: Option<Duration>,
}

impl<M> Message<M> {
    /// A message of group 0. The label names its scope: `charge` sent in `order-1` is `order-1/charge-1`.
    pub fn new(label: impl Into<Label>, body: M) -> Self {
        Self { label: label.into(), body, group: 0, dedup: None, delay: None }
    }

    /// Puts it into a group, within which a FIFO queue keeps order.
    #[must_use]
    pub fn in_group(self, group: u64) -> Self {
        Self { group, ..self }
    }

    /// Has a further message with this id dropped, if the queue knows it then.
    #[must_use]
    pub fn once(self, dedup: u64) -> Self {
        Self { dedup: Some(dedup), ..self }
    }

    /// Hides it for so long after it was sent.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay: Some(delay), ..self }
    }
}

/// A message that was received too often.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadLetter<M> {
    /// Which message.
    pub message: MessageId,
    /// Under which label it was sent.
    pub label: Label,
    /// The entity that it concerns.
    pub scope: Scope,
    /// How often it was received.
    pub receives: u32,
    /// What it says.
    pub body: M,
}

impl<M: Clone + Serialize + 'static> Queue<M> {
    /// A queue of this name, whose broker runs on the node of `env`. That should be one that never crashes: a
    /// failing broker is shown by [`QueueFaults::restart`].
    ///
    /// # Panics
    /// If the profile lists what cannot be, or what its flavour cannot show; the message names the site.
    pub fn new(env: &Env, name: impl Into<Label>, profile: QueueProfile) -> Self {
        let name = name.into();
        profile.check(name);
        let queue = Self(Rc::new(QueueState {
            name,
            server: env.clone(),
            profile,
            broker: RefCell::new(Broker::new(profile.rules())),
            receivers: RefCell::default(),
            alarm: Alarm::default(),
            down_until: Cell::new(Moment::START),
            hook: RefCell::default(),
        }));
        queue.run_server();
        queue
    }

    /// Has `hook` told of each milestone of each message as it is reached, with a handle of the broker's node
    /// within the message's scope: the place to state it as a fact.
    #[must_use]
    pub fn observed_by(self, hook: impl Fn(&Env, &Milestone<'_, M>) + 'static) -> Self {
        if self.0.hook.replace(Some(Rc::new(hook))).is_none() {
            self.0.server.world.at_close(Rc::clone(&self.0) as _);
        }
        self
    }

    /// Sends a message: [`Queue::post`] of a plain [`Message`].
    ///
    /// # Errors
    /// As [`Queue::post`].
    pub async fn send(&self, env: &Env, label: impl Into<Label>, body: M) -> Result<(), SendError> {
        self.post(env, Message::new(label, body)).await
    }

    /// Sends a message of a group.
    ///
    /// # Errors
    /// As [`Queue::post`].
    pub async fn send_to_group(
        &self,
        env: &Env,
        label: impl Into<Label>,
        group: u64,
        body: M,
    ) -> Result<(), SendError> {
        self.post(env, Message::new(label, body).in_group(group)).await
    }

    /// How many messages are in which state.
    pub fn counts(&self) -> Counts {
        self.0.broker.borrow().counts()
    }

    /// The dead letters, in the order in which they were sent.
    pub fn dead_letters(&self) -> Vec<DeadLetter<M>> {
        let broker = self.0.broker.borrow();
        let letter = |id: MessageId| {
            let Parcel { label, scope, body, .. } = broker.content(id);
            let (receives, body) = (broker.receives(id), body.clone());
            DeadLetter { message: id, label: *label, scope: *scope, receives, body }
        };
        broker.dead().map(letter).collect()
    }
}
