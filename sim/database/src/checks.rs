//! Checks that run after the rows are written: foreign keys, and unique keys that may be deferred.
//!
//! PostgreSQL runs them as triggers at the end of the statement or at commit (source, `ri_triggers.c`). A child locks
//! its parent `FOR KEY SHARE`, so that the key cannot be removed while the child's transaction runs. When a key is
//! removed from a parent, the newest snapshot is searched for children: their presence is an error, or the referential
//! action of `ON DELETE` is a statement of its own over them, which ends before the next check begins. `ON UPDATE` is
//! always `NO ACTION`.

use crate::Database;
use crate::error::{DatabaseError, concurrent_update};
use crate::heap::Tid;
use crate::lock_mode::{LockMode, LockWait};
use crate::row_lock::{LockRequest, Locked, Purpose, RowLock};
use crate::scan::{IndexRef, Path, Scan, is_visible};
use crate::schema::{OnDelete, TableId};
use crate::session::WaitOn;
use crate::unique::Probe;
use crate::write::{Rewrite, WriteOp};
use crate::xact::Snapshot;

/// One check to run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    /// A child row needs its parent.
    Parent { child: TableId, fk: usize, tid: Tid },
    /// A parent's key has been removed; no row may reference it.
    Children { parent: TableId, tid: Tid, child: TableId, fk: usize },
    /// A key was admitted although another row seemed to hold it.
    Unique { table: TableId, index: usize, tid: Tid },
}

/// A list of checks and its progress.
#[derive(Default)]
pub(crate) struct Checks {
    list: Vec<Check>,
    next: usize,
    /// The rows that the current check may lock, and the position among them.
    candidates: Option<(Vec<Tid>, usize)>,
    locking: Option<RowLock>,
    /// The referential action of the current check, and its snapshot.
    acting: Option<(Box<WriteOp>, Snapshot)>,
}

impl Checks {
    pub(crate) fn of(list: Vec<Check>) -> Self {
        Self { list, ..Self::default() }
    }

    pub(crate) fn push(&mut self, check: Check) {
        self.list.push(check);
    }
}

/// The result of one check.
enum Verdict {
    Passed,
    Waiting,
}

impl Database {
    /// Continues a list of checks; returns false while one of them waits.
    pub(crate) fn run_checks(&mut self, me: usize, checks: &mut Checks) -> Result<bool, DatabaseError> {
        while let Some(check) = checks.list.get(checks.next).copied() {
            if !self.enter_checked_table(me, check)? {
                return Ok(false);
            }
            let verdict = match check {
                Check::Parent { child, fk, tid } => self.check_parent(me, checks, child, fk, tid)?,
                Check::Children { parent, tid, child, fk } => {
                    self.check_children(me, checks, (parent, tid), child, fk)?
                }
                Check::Unique { table, index, tid } => self.check_unique(me, table, index, tid)?,
            };
            if let Verdict::Waiting = verdict {
                return Ok(false);
            }
            checks.candidates = None;
            checks.next += 1;
        }
        Ok(true)
    }

    /// Returns what a check sees: everything committed by now (or, with a fixed snapshot, everything that the
    /// snapshot sees), and all writes of this transaction.
    fn check_snapshot(&self, me: usize, newest: bool) -> Snapshot {
        let xact = &self.sessions[me].xact;
        let fixed = self.sessions[me].snapshot.filter(|_| xact.level.keeps_snapshot() && !newest);
        let mut snapshot = fixed.unwrap_or_else(|| self.fresh_snapshot(me));
        snapshot.command = xact.command + 1;
        snapshot
    }

    fn visible_under(
        &self,
        me: usize,
        table: TableId,
        index: usize,
        key: &crate::Key,
        snapshot: Snapshot,
    ) -> Vec<Tid> {
        let state = &self.tables[table];
        let xact = &self.sessions[me].xact;
        let sees =
            |tid: &&Tid| state.heap.get(tid).is_some_and(|version| is_visible(version, snapshot, xact));
        state.under(index, key).iter().filter(sees).copied().collect()
    }

