//! A key-value store in memory: values with a time to live, locks, counters, caches, messages to connected subscribers.
//!
//! # Semantics
//!
//! - **One command at a time.** The server executes a command as soon as it arrives: [`Command`] lists them, with the
//!   replies and the exact error texts of Redis 7. So is a transaction ([`Client::transaction`]), which has no
//!   rollback; one after [`Client::watch`], which is skipped if a watched key has changed; and a script
//!   ([`Client::script`]).
//! - **Time to live** is counted by the clock of the node that serves, which may be set wrong, drift or jump
//!   ([`ClockProfile`](crate::ClockProfile)). The server stores when a key expires, and after a failover another clock
//!   is compared with it. A key has expired once the clock shows a later time; it is gone for all commands from then on.
//! - **Memory** has a bound in keys or bytes, by default none. The server looks at it before each command, and evicts
//!   keys as its policy says, or rejects commands that need memory. A use is a command that reads or writes the key.
//! - **Replication is asynchronous.** The server replies, and the replica has the write some time later. After a
//!   failover ([`KvFailover`]) the replica serves with what it has: the last writes are lost although the server has
//!   replied to them. [`Client::wait`] tells whether the replica has them. A replica is read through
//!   [`Kv::replica_client`]: its data is old, and writes are rejected.
//! - **Restarts** lose what was not on the disk ([`Persistence`]); the replica copies what is left.
//! - **Messages** ([`Client::publish`]) reach the subscribers that are connected, at most once. A subscriber that
//!   subscribes later, whose connection breaks, or that reads too slowly misses messages, and the sender does not learn
//!   it.
//!
//! Each command, write, key and message may deviate as [`KvFaults`] lists. A client that receives no reply does not
//! know whether the command was executed.
//!
//! ```
//! use shakedown_sim::kv::{Kv, KvFailover, KvFaults, KvProfile};
//! use shakedown_sim::judge::invariant;
//! use shakedown_sim::{Duration, Fact, Plan, Role, Runner, Scenario, Script, Stage};
//! # #[derive(serde::Serialize)] struct Locked(u32);
//! # impl Fact for Locked { fn sentence(&self) -> String { format!("job {} has the lock", self.0) } }
//! # struct Jobs;
//! # impl Scenario for Jobs {
//! #     type Fact = Locked;
//! #     fn name(&self) -> &str { "jobs" }
//! #     fn invariants(&self) -> Vec<Box<dyn shakedown_sim::Invariant<Locked>>> {
//! #         vec![invariant("one-holder", |holders: &mut u32, _, _: &Locked, findings| {
//! #             *holders += 1;
//! #             if *holders > 1 { findings.violated("lock", &[], || "two jobs have the lock".to_owned()); }
//! #         }).boxed()]
//! #     }
//! #     fn build(&self, stage: &Stage<Locked>) {
//! const LOCKS: KvProfile = KvProfile {
//!     faults: KvFaults { failover: &[KvFailover::Crash(Duration::from_secs(1))], ..KvFaults::NONE },
//!     ..KvProfile::REDIS
//! };
//! let node = |name: &'static str| stage.node(Role::outside(name.into()), |_| {});
//! let kv = Kv::with_replica(&node("redis-a"), &node("redis-b"), "locks", LOCKS);
//! let node = node("worker");
//! for number in 1..=2 {
//!     let (kv, facts) = (kv.clone(), stage.facts().clone());
//!     let worker = node.within(stage.entity("job"));
//!     worker.clone().spawn(async move {
//!         worker.sleep(Duration::from_secs(5) * number).await;
//!         let token = format!("token-{number}");
//!         if kv.client(&worker).set_if_absent("lock", token, Duration::from_secs(60)).await == Ok(true) {
//!             facts.state(&worker, &Locked(number));
//!         }
//!     });
//! }
//! #     }
//! # }
//! let crash = "locks/goes down at @ job-1 #1 = crash 1 s";
//! let script: Script = format!("scenario jobs\n{crash}").parse().unwrap();
//! let outcome = Runner::new(Jobs).run(Plan::Script(&script));
//! assert_eq!(outcome.violations[0].invariant, "one-holder");
//! ```
//!
//! # Not modelled
//!
//! Lists, sorted sets, streams, bitmaps, blocking commands and the other options of the commands; values that are not
//! text; several databases; Redis Cluster, hash slots and redirections; several replicas, `min-replicas-to-write`, and
//! the vote of Sentinel: a failover takes the time that the fault says; authentication; Lua itself (a script is a
//! closure); patterns of channels, keyspace notifications, client-side caching; the size of the server's own
//! structures; approximate LRU (the key that was used least recently is always evicted; Redis samples five keys) and the other policies; lazy
//! deletion (expired keys are gone at once and do not count as memory). Commands take no time of their own. A hash or a
//! set is listed in the order of its names. Options of a command are checked by the client, before the server looks at its
//! memory. A failover cannot lose a write if the replica has it at that instant: with `replication` zero it loses nothing.
//!
//! Sources: the Redis documentation ("Commands", "Transactions", "Pub/Sub", "Key eviction", "Redis replication",
//! "Redis persistence", "High availability with Redis Sentinel", "Distributed locks with Redis"), the sources of Redis 7.0
//! (`t_string.c`, `expire.c`, `evict.c`, `multi.c`, `server.c`) for error texts and their order; M. Kleppmann, "How to
//! do distributed locking". Compared with Redis 7.0.15 over recorded cases.
//!
//! In reading order: [`command`](Command) and `parse`, [`keyspace`] (the data of one server, a pure state machine),
//! `profile`, `cluster` (primary, disk and replica), `server` (what happens when a command arrives), `client`,
//! `channel`.

