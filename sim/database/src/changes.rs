//! The result of a commit: the outcome for the client, and the list of changed rows.

use std::any::Any;
use std::rc::Rc;

use crate::Database;
use crate::error::DatabaseError;
use crate::heap::{Csn, Tid};
use crate::schema::{RowRef, TableHandle, TableId};
use crate::xact::{Undo, Xid};

/// The outcome of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It committed, or there was nothing to commit.
    Committed,
    /// It was rolled back: by `ROLLBACK`, or by `COMMIT` after an error.
    RolledBack,
}

/// A row before and after a change; `None` where it did not exist.
pub type BeforeAfter<R> = (Option<Rc<R>>, Option<Rc<R>>);

/// The net change of one row by one transaction.
pub struct RowChange {
    /// The number of the table: tables are numbered from zero in the order of their creation.
    pub table: usize,
    /// The row before the change, of the table's row type; absent for an insert.
    pub before: Option<Rc<dyn Any>>,
    /// The row after the change, of the table's row type; absent for a delete.
    pub after: Option<Rc<dyn Any>>,
}

impl RowChange {
    /// Returns the row before and after, if the change belongs to this table.
    pub fn of<R: 'static>(&self, table: TableHandle<R>) -> Option<BeforeAfter<R>> {
        if self.table != table.id {
            return None;
        }
        let typed = |row: &Option<RowRef>| row.clone().and_then(|row| row.downcast().ok());
        Some((typed(&self.before), typed(&self.after)))
    }
}

/// One commit that changed rows.
pub struct CommitRecord {
    /// The transaction id.
    pub xid: Xid,
    /// The place in commit order; greater is later.
    pub csn: u64,
    /// The number of the session.
    pub session: usize,
    /// One entry per changed row, in the order of the first change.
    pub changes: Vec<RowChange>,
}

impl Database {
    /// Switches the recording of commits on or off. It is off at first and costs nothing then.
    pub fn record_commits(&mut self, on: bool) {
        self.records_commits = on;
    }

    /// Takes the commits recorded since the last call, in commit order.
    pub fn take_commits(&mut self) -> Vec<CommitRecord> {
        std::mem::take(&mut self.commits)
    }

    /// Returns the name of the table that a change belongs to.
    ///
    /// # Errors
    /// [`DatabaseError::UndefinedTable`] if the change is one of another database.
    pub fn changed_table(&self, change: &RowChange) -> Result<&str, DatabaseError> {
        let unknown = || DatabaseError::UndefinedTable { table: format!("number {}", change.table) };
        self.tables.get(change.table).map(|table| table.schema.name.as_str()).ok_or_else(unknown)
    }

    /// Records the net changes of a transaction that commits now.
    pub(crate) fn note_commit(&mut self, me: usize, xid: Xid, csn: Csn) {
        if !self.records_commits {
            return;
        }
        let mut changes = Vec::new();
        for undo in &self.sessions[me].xact.undo {
            let change = match *undo {
                // A version created by an update is reported with the row that it replaced.
                Undo::Created(table, tid) => self.net_insert(me, table, tid),
                Undo::Ended(table, tid) => self.net_change(me, table, tid),
            };
            changes.extend(change);
        }
        self.commits.push(CommitRecord { xid, csn, session: me, changes });
    }

    fn net_insert(&self, me: usize, table: TableId, tid: Tid) -> Option<RowChange> {
        let version = self.tables[table].heap.get(&tid)?;
        if version.is_successor {
            return None;
        }
        let after = self.last_of_own(me, table, tid)?;
        Some(RowChange { table, before: None, after: Some(after) })
    }

    fn net_change(&self, me: usize, table: TableId, tid: Tid) -> Option<RowChange> {
        let version = self.tables[table].heap.get(&tid)?;
        if self.sessions[me].xact.owns(version.xid) {
            return None;
        }
        let after = self.last_of_own(me, table, tid);
        Some(RowChange { table, before: Some(version.row.clone()), after })
    }

    /// Returns the row at the end of a chain, or `None` if the chain ends in a delete.
    fn last_of_own(&self, me: usize, table: TableId, mut tid: Tid) -> Option<RowRef> {
        let heap = &self.tables[table].heap;
        loop {
            let version = heap.get(&tid)?;
            match &version.over {
                Some(over) if self.sessions[me].xact.owns(over.xid) => tid = over.next?,
                _ => return Some(version.row.clone()),
            }
        }
    }
}
