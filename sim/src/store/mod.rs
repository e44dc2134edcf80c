//! A transactional table store: durable state that survives the nodes, shared by all of them.
//!
//! It is the database core ([`database`](crate::database)) put into the simulated world: statements are
//! futures, waits end by virtual time, what may go wrong is a choice, and every commit is an event, a fact a
//! row, and a signal. What the core models (isolation levels, row locks, deadlocks, constraints in a race), the
//! store does; this page and its modules add only what lies between a server and its clients.
//!
//! - [`Store::begin`] opens a transaction on a session of a pool, [`Store::connect`] a [`Connection`] of one's
//!   own, for what lives in a session: advisory locks, `LISTEN`. [`Store::begin_on_standby`] reads a standby.
//! - A statement runs at the server: once sent it goes on, also while its client is paused or dead; a lock goes
//!   to who is next in the queue, be it scheduled or not.
//! - A commit takes time. Its answer may be lost on either side of its effect, and it may be read after the
//!   client gave up: the client cannot tell which. A connection may break at any statement.
//! - The session of a client that is gone keeps its transaction and locks until the server notices.
//! - A failover ends every session and refuses new ones for a while; what the standby had not replayed, or the
//!   backup from which all is restored, may be lost, and the tables' hooks are told the reverse.
//!
//! What it does not do: statements take no time of their own, whole-table locks and DDL do not exist, and of
//! the core's statements only the common ones have a method; [`Transaction::execute`] takes any other.
//!
//! Sources: the PostgreSQL manual, chapters "Concurrency Control", "Explicit Locking", "High Availability";
//! error codes from its appendix A; what a lost connection does, observed on PostgreSQL 15.
//!
//! Reading order: `table`, `transaction` (and `statements`), `commit`, [`Connection`], `server` and `line`
//! (what runs a statement), `standby` and `follower`.

mod commit;
mod connection;
mod error;
mod follower;
mod line;
mod server;
mod standby;
mod statements;
mod table;
mod transaction;

pub use connection::Connection;
pub use error::StoreError;
pub use table::{Change, Row, Table};
pub use transaction::Transaction;

use shakedown_database::{Isolation, LockMode, LockWait};

use crate::choice::Alternatives;
use crate::env::Env;
use crate::time::Duration;
use server::Server;
use std::rc::Rc;

/// How long things take, and what may go wrong. A fault that lists only its benign alternative is never
/// offered as a choice.
#[derive(Clone, Copy, Debug)]
pub struct StoreProfile {
    /// From the request to commit until its answer, on the happy path.
    pub commit: Duration,
    /// How long a statement waits for a lock; zero is without limit.
    pub lock_timeout: Duration,
    /// How long a wait lasts before the server looks for a deadlock.
    pub deadlock_timeout: Duration,
    /// How long a statement may take; zero is without limit.
    pub statement_timeout: Duration,
    /// How long a transaction may sit without a statement before the server ends its session; zero is without
    /// limit.
    pub idle_in_transaction: Duration,
    /// The level of transactions that do not name one.
    pub isolation: Isolation,
    /// What may become of a commit: `fails` (no effect, answer lost), `answer lost` (effect, answer lost),
    /// `late DURATION` (the client gives up, the server reads the request that much later).
    pub commit_faults: Alternatives,
    /// Whether the connection breaks at a statement: `lost`.
    pub statement_faults: Alternatives,
    /// How much later the server notices that a client is gone.
    pub notice: Alternatives,
    /// How far the standby is behind a commit, if there is a standby.
    pub standby_lag: Option<Alternatives>,
    /// How far the backup is behind, if there is one: a commit is in it so long after.
    pub backup_lag: Option<Duration>,
    /// How often the primary goes down at most.
    pub failovers_max: u32,
    /// Whether the primary goes down at a commit: `DURATION` until it or its standby serves again, `DURATION with
    /// loss` of what the standby had not replayed, or `DURATION from backup`, which loses what that lacks.
    pub failover: Alternatives,
}

impl StoreProfile {
    /// PostgreSQL's own settings, commits of 5 ms, no standby, and nothing that goes wrong.
    pub const CALM: StoreProfile = StoreProfile {
        commit: Duration::from_millis(5),
        lock_timeout: Duration::ZERO,
        deadlock_timeout: Duration::from_secs(1),
        statement_timeout: Duration::ZERO,
        idle_in_transaction: Duration::ZERO,
        isolation: Isolation::ReadCommitted,
        commit_faults: Alternatives::new(&["commits"]),
        statement_faults: Alternatives::new(&["arrives"]),
        notice: Alternatives::new(&["at once"]),
        standby_lag: None,
        backup_lag: None,
        failovers_max: u32::MAX,
        failover: Alternatives::new(&["up"]),
    };
}

/// The store. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct Store(Rc<Server>);

impl Store {
    /// A store that runs on the node of `env`, which should be one that never crashes: a failing database
    /// server is shown through its connections.
    pub fn new(env: &Env, profile: StoreProfile) -> Self {
        Self(Server::new(env, profile))
    }

    /// Begins a transaction for the client `env`, at the level that the profile says.
    pub fn begin(&self, env: &Env) -> Transaction {
        self.begin_at(env, self.0.profile.isolation)
    }

    /// Begins a transaction of this level for the client `env`.
    pub fn begin_at(&self, env: &Env, level: Isolation) -> Transaction {
        Transaction::new(&self.0, env, self.0.pooled_session(), level)
    }
}
