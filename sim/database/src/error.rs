//! The errors of statements.
//!
//! Every variant maps to the SQLSTATE that PostgreSQL returns in the same situation (PostgreSQL documentation,
//! appendix A), so that code under test can branch on codes as it does in production. The last three variants are
//! mistakes of the caller that a server would never see; they name the call.

use std::fmt;

/// The reason why a serializable or repeatable-read transaction was rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SerializationCause {
    /// The row was changed or deleted since the snapshot was taken.
    ConcurrentUpdate,
    /// A dangerous structure of read/write dependencies was found.
    ReadWriteDependencies,
}

/// An error that ends a statement. [`code`](Self::code) is its SQLSTATE.
///
/// ```
/// use shakedown_database::DatabaseError;
/// assert_eq!(DatabaseError::DeadlockDetected.code(), "40P01");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseError {
    /// 23505: another live row holds the key.
    UniqueViolation {
        /// The violated constraint.
        constraint: String,
    },
    /// 23503: no parent row holds the referenced key.
    ForeignKeyMissing {
        /// The referencing table.
        table: String,
        /// The violated constraint.
        constraint: String,
    },
    /// 23503: child rows still reference the key that was deleted or changed.
    ForeignKeyReferenced {
        /// The referenced table.
        table: String,
        /// The violated constraint.
        constraint: String,
    },
    /// 23P01: a live row conflicts under an exclusion constraint.
    ExclusionViolation {
        /// The violated constraint.
        constraint: String,
    },
    /// 23514: the row does not satisfy a check constraint.
    CheckViolation {
        /// The table.
        table: String,
        /// The violated constraint.
        constraint: String,
    },
    /// 23502: a primary key contains a null.
    NullInKey {
        /// The table.
        table: String,
    },
    /// 40001: retry the whole transaction.
    SerializationFailure(SerializationCause),
    /// 40P01: this transaction was chosen to break a cycle of waits.
    DeadlockDetected,
    /// 55P03: `NOWAIT` met a locked row.
    RowLocked {
        /// The table.
        table: String,
    },
    /// 55P03: `lock_timeout` passed.
    LockTimeout,
    /// 57014: `statement_timeout` passed.
    StatementTimeout,
    /// 57014: the statement was cancelled from outside.
    Canceled,
    /// 25P02: an earlier statement failed; only the end of the transaction is accepted.
    InFailedTransaction,
    /// 25P01: the statement needs a transaction block.
    NoActiveTransaction {
        /// The rejected statement.
        call: &'static str,
    },
    /// 25001: the isolation level was changed after the first query, or inside a savepoint.
    TransactionAlreadyRead,
    /// 25006: a write in a read-only transaction or on a replica.
    ReadOnlyTransaction,
    /// 25P03: the session sat idle in a transaction for too long and was ended.
    IdleInTransactionTimeout,
    /// 57P01: the session was ended by an administrator.
    AdminShutdown,
    /// 57P02: the server crashed.
    CrashShutdown,
    /// 08006: the session is closed; nothing more can be sent on it.
    ConnectionClosed,
    /// 3B001: no such savepoint.
    NoSuchSavepoint {
        /// The requested name.
        name: String,
    },
    /// 21000: `ON CONFLICT DO UPDATE` met a row that the same command had written.
    ConflictAffectsRowTwice,
    /// 42P07: the name is taken.
    DuplicateTable {
        /// The name.
        table: String,
    },
    /// 42P01: no table of that name.
    UndefinedTable {
        /// The requested name.
        table: String,
    },
    /// 42704: no constraint, index or object of that name.
    UndefinedObject {
        /// The requested name.
        name: String,
    },
    /// 55000: `currval` before `nextval`, or another state that the object is not in.
    ObjectNotInState {
        /// The call.
        call: &'static str,
    },
    /// 0A000: PostgreSQL, or this model of it, rejects the combination.
    Unsupported {
        /// The rejected feature.
        what: &'static str,
    },
    /// An evaluation by the caller's closure failed with its own SQLSTATE (division by zero and the like).
    Evaluation {
        /// The SQLSTATE.
        code: &'static str,
        /// The message.
        message: String,
    },
    /// A handle of one database was used with another.
    ForeignHandle {
        /// The call that received the handle.
        call: &'static str,
    },
    /// A table handle and the rows of its table are of different types.
    WrongRowType {
        /// The table.
        table: String,
    },
    /// A statement was polled after its end, or a session received two statements at once.
    Misuse {
        /// The call and the mistake.
        call: &'static str,
    },
}

