//! Unique and exclusion constraints: enters a version into the indexes.
//!
//! PostgreSQL documentation, "Index Uniqueness Checks": if a pending row holds the key, a new row waits for that
//! row's transaction; if a live row holds the key, the result is 23505. A deferrable constraint admits the row and
//! checks again later.

use crate::Database;
use crate::checks::{Check, Checks};
use crate::error::DatabaseError;
use crate::heap::{PENDING, Tid};
use crate::key::Key;
use crate::schema::{Deferral, RowRef, TableId};
use crate::session::WaitOn;
use crate::xact::{Xact, Xid};

/// The state of a key (or of a conflicting value).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    Free,
    /// Taken or free, depending on how this transaction ends.
    Wait(Xid),
    /// A live row holds it.
    Live(Tid),
}

/// A version that is being entered into the indexes.
pub(crate) struct Entering {
    table: TableId,
    tid: Tid,
    /// The row before an update.
    old: Option<RowRef>,
    /// Whether the row before was written by the same transaction.
    replaces_own: bool,
    /// The next index to enter.
    index: usize,
}

impl Entering {
    pub(crate) fn new_row(table: TableId, tid: Tid) -> Self {
        Self { table, tid, old: None, replaces_own: false, index: 0 }
    }

    pub(crate) fn successor(table: TableId, tid: Tid, old: RowRef, replaces_own: bool) -> Self {
        Self { table, tid, old: Some(old), replaces_own, index: 0 }
    }
}

/// Adds a check to the list of the statement, or to that of the transaction if it is deferred.
pub(crate) fn add_check(xact: &mut Xact, deferral: Deferral, check: Check, checks: &mut Checks) {
    match deferral {
        Deferral::TransactionEnd => xact.deferred.push(check),
        Deferral::Immediate | Deferral::StatementEnd => checks.push(check),
    }
}

impl Database {
    /// Returns whether a version conflicts with another of the same key.
    fn probe_version(&self, me: usize, table: TableId, tid: Tid) -> Probe {
        let xact = &self.sessions[me].xact;
        let Some(version) = self.tables[table].heap.get(&tid) else {
            return Probe::Free;
        };
        if version.begin == PENDING && !xact.owns(version.xid) {
            return Probe::Wait(version.xid);
        }
        match &version.over {
            None => Probe::Live(tid),
            Some(over) if over.end == PENDING && !xact.owns(over.xid) => Probe::Wait(over.xid),
            Some(_) => Probe::Free,
        }
    }

    /// Returns whether a key is taken by a version other than `own`.
    pub(crate) fn probe_unique(
        &self,
        me: usize,
        table: TableId,
        index: usize,
        key: &Key,
        own: Option<Tid>,
    ) -> Probe {
        if key.has_null() {
            return Probe::Free;
        }
        let others = self.tables[table].under(index, key).iter().filter(|tid| Some(**tid) != own);
        let mut probes = others.map(|tid| self.probe_version(me, table, *tid));
        probes.find(|probe| *probe != Probe::Free).unwrap_or(Probe::Free)
    }

    /// Returns the first exclusion constraint that a row conflicts with, and its state.
    pub(crate) fn probe_exclusions(
        &self,
        me: usize,
        table: TableId,
        row: &RowRef,
        own: Option<Tid>,
    ) -> Option<(Probe, usize)> {
        let state = &self.tables[table];
        for (number, exclusion) in state.schema.exclusions.iter().enumerate() {
            let bucket = state.schema.key(exclusion.index, row);
            for tid in state.under(exclusion.index, &bucket) {
                let conflicts = Some(*tid) != own
                    && state
                        .heap
                        .get(tid)
                        .is_some_and(|v| (exclusion.conflicts)(row.as_ref(), v.row.as_ref()));
                let probe = if conflicts { self.probe_version(me, table, *tid) } else { Probe::Free };
                if probe != Probe::Free {
                    return Some((probe, number));
                }
            }
        }
        None
    }

