//! An at-least-once message queue: a broker that hands out messages, possibly late, twice, or to a consumer that has
//! crashed.
//!
//! Behaviour: a consumer that receives a message holds a *lease* on it. It acknowledges the message, returns it, or
//! extends the lease. If it does none of these in time, another consumer receives the message, with one more receive
//! counted. A message that was received too often becomes a dead letter, which is listed and redriven on request, or moves
//! to a queue of its own ([`Queue::dead_letters_to`]). A
//! consumer that outlives its lease may work at the same time as its successor. Sends, settlements and deliveries may
//! be lost, late or duplicated. The broker may go down and return with every lease ended. In each case the node at
//! the other end may not find out. [`QueueFaults`] lists the possible faults of a queue. Idle consumers cost no
//! event.
//!
//! Up to ten messages are sent, received and acknowledged at once ([`Queue::post_batch`], [`Queue::receive_batch`],
//! [`Queue::ack_batch`]); each entry succeeds or fails on its own.
//!
//! Three [`Flavour`]s: [`QueueProfile::STANDARD`], [`QueueProfile::FIFO`], [`QueueProfile::CHANNEL`].
//!
//! Each flavour rejects what its original rejects ([`Rejection`]), and does not model, besides:
//!
//! - SQS standard: the error at the in-flight limit (consumers wait), the size of a batch. A message becomes dead as soon as
//!   its last allowed lease has ended; SQS checks at the next receive.
//! - SQS FIFO: the same; receive request attempt ids, the throughput of groups.
//! - RabbitMQ: exchanges and bindings, priorities, a time to live per message, acknowledgements of several messages, several
//!   channels of a node, heartbeats (a paused consumer keeps its channel until the acknowledgement is late), at-most-once
//!   dead-lettering that loses messages, classic queues. A consumer whose channel was closed opens the next one by itself.
//!
//! The loss of accepted messages is not modelled.
//!
//! A message carries the scope of its sender, as trace context does: sent in `order-1` under the label `charge` it is
//! `order-1/charge-1`, and the consequences of its second delivery are in `order-1/charge-1/delivery-2`. A copy is
//! `order-1/charge-1/copy-1`.
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
//!         let _ = delivery.ack().await; // If this fails, the message is delivered again.
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
//! In reading order: `profile` describes a queue, [`broker`] is the state machine, `server` drives it through time,
//! `request` holds the requests of nodes, `batch` those with several messages, `consumer` the receives.

mod batch;
pub mod broker;
mod consumer;
mod profile;
mod rejection;
mod request;
mod server;

pub use batch::{BATCH_MAX, BatchResult, EntryError, FailedEntry};
pub use broker::{Counts, DeathReason, MessageId, Receipt};
pub use consumer::Delivery;
pub use profile::{
    DedupScope, DeliveryFault, EntryFault, Flavour, QueueFaults, QueueProfile, SendFault, SettleFault,
    SupersededFault,
};
pub use rejection::Rejection;
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

/// A queue. Cheap to clone; all clones denote the same queue.
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
    /// The queue that takes the dead letters.
    dead_letters: RefCell<Option<Queue<M>>>,
}

impl<M> Close for QueueState<M> {
    /// Breaks reference cycles: a hook may hold queues whose hooks hold this one.
    fn close(&self) {
        self.hook.take();
        self.dead_letters.take();
    }
}

/// The content of a message at the broker.
#[derive(Clone)]
struct Parcel<M> {
    /// The message that it is a copy of.
    copy_of: Option<MessageId>,
    label: Label,
    scope: Scope,
    body: M,
    /// Its deaths on this queue and others, the latest first.
    deaths: Vec<Death>,
    /// The event that made it available.
    cause: Option<u32>,
}

/// The deaths of a message on one queue for one reason, as RabbitMQ counts them in the header `x-death`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Death {
    /// The queue.
    pub queue: Label,
    /// The reason.
    pub reason: DeathReason,
    /// How often.
    pub count: u32,
}

impl Death {
    /// Returns the deaths of a message that has died once more.
    fn counted(deaths: &[Death], queue: Label, reason: DeathReason) -> Vec<Death> {
        let is_same = |death: &&Death| death.queue == queue && death.reason == reason;
        let before = deaths.iter().find(is_same).map_or(0, |death| death.count);
        let others = deaths.iter().filter(|death| !is_same(death)).copied();
        std::iter::once(Death { queue, reason, count: before + 1 }).chain(others).collect()
    }
}

/// A state change of a message at the broker.
#[derive(Clone, Copy, Debug)]
pub struct Milestone<'a, M> {
    /// The change.
    pub reached: Reached,
    /// The message; each copy is a message of its own.
    pub message: MessageId,
    /// The message that it is a copy of.
    pub copy_of: Option<MessageId>,
    /// The label under which it was sent.
    pub label: Label,
    /// Its content.
    pub body: &'a M,
}

