//! Statements as values, and the results of their polls.
//!
//! A [`Statement`] is built without a database, passed to [`Database::poll`](crate::Database::poll) and polled again
//! whenever the database lists its session as ready. It holds its own progress: its writes and locks remain while it
//! waits, as a server process keeps its position in a plan.

use std::any::Any;
use std::rc::Rc;

use crate::changes::CommitOutcome;
use crate::checks::Checks;
use crate::error::DatabaseError;
use crate::insert::InsertOp;
use crate::key::Key;
use crate::lock_mode::LockMode;
use crate::schema::RowRef;
use crate::schema::TableId;
use crate::scope::Scope;
use crate::select::SelectOp;
use crate::session::{Settings, Timer, WaitFor};
use crate::table_lock::TableLock;
use crate::write::WriteOp;
use crate::xact::Isolation;

/// The erased result of a statement.
pub(crate) enum Output {
    Unit,
    Flag(bool),
    Row(Option<RowRef>),
    Rows(Vec<RowRef>),
    Ended(CommitOutcome),
    Value(Box<dyn Any>),
}

/// The continuation of a statement whose parts share one snapshot.
pub(crate) type Continue = Box<dyn FnOnce(Output, &mut Scope<'_>) -> Result<(u32, Op), DatabaseError>>;

/// A computation within a statement's snapshot.
pub(crate) type Compute = Box<dyn FnOnce(&mut Scope<'_>) -> Result<Output, DatabaseError>>;

/// The lifetime of an advisory lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdvisoryScope {
    /// To the end of the transaction, or of the savepoint if that is rolled back.
    Transaction,
    /// To the end of the session, independent of transactions; a lock taken twice must be released twice.
    Session,
}

/// A running statement: the erased operation and its progress.
pub(crate) enum Op {
    /// Finished, or moved elsewhere.
    Spent,
    Answer(Output),
    Begin {
        level: Option<Isolation>,
        read_only: bool,
    },
    SetLevel(Isolation),
    Commit {
        two_steps: bool,
        checks: Option<Checks>,
    },
    Rollback,
    LockTable {
        table: TableId,
        mode: TableLock,
        waits: bool,
    },
    Savepoint(String),
    RollbackTo(String),
    Release(String),
    Configure {
        change: fn(&mut Settings, u64),
        value: u64,
        local: bool,
    },
    Get {
        table: TableId,
        key: Key,
    },
    Select(Box<SelectOp>),
    Insert(Box<InsertOp>),
    Write(Box<WriteOp>),
    Advisory {
        key: i64,
        mode: LockMode,
        scope: AdvisoryScope,
        asks_only: bool,
        queued: bool,
    },
    AdvisoryUnlock {
        key: i64,
        mode: LockMode,
    },
    AdvisoryUnlockAll,
    Notify {
        channel: String,
        payload: String,
    },
    Listen {
        channel: Option<String>,
        listen: bool,
    },
    Compute(Option<Compute>),
    Chain {
        first: Box<Op>,
        next: Option<Continue>,
    },
}

impl Op {
    /// Returns whether the statement concerns the transaction, its locks or its settings, and sees no rows.
    pub(crate) fn is_control(&self) -> bool {
        matches!(
            self,
            Self::Begin { .. }
                | Self::SetLevel(_)
                | Self::Commit { .. }
                | Self::Rollback
                | Self::LockTable { .. }
                | Self::Savepoint(_)
                | Self::RollbackTo(_)
                | Self::Release(_)
                | Self::Configure { .. }
        )
    }
}

/// The result of a poll.
#[derive(Debug)]
pub enum Step<T> {
    /// The statement is finished.
    Done(Result<T, DatabaseError>),
    /// The statement waits; poll it again when the database lists its session as ready.
    Wait(Wait),
}

impl<T> Step<T> {
    /// Returns the result, if the statement is finished.
    pub fn done(self) -> Option<Result<T, DatabaseError>> {
        match self {
            Self::Done(answer) => Some(answer),
            Self::Wait(_) => None,
        }
    }
}

/// The reason why a statement waits, and its timers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The object of the wait.
    pub on: WaitFor,
    /// The running timers; fire each with [`Database::timer`](crate::Database::timer) at its time.
    pub timers: Vec<Timer>,
}