impl DatabaseError {
    /// Returns the SQLSTATE, five characters.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UniqueViolation { .. } => "23505",
            Self::ForeignKeyMissing { .. } | Self::ForeignKeyReferenced { .. } => "23503",
            Self::ExclusionViolation { .. } => "23P01",
            Self::CheckViolation { .. } => "23514",
            Self::NullInKey { .. } => "23502",
            Self::SerializationFailure(_) => "40001",
            Self::DeadlockDetected => "40P01",
            Self::RowLocked { .. } | Self::LockTimeout => "55P03",
            Self::StatementTimeout | Self::Canceled => "57014",
            Self::InFailedTransaction => "25P02",
            Self::NoActiveTransaction { .. } => "25P01",
            Self::TransactionAlreadyRead => "25001",
            Self::ReadOnlyTransaction => "25006",
            Self::IdleInTransactionTimeout => "25P03",
            Self::AdminShutdown => "57P01",
            Self::CrashShutdown => "57P02",
            Self::ConnectionClosed => "08006",
            Self::NoSuchSavepoint { .. } => "3B001",
            Self::ConflictAffectsRowTwice => "21000",
            Self::DuplicateTable { .. } => "42P07",
            Self::UndefinedTable { .. } => "42P01",
            Self::UndefinedObject { .. } => "42704",
            Self::ObjectNotInState { .. } => "55000",
            Self::Unsupported { .. } => "0A000",
            Self::Evaluation { code, .. } => code,
            Self::ForeignHandle { .. } | Self::WrongRowType { .. } | Self::Misuse { .. } => "XX000",
        }
    }

    /// Returns whether a retry of the whole transaction may succeed (serialization failure or deadlock).
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::SerializationFailure(_) | Self::DeadlockDetected)
    }

    /// Returns whether the session is closed by this error.
    pub fn ends_session(&self) -> bool {
        matches!(
            self,
            Self::IdleInTransactionTimeout
                | Self::AdminShutdown
                | Self::CrashShutdown
                | Self::ConnectionClosed
        )
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] ", self.code())?;
        match self {
            Self::UniqueViolation { constraint } => write!(f, "a live row holds the key of {constraint}"),
            Self::ForeignKeyMissing { table, constraint } => {
                write!(f, "the row of {table} references no row under {constraint}")
            }
            Self::ForeignKeyReferenced { table, constraint } => {
                write!(f, "the row of {table} is still referenced under {constraint}")
            }
            Self::ExclusionViolation { constraint } => write!(f, "a live row conflicts under {constraint}"),
            Self::CheckViolation { table, constraint } => {
                write!(f, "the row of {table} does not satisfy {constraint}")
            }
            Self::NullInKey { table } => write!(f, "a primary key of {table} contains a null"),
            Self::SerializationFailure(SerializationCause::ConcurrentUpdate) => {
                f.write_str("serialization failure: the row was changed since the snapshot")
            }
            Self::SerializationFailure(SerializationCause::ReadWriteDependencies) => {
                f.write_str("serialization failure: dangerous read/write dependencies")
            }
            Self::DeadlockDetected => f.write_str("deadlock detected"),
            Self::RowLocked { table } => write!(f, "a row of {table} is locked"),
            Self::LockTimeout => f.write_str("lock timeout"),
            Self::StatementTimeout => f.write_str("statement timeout"),
            Self::Canceled => f.write_str("statement cancelled"),
            Self::InFailedTransaction => f.write_str("the transaction has failed and waits for its end"),
            Self::NoActiveTransaction { call } => write!(f, "{call} needs a transaction block"),
            Self::TransactionAlreadyRead => f.write_str("the isolation level must be set before any query"),
            Self::ReadOnlyTransaction => f.write_str("the transaction is read-only"),
            Self::IdleInTransactionTimeout => f.write_str("session ended: idle in transaction"),
            Self::AdminShutdown => f.write_str("session ended by an administrator"),
            Self::CrashShutdown => f.write_str("session ended by a server crash"),
            Self::ConnectionClosed => f.write_str("the session is closed"),
            Self::NoSuchSavepoint { name } => write!(f, "no savepoint {name}"),
            Self::ConflictAffectsRowTwice => {
                f.write_str("ON CONFLICT DO UPDATE met a row of its own command")
            }
            Self::DuplicateTable { table } => write!(f, "table {table} exists"),
            Self::UndefinedTable { table } => write!(f, "no table {table}"),
            Self::UndefinedObject { name } => write!(f, "no object {name}"),
            Self::ObjectNotInState { call } => write!(f, "{call}: the object is not in that state"),
            Self::Unsupported { what } => write!(f, "not supported: {what}"),
            Self::Evaluation { message, .. } => f.write_str(message),
            Self::ForeignHandle { call } => write!(f, "{call}: the handle belongs to another database"),
            Self::WrongRowType { table } => write!(f, "the handle's row type is not that of table {table}"),
            Self::Misuse { call } => f.write_str(call),
        }
    }
}

impl std::error::Error for DatabaseError {}

/// Returns 40001 because a row changed under a fixed snapshot.
pub(crate) fn concurrent_update() -> DatabaseError {
    DatabaseError::SerializationFailure(SerializationCause::ConcurrentUpdate)
}

/// Returns 40001 because of a dangerous structure.
pub(crate) fn dangerous_structure() -> DatabaseError {
    DatabaseError::SerializationFailure(SerializationCause::ReadWriteDependencies)
}
