//! `INSERT` and `ON CONFLICT`.
//!
//! PostgreSQL documentation, INSERT. A plain insert writes its row and then checks the unique indexes one by one,
//! waiting for any transaction that holds the key pending. With `ON CONFLICT` the constraints are checked first; a
//! committed holder that the snapshot cannot see is acceptable at read committed and gives 40001 at the higher
//! levels.

use std::collections::VecDeque;

use crate::Database;
use crate::checks::Checks;
use crate::error::{DatabaseError, concurrent_update};
use crate::heap::Tid;
use crate::lock_mode::{LockMode, LockWait};
use crate::row_lock::{LockRequest, Locked, Purpose, RowLock};
use crate::scan::{IndexRef, is_visible};
use crate::schema::{Deferral, RowRef, TableId};
use crate::scope::Scope;
use crate::session::WaitOn;
use crate::statement::Output;
use crate::unique::{Entering, Probe};
use crate::xact::{Snapshot, Undo};

/// Computes the rows to insert.
pub(crate) type Produce = Box<dyn FnOnce(&mut Scope<'_>) -> Result<Vec<RowRef>, DatabaseError>>;

/// Computes the result of `DO UPDATE` from the existing and the proposed row.
pub(crate) type Merge = Box<
    dyn FnMut(
        &dyn std::any::Any,
        &dyn std::any::Any,
        &mut Scope<'_>,
    ) -> Result<Option<RowRef>, DatabaseError>,
>;

/// The `ON CONFLICT` clause.
pub(crate) enum Conflict {
    Fail,
    /// `DO NOTHING`, for one constraint or for all.
    Skip(Option<IndexRef>),
    Update(IndexRef, Merge),
}

/// The stage of the current row.
enum Stage {
    /// Checking the constraints of the clause before anything is written, from this number on: after a wait the check goes
    /// on at the constraint where it has waited.
    Probe(RowRef, usize),
    /// Locking the conflicting row, to update it.
    Merge(RowRef, RowLock),
    /// Writing that update.
    Write(RowLock, RowRef, LockMode),
    /// Entering the new version into the indexes.
    Enter(Entering),
}

/// An `INSERT` and its progress.
pub(crate) struct InsertOp {
    pub table: TableId,
    source: Option<Produce>,
    pub rows: VecDeque<RowRef>,
    pub conflict: Conflict,
    /// The mode in which `DO UPDATE` locks the conflicting row.
    pub merge_mode: LockMode,
    stage: Option<Stage>,
    answer: Vec<RowRef>,
    checks: Checks,
}

impl InsertOp {
    pub(crate) fn of_row(table: TableId, row: RowRef) -> Self {
        let mut op = Self::empty(table);
        op.rows.push_back(row);
        op
    }

    pub(crate) fn computed(table: TableId, source: Produce) -> Self {
        Self { source: Some(source), ..Self::empty(table) }
    }

    fn empty(table: TableId) -> Self {
        Self {
            table,
            source: None,
            rows: VecDeque::new(),
            conflict: Conflict::Fail,
            merge_mode: LockMode::NoKeyUpdate,
            stage: None,
            answer: Vec::new(),
            checks: Checks::default(),
        }
    }
}

/// Returns a constraint as an arbiter; a deferrable constraint cannot be one.
fn arbiter(index: usize, deferral: Deferral) -> Result<usize, DatabaseError> {
    match deferral {
        Deferral::Immediate => Ok(index),
        Deferral::StatementEnd | Deferral::TransactionEnd => {
            Err(DatabaseError::ObjectNotInState { call: "ON CONFLICT with a deferrable constraint" })
        }
    }
}

impl Database {
    /// Advances an `INSERT`; returns `None` while it waits.
    pub(crate) fn run_insert(
        &mut self,
        me: usize,
        snapshot: Snapshot,
        op: &mut InsertOp,
    ) -> Result<Option<Output>, DatabaseError> {
        if let Some(source) = op.source.take() {
            op.rows = source(&mut Scope { db: self, me, snapshot })?.into();
        }
        loop {
            let stage = match op.stage.take() {
                Some(stage) => stage,
                None => match op.rows.pop_front() {
                    Some(row) => self.begin_row(me, op, row)?,
                    None => break,
                },
            };
            let waiting = match stage {
                Stage::Probe(row, from) => self.probe_conflict(me, snapshot, op, row, from)?,
                Stage::Merge(row, lock) => self.merge_row(me, snapshot, op, row, lock)?,
                Stage::Write(lock, row, mode) => self.write_merged(me, op, lock, row, mode)?,
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

    fn begin_row(&mut self, me: usize, op: &mut InsertOp, row: RowRef) -> Result<Stage, DatabaseError> {
        let schema = &self.tables[op.table].schema;
        let primary = schema.indexes.iter().find(|index| index.primary);
        if primary.is_some_and(|index| (index.key)(row.as_ref()).has_null()) {
            return Err(DatabaseError::NullInKey { table: schema.name.clone() });
        }
        schema.check(&row)?;
        match op.conflict {
            Conflict::Fail => self.place_row(me, op, row),
            _ => Ok(Stage::Probe(row, 0)),
        }
    }

    /// Writes the row itself; its index entries follow.
    fn place_row(&mut self, me: usize, op: &mut InsertOp, row: RowRef) -> Result<Stage, DatabaseError> {
        self.track_insert(me, op.table)?;
        let xid = self.current_xid(me);
        let xact = &mut self.sessions[me].xact;
        let tid = self.tables[op.table].append(row.clone(), xid, xact.command, false);
        xact.undo.push(Undo::Created(op.table, tid));
        xact.wrote = true;
        op.answer.push(row);
        Ok(Stage::Enter(Entering::new_row(op.table, tid)))
    }

    /// Returns the constraints that the `ON CONFLICT` clause covers.
    fn arbiters(&self, op: &InsertOp) -> Result<Vec<usize>, DatabaseError> {
        match &op.conflict {
            Conflict::Fail => Ok(Vec::new()),
            Conflict::Skip(None) => {
                let indexes = self.tables[op.table].schema.indexes.iter().enumerate();
                indexes
                    .filter_map(|(at, def)| def.unique.map(|deferral| (at, deferral)))
                    .map(|(at, deferral)| arbiter(at, deferral))
                    .collect()
            }
            Conflict::Skip(Some(index)) | Conflict::Update(index, _) => {
                let index = self.resolve(op.table, index)?;
                match self.tables[op.table].schema.indexes[index].unique {
                    Some(deferral) => Ok(vec![arbiter(index, deferral)?]),
                    None => Err(DatabaseError::Unsupported { what: "ON CONFLICT without a unique index" }),
                }
            }
        }
    }

    /// Looks for a conflicting row; returns true if it must wait to decide.
    fn probe_conflict(
        &mut self,
        me: usize,
        snapshot: Snapshot,
        op: &mut InsertOp,
        row: RowRef,
        from: usize,
    ) -> Result<bool, DatabaseError> {
        let mut found = Probe::Free;
        let mut at = from;
        for index in self.arbiters(op)?.into_iter().skip(from) {
            let key = self.tables[op.table].schema.key(index, &row);
            found = self.probe_unique(me, op.table, index, &key, None);
            if found != Probe::Free {
                break;
            }
            at += 1;
        }
        if found == Probe::Free && matches!(op.conflict, Conflict::Skip(None)) {
            found = self.probe_exclusions(me, op.table, &row, None).map_or(Probe::Free, |(probe, _)| probe);
        }
        match found {
            Probe::Wait(xid) => {
                self.wait_on(me, WaitOn::Xid(xid));
                op.stage = Some(Stage::Probe(row, at));
                return Ok(true);
            }
            // The constraints before it may be violated by now.
            Probe::Free if from > 0 => op.stage = Some(Stage::Probe(row, 0)),
            Probe::Free => op.stage = Some(self.place_row(me, op, row)?),
            Probe::Live(tid) => match op.conflict {
                Conflict::Update(..) => op.stage = Some(Stage::Merge(row, RowLock::on(tid))),
                // PostgreSQL does not track this check as a read (source, `ExecCheckTIDVisible`).
                _ => self.require_visible(me, op.table, tid, snapshot)?,
            },
        }
        Ok(false)
    }

    /// Requires, above read committed, that a conflicting row is visible to the snapshot or was written by this
    /// transaction.
    fn require_visible(
        &self,
        me: usize,
        table: TableId,
        tid: Tid,
        snapshot: Snapshot,
    ) -> Result<(), DatabaseError> {
        let xact = &self.sessions[me].xact;
        let acceptable = self.tables[table]
            .heap
            .get(&tid)
            .is_some_and(|version| xact.owns(version.xid) || is_visible(version, snapshot, xact));
        if xact.level.keeps_snapshot() && !acceptable { Err(concurrent_update()) } else { Ok(()) }
    }

    /// Locks the conflicting row and computes its update; returns true if it must wait.
    fn merge_row(
        &mut self,
        me: usize,
        snapshot: Snapshot,
        op: &mut InsertOp,
        row: RowRef,
        mut lock: RowLock,
    ) -> Result<bool, DatabaseError> {
        let table = op.table;
        let request = LockRequest {
            mode: op.merge_mode,
            wait: LockWait::Block,
            follow: false,
            purpose: Purpose::Newest,
        };
        match self.lock_row(me, table, &mut lock, request)? {
            Locked::Waiting => {
                op.stage = Some(Stage::Merge(row, lock));
                return Ok(true);
            }
            Locked::Got => {}
            Locked::Invisible | Locked::SelfModified => return Err(DatabaseError::ConflictAffectsRowTwice),
            _ if self.sessions[me].xact.level.keeps_snapshot() => return Err(concurrent_update()),
            // The row has changed: start the search again.
            _ => {
                op.stage = Some(Stage::Probe(row, 0));
                return Ok(false);
            }
        }
        self.require_visible(me, table, lock.tid, snapshot)?;
        let old = self.row(table, lock.tid)?;
        let Conflict::Update(_, merge) = &mut op.conflict else {
            return Ok(false);
        };
        let scope = &mut Scope { db: self, me, snapshot };
        if let Some(new) = merge(old.as_ref(), row.as_ref(), scope)? {
            self.tables[table].schema.check(&new)?;
            if self.recorder.is_some() {
                self.transcribe_new_row(me, table, &new);
            }
            let mode = self.write_mode(table, &old, Some(&new));
            op.stage = Some(Stage::Write(lock, new, mode));
        }
        Ok(false)
    }

    /// Writes the update of the conflicting row; returns true if it must wait.
    fn write_merged(
        &mut self,
        me: usize,
        op: &mut InsertOp,
        mut lock: RowLock,
        row: RowRef,
        mode: LockMode,
    ) -> Result<bool, DatabaseError> {
        let request = LockRequest { mode, wait: LockWait::Block, follow: false, purpose: Purpose::Write };
        match self.lock_row(me, op.table, &mut lock, request)? {
            Locked::Waiting => {
                op.stage = Some(Stage::Write(lock, row, mode));
                return Ok(true);
            }
            Locked::Got => {}
            // The row is locked by this transaction, so no other can have changed it.
            _ => return Err(concurrent_update()),
        }
        let (old, is_own) = self.row_to_replace(me, op.table, lock.tid)?;
        let next = self.end_version(me, op.table, lock.tid, Some(row.clone()), mode)?;
        self.note_key_change(me, op.table, lock.tid, &old, Some(&row), &mut op.checks);
        op.answer.push(row);
        op.stage = next.map(|next| Stage::Enter(Entering::successor(op.table, next, old, is_own)));
        Ok(false)
    }
}
