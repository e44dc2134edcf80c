//! `UPDATE` and `DELETE`, with the re-check of rows that changed during a wait.
//!
//! PostgreSQL documentation, "Read Committed Isolation Level". Each matching row is processed in turn. A pending
//! writer is awaited; if it commits, read committed continues with the newest version, provided that it still
//! matches, and the other levels fail with 40001.

use crate::Database;
use crate::checks::{Check, Checks};
use crate::error::{DatabaseError, concurrent_update};
use crate::heap::Tid;
use crate::lock_mode::{LockMode, LockWait};
use crate::row_lock::{LockRequest, Locked, Purpose, RowLock};
use crate::scan::{Scan, is_visible};
use crate::schema::{Deferral, OnDelete, RowRef, TableId};
use crate::scope::Scope;
use crate::statement::Output;
use crate::unique::{Entering, add_check};
use crate::xact::Snapshot;

/// An erased computation of the new row.
pub(crate) type Rewrite = Box<dyn FnMut(&RowRef, &mut Scope<'_>) -> Result<RowRef, DatabaseError>>;

/// The stage of the current row.
enum Stage {
    /// About to write this version; the new row, if any, is computed.
    Write(RowLock, Option<RowRef>, LockMode),
    /// Locking the newest version after a concurrent change.
    Follow(RowLock, LockMode),
    /// Entering the successor into the indexes.
    Enter(Entering),
}

/// An `UPDATE` or `DELETE` and its progress.
pub(crate) struct WriteOp {
    pub scan: Scan,
    /// `None` deletes.
    rewrite: Option<Rewrite>,
    stage: Option<Stage>,
    answer: Vec<RowRef>,
    checks: Checks,
    scanned: bool,
    /// A snapshot that must see a row too, or the write fails with 40001: that of the transaction, if a referential
    /// action searches a newer one.
    crosscheck: Option<Snapshot>,
}

impl WriteOp {
    pub(crate) fn new(scan: Scan, rewrite: Option<Rewrite>) -> Self {
        Self {
            scan,
            rewrite,
            stage: None,
            answer: Vec::new(),
            checks: Checks::default(),
            scanned: false,
            crosscheck: None,
        }
    }

    pub(crate) fn crosschecked(self, crosscheck: Option<Snapshot>) -> Self {
        Self { crosscheck, ..self }
    }
}

impl WriteOp {
    /// Returns whether this is a `DELETE`.
    pub(crate) fn deletes(&self) -> bool {
        self.rewrite.is_none()
    }
}

impl Database {
    /// Advances an `UPDATE` or `DELETE`; returns `None` while it waits.
    pub(crate) fn run_write(
        &mut self,
        me: usize,
        snapshot: Snapshot,
        op: &mut WriteOp,
    ) -> Result<Option<Output>, DatabaseError> {
        while !op.scanned {
            let stage = match op.stage.take() {
                Some(stage) => stage,
                None => match self.next_match(me, snapshot, &mut op.scan)? {
                    Some(tid) => self.prepare_write(me, snapshot, op, tid)?,
                    None => {
                        op.scanned = true;
                        break;
                    }
                },
            };
            let waiting = match stage {
                Stage::Write(lock, row, mode) => self.write_row(me, op, lock, row, mode)?,
                Stage::Follow(lock, mode) => self.follow_row(me, snapshot, op, lock, mode)?,
                Stage::Enter(mut entering) => {
                    let entered = self.enter_indexes(me, &mut entering, &mut op.checks)?;
                    if !entered {
                        op.stage = Some(Stage::Enter(entering));
                    }
                    !entered
                }
            };
            if waiting {
                return Ok(None);
            }
        }
        if !self.run_checks(me, &mut op.checks)? {
            return Ok(None);
        }
        Ok(Some(Output::Rows(std::mem::take(&mut op.answer))))
    }

    /// Computes the new row of a match and, from it, the mode in which the row must be held.
    fn prepare_write(
        &mut self,
        me: usize,
        snapshot: Snapshot,
        op: &mut WriteOp,
        tid: Tid,
    ) -> Result<Stage, DatabaseError> {
        let old = self.row(op.scan.table, tid)?;
        let row = match &mut op.rewrite {
            Some(rewrite) => Some(rewrite(&old, &mut Scope { db: self, me, snapshot })?),
            None => None,
        };
        if let Some(row) = &row {
            self.tables[op.scan.table].schema.check(row)?;
        }
        if let (Some(row), true) = (&row, self.recorder.is_some()) {
            self.transcribe_new_row(me, op.scan.table, row);
        }
        let mode = self.write_mode(op.scan.table, &old, row.as_ref());
        Ok(Stage::Write(RowLock::on(tid), row, mode))
    }

    /// Returns the lock mode of a write: deleting a row or changing one of its unique keys needs the strongest lock.
    pub(crate) fn write_mode(&self, table: TableId, old: &RowRef, new: Option<&RowRef>) -> LockMode {
        use crate::schema::Deferral::Immediate;
        let Some(new) = new else { return LockMode::Update };
        let schema = &self.tables[table].schema;
        let keys = schema.indexes.iter().filter(|index| index.unique == Some(Immediate) && !index.partial);
        let mut keys = keys.map(|index| (index.key)(old.as_ref()) != (index.key)(new.as_ref()));
        if keys.any(|changed| changed) { LockMode::Update } else { LockMode::NoKeyUpdate }
    }

    /// Writes one row; returns true if it must wait.
    fn write_row(
        &mut self,
        me: usize,
        op: &mut WriteOp,
        mut lock: RowLock,
        row: Option<RowRef>,
        mode: LockMode,
    ) -> Result<bool, DatabaseError> {
        let table = op.scan.table;
        let request = LockRequest { mode, wait: LockWait::Block, follow: false, purpose: Purpose::Write };
        let keeps_snapshot = self.sessions[me].xact.level.keeps_snapshot();
        match self.lock_row(me, table, &mut lock, request)? {
            Locked::Waiting => {
                op.stage = Some(Stage::Write(lock, row, mode));
                return Ok(true);
            }
            Locked::Changed | Locked::Gone if keeps_snapshot => return Err(concurrent_update()),
            Locked::Changed => op.stage = Some(Stage::Follow(RowLock::on(lock.tid), mode)),
            Locked::Got => {
                if op.crosscheck.is_some_and(|snapshot| !self.shows(me, table, lock.tid, snapshot)) {
                    return Err(concurrent_update());
                }
                let (old, is_own) = self.row_to_replace(me, table, lock.tid)?;
                let next = self.end_version(me, table, lock.tid, row.clone(), mode)?;
                self.note_key_change(me, table, lock.tid, &old, row.as_ref(), &mut op.checks);
                op.answer.push(row.unwrap_or_else(|| old.clone()));
                op.stage = next.map(|next| Stage::Enter(Entering::successor(table, next, old, is_own)));
            }
            _ => {}
        }
        Ok(false)
    }

    /// Locks the newest version of a changed row and checks whether it still matches; returns true if it must wait.
    fn follow_row(
        &mut self,
        me: usize,
        snapshot: Snapshot,
        op: &mut WriteOp,
        mut lock: RowLock,
        mode: LockMode,
    ) -> Result<bool, DatabaseError> {
        let request = LockRequest { mode, wait: LockWait::Block, follow: true, purpose: Purpose::Newest };
        match self.lock_row(me, op.scan.table, &mut lock, request)? {
            Locked::Waiting => {
                op.stage = Some(Stage::Follow(lock, mode));
                Ok(true)
            }
            Locked::Got if self.still_matches(me, snapshot, &mut op.scan, lock.tid)? => {
                op.stage = Some(self.prepare_write(me, snapshot, op, lock.tid)?);
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// Records that child rows of a removed key must be searched for.
    pub(crate) fn note_key_change(
        &mut self,
        me: usize,
        table: TableId,
        tid: Tid,
        old: &RowRef,
        new: Option<&RowRef>,
        checks: &mut Checks,
    ) {
        for (child, fk) in &self.tables[table].referenced_by {
            let index = self.tables[*child].schema.foreign_keys[*fk].parent_index;
            let schema = &self.tables[table].schema;
            let key = schema.key(index, old);
            // Nothing references a key with a null.
            let gone = !key.has_null() && new.is_none_or(|new| schema.key(index, new) != key);
            if gone {
                let def = &self.tables[*child].schema.foreign_keys[*fk];
                // Only the check of NO ACTION can be deferred.
                let acts = new.is_none() && !matches!(def.on_delete, OnDelete::NoAction);
                let deferral = if acts { Deferral::StatementEnd } else { def.deferral };
                let check = Check::Children { parent: table, tid, child: *child, fk: *fk };
                add_check(&mut self.sessions[me].xact, deferral, check, checks);
            }
        }
    }

    /// Returns whether a snapshot of this transaction sees a version.
    fn shows(&self, me: usize, table: TableId, tid: Tid, snapshot: Snapshot) -> bool {
        let version = self.tables[table].heap.get(&tid);
        version.is_some_and(|version| is_visible(version, snapshot, &self.sessions[me].xact))
    }

    /// Returns the row of a version that is known to exist, and whether this transaction wrote it.
    pub(crate) fn row_to_replace(
        &self,
        me: usize,
        table: TableId,
        tid: Tid,
    ) -> Result<(RowRef, bool), DatabaseError> {
        let version = self.tables[table].heap.get(&tid).ok_or_else(concurrent_update)?;
        Ok((version.row.clone(), self.sessions[me].xact.owns(version.xid)))
    }

    /// Returns the row of a version that is known to exist.
    pub(crate) fn row(&self, table: TableId, tid: Tid) -> Result<RowRef, DatabaseError> {
        let version = self.tables[table].heap.get(&tid);
        version.map(|version| version.row.clone()).ok_or_else(concurrent_update)
    }
}
