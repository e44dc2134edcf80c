//! The errors of statements and commits that a client receives.

use shakedown_database::DatabaseError;

/// Why a statement or a commit failed. [`code`](StoreError::code) is PostgreSQL's SQLSTATE for it.
///
/// After any of them but [`CommitUnknown`](StoreError::CommitUnknown) nothing of the transaction will come
/// to stand, unless it goes back to a savepoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error, serde::Serialize)]
#[non_exhaustive]
pub enum StoreError {
    /// 23505: a row with this key is there already.
    #[error("duplicate key")]
    UniqueViolation,
    /// 40001: the transaction does not fit in with what others did meanwhile; all of it may be tried again.
    #[error("serialization failure")]
    SerializationFailure,
    /// 40P01: it was chosen to break a circle of waits; all of it may be tried again.
    #[error("deadlock")]
    Deadlock,
    /// 55P03: the lock was not to be had in time.
    #[error("lock timeout")]
    LockTimeout,
    /// 55P03: somebody holds the row, and the statement was not to wait.
    #[error("row is locked")]
    RowLocked,
    /// 57014: the statement took too long, or its client gave it up.
    #[error("statement canceled")]
    Canceled,
    /// 25P02: a statement before this one has failed.
    #[error("transaction has failed before")]
    InFailedTransaction,
    /// 25006: a write on a standby.
    #[error("read-only transaction")]
    ReadOnly,
    /// 25P03: the transaction sat idle for too long, and the server ended its session.
    #[error("idle for too long in a transaction")]
    IdleTimeout,
    /// 08006: the connection is gone; the transaction will be rolled back.
    #[error("connection lost")]
    ConnectionLost,
    /// 57P02: the server went down; the transaction is rolled back.
    #[error("server went down")]
    ServerDown,
    /// 08007: the connection broke while the commit was under way: it took effect, or not, or will.
    #[error("connection lost during commit")]
    CommitUnknown,
    /// 53300: the server has as many connections as it accepts.
    #[error("sorry, too many clients already")]
    TooManyConnections,
    /// Anything else that the server refuses, by its SQLSTATE.
    #[error("refused with SQLSTATE {code}")]
    Refused {
        /// The SQLSTATE.
        code: &'static str,
    },
}

impl StoreError {
    /// Whether the same may succeed later though no table has changed and no lock was released.
    pub(super) const fn may_pass(self) -> bool {
        match self {
            StoreError::SerializationFailure
            | StoreError::Deadlock
            | StoreError::LockTimeout
            | StoreError::Canceled
            | StoreError::IdleTimeout
            | StoreError::ConnectionLost
            | StoreError::ServerDown
            | StoreError::TooManyConnections
            | StoreError::CommitUnknown => true,
            StoreError::UniqueViolation
            | StoreError::RowLocked
            | StoreError::InFailedTransaction
            | StoreError::ReadOnly
            | StoreError::Refused { .. } => false,
        }
    }

    /// The SQLSTATE that PostgreSQL reports.
    pub const fn code(self) -> &'static str {
        match self {
            StoreError::UniqueViolation => "23505",
            StoreError::SerializationFailure => "40001",
            StoreError::Deadlock => "40P01",
            StoreError::LockTimeout | StoreError::RowLocked => "55P03",
            StoreError::Canceled => "57014",
            StoreError::InFailedTransaction => "25P02",
            StoreError::ReadOnly => "25006",
            StoreError::IdleTimeout => "25P03",
            StoreError::ConnectionLost => "08006",
            StoreError::ServerDown => "57P02",
            StoreError::CommitUnknown => "08007",
            StoreError::TooManyConnections => "53300",
            StoreError::Refused { code } => code,
        }
    }

    /// Whether the transaction did nothing and may succeed if all of it is tried again: a serialization
    /// failure or a deadlock.
    ///
    /// ```
    /// use shakedown_sim::StoreError;
    /// assert!(StoreError::Deadlock.is_retryable());
    /// assert!(!StoreError::CommitUnknown.is_retryable(), "it may have taken effect");
    /// ```
    pub const fn is_retryable(self) -> bool {
        matches!(self, StoreError::SerializationFailure | StoreError::Deadlock)
    }

    /// The client's view of a server's error.
    ///
    /// # Panics
    /// If it is a mistake of the caller that no server would see: a handle of another store, a table whose
    /// rows are of another type, a name that the schema does not have.
    pub(super) fn from_server(error: DatabaseError) -> Self {
        match error {
            DatabaseError::UniqueViolation { .. } => StoreError::UniqueViolation,
            DatabaseError::SerializationFailure(_) => StoreError::SerializationFailure,
            DatabaseError::DeadlockDetected => StoreError::Deadlock,
            DatabaseError::LockTimeout => StoreError::LockTimeout,
            DatabaseError::RowLocked { .. } => StoreError::RowLocked,
            DatabaseError::StatementTimeout | DatabaseError::Canceled => StoreError::Canceled,
            DatabaseError::InFailedTransaction => StoreError::InFailedTransaction,
            DatabaseError::ReadOnlyTransaction => StoreError::ReadOnly,
            DatabaseError::IdleInTransactionTimeout => StoreError::IdleTimeout,
            DatabaseError::ConnectionClosed | DatabaseError::AdminShutdown => StoreError::ConnectionLost,
            DatabaseError::CrashShutdown => StoreError::ServerDown,
            DatabaseError::ForeignHandle { .. }
            | DatabaseError::WrongRowType { .. }
            | DatabaseError::DuplicateTable { .. }
            | DatabaseError::UndefinedTable { .. }
            | DatabaseError::UndefinedObject { .. }
            | DatabaseError::Misuse { .. } => panic!("{error}"),
            other => StoreError::Refused { code: other.code() },
        }
    }
}
