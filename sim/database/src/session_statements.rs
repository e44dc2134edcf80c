//! Statements that touch no table: transactions, savepoints, settings, advisory locks, notices.

use crate::changes::CommitOutcome;
use crate::lock_mode::LockMode;
use crate::session::Settings;
use crate::statement::{AdvisoryScope, Op, Output, Statement};
use crate::xact::Isolation;

pub(crate) fn read_unit(output: Output) -> Option<()> {
    matches!(output, Output::Unit).then_some(())
}

fn read_flag(output: Output) -> Option<bool> {
    match output {
        Output::Flag(flag) => Some(flag),
        _ => None,
    }
}

fn read_ended(output: Output) -> Option<CommitOutcome> {
    match output {
        Output::Ended(outcome) => Some(outcome),
        _ => None,
    }
}

impl Statement<()> {
    fn unit(op: Op) -> Self {
        Self::new(0, op, read_unit)
    }

    /// `BEGIN` at the session's default level. Inside a transaction it changes nothing.
    pub fn begin() -> Self {
        Self::unit(Op::Begin { level: None, read_only: false })
    }

    /// `BEGIN ISOLATION LEVEL …`. Inside a transaction it sets the level only.
    pub fn begin_at(level: Isolation) -> Self {
        Self::unit(Op::Begin { level: Some(level), read_only: false })
    }

    /// `BEGIN ISOLATION LEVEL … READ ONLY`.
    pub fn begin_read_only(level: Isolation) -> Self {
        Self::unit(Op::Begin { level: Some(level), read_only: true })
    }

    /// `SET TRANSACTION ISOLATION LEVEL …`: 25001 after the first query.
    pub fn set_isolation(level: Isolation) -> Self {
        Self::unit(Op::SetLevel(level))
    }

    /// `SAVEPOINT name`.
    pub fn savepoint(name: &str) -> Self {
        Self::unit(Op::Savepoint(name.to_owned()))
    }

    /// `ROLLBACK TO SAVEPOINT name`: undoes everything after it and releases the row locks taken since.
    pub fn rollback_to(name: &str) -> Self {
        Self::unit(Op::RollbackTo(name.to_owned()))
    }

    /// `RELEASE SAVEPOINT name`.
    pub fn release(name: &str) -> Self {
        Self::unit(Op::Release(name.to_owned()))
    }

    /// `SET lock_timeout`, in nanoseconds; zero is off. A rollback undoes it.
    pub fn set_lock_timeout(ns: u64) -> Self {
        Self::configure(|settings, value| settings.lock_timeout_ns = value, ns)
    }

    /// `SET statement_timeout`, in nanoseconds; zero is off.
    pub fn set_statement_timeout(ns: u64) -> Self {
        Self::configure(|settings, value| settings.statement_timeout_ns = value, ns)
    }

    /// `SET idle_in_transaction_session_timeout`, in nanoseconds; zero is off.
    pub fn set_idle_in_transaction_timeout(ns: u64) -> Self {
        Self::configure(|settings, value| settings.idle_in_transaction_timeout_ns = value, ns)
    }

    /// `SET deadlock_timeout`, in nanoseconds.
    pub fn set_deadlock_timeout(ns: u64) -> Self {
        Self::configure(|settings, value| settings.deadlock_timeout_ns = value, ns)
    }

    /// `SET default_transaction_isolation`: the level of transactions that do not name one.
    pub fn set_default_isolation(level: Isolation) -> Self {
        let change: fn(&mut Settings, u64) = match level {
            Isolation::ReadCommitted => |settings, _| settings.default_isolation = Isolation::ReadCommitted,
            Isolation::RepeatableRead => |settings, _| settings.default_isolation = Isolation::RepeatableRead,
            Isolation::Serializable => |settings, _| settings.default_isolation = Isolation::Serializable,
        };
        Self::configure(change, 0)
    }

    /// Limits a `set_…` statement to the current transaction, as `SET LOCAL` does.
    #[must_use]
    pub fn local(mut self) -> Self {
        if let Op::Configure { local, .. } = &mut self.op {
            *local = true;
        }
        self
    }

    fn configure(change: fn(&mut Settings, u64), value: u64) -> Self {
        Self::unit(Op::Configure { change, value, local: false })
    }

    /// `pg_advisory_lock` and `pg_advisory_xact_lock`, exclusive.
    pub fn advisory_lock(key: i64, scope: AdvisoryScope) -> Self {
        Self::unit(Op::Advisory { key, mode: LockMode::Update, scope, asks_only: false, queued: false })
    }

    /// The shared form of [`advisory_lock`](Self::advisory_lock).
    pub fn advisory_lock_shared(key: i64, scope: AdvisoryScope) -> Self {
        Self::unit(Op::Advisory { key, mode: LockMode::Share, scope, asks_only: false, queued: false })
    }

    /// `pg_advisory_unlock_all`.
    pub fn advisory_unlock_all() -> Self {
        Self::unit(Op::AdvisoryUnlockAll)
    }

    /// `NOTIFY channel, payload`: sent if and when the transaction commits.
    pub fn notify(channel: &str, payload: &str) -> Self {
        Self::unit(Op::Notify { channel: channel.to_owned(), payload: payload.to_owned() })
    }

    /// `LISTEN channel`.
    pub fn listen(channel: &str) -> Self {
        Self::unit(Op::Listen { channel: Some(channel.to_owned()), listen: true })
    }

    /// `UNLISTEN channel`, or `UNLISTEN *` for `None`.
    pub fn unlisten(channel: Option<&str>) -> Self {
        Self::unit(Op::Listen { channel: channel.map(str::to_owned), listen: false })
    }
}

impl Statement<bool> {
    /// `pg_try_advisory_lock` and `pg_try_advisory_xact_lock`: returns whether the lock was free.
    pub fn try_advisory_lock(key: i64, scope: AdvisoryScope) -> Self {
        let op = Op::Advisory { key, mode: LockMode::Update, scope, asks_only: true, queued: false };
        Self::new(0, op, read_flag)
    }

    /// The shared form of [`try_advisory_lock`](Self::try_advisory_lock).
    pub fn try_advisory_lock_shared(key: i64, scope: AdvisoryScope) -> Self {
        let op = Op::Advisory { key, mode: LockMode::Share, scope, asks_only: true, queued: false };
        Self::new(0, op, read_flag)
    }

    /// `pg_advisory_unlock`: false if this session held no session-scoped lock of that key.
    pub fn advisory_unlock(key: i64) -> Self {
        Self::new(0, Op::AdvisoryUnlock { key, mode: LockMode::Update }, read_flag)
    }

    /// `pg_advisory_unlock_shared`.
    pub fn advisory_unlock_shared(key: i64) -> Self {
        Self::new(0, Op::AdvisoryUnlock { key, mode: LockMode::Share }, read_flag)
    }
}

impl Statement<CommitOutcome> {
    /// `COMMIT`. On a failed transaction it returns [`CommitOutcome::RolledBack`], not an error.
    pub fn commit() -> Self {
        Self::new(0, Op::Commit { two_steps: false, checks: None }, read_ended)
    }

    /// `COMMIT` whose record becomes durable at the first poll and then waits for
    /// [`Database::acknowledge`](crate::Database::acknowledge), as under synchronous replication: until then the
    /// changes are not visible to others and every lock is held.
    pub fn commit_in_two_steps() -> Self {
        Self::new(0, Op::Commit { two_steps: true, checks: None }, read_ended)
    }

    /// `ROLLBACK`.
    pub fn rollback() -> Self {
        Self::new(0, Op::Rollback, read_ended)
    }
}