mod channel;
mod client;
mod cluster;
mod command;
pub mod keyspace;
mod parse;
mod profile;
mod server;

pub use channel::{Message, Subscription};
pub use client::{Client, KvError, Replies, Watch};
pub use command::{Command, Reply, ServerError, SetIf, Ttl};
pub use keyspace::{Eviction, Memory};
pub use profile::{CommandFault, EvictionFault, KvFailover, KvFaults, KvProfile, MessageFault, Persistence};
pub use server::Script;

use crate::env::Env;
use crate::label::Label;
use crate::time::Moment;
use crate::world::Close;
use channel::Subscriber;
use cluster::{Cluster, Target, Written};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A key-value store: a primary, and possibly its replica, behind one address. Cheap to clone; all clones denote the
/// same store.
#[derive(Clone)]
pub struct Kv(Rc<KvState>);

struct KvState {
    name: Label,
    profile: KvProfile,
    cluster: RefCell<Cluster>,
    has_replica: bool,
    subscribers: RefCell<Vec<Rc<Subscriber>>>,
    /// The event that wrote a key last; kept while recording.
    writers: RefCell<BTreeMap<String, u32>>,
}

impl Close for KvState {
    /// Breaks reference cycles: subscribers hold handles on the world.
    fn close(&self) {
        self.subscribers.take();
    }
}

impl Kv {
    /// Creates a store of this name on the node of `env`. That node should never crash: a failing server is a fault of
    /// the store.
    ///
    /// # Panics
    /// If the profile lists an impossible fault; the message names the site.
    pub fn new(env: &Env, name: impl Into<Label>, profile: KvProfile) -> Self {
        Self::create(env, None, name.into(), profile)
    }

    /// Creates a store with a replica on another node, which may have another clock.
    ///
    /// # Panics
    /// As [`Kv::new`].
    pub fn with_replica(primary: &Env, replica: &Env, name: impl Into<Label>, profile: KvProfile) -> Self {
        Self::create(primary, Some(replica), name.into(), profile)
    }

    fn create(primary: &Env, replica: Option<&Env>, name: Label, profile: KvProfile) -> Self {
        profile.check(name, replica.is_some());
        let kv = Self(Rc::new(KvState {
            name,
            profile,
            cluster: RefCell::new(Cluster::new(primary, replica, &profile)),
            has_replica: replica.is_some(),
            subscribers: RefCell::default(),
            writers: RefCell::default(),
        }));
        primary.world.at_close(Rc::clone(&kv.0) as _);
        kv
    }

    /// Creates a client on the node of `env`.
    pub fn client(&self, env: &Env) -> Client {
        Client::new(self, env, Target::Primary)
    }

    /// Creates a client that reads from the replica.
    ///
    /// # Panics
    /// If there is no replica.
    pub fn replica_client(&self, env: &Env) -> Client {
        assert!(self.0.has_replica, "Kv::replica_client: `{}` has no replica", self.0.name);
        Client::new(self, env, Target::Replica)
    }

    /// Returns when the replica has what was written, as far as is known now; `None` if the primary has failed since.
    fn replicated(&self, written: Option<Written>, now: Moment) -> Option<Moment> {
        match written {
            // Nothing to wait for.
            None => Some(if self.0.has_replica { now } else { Moment::NEVER }),
            Some(written) => self.0.cluster.borrow_mut().replicated(written, now),
        }
    }

    fn epoch(&self) -> u32 {
        self.0.cluster.borrow().epoch()
    }
}