/// A statement with a result of type `T`.
///
/// ```
/// use shakedown_database::{Database, Step, TableDef};
///
/// #[derive(Clone)]
/// struct Account { id: i64, balance: i64 }
///
/// let mut db = Database::new(0);
/// let accounts = db.create_table(TableDef::keyed("account", |a: &Account| a.id.into()))?;
/// let session = db.connect();
/// let mut insert = accounts.insert(Account { id: 1, balance: 10 }).build();
/// assert!(matches!(db.poll(session, &mut insert, 0), Step::Done(Ok(_))));
///
/// let mut deposit = accounts.at(1).update(|a| Account { balance: a.balance + 5, ..a.clone() });
/// let Step::Done(Ok(rows)) = db.poll(session, &mut deposit, 0) else { panic!("nobody else is here") };
/// assert_eq!(rows[0].balance, 15);
/// # Ok::<(), shakedown_database::DatabaseError>(())
/// ```
pub struct Statement<T> {
    pub(crate) op: Op,
    /// The database whose handles are used, or 0 where none is.
    pub(crate) database: u32,
    /// The run of this statement; 0 before the first poll.
    pub(crate) serial: u64,
    pub(crate) read: fn(Output) -> Option<T>,
}

fn read_value<T: 'static>(output: Output) -> Option<T> {
    match output {
        Output::Value(value) => value.downcast().ok().map(|value| *value),
        _ => None,
    }
}

pub(crate) fn read_row<R: 'static>(output: Output) -> Option<Option<Rc<R>>> {
    match output {
        Output::Row(None) => Some(None),
        Output::Row(Some(row)) => row.downcast().ok().map(Some),
        _ => None,
    }
}

pub(crate) fn read_rows<R: 'static>(output: Output) -> Option<Vec<Rc<R>>> {
    match output {
        Output::Rows(rows) => rows.into_iter().map(|row| row.downcast().ok()).collect(),
        _ => None,
    }
}

impl<T> Statement<T> {
    pub(crate) fn new(database: u32, op: Op, read: fn(Output) -> Option<T>) -> Self {
        Self { op, database, serial: 0, read }
    }

    /// Returns whether the statement has been polled.
    pub fn is_started(&self) -> bool {
        self.serial != 0
    }
}

impl<T: 'static> Statement<T> {
    /// Combines two parts into one statement under one snapshot, as a sub-select and the command around it: the
    /// second part is built from the result of the first.
    ///
    /// ```
    /// use shakedown_database::{Database, LockMode, LockWait, Statement, Step, TableDef};
    /// let mut db = Database::new(0);
    /// let jobs = db.create_table(TableDef::keyed("job", |job: &(i64, bool)| job.0.into()))?;
    /// let session = db.connect();
    /// let mut claim = jobs
    ///     .all()
    ///     .in_key_order()
    ///     .filter(|job| !job.1)
    ///     .select()
    ///     .limit(1)
    ///     .lock(LockMode::Update, LockWait::SkipLocked)
    ///     .build()
    ///     .then(move |found, _| Ok(jobs.keys(found.iter().map(|job| job.0)).update(|job| (job.0, true))));
    /// assert!(matches!(db.poll(session, &mut claim, 0), Step::Done(Ok(rows)) if rows.is_empty()));
    /// # Ok::<(), shakedown_database::DatabaseError>(())
    /// ```
    pub fn then<U: 'static>(
        self,
        next: impl FnOnce(T, &mut Scope<'_>) -> Result<Statement<U>, DatabaseError> + 'static,
    ) -> Statement<U> {
        // The erased result of the second part is wrapped, so that one reader serves every `U`.
        self.chain(move |answer, scope| {
            let second = next(answer, scope)?;
            Ok((second.database, second.map(|answer, _| Ok(answer)).op))
        })
    }

    /// Transforms the result inside the statement's snapshot, as a select list does.
    pub fn map<U: 'static>(
        self,
        project: impl FnOnce(T, &mut Scope<'_>) -> Result<U, DatabaseError> + 'static,
    ) -> Statement<U> {
        self.chain(move |answer, scope| {
            let value: Box<dyn Any> = Box::new(project(answer, scope)?);
            Ok((0, Op::Answer(Output::Value(value))))
        })
    }

    fn chain<U: 'static>(
        self,
        next: impl FnOnce(T, &mut Scope<'_>) -> Result<(u32, Op), DatabaseError> + 'static,
    ) -> Statement<U> {
        let read = self.read;
        let next: Continue = Box::new(move |output, scope| match read(output) {
            Some(answer) => next(answer, scope),
            None => Err(DatabaseError::Misuse { call: "Statement::map: the result has another type" }),
        });
        let op = Op::Chain { first: Box::new(self.op), next: Some(next) };
        Statement::new(self.database, op, read_value::<U>)
    }

    /// Builds a computation that reads through a [`Scope`]: `SELECT` without a table of its own.
    pub fn compute(body: impl FnOnce(&mut Scope<'_>) -> Result<T, DatabaseError> + 'static) -> Self {
        let compute: Compute = Box::new(move |scope| {
            let value: Box<dyn Any> = Box::new(body(scope)?);
            Ok(Output::Value(value))
        });
        Self::new(0, Op::Compute(Some(compute)), read_value::<T>)
    }
}