    /// Marks what a check reads, where pages are marked: the rows of a key, or a whole table, as PostgreSQL reads a child
    /// without an index.
    fn mark_checked(
        &mut self,
        me: usize,
        table: TableId,
        key: Option<(usize, &crate::Key)>,
        snapshot: Snapshot,
    ) -> Result<(), DatabaseError> {
        if !self.ssi.marks_pages || self.sessions[me].xact.sxact.is_none() {
            return Ok(());
        }
        let tids: Vec<Tid> = match key {
            Some((index, key)) => {
                self.track_key_read(me, table, index, key);
                self.tables[table].under(index, key).to_vec()
            }
            None => {
                self.track_relation_read(me, table);
                self.tables[table].heap.keys().copied().collect()
            }
        };
        tids.into_iter().try_for_each(|tid| self.sees(me, table, tid, snapshot).map(drop))
    }

    /// Returns whether a written row still exists from the point of view of its own transaction.
    fn is_current(&self, table: TableId, tid: Tid) -> bool {
        self.tables[table].heap.get(&tid).is_some_and(|version| version.over.is_none())
    }

    fn check_parent(
        &mut self,
        me: usize,
        checks: &mut Checks,
        child: TableId,
        fk: usize,
        tid: Tid,
    ) -> Result<Verdict, DatabaseError> {
        if !self.is_current(child, tid) {
            return Ok(Verdict::Passed);
        }
        let schema = self.tables[child].schema.clone();
        let def = &schema.foreign_keys[fk];
        let key = schema.key(def.index, &self.row(child, tid)?);
        if checks.candidates.is_none() {
            let snapshot = self.check_snapshot(me, false);
            self.mark_checked(me, def.parent, Some((def.parent_index, &key)), snapshot)?;
            checks.candidates =
                Some((self.visible_under(me, def.parent, def.parent_index, &key, snapshot), 0));
        }
        match self.lock_candidate(me, checks, def.parent, def.parent_index, &key)? {
            Some(Locked::Waiting) => Ok(Verdict::Waiting),
            Some(_) => Ok(Verdict::Passed),
            None => {
                let (table, constraint) = (schema.name.clone(), def.name.clone());
                Err(DatabaseError::ForeignKeyMissing { table, constraint })
            }
        }
    }

    fn check_children(
        &mut self,
        me: usize,
        checks: &mut Checks,
        (parent, tid): (TableId, Tid),
        child: TableId,
        fk: usize,
    ) -> Result<Verdict, DatabaseError> {
        let schema = self.tables[child].schema.clone();
        let def = &schema.foreign_keys[fk];
        let key = self.tables[parent].schema.key(def.parent_index, &self.row(parent, tid)?);
        let no_action = OnDelete::NoAction;
        let action = if self.is_deleted(parent, tid) { &def.on_delete } else { &no_action };
        let rewrite: Option<Rewrite> = match action {
            OnDelete::NoAction | OnDelete::Restrict => {
                let allows_others = matches!(action, OnDelete::NoAction);
                return self.find_children(me, checks, parent, (child, fk), &key, allows_others);
            }
            OnDelete::Cascade => None,
            OnDelete::Set(change) => {
                let change = change.clone();
                Some(Box::new(move |row, _| change(row)))
            }
        };
        self.act_on_children(me, checks, (child, def.index), key, rewrite)
    }

    /// Returns whether a version was deleted, not replaced.
    fn is_deleted(&self, table: TableId, tid: Tid) -> bool {
        let version = self.tables[table].heap.get(&tid);
        version.and_then(|version| version.over.as_ref()).is_some_and(|over| over.next.is_none())
    }

    /// Deletes or changes the rows that reference a key: a statement of its own under the newest snapshot.
    fn act_on_children(
        &mut self,
        me: usize,
        checks: &mut Checks,
        (child, index): (TableId, usize),
        key: crate::Key,
        rewrite: Option<Rewrite>,
    ) -> Result<Verdict, DatabaseError> {
        let (mut op, snapshot) = match checks.acting.take() {
            Some(acting) => acting,
            None => {
                let snapshot = self.check_snapshot(me, true);
                let crosscheck = self.sessions[me].xact.level.keeps_snapshot();
                let crosscheck = crosscheck.then(|| self.check_snapshot(me, false));
                let path = Path::Keys { index: IndexRef::Number(index), keys: vec![key] };
                let op = WriteOp::new(Scan::new(child, path, None), rewrite).crosschecked(crosscheck);
                self.sessions[me].xact.command += 1;
                (Box::new(op), snapshot)
            }
        };
        if self.run_write(me, snapshot, &mut op)?.is_none() {
            checks.acting = Some((op, snapshot));
            return Ok(Verdict::Waiting);
        }
        Ok(Verdict::Passed)
    }

