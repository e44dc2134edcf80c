//! Transactions: their ids, levels, savepoints, and the writes that a rollback must undo.
//!
//! An id is assigned when a transaction first writes or locks, as in PostgreSQL. Each savepoint that writes gets an
//! id of its own, so that others can wait for exactly that part. The undo list is exact and applied immediately:
//! after a rollback no trace of the aborted part is left in any table.

use crate::checks::Check;
use crate::heap::{Csn, Tid};
use crate::lock_mode::LockMode;
use crate::schema::TableId;
use crate::session::Settings;
use crate::ssi::SxactId;
use crate::table_lock::{TableLock, WeakLocks};

/// A transaction id. Zero is never assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Xid(pub u64);

/// A transaction isolation level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isolation {
    /// Each statement has its own snapshot and re-checks rows that it had to wait for.
    #[default]
    ReadCommitted,
    /// One snapshot; the first transaction that updates a row wins.
    RepeatableRead,
    /// One snapshot, and 40001 where the outcome could not be that of any serial order.
    Serializable,
}

impl Isolation {
    /// Returns whether one snapshot serves the whole transaction.
    pub fn keeps_snapshot(self) -> bool {
        self != Self::ReadCommitted
    }
}

/// The fate of a transaction id, as in `pg_xact_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XactStatus {
    /// Still running, or waiting for its commit to be acknowledged.
    InProgress,
    /// Committed.
    Committed,
    /// Rolled back, or lost in a failover.
    Aborted,
}

/// The visibility of a transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot {
    /// Commits up to this one are seen.
    pub csn: Csn,
    /// Own writes of commands before this one are seen.
    pub command: u32,
    /// The oldest id still running when the snapshot was taken.
    pub xmin: Xid,
}

/// One write to undo on rollback.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Undo {
    /// A version was created.
    Created(TableId, Tid),
    /// A version was replaced or deleted.
    Ended(TableId, Tid),
}

/// A savepoint: where to cut when rolling back to it.
#[derive(Debug)]
pub(crate) struct Savepoint {
    pub name: String,
    pub xid: Option<Xid>,
    pub undo: usize,
    pub notices: usize,
    pub listens: usize,
    pub deferred: usize,
    pub advisory: usize,
    pub weak: WeakLocks,
    pub table_locks: usize,
    pub settings: Settings,
}

/// The kind of transaction that a session is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Block {
    /// None.
    #[default]
    Idle,
    /// One around a single statement.
    Implicit,
    /// One begun explicitly.
    Open,
    /// One begun explicitly that has failed.
    Failed,
}

/// The transaction of a session. The buffers are reused from one transaction to the next.
#[derive(Debug, Default)]
pub(crate) struct Xact {
    pub block: Block,
    pub level: Isolation,
    pub read_only: bool,
    /// Set by the first statement that takes a snapshot; after it the level is fixed.
    pub has_queried: bool,
    pub xid: Option<Xid>,
    /// All living ids of this transaction, each with the savepoint depth that owns it.
    pub owned: Vec<(Xid, usize)>,
    pub savepoints: Vec<Savepoint>,
    pub undo: Vec<Undo>,
    pub command: u32,
    /// Whether the running command has written.
    pub wrote: bool,
    pub sxact: Option<SxactId>,
    pub notices: Vec<(String, String)>,
    /// Channels to listen to (true) or to leave (false) at commit; `None` means all.
    pub listens: Vec<(Option<String>, bool)>,
    pub deferred: Vec<Check>,
    /// Transaction-scoped advisory locks.
    pub advisory: Vec<(i64, LockMode)>,
    /// Weak locks on tables.
    pub weak: WeakLocks,
    /// Locks on tables that the lock manager knows.
    pub table_locks: Vec<(TableId, TableLock)>,
    /// The settings to restore on rollback.
    pub before: Settings,
    /// The settings after commit, where `SET LOCAL` shadows them.
    pub after: Option<Settings>,
    /// The commit number, once the commit record is durable but not acknowledged.
    pub durable: bool,
}

impl Xact {
    /// Returns whether an id belongs to this transaction and has not been rolled back.
    pub(crate) fn owns(&self, xid: Xid) -> bool {
        self.xid.is_some_and(|top| xid >= top) && self.owned.iter().any(|(own, _)| *own == xid)
    }

    /// Resets to no transaction; keeps the buffers.
    pub(crate) fn clear(&mut self) {
        self.block = Block::Idle;
        self.read_only = false;
        self.has_queried = false;
        self.xid = None;
        self.owned.clear();
        self.savepoints.clear();
        self.undo.clear();
        self.command = 0;
        self.wrote = false;
        self.sxact = None;
        self.notices.clear();
        self.listens.clear();
        self.deferred.clear();
        self.advisory.clear();
        self.weak.clear();
        self.table_locks.clear();
        self.after = None;
        self.durable = false;
    }
}
