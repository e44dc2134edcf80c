//! Sessions: settings, the running statement, its wait, and its timers.

use std::collections::{BTreeSet, VecDeque};

use crate::checks::Checks;
use crate::error::DatabaseError;
use crate::lock_manager::LockTag;
use crate::lock_mode::LockMode;
use crate::notify::Notification;
use crate::schema::TableId;
use crate::statement::Op;
use crate::table_lock::TableLock;
use crate::xact::{Isolation, Snapshot, Xact, Xid};

/// A copyable handle to one connection of one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session {
    pub(crate) database: u32,
    pub(crate) slot: usize,
    pub(crate) generation: u32,
}

impl Session {
    /// Returns a small number that names the session in reports: sessions are numbered as they connect, and the
    /// number of an ended session is reused.
    pub fn number(self) -> usize {
        self.slot
    }
}

/// One second: the time that a PostgreSQL session waits for a lock before it checks for a deadlock.
pub const DEADLOCK_TIMEOUT_NS: u64 = 1_000_000_000;

/// The settings of a session; zero switches a timeout off, as in PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The longest wait for one lock.
    pub lock_timeout_ns: u64,
    /// The longest duration of one statement.
    pub statement_timeout_ns: u64,
    /// The longest time that an open transaction may be idle.
    pub idle_in_transaction_timeout_ns: u64,
    /// The duration of a wait before the deadlock check.
    pub deadlock_timeout_ns: u64,
    /// The level of transactions that do not name one.
    pub default_isolation: Isolation,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lock_timeout_ns: 0,
            statement_timeout_ns: 0,
            idle_in_transaction_timeout_ns: 0,
            deadlock_timeout_ns: DEADLOCK_TIMEOUT_NS,
            default_isolation: Isolation::ReadCommitted,
        }
    }
}

/// The object of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// The end of a transaction (or of the savepoint that wrote).
    Transaction(Xid),
    /// Its turn at a row for which another session already waits.
    RowQueue,
    /// A lock on a table, by the table's number.
    Table(usize),
    /// An advisory lock.
    Advisory(i64),
    /// The driver's confirmation that the commit record is safe; see
    /// [`Database::acknowledge`](crate::Database::acknowledge).
    Acknowledgement,
}

/// The limit that a [`Timer`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// Check for a deadlock now.
    Deadlock,
    /// `lock_timeout`.
    Lock,
    /// `statement_timeout`.
    Statement,
    /// `idle_in_transaction_session_timeout`.
    IdleInTransaction,
}

/// A moment at which the database must be notified that time has passed.
///
/// Timers are never cancelled: a timer whose wait or statement has ended does nothing when it fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// The time, in nanoseconds.
    pub at: u64,
    /// The session.
    pub session: Session,
    /// The limit.
    pub kind: TimerKind,
    /// The wait, statement or idle period it belongs to.
    pub(crate) epoch: u64,
}

/// The inner form of [`WaitFor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitOn {
    Xid(Xid),
    Lock(LockTag),
    Table(TableId),
    Acknowledgement,
}

/// A wait in progress.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub on: WaitOn,
    pub since: u64,
    pub epoch: u64,
}

/// The server's state of one connection.
#[derive(Default)]
pub(crate) struct SessionState {
    pub generation: u32,
    pub open: bool,
    /// The client is dead, but the server has not noticed.
    pub client_gone: bool,
    /// The reason why the session ended, until the client has received it.
    pub farewell: Option<DatabaseError>,
    pub settings: Settings,
    pub xact: Xact,
    /// The snapshot in use; it keeps old versions from being vacuumed.
    pub snapshot: Option<Snapshot>,
    /// The running statement, or 0.
    pub running: u64,
    pub started: u64,
    /// The deferred checks of an implicit transaction whose statement has finished.
    pub ending: Option<Checks>,
    /// Whether the running statement is a COMMIT.
    pub committing: bool,
    /// The result of the running statement, if it was decided during a wait.
    pub verdict: Option<DatabaseError>,
    pub waiting: Option<Waiting>,
    /// The place that is held or queued for at a row.
    pub place: Option<(LockTag, LockMode)>,
    /// The transactions that the wait at a row began with, and that have not ended yet.
    pub awaited: Vec<Xid>,
    /// The lock on a table that was requested and is not recorded yet.
    pub table_request: Option<(TableId, TableLock)>,
    /// Session-scoped advisory locks.
    pub advisory: Vec<(i64, LockMode)>,
    pub channels: BTreeSet<String>,
    pub inbox: VecDeque<Notification>,
    /// The statement of a client that died while it ran.
    pub orphan: Option<(Op, u64)>,
    /// The time since which the session has been idle.
    pub idle_since: u64,
    /// Counts idle periods, to detect stale idle timers.
    pub idle_epoch: u64,
    /// The standby that this session reads, if any.
    pub replica: Option<usize>,
}
