//! A partitioned log: producers append records, and the members of consumer groups read them at their own pace.
//!
//! # Semantics
//!
//! - **Order.** The key of a record decides its partition. Records have consecutive offsets and an order within a
//!   partition only.
//! - **Reading deletes nothing.** A group stores one committed offset for each partition: where a member begins to read
//!   when it receives the partition. A member reads on from its own position, whether or not it commits. A record that
//!   was read and not committed is read again after a rebalance; a record that was committed and not processed is lost
//!   to the group.
//! - **Commits** are requests of the application ([`Consumer::commit`], [`Consumer::commit_through`]) or automatic
//!   ([`Commits::Auto`]). An automatic commit covers what earlier polls have *returned*, not what is processed.
//! - **Rebalance.** When a member joins, leaves or is removed, all members give up their partitions and join the next
//!   generation with their next poll. A member that is processing records may still commit until then. A member is
//!   removed when its node sends no heartbeats for the session timeout, or when it does not poll in time. A consumer
//!   whose node has crashed or that was dropped stays a member until its session times out, and holds up the rebalance
//!   until then.
//! - **Fencing.** The commit of a member that was removed, or of an earlier generation, is an error. The work of such a
//!   zombie is not undone.
//! - **Producers** retry. After a lost response, the retry of a [plain](Producer::plain) producer appends the record a
//!   second time; the broker recognises that of an [idempotent](Producer::idempotent) one by its sequence number. That
//!   covers neither a second call of [`Producer::send`] nor a producer that has restarted.
//! - **Transactions.** A [`TransactionalProducer`] appends records and commits the offsets of a consumer together or not
//!   at all. [`ReadLevel::Committed`] reads up to the first open transaction, without the records of aborted ones. A new
//!   producer with the same transactional id and the transaction timeout abort the open transaction and fence its
//!   producer. Late requests of a transaction that has ended are fenced. A member of a later generation reads a partition
//!   only when no open transaction of an earlier generation has offsets there. What else the worker did is not undone.
//! - **Deletion.** Retention deletes records by age, whether or not they were read: a group that lags too far behind
//!   continues as [`Subscription::start`] says. Compaction deletes a record of a given age if a later one has its key.
//!   [`Log::lag`] is the distance between the end and the committed offsets.
//!
//! Each send, commit, delivery and membership may deviate as [`LogFaults`] lists: requests or responses are lost or
//! late, records are late, the group rebalances or removes a member while it processes records. Every commit of an offset
//! is a step of the trace.
//!
//! A record carries the scope of its sender, as trace context does: sent in `order-1` under the label `charge` it is
//! `order-1/charge-1`, and the consequences of its second delivery are in `order-1/charge-1/delivery-2`. The faults of a
//! batch are drawn in the scope of its first record.
//!
//! ```
//! use shakedown_sim::log::*;
//! use shakedown_sim::judge::invariant;
//! use shakedown_sim::{Fact, Plan, Role, Runner, Scenario, Script, Stage};
//! # #[derive(serde::Serialize)] struct Charged(u32);
//! # impl Fact for Charged { fn sentence(&self) -> String { format!("charges {}", self.0) } }
//! # struct Shop;
//! # impl Scenario for Shop {
//! #     type Fact = Charged;
//! #     fn name(&self) -> &str { "shop" }
//! #     fn invariants(&self) -> Vec<Box<dyn shakedown_sim::Invariant<Charged>>> {
//! #         vec![invariant("charged-once", |charges: &mut u32, _, _: &Charged, findings| {
//! #             *charges += 1;
//! #             if *charges > 1 { findings.violated("order", &[], || "charged twice".to_owned()); }
//! #         }).boxed()]
//! #     }
//! #     fn build(&self, stage: &Stage<Charged>) {
//! const ORDERS: LogProfile = LogProfile {
//!     faults: LogFaults { member: &[MemberFault::SessionTimeout], ..LogFaults::NONE },
//!     ..LogProfile::KAFKA
//! };
//! let broker = stage.node(Role::outside("broker".into()), |_| {});
//! let orders: Log<u32> = Log::new(&broker, "orders", ORDERS);
//!
//! let (facts, log) = (stage.facts().clone(), orders.clone());
//! let worker = stage.node(Role::outside("worker".into()), |_| {});
//! worker.clone().spawn(async move {
//!     let consumer = log.consumer(&worker, Subscription::new("billing"));
//!     loop {
//!         for record in consumer.poll(10).await {
//!             facts.state(record.env(), &Charged(*record.body()));
//!         }
//!         let _ = consumer.commit().await; // If this fails, the records are read again.
//!     }
//! });
//! let client = stage.node(Role::outside("client".into()), |_| {}).within(stage.entity("order"));
//! client.clone().spawn(async move {
//!     Producer::idempotent(&orders).send(&client, Message::new("charge", 1, 7)).await.unwrap();
//! });
//! #     }
//! # }
//! let removed = "orders/member @ order-1/charge-1/delivery-1 #1 = session timeout";
//! let script: Script = format!("scenario shop\n{removed}").parse().unwrap();
//! let outcome = Runner::new(Shop).run(Plan::Script(&script));
//! assert_eq!(outcome.violations[0].invariant, "charged-once");
//! ```
//!
//! # Not modelled
//!
//! Replication and the loss of acknowledged records (`acks`, leader elections); records without a key and custom
//! partitioners; batches and concurrent requests of one producer (each send is a request of its own); the two
//! phases of a commit (its markers appear at once); several topics in one subscription; cooperative rebalances, static members and other assignors than
//! `range`; the protocol KIP-848; tombstones; segments (records are deleted one by one, as soon as they are old enough);
//! the expiry of committed offsets and of producer ids. A poll joins the group without a request, and fetches without
//! one. The automatic commit with which a waiting member joins a rebalance cannot fail. A partition remembers every
//! sequence number of a producer's epoch (Kafka: the last five batches).
//!
//! Sources: Apache Kafka documentation (Design: "The Producer", "The Consumer", "Message Delivery Semantics", "Log
//! Compaction"; the configurations of producers, consumers and topics, whose names the profile cites), the
//! documentation of `KafkaConsumer` and `KafkaProducer`, KIP-62 (heartbeats and the poll interval), KIP-98
//! (idempotent and transactional producers), KIP-447 (offsets in transactions, fenced by generation), KIP-890 (an epoch for
//! each transaction).
//!
//! In reading order: `profile` describes a log, [`partition`] and [`group`] are the state machines, `server` drives
//! them through time, `request` carries the requests of nodes, `producer` and `consumer` are the sides of the nodes,
//! `transaction` joins both.

