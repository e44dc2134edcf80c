//! The operations of closures inside a statement: reads under its snapshot, draws from sequences, requests for ids.

use std::rc::Rc;

use crate::Database;
use crate::error::DatabaseError;
use crate::key::Key;
use crate::lock_mode::LockMode;
use crate::scan::IndexRef;
use crate::schema::{RowRef, TableHandle};
use crate::sequence::Sequence;
use crate::transcript_form::{read_all, read_key};
use crate::xact::{Snapshot, XactStatus, Xid};

/// A running statement's view of the database.
///
/// Reads see the statement's snapshot, also while a row is re-checked after a wait: only the re-checked row itself is
/// newer. At serializable they are tracked like any other read.
pub struct Scope<'a> {
    pub(crate) db: &'a mut Database,
    pub(crate) me: usize,
    pub(crate) snapshot: Snapshot,
}

impl Scope<'_> {
    /// Returns the visible row of that primary key.
    ///
    /// # Errors
    /// 40001 at serializable, if the transaction must be rolled back; [`DatabaseError::ForeignHandle`] for a handle of another
    /// database.
    pub fn get<R: 'static>(
        &mut self,
        table: TableHandle<R>,
        key: impl Into<Key>,
    ) -> Result<Option<Rc<R>>, DatabaseError> {
        let id = self.db.table(table, "Scope::get")?;
        self.db.note_table(self.me, id);
        let key = key.into();
        let row = self.db.read_by_key(self.me, id, &key, self.snapshot)?;
        if self.db.recorder.is_some() {
            let sql = |database: &Database| read_key(database.table_name(id), true, &key);
            self.db.transcribe_read(self.me, id, sql, row.as_slice());
        }
        Ok(row.and_then(|row| row.downcast().ok()))
    }

    /// Returns the visible row of that key in a unique constraint.
    ///
    /// # Errors
    /// 40001 at serializable, if the transaction must be rolled back; [`DatabaseError::ForeignHandle`] for a handle of another
    /// database.
    pub fn get_by<R: 'static>(
        &mut self,
        table: TableHandle<R>,
        constraint: &str,
        key: impl Into<Key>,
    ) -> Result<Option<Rc<R>>, DatabaseError> {
        let id = self.db.table(table, "Scope::get_by")?;
        self.db.note_table(self.me, id);
        let index = self.db.resolve(id, &IndexRef::Named(constraint.to_owned()))?;
        let key = key.into();
        let row = self.db.read_by_index(self.me, (id, index), &key, self.snapshot)?;
        if self.db.recorder.is_some() {
            let is_primary = self.db.tables[id].schema.indexes[index].primary;
            let sql = |database: &Database| read_key(database.table_name(id), is_primary, &key);
            self.db.transcribe_read(self.me, id, sql, row.as_slice());
        }
        Ok(row.and_then(|row| row.downcast().ok()))
    }

    /// Passes every visible row to the caller, in the order of the primary key, without keeping any.
    ///
    /// # Errors
    /// 40001 at serializable, if the transaction must be rolled back; [`DatabaseError::ForeignHandle`] for a handle of another
    /// database.
    pub fn for_each<R: 'static>(
        &mut self,
        table: TableHandle<R>,
        mut show: impl FnMut(&R),
    ) -> Result<(), DatabaseError> {
        let id = self.db.table(table, "Scope::for_each")?;
        self.db.note_table(self.me, id);
        if self.db.recorder.is_some() {
            let mut rows: Vec<RowRef> = Vec::new();
            self.db.read_in_key_order(self.me, id, self.snapshot, |row| rows.push(row.clone()))?;
            self.db.transcribe_read(self.me, id, |database| read_all(database.table_name(id)), &rows);
            rows.iter().filter_map(|row| row.downcast_ref()).for_each(show);
            return Ok(());
        }
        self.db.read_in_key_order(self.me, id, self.snapshot, |row| {
            if let Some(row) = row.downcast_ref() {
                show(row);
            }
        })
    }

    /// Returns every visible row, in the order of a sequential scan.
    ///
    /// # Errors
    /// 40001 at serializable, if the transaction must be rolled back; [`DatabaseError::ForeignHandle`] for a handle of another
    /// database.
    pub fn scan<R: 'static>(&mut self, table: TableHandle<R>) -> Result<Vec<Rc<R>>, DatabaseError> {
        let id = self.db.table(table, "Scope::scan")?;
        self.db.note_table(self.me, id);
        let rows = self.db.read_all(self.me, id, self.snapshot)?;
        self.db.transcribe_read(self.me, id, |database| read_all(database.table_name(id)), &rows);
        Ok(rows.into_iter().filter_map(|row| row.downcast().ok()).collect())
    }

    /// Returns the next value of a sequence. It is never returned to the sequence, not even by a rollback.
    ///
    /// # Errors
    /// 25006 on a standby; [`DatabaseError::ForeignHandle`] for a sequence of another database.
    pub fn nextval(&mut self, sequence: Sequence) -> Result<i64, DatabaseError> {
        self.db.draw(self.me, sequence)
    }

    /// Returns the value that this session last drew from a sequence.
    ///
    /// # Errors
    /// 55000 before the first `nextval` of the session.
    pub fn currval(&mut self, sequence: Sequence) -> Result<i64, DatabaseError> {
        self.db.drawn(self.me, sequence)
    }

    /// Takes an advisory lock for the transaction if it is free, as `pg_try_advisory_xact_lock` does in a condition or
    /// a select list. Returns whether it was free. The lock remains even if the row is filtered out.
    pub fn try_advisory_lock(&mut self, key: i64) -> bool {
        self.db.try_advisory_in_statement(self.me, key, LockMode::Update)
    }

    /// The shared form of [`try_advisory_lock`](Self::try_advisory_lock).
    pub fn try_advisory_lock_shared(&mut self, key: i64) -> bool {
        self.db.try_advisory_in_statement(self.me, key, LockMode::Share)
    }

    /// Returns the id of this transaction, which is assigned on first need (`pg_current_xact_id`).
    pub fn transaction_id(&mut self) -> Xid {
        // Numbers of transactions differ between servers.
        self.db.transcribe_value(self.me, || "select pg_current_xact_id()".to_owned(), None);
        self.db.top_xid(self.me)
    }

    /// Returns the id of this transaction, if it has one (`pg_current_xact_id_if_assigned`).
    pub fn assigned_transaction_id(&self) -> Option<Xid> {
        self.db.sessions[self.me].xact.xid
    }

    /// Returns the oldest transaction id that was still running when the snapshot was taken
    /// (`pg_snapshot_xmin(pg_current_snapshot())`). Rows of smaller ids are complete: no more of them will appear.
    pub fn snapshot_xmin(&self) -> Xid {
        self.snapshot.xmin
    }

    /// Returns the fate of a transaction id (`pg_xact_status`); `None` if it was never assigned.
    pub fn transaction_status(&self, xid: Xid) -> Option<XactStatus> {
        self.db.transaction_status(xid)
    }
}