/// A state that a message may reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub enum Reached {
    /// The broker accepted it.
    Accepted,
    /// Another message with its de-duplication id was sent; the sender received a success, and the message was
    /// dropped.
    Dropped,
    /// A copy of it was made.
    Copied,
    /// It was handed out; the number counts the deliveries so far. The consumer may not receive it.
    Delivered(u32),
    /// It was acknowledged, and is deleted.
    Acked,
    /// A lease on it ended, and it is ready again.
    Returned,
    /// It is a dead letter.
    Died,
    /// Its retention has ended, and it is deleted.
    Expired,
    /// It was a dead letter, and is ready again.
    Redriven,
}

/// A message to send.
#[derive(Clone, Debug)]
pub struct Message<M> {
    label: Label,
    body: M,
    group: u64,
    dedup: Option<u64>,
    delay: Option<Duration>,
}

impl<M> Message<M> {
    /// Creates a message of group 0. The label names its scope: `charge` sent in `order-1` is `order-1/charge-1`.
    pub fn new(label: impl Into<Label>, body: M) -> Self {
        Self { label: label.into(), body, group: 0, dedup: None, delay: None }
    }

    /// Sets the group, within which a FIFO queue keeps order.
    #[must_use]
    pub fn in_group(self, group: u64) -> Self {
        Self { group, ..self }
    }

    /// Sets the de-duplication id: a later message with this id is dropped while the queue remembers it.
    #[must_use]
    pub fn once(self, dedup: u64) -> Self {
        Self { dedup: Some(dedup), ..self }
    }

    /// Sets the delay for which it stays hidden after it was sent.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay: Some(delay), ..self }
    }
}

/// A message that was received too often, was rejected, or has expired.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadLetter<M> {
    /// The message.
    pub message: MessageId,
    /// The label under which it was sent.
    pub label: Label,
    /// The entity that it concerns.
    pub scope: Scope,
    /// How often it was received.
    pub receives: u32,
    /// How often it has died, on which queue and why, the latest death first.
    pub deaths: Vec<Death>,
    /// Its content.
    pub body: M,
}

impl<M: Clone + Serialize + 'static> Queue<M> {
    /// Creates a queue of this name, whose broker runs on the node of `env`. That node should never crash:
    /// [`QueueFaults::restart`] models broker failures.
    ///
    /// # Panics
    /// If the profile lists an impossible fault, or one that its flavour cannot show; the message names the site.
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
            dead_letters: RefCell::default(),
        }));
        env.world.at_close(Rc::clone(&queue.0) as _);
        queue.run_server();
        queue
    }

    /// Calls `hook` for each milestone of each message, with a handle of the broker's node within the message's
    /// scope. This is the place to state milestones as facts.
    #[must_use]
    pub fn observed_by(self, hook: impl Fn(&Env, &Milestone<'_, M>) + 'static) -> Self {
        self.0.hook.replace(Some(Rc::new(hook)));
        self
    }

    /// Moves dead letters to another queue, from which they are received as other messages are. A message keeps its scope
    /// and its [deaths](Delivery::deaths); its receives are counted from zero. Without such a queue, dead letters are
    /// [listed](Queue::dead_letters).
    #[must_use]
    pub fn dead_letters_to(self, other: &Queue<M>) -> Self {
        self.0.dead_letters.replace(Some(other.clone()));
        self
    }

    /// Sends a message: [`Queue::post`] of a plain [`Message`].
    ///
    /// # Errors
    /// As [`Queue::post`].
    #[track_caller]
    pub fn send(
        &self,
        env: &Env,
        label: impl Into<Label>,
        body: M,
    ) -> impl Future<Output = Result<(), SendError>> {
        env.placed(async move { self.post(env, Message::new(label, body)).await })
    }

    /// Sends a message of a group.
    ///
    /// # Errors
    /// As [`Queue::post`].
    #[track_caller]
    pub fn send_to_group(
        &self,
        env: &Env,
        label: impl Into<Label>,
        group: u64,
        body: M,
    ) -> impl Future<Output = Result<(), SendError>> {
        env.placed(async move { self.post(env, Message::new(label, body).in_group(group)).await })
    }

    /// Returns the number of messages in each state.
    pub fn counts(&self) -> Counts {
        self.0.broker.borrow().counts()
    }

    /// Returns the dead letters, in the order in which they were sent.
    pub fn dead_letters(&self) -> Vec<DeadLetter<M>> {
        let broker = self.0.broker.borrow();
        let letter = |id: MessageId| {
            let Parcel { label, scope, body, deaths, .. } = broker.content(id).clone();
            DeadLetter { message: id, label, scope, receives: broker.receives(id), deaths, body }
        };
        broker.dead().map(letter).collect()
    }
}
