//! Locks of whole tables: the eight modes, and how a transaction holds them.
//!
//! PostgreSQL documentation, chapter "Explicit Locking", table-level locks. Every statement locks its tables in a weak
//! mode until the transaction ends; the weak modes do not conflict with each other. So they are bits of the
//! transaction, until a session requests a strong mode on the table: then they become holds that the lock manager
//! knows, as PostgreSQL transfers its fast-path locks (source, `FastPathTransferRelationLocks`). A request waits behind
//! an earlier one that it conflicts with, which is why a waiting `ALTER TABLE` blocks every reader.
//!
//! Not modelled: the locks of sub-selects in closures never wait.

use crate::Database;
use crate::checks::Check;
use crate::error::DatabaseError;
use crate::lock_manager::{Acquired, Mode};
use crate::schema::{OnDelete, TableId};
use crate::session::WaitOn;
use crate::statement::{Op, Output};
use crate::xact::Block;

/// The mode of a lock on a table, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableLock {
    /// `SELECT`.
    AccessShare,
    /// `SELECT FOR UPDATE` and the like.
    RowShare,
    /// `INSERT`, `UPDATE`, `DELETE`.
    RowExclusive,
    /// `VACUUM`, `CREATE INDEX CONCURRENTLY`, `ALTER TABLE VALIDATE CONSTRAINT`.
    ShareUpdateExclusive,
    /// `CREATE INDEX`.
    Share,
    /// `CREATE TRIGGER`, `ADD FOREIGN KEY`.
    ShareRowExclusive,
    /// `REFRESH MATERIALIZED VIEW CONCURRENTLY`.
    Exclusive,
    /// Most forms of `ALTER TABLE`, `DROP TABLE`, `TRUNCATE`.
    AccessExclusive,
}

impl TableLock {
    const WEAK: [TableLock; 3] = [Self::AccessShare, Self::RowShare, Self::RowExclusive];

    const fn is_weak(self) -> bool {
        (self as usize) < Self::WEAK.len()
    }

    /// Returns whether two transactions cannot hold these modes on one table at the same time.
    ///
    /// ```
    /// use shakedown_database::TableLock::{AccessExclusive, AccessShare, RowExclusive, Share};
    /// assert!(AccessShare.conflicts_with(AccessExclusive));
    /// assert!(RowExclusive.conflicts_with(Share) && !Share.conflicts_with(Share));
    /// ```
    pub fn conflicts_with(self, other: Self) -> bool {
        match self {
            Self::AccessShare => other == Self::AccessExclusive,
            Self::RowShare => other >= Self::Exclusive,
            Self::RowExclusive => other >= Self::Share,
            Self::ShareUpdateExclusive => other >= Self::ShareUpdateExclusive,
            Self::Share => other >= Self::RowExclusive && other != Self::Share,
            Self::ShareRowExclusive => other >= Self::RowExclusive,
            Self::Exclusive => other >= Self::RowShare,
            Self::AccessExclusive => true,
        }
    }
}

impl Mode for TableLock {
    fn conflicts(self, other: Self) -> bool {
        self.conflicts_with(other)
    }
}

/// The weak locks of a transaction that the lock manager need not know.
#[derive(Clone, Debug, Default)]
pub(crate) struct WeakLocks {
    /// One word for each weak mode, with a bit for each of the first tables.
    bits: [u64; 3],
    /// Those on further tables.
    others: Vec<(TableId, TableLock)>,
}

impl WeakLocks {
    #[inline]
    fn note(&mut self, table: TableId, mode: TableLock) {
        if table < 64 {
            self.bits[mode as usize] |= 1 << table;
        } else if !self.others.contains(&(table, mode)) {
            self.others.push((table, mode));
        }
    }

    fn holds(&self, table: TableId, mode: TableLock) -> bool {
        if !mode.is_weak() {
            return false;
        }
        if table < 64 {
            self.bits[mode as usize] & (1 << table) != 0
        } else {
            self.others.contains(&(table, mode))
        }
    }