    /// Fails if a row references a key, unless another parent has it and the constraint allows that.
    fn find_children(
        &mut self,
        me: usize,
        checks: &mut Checks,
        parent: TableId,
        (child, fk): (TableId, usize),
        key: &crate::Key,
        allows_others: bool,
    ) -> Result<Verdict, DatabaseError> {
        let schema = self.tables[child].schema.clone();
        let def = &schema.foreign_keys[fk];
        if checks.candidates.is_none() {
            let snapshot = self.check_snapshot(me, true);
            // Another row may hold the key in the meantime.
            if allows_others {
                self.mark_checked(me, parent, Some((def.parent_index, key)), snapshot)?;
                if !self.visible_under(me, parent, def.parent_index, key, snapshot).is_empty() {
                    return Ok(Verdict::Passed);
                }
            }
            self.mark_checked(me, child, None, snapshot)?;
            checks.candidates = Some((self.visible_under(me, child, def.index, key, snapshot), 0));
        }
        match self.lock_candidate(me, checks, child, def.index, key)? {
            Some(Locked::Waiting) => Ok(Verdict::Waiting),
            None => Ok(Verdict::Passed),
            Some(_) => {
                let (table, constraint) = (self.tables[parent].schema.name.clone(), def.name.clone());
                Err(DatabaseError::ForeignKeyReferenced { table, constraint })
            }
        }
    }

    /// Locks the first candidate that still has the key; returns `None` if there is none.
    fn lock_candidate(
        &mut self,
        me: usize,
        checks: &mut Checks,
        table: TableId,
        index: usize,
        key: &crate::Key,
    ) -> Result<Option<Locked>, DatabaseError> {
        let keeps_snapshot = self.sessions[me].xact.level.keeps_snapshot();
        let (mode, wait) = (LockMode::KeyShare, LockWait::Block);
        let request = LockRequest { mode, wait, follow: !keeps_snapshot, purpose: Purpose::Lock };
        // Rows that this statement itself wrote count, so the lock is taken as by the next command.
        self.sessions[me].xact.command += 1;
        let result = loop {
            let mut lock = match (checks.locking.take(), &mut checks.candidates) {
                (Some(lock), _) => lock,
                (None, Some((tids, next))) if *next < tids.len() => {
                    *next += 1;
                    RowLock::on(tids[*next - 1])
                }
                _ => break Ok(None),
            };
            match self.lock_row(me, table, &mut lock, request) {
                Err(error) => break Err(error),
                Ok(Locked::Waiting) => {
                    checks.locking = Some(lock);
                    break Ok(Some(Locked::Waiting));
                }
                Ok(Locked::Changed | Locked::Gone) if keeps_snapshot => break Err(concurrent_update()),
                Ok(Locked::Got) => {
                    let row = self.row(table, lock.tid);
                    if row.is_ok_and(|row| self.tables[table].schema.key(index, &row) == *key) {
                        break Ok(Some(Locked::Got));
                    }
                }
                Ok(_) => {}
            }
        };
        self.sessions[me].xact.command -= 1;
        result
    }

    fn check_unique(
        &mut self,
        me: usize,
        table: TableId,
        index: usize,
        tid: Tid,
    ) -> Result<Verdict, DatabaseError> {
        if !self.is_current(table, tid) {
            return Ok(Verdict::Passed);
        }
        let schema = self.tables[table].schema.clone();
        let key = schema.key(index, &self.row(table, tid)?);
        match self.probe_unique(me, table, index, &key, Some(tid)) {
            Probe::Free => Ok(Verdict::Passed),
            Probe::Wait(xid) => {
                self.wait_on(me, WaitOn::Xid(xid));
                Ok(Verdict::Waiting)
            }
            Probe::Live(_) => {
                Err(DatabaseError::UniqueViolation { constraint: schema.indexes[index].name.clone() })
            }
        }
    }
}
