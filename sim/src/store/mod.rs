//! A transactional table store: durable state that survives the nodes, shared by all of them.
//!
//! What it does: typed tables with a primary key and, if the row has one, a second unique key. Statements
//! of a transaction see what was committed when they run (read committed) and the transaction's own writes.
//! Rows that are locked or written stay locked until the transaction ends; who wants them waits, at most for
//! the lock timeout. A second insert of a key waits for the end of the first. A commit takes time, and its
//! answer may be lost on either side of its effect: the client cannot tell which. The session of a client
//! that vanished keeps its locks until the server notices.
//!
//! What it does not do: snapshots that span statements, predicate locks, deadlock detection (a cycle ends by
//! the lock timeout). Whoever wants a unique key that an open transaction gives up is refused, not kept
//! waiting. A lock goes to the first of those who wait that is scheduled: a client that is paused or gone
//! while it waits is passed over.
//!
//! The core in [`database`](crate::database) does all of that and more; a later change will put this facade on
//! it, and until then the two are apart.
//!
//! Sources: the PostgreSQL manual, chapters "Concurrency Control" and "Explicit Locking"; error codes from
//! its appendix A.

mod table;
mod transaction;

pub use table::{Change, Row, Table};
pub use transaction::Transaction;

use crate::choice::Alternatives;
use crate::env::Env;
use crate::time::Duration;
use std::cell::Cell;
use std::rc::Rc;

/// How long things take, and what may go wrong.
#[derive(Clone, Copy, Debug)]
pub struct StoreProfile {
    /// From the request to commit until its answer, on the happy path.
    pub commit: Duration,
    /// How long a statement waits for a lock.
    pub lock_timeout: Duration,
    /// What may become of a commit: `fails` (no effect, answer lost), `answer lost` (effect, answer lost).
    pub commit_faults: Alternatives,
    /// How much later the server notices that a client is gone.
    pub notice: Alternatives,
}

/// Why a statement or a commit failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error, serde::Serialize)]
pub enum StoreError {
    /// A row with this key is there already.
    #[error("duplicate key")]
    UniqueViolation,
    /// The lock was not to be had in time.
    #[error("lock timeout")]
    LockTimeout,
    /// The connection broke while the commit was under way: it took effect, or not, or will.
    #[error("connection lost during commit")]
    CommitUnknown,
}

impl StoreError {
    /// The SQLSTATE that PostgreSQL reports.
    pub const fn code(self) -> &'static str {
        match self {
            StoreError::UniqueViolation => "23505",
            StoreError::LockTimeout => "55P03",
            StoreError::CommitUnknown => "08007",
        }
    }
}

/// The store. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct Store(Rc<StoreState>);

struct StoreState {
    env: Env,
    profile: StoreProfile,
    transactions: Cell<u32>,
}

impl Store {
    /// A store that runs on the node of `env`, which should be one that never crashes: a failing database
    /// server is shown through its connections.
    pub fn new(env: &Env, profile: StoreProfile) -> Self {
        Self(Rc::new(StoreState { env: env.clone(), profile, transactions: Cell::new(0) }))
    }

    /// Begins a transaction for the client `env`.
    pub fn begin(&self, env: &Env) -> Transaction {
        let id = self.0.transactions.get() + 1;
        self.0.transactions.set(id);
        Transaction::new(self.clone(), env.clone(), id)
    }
}