    pub(crate) fn clear(&mut self) {
        self.bits = [0; 3];
        self.others.clear();
    }
}

impl Database {
    /// Returns whether any session holds or awaits a strong lock on a table. While none does, a read needs no lock.
    pub fn has_table_locks(&self) -> bool {
        !self.locks.tables.is_empty()
    }

    /// Takes the lock that a statement needs on a table; returns false while it waits.
    #[inline]
    pub(crate) fn enter_table(
        &mut self,
        me: usize,
        table: TableId,
        mode: TableLock,
    ) -> Result<bool, DatabaseError> {
        if self.locks.tables.is_empty() {
            self.sessions[me].xact.weak.note(table, mode);
            return Ok(true);
        }
        self.enter_locked_table(me, table, mode)
    }

    fn enter_locked_table(
        &mut self,
        me: usize,
        table: TableId,
        mode: TableLock,
    ) -> Result<bool, DatabaseError> {
        let state = &mut self.sessions[me];
        let is_known = state.table_request.is_none() && state.xact.weak.holds(table, mode);
        if is_known || state.replica.is_some() {
            return Ok(true);
        }
        if !self.locks.tables.is_used(table) {
            state.xact.weak.note(table, mode);
            return Ok(true);
        }
        self.acquire_table(me, table, mode)
    }

    /// Takes the lock of an operation's table; returns false while it waits.
    pub(crate) fn enter_tables(&mut self, me: usize, op: &Op) -> Result<bool, DatabaseError> {
        match op {
            Op::Get { table, .. } => self.enter_table(me, *table, TableLock::AccessShare),
            Op::Select(select) => {
                let locks = select.lock.is_some();
                let mode = if locks { TableLock::RowShare } else { TableLock::AccessShare };
                self.enter_table(me, select.scan.table, mode)
            }
            Op::Insert(insert) => self.enter_table(me, insert.table, TableLock::RowExclusive),
            Op::Write(write) => self.enter_table(me, write.scan.table, TableLock::RowExclusive),
            _ => Ok(true),
        }
    }

    /// Takes the lock that a check needs on the other table; returns false while it waits.
    pub(crate) fn enter_checked_table(&mut self, me: usize, check: Check) -> Result<bool, DatabaseError> {
        let foreign_key = |child: TableId, fk: usize| &self.tables[child].schema.foreign_keys[fk];
        let (table, mode) = match check {
            Check::Parent { child, fk, .. } => (foreign_key(child, fk).parent, TableLock::RowShare),
            Check::Children { child, fk, .. } => match foreign_key(child, fk).on_delete {
                OnDelete::NoAction | OnDelete::Restrict => (child, TableLock::RowShare),
                OnDelete::Cascade | OnDelete::Set(_) => (child, TableLock::RowExclusive),
            },
            Check::Unique { .. } => return Ok(true),
        };
        self.enter_table(me, table, mode)
    }

    /// Notes the lock of a sub-select in a closure, which cannot wait.
    #[inline]
    pub(crate) fn note_table(&mut self, me: usize, table: TableId) {
        let mode = TableLock::AccessShare;
        if self.locks.tables.is_empty() {
            self.sessions[me].xact.weak.note(table, mode);
        } else if !self.sessions[me].xact.weak.holds(table, mode)
            && self.locks.tables.try_acquire(table, me, mode)
        {
            self.hold_table(me, table, mode);
        }
    }

