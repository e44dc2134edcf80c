//! The errors of statements and commits that a client receives.

use shakedown_database::DatabaseError;

/// Why a statement or a commit failed. [`code`](StoreError::code) is PostgreSQL's SQLSTATE for it.
///
/// After any of them but [`CommitUnknown`](StoreError::CommitUnknown) the transaction has no effect, unless it rolls back
/// to a savepoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error, serde::Serialize)]
#[non_exhaustive]
pub enum StoreError {
    /// 23505: a row with this key is there already.
    #[error("duplicate key")]
    UniqueViolation,
    /// 23503: a row references no row, or another row still references it.
    #[error("foreign key violation")]
    ForeignKeyViolation,
    /// 23514: a row does not satisfy a check constraint.
    #[error("check violation")]
    CheckViolation,
    /// 23P01: a row conflicts with another under an exclusion constraint.
    #[error("exclusion violation")]
    ExclusionViolation,
    /// 40001: no serial order of the concurrent transactions gives these results; retry the whole transaction.
    #[error("serialization failure")]
    SerializationFailure,
    /// 40P01: the transaction was chosen to break a cycle of waits; retry the whole transaction.
    #[error("deadlock")]
    Deadlock,
    /// 55P03: the lock was not granted within the lock timeout.
    #[error("lock timeout")]
    LockTimeout,
    /// 55P03: another transaction holds the row, and the statement does not wait.
    #[error("row is locked")]
    RowLocked,
    /// 57014: the statement exceeded its timeout, or its client canceled it.
    #[error("statement canceled")]
    Canceled,
    /// 25P02: a statement before this one has failed.
    #[error("transaction has failed before")]
    InFailedTransaction,
    /// 25006: a write on a standby.
    #[error("read-only transaction")]
    ReadOnly,
    /// 25P03: the transaction was idle for too long, and the server ended its session.
    #[error("idle for too long in a transaction")]
    IdleTimeout,
    /// 08006: the connection is lost; the transaction will be rolled back.
    #[error("connection lost")]
    ConnectionLost,
    /// 57P02: the server went down; the transaction is rolled back.
    #[error("server went down")]
    ServerDown,
    /// 08007: the connection broke during the commit, which took effect, or did not, or will.
    #[error("connection lost during commit")]
    CommitUnknown,
    /// 53300: the server has as many connections as it accepts.
    #[error("sorry, too many clients already")]
    TooManyConnections,
    /// Any other error, by its SQLSTATE.
    #[error("refused with SQLSTATE {code}")]
    Refused {
        /// The SQLSTATE.
        code: &'static str,
    },
}

impl StoreError {
    /// Returns whether the same may succeed later although no table has changed and no lock was released.
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
            | StoreError::ForeignKeyViolation
            | StoreError::CheckViolation
            | StoreError::ExclusionViolation
            | StoreError::RowLocked
            | StoreError::InFailedTransaction
            | StoreError::ReadOnly
            | StoreError::Refused { .. } => false,
        }
    }

    /// Returns the SQLSTATE that PostgreSQL reports.
    pub const fn code(self) -> &'static str {
        match self {
            StoreError::UniqueViolation => "23505",
            StoreError::ForeignKeyViolation => "23503",
            StoreError::CheckViolation => "23514",
            StoreError::ExclusionViolation => "23P01",
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

    /// Returns whether the transaction had no effect and may succeed if all of it is retried: a serialization failure or
    /// a deadlock.
    ///
    /// ```
    /// use shakedown_sim::StoreError;
    /// assert!(StoreError::Deadlock.is_retryable());
    /// assert!(!StoreError::CommitUnknown.is_retryable(), "it may have taken effect");
    /// ```
    pub const fn is_retryable(self) -> bool {
        matches!(self, StoreError::SerializationFailure | StoreError::Deadlock)
    }

    /// Returns the client's view of a server's error.
    ///
    /// # Panics
    /// If it is a mistake of the caller that no server would report: a handle of another store, a table whose rows are of
    /// another type, a name that the schema does not have.
    pub(super) fn from_server(error: DatabaseError) -> Self {
        match error {
            DatabaseError::UniqueViolation { .. } => StoreError::UniqueViolation,
            DatabaseError::ForeignKeyMissing { .. } | DatabaseError::ForeignKeyReferenced { .. } => {
                StoreError::ForeignKeyViolation
            }
            DatabaseError::CheckViolation { .. } => StoreError::CheckViolation,
            DatabaseError::ExclusionViolation { .. } => StoreError::ExclusionViolation,
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