mod consumer;
pub mod group;
pub mod partition;
mod producer;
mod profile;
mod request;
mod server;
mod transaction;

pub use consumer::{Consumer, Record};
pub use group::MemberId;
pub use partition::{Cleanup, ReadLevel};
pub use producer::{Message, Producer, Sent};
pub use profile::{Commits, LogFaults, LogProfile, MemberFault, RequestFault, StartAt, Subscription};
pub use request::LogError;
pub use transaction::TransactionalProducer;

use crate::env::Env;
use crate::hash::mix;
use crate::label::Label;
use crate::scope::Scope;
use crate::signal::Signal;
use crate::time::Moment;
use crate::world::Close;
use group::Group;
use partition::{Partition, ProducerId};
use serde::Serialize;
use server::Poller;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use transaction::Coordinator;

/// A log. Cheap to clone; all clones denote the same log.
pub struct Log<M>(Rc<LogState<M>>);

impl<M> Clone for Log<M> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

struct LogState<M> {
    name: Label,
    server: Env,
    profile: LogProfile,
    partitions: RefCell<Vec<Partition<Parcel<M>>>>,
    groups: RefCell<Vec<Rc<GroupState<M>>>>,
    /// The number of idempotent producers so far.
    producers: Cell<u32>,
    coordinators: RefCell<Vec<Coordinator>>,
    /// Raised when `due` changes.
    alarm: Signal,
    /// When the broker next has something to do by itself.
    due: Cell<Moment>,
}