    /// `LOCK TABLE`; returns `None` while it waits.
    pub(crate) fn run_lock_table(
        &mut self,
        me: usize,
        table: TableId,
        mode: TableLock,
        waits: bool,
    ) -> Result<Option<Output>, DatabaseError> {
        if self.sessions[me].xact.block != Block::Open {
            return Err(DatabaseError::NoActiveTransaction { call: "LOCK TABLE" });
        }
        if self.sessions[me].replica.is_some() {
            return Err(DatabaseError::Unsupported { what: "LOCK TABLE on a standby" });
        }
        if !mode.is_weak() && !self.locks.tables.is_used(table) {
            self.transfer_weak_locks(table);
        }
        if !self.locks.tables.is_used(table) {
            // A weak lock, or the first strong one: no other transaction holds a conflicting lock.
            if mode.is_weak() {
                self.sessions[me].xact.weak.note(table, mode);
                return Ok(Some(Output::Unit));
            }
        } else if self.sessions[me].table_request.is_none() && self.sessions[me].xact.weak.holds(table, mode)
        {
            return Ok(Some(Output::Unit));
        }
        if !waits {
            if !self.locks.tables.try_acquire(table, me, mode) {
                return Err(DatabaseError::RowLocked { table: self.tables[table].schema.name.clone() });
            }
            self.hold_table(me, table, mode);
            return Ok(Some(Output::Unit));
        }
        let is_held = self.acquire_table(me, table, mode)?;
        Ok(is_held.then_some(Output::Unit))
    }

    /// Makes the lock manager know the weak locks on a table.
    fn transfer_weak_locks(&mut self, table: TableId) {
        for session in 0..self.sessions.len() {
            for mode in TableLock::WEAK {
                let state = &mut self.sessions[session];
                if state.replica.is_none() && state.xact.weak.holds(table, mode) {
                    self.locks.tables.hold(table, session, mode);
                    state.xact.table_locks.push((table, mode));
                }
            }
        }
    }

    /// Acquires a lock, or continues to wait for it; returns whether the session holds it.
    fn acquire_table(&mut self, me: usize, table: TableId, mode: TableLock) -> Result<bool, DatabaseError> {
        if self.sessions[me].table_request.is_some() {
            if self.locks.tables.is_queued(table, me) {
                return Ok(false);
            }
            self.sessions[me].table_request = None;
            // A statement takes its snapshot when it has its locks.
            let keeps_snapshot = self.sessions[me].xact.level.keeps_snapshot();
            if self.sessions[me].snapshot.is_some() && !keeps_snapshot {
                self.sessions[me].snapshot = Some(self.fresh_snapshot(me));
            }
        } else {
            match self.locks.tables.acquire(table, me, mode) {
                Acquired::Now => {}
                Acquired::Deadlock => return Err(DatabaseError::DeadlockDetected),
                Acquired::Queued => {
                    self.sessions[me].table_request = Some((table, mode));
                    self.wait_on(me, WaitOn::Table(table));
                    return Ok(false);
                }
            }
        }
        self.hold_table(me, table, mode);
        Ok(true)
    }

    /// Records a lock that the lock manager has granted.
    fn hold_table(&mut self, me: usize, table: TableId, mode: TableLock) {
        let xact = &mut self.sessions[me].xact;
        xact.table_locks.push((table, mode));
        if mode.is_weak() {
            xact.weak.note(table, mode);
        }
    }

    /// Gives up a request for a lock that the session has not recorded, whether it was granted or not.
    pub(crate) fn withdraw_table_request(&mut self, me: usize) {
        if let Some((table, mode)) = self.sessions[me].table_request.take() {
            let mut woken = Vec::new();
            if self.locks.tables.is_queued(table, me) {
                self.locks.tables.cancel(table, me, &mut woken);
            } else {
                self.locks.tables.release(table, me, mode, &mut woken);
            }
            self.wake(&woken);
        }
    }

    /// Releases the locks beyond the first `keep`, except the weak ones that the transaction still has.
    pub(crate) fn release_tables(&mut self, me: usize, keep: usize) {
        if self.sessions[me].xact.table_locks.len() <= keep {
            return;
        }
        let mut woken = Vec::new();
        for (table, mode) in self.sessions[me].xact.table_locks.split_off(keep) {
            if self.sessions[me].xact.weak.holds(table, mode) {
                self.sessions[me].xact.table_locks.push((table, mode));
            } else {
                self.locks.tables.release(table, me, mode, &mut woken);
            }
        }
        self.wake(&woken);
    }
}