    /// Enters a version into every index and checks every constraint; returns false if it must wait.
    pub(crate) fn enter_indexes(
        &mut self,
        me: usize,
        entering: &mut Entering,
        checks: &mut Checks,
    ) -> Result<bool, DatabaseError> {
        let (table, tid) = (entering.table, entering.tid);
        let row = self.row(table, tid)?;
        let schema = self.tables[table].schema.clone();
        // A version with a changed key is entered into every index, and so meets the marks on every page.
        let meets_pages = self.ssi.marks_pages
            && entering.old.as_ref().is_some_and(|old| {
                // PostgreSQL has no index for a foreign key.
                let is_internal = |index: usize| schema.foreign_keys.iter().any(|fk| fk.index == index);
                let mut indexes = schema.indexes.iter().enumerate().filter(|(index, _)| !is_internal(*index));
                indexes.any(|(_, def)| (def.key)(old.as_ref()) != (def.key)(row.as_ref()))
            });
        while let Some(def) = schema.indexes.get(entering.index) {
            let key = (def.key)(row.as_ref());
            let is_new = entering.old.as_ref().is_none_or(|old| (def.key)(old.as_ref()) != key);
            if def.primary && key.has_null() {
                return Err(DatabaseError::NullInKey { table: schema.name.clone() });
            }
            if is_new && !self.admit_key(me, entering, &key, def.unique, checks)? {
                return Ok(false);
            }
            if !is_new && meets_pages {
                self.track_key_write(me, table, entering.index, &key)?;
            }
            if !(def.partial && key.has_null()) {
                self.tables[table].enter(entering.index, key, tid);
            }
            entering.index += 1;
        }
        if !schema.exclusions.is_empty()
            && let Some((probe, number)) = self.probe_exclusions(me, table, &row, Some(tid))
        {
            let Probe::Wait(xid) = probe else {
                let constraint = schema.exclusions[number].name.clone();
                return Err(DatabaseError::ExclusionViolation { constraint });
            };
            self.wait_on(me, WaitOn::Xid(xid));
            return Ok(false);
        }
        for (fk, def) in schema.foreign_keys.iter().enumerate() {
            let key = schema.key(def.index, &row);
            // The check of an earlier version of the same transaction is void, so the newest version is checked
            // again.
            let is_new = entering.replaces_own
                || entering.old.as_ref().is_none_or(|old| schema.key(def.index, old) != key);
            if is_new && !key.has_null() {
                let check = Check::Parent { child: table, fk, tid };
                add_check(&mut self.sessions[me].xact, def.deferral, check, checks);
            }
        }
        Ok(true)
    }

    /// Returns whether a key may enter an index now; false if it must wait.
    fn admit_key(
        &mut self,
        me: usize,
        entering: &Entering,
        key: &Key,
        unique: Option<Deferral>,
        checks: &mut Checks,
    ) -> Result<bool, DatabaseError> {
        let Entering { table, tid, index, .. } = *entering;
        let probe = match unique {
            None => Probe::Free,
            Some(_) => self.probe_unique(me, table, index, key, Some(tid)),
        };
        match (probe, unique) {
            (Probe::Wait(xid), Some(Deferral::Immediate)) => {
                self.wait_on(me, WaitOn::Xid(xid));
                return Ok(false);
            }
            (Probe::Live(_), Some(Deferral::Immediate)) => {
                // A transaction that read the absent key should fail with a retryable error rather than with a unique
                // violation.
                self.track_key_write(me, table, index, key)?;
                let constraint = self.tables[table].schema.indexes[index].name.clone();
                return Err(DatabaseError::UniqueViolation { constraint });
            }
            (Probe::Wait(_) | Probe::Live(_), Some(deferral)) => {
                add_check(&mut self.sessions[me].xact, deferral, Check::Unique { table, index, tid }, checks);
            }
            _ => {}
        }
        self.track_key_write(me, table, index, key)?;
        Ok(true)
    }
}
