//! A transactional table store: durable state that survives the nodes, shared by all of them.
//!
//! It is the database core ([`database`](crate::database)) put into the simulated world: statements are
//! futures, waits end by virtual time, what may go wrong is a choice, and every commit is an event, a fact a
//! row, and a signal. What the core models (isolation levels, row locks, deadlocks, constraints in a race), the
//! store does; this page and its modules add only what lies between a server and its clients.
//!
//! - [`Store::begin`] opens a transaction on a session of a pool, [`Store::connect`] a [`Connection`] for state of a
//!   session: advisory locks, `LISTEN`. [`Store::begin_on_standby`] reads a standby.
//! - A [`Pool`] has a number of connections, which can be exhausted. Their sessions return as they were left, unless the
//!   pool resets them. Through a [`Pooler`] in transaction mode, state of a session does not stay with the client.
//!   [`Store::begin`] needs neither: it takes a free session that is clean, and there are always enough. The server may
//!   limit the number of sessions ([`StoreProfile::connections_max`]).
//! - A table may have [`Constraints`]: unique keys of several columns or of some rows, foreign keys with actions, check and
//!   exclusion constraints. [`Query`] and [`Predicate`] are statements as values: they are printed as SQL in traces.
//! - A transaction may lock a whole table ([`Transaction::lock_table`]), with a [`TableLock`](crate::database::TableLock), as a change
//!   of the schema does; the queue behind it
//!   blocks every reader.
//! - A statement runs at the server: once it is sent it continues, also if its client pauses or dies; a lock passes to the
//!   next session in the queue, whether its client is scheduled or not. Statements take time if the profile says so, and
//!   may be slow.
//! - A commit takes time. Its response may be lost before or after the effect, or arrive after the client has timed out:
//!   the client cannot tell which. A connection may break at any statement.
//! - The session of a dead client keeps its transaction and locks until the server notices.
//! - A failover ends every session and refuses new ones for a while; what the standby had not replayed, or the
//!   backup from which all is restored, may be lost, and the tables' hooks then receive the reverse change.
//!
//! Not modelled: triggers, `ON UPDATE` actions, joins (read two tables, or use
//! [`Scope`](crate::database::Scope) in a statement), and plans: a query names the index that it uses. Of the core's
//! statements only the common ones have a method; [`Transaction::execute`] takes any other.
//!
//! Sources: the PostgreSQL manual, chapters "Concurrency Control", "Explicit Locking", "High Availability"; error codes from
//! its appendix A; what a lost connection does, observed on PostgreSQL 15; referential actions, compared with recorded
//! results of PostgreSQL 15.
//!
//! Reading order: `table` and `constraints`, `transaction` (with `statements`, `predicate`, `query`), `commit`,
//! [`Connection`], `pool` and `pooler`, `server`, `line` and `late` (how a statement runs), `waits` (lock waits in
//! traces), `standby` and `follower`.

mod commit;
mod connection;
mod constraints;
mod error;
mod follower;
mod late;
mod line;
mod pool;
mod pooler;
mod predicate;
mod profile;
mod query;
mod server;
mod standby;
mod statements;
mod table;
mod transaction;
mod waits;

pub use connection::{Connection, Setting};
pub use constraints::Constraints;
pub use error::StoreError;
pub use pool::{AcquireError, Pool, PoolProfile, Pooled, Reset};
pub use pooler::{Pooler, PoolerConnection, PoolerTransaction};
pub use predicate::{Column, Predicate};
pub use profile::{CommitFault, FailoverFault, StatementFault, StoreProfile};
pub use query::Query;
pub use table::{Change, Row, Table};
pub use transaction::Transaction;

use shakedown_database::{Isolation, LockMode, LockWait};

use crate::env::Env;
use server::Server;
use std::rc::Rc;

/// The store. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct Store(Rc<Server>);

impl Store {
    /// A store that runs on the node of `env`, which should be one that never crashes: a failing database
    /// server is shown through its connections.
    ///
    /// # Panics
    /// If the profile lists what cannot be; the message names the site.
    pub fn new(env: &Env, profile: StoreProfile) -> Self {
        profile.check();
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