/// The content of a record at the broker.
struct Parcel<M> {
    label: Label,
    scope: Scope,
    key: u64,
    body: M,
    /// The event that appended it.
    cause: Option<u32>,
}

struct GroupState<M> {
    name: Label,
    group: RefCell<Group>,
    /// The members that wait for records.
    pollers: RefCell<Vec<Poller<M>>>,
    /// The event that began the current generation.
    cause: Cell<Option<u32>>,
}

impl<M> Close for LogState<M> {
    /// Breaks reference cycles: open transactions hold the logs of their consumers.
    fn close(&self) {
        self.coordinators.take();
    }
}

impl<M: Clone + Serialize + 'static> Log<M> {
    /// Creates a log of this name, whose broker runs on the node of `env`. That node should never crash.
    ///
    /// # Panics
    /// If the profile has no partition or lists an impossible fault; the message names the site.
    pub fn new(env: &Env, name: impl Into<Label>, profile: LogProfile) -> Self {
        let name = name.into();
        profile.check(name);
        let partitions = (0..profile.partitions).map(|_| Partition::new(profile.cleanup)).collect();
        let log = Self(Rc::new(LogState {
            name,
            server: env.clone(),
            profile,
            partitions: RefCell::new(partitions),
            groups: RefCell::default(),
            producers: Cell::new(0),
            coordinators: RefCell::default(),
            alarm: Signal::new(),
            due: Cell::new(Moment::NEVER),
        }));
        env.world.at_close(Rc::clone(&log.0) as _);
        log.run_alarm();
        log
    }

    /// Creates a consumer on the node of `env`. It joins its group with its first poll.
    pub fn consumer(&self, env: &Env, subscription: Subscription) -> Consumer<M> {
        Consumer::new(self, env, subscription)
    }

    /// Returns the partition of a key: a hash of the key, modulo the number of partitions.
    pub fn partition_of(&self, key: u64) -> u32 {
        (mix(key, PARTITIONER) % u64::from(self.0.profile.partitions)) as u32
    }

    /// Returns the offset of the next record of a partition.
    ///
    /// # Panics
    /// If there is no such partition.
    pub fn end(&self, partition: u32) -> u64 {
        self.0.partitions.borrow()[partition as usize].end()
    }

    /// Returns the offset that a group has committed for a partition.
    pub fn committed(&self, group: impl Into<Label>, partition: u32) -> Option<u64> {
        self.group(group.into()).group.borrow().committed(partition)
    }

    /// Returns the lag of a group: the number of offsets, in all partitions, that it has not
    /// committed and that retention has not deleted.
    pub fn lag(&self, group: impl Into<Label>) -> u64 {
        let state = self.group(group.into());
        let (group, mut partitions) = (state.group.borrow(), self.0.partitions.borrow_mut());
        let now = self.0.server.now();
        let lag = |(index, partition): (u32, &mut Partition<_>)| {
            partition.clean(now);
            let committed = group.committed(index).unwrap_or(0).max(partition.start());
            partition.end().saturating_sub(committed)
        };
        (0..).zip(partitions.iter_mut()).map(lag).sum()
    }

    fn new_producer_id(&self) -> ProducerId {
        let number = self.0.producers.get();
        self.0.producers.set(number + 1);
        ProducerId::new(number)
    }

    /// Returns the group of this name, which exists from its first mention on.
    fn group(&self, name: Label) -> Rc<GroupState<M>> {
        let mut groups = self.0.groups.borrow_mut();
        if let Some(group) = groups.iter().find(|group| group.name == name) {
            return Rc::clone(group);
        }
        let group = Group::new(self.0.profile.partitions, self.0.profile.poll_interval);
        let group = Rc::new(GroupState {
            name,
            group: RefCell::new(group),
            pollers: RefCell::default(),
            cause: Cell::new(None),
        });
        groups.push(Rc::clone(&group));
        group
    }
}

/// The seed of the hash of keys: the fraction of the golden ratio.
const PARTITIONER: u64 = 0x9E37_79B9_7F4A_7C15;
