//! Builders of statements over tables: first the rows, then the action on them.

use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};
use std::rc::Rc;

use crate::error::DatabaseError;
use crate::insert::{Conflict, InsertOp};
use crate::key::Key;
use crate::lock_mode::{LockMode, LockWait};
use crate::scan::{Filter, IndexRef, Path, Scan};
use crate::schema::{RowRef, TableHandle};
use crate::scope::Scope;
use crate::select::{Arrangement, SelectOp};
use crate::session_statements::read_unit;
use crate::statement::{Op, Statement, read_row, read_rows};
use crate::table_lock::TableLock;
use crate::write::{Rewrite, WriteOp};

impl<R: 'static> TableHandle<R> {
    /// Reads the row of that primary key, if visible. This is the cheapest statement.
    pub fn get(self, key: impl Into<Key>) -> Statement<Option<Rc<R>>> {
        Statement::new(self.database, Op::Get { table: self.id, key: key.into() }, read_row::<R>)
    }

    /// Selects all rows, in the order of a sequential scan.
    pub fn all(self) -> Rows<R> {
        Rows { table: self, path: Path::Heap, filter: None }
    }

    /// Selects the row of that primary key.
    pub fn at(self, key: impl Into<Key>) -> Rows<R> {
        Rows { table: self, path: Path::Key(key.into()), filter: None }
    }

    /// Selects the rows of these primary keys.
    pub fn keys<K: Into<Key>>(self, keys: impl IntoIterator<Item = K>) -> Rows<R> {
        let keys = keys.into_iter().map(Into::into).collect();
        Rows { table: self, path: Path::Keys { index: IndexRef::Primary, keys }, filter: None }
    }

    /// Selects the rows whose primary key lies in a range, in key order.
    pub fn range(self, keys: impl RangeBounds<Key>) -> Rows<R> {
        self.all().in_range(IndexRef::Primary, &keys)
    }

    /// Selects the rows of these keys in a named index or unique constraint.
    pub fn keys_in<K: Into<Key>>(self, index: &str, keys: impl IntoIterator<Item = K>) -> Rows<R> {
        let keys = keys.into_iter().map(Into::into).collect();
        Rows {
            table: self,
            path: Path::Keys { index: IndexRef::Named(index.to_owned()), keys },
            filter: None,
        }
    }

    /// Selects the rows whose key in a named index lies in a range, in its order.
    pub fn range_in(self, index: &str, keys: impl RangeBounds<Key>) -> Rows<R> {
        self.all().in_range(IndexRef::Named(index.to_owned()), &keys)
    }

    /// Builds `LOCK TABLE`, which holds the lock until the transaction ends. It does not take the transaction's snapshot.
    /// With [`LockWait::NoWait`] it fails with 55P03 where it would wait; it never skips.
    pub fn lock(self, mode: TableLock, wait: LockWait) -> Statement<()> {
        let waits = wait != LockWait::NoWait;
        Statement::new(self.database, Op::LockTable { table: self.id, mode, waits }, read_unit)
    }

    /// Builds an `INSERT` of one row.
    pub fn insert(self, row: R) -> Insert<R> {
        let op = InsertOp::of_row(self.id, Rc::new(row));
        Insert { database: self.database, op, row: PhantomData }
    }

    /// Builds an `INSERT` of rows that are computed inside the statement, as `INSERT … SELECT` and defaults are.
    pub fn insert_with(
        self,
        rows: impl FnOnce(&mut Scope<'_>) -> Result<Vec<R>, DatabaseError> + 'static,
    ) -> Insert<R> {
        let source = move |scope: &mut Scope<'_>| {
            Ok(rows(scope)?.into_iter().map(|row| Rc::new(row) as RowRef).collect())
        };
        let op = InsertOp::computed(self.id, Box::new(source));
        Insert { database: self.database, op, row: PhantomData }
    }
}

/// A selection of rows: the `FROM` and `WHERE` of a statement.
pub struct Rows<R> {
    table: TableHandle<R>,
    path: Path,
    filter: Option<Filter>,
}

impl<R: 'static> Rows<R> {
    /// Selects all rows by the primary key, in its order.
    #[must_use]
    pub fn in_key_order(self) -> Self {
        self.in_range(IndexRef::Primary, &(..))
    }

    fn in_range(mut self, index: IndexRef, keys: &impl RangeBounds<Key>) -> Self {
        let owned = |bound: Bound<&Key>| bound.map(Key::clone);
        self.path = Path::Range { index, low: owned(keys.start_bound()), high: owned(keys.end_bound()) };
        self
    }

    /// Keeps the rows that satisfy a condition; several filters are joined by AND.
    #[must_use]
    pub fn filter(self, mut condition: impl FnMut(&R) -> bool + 'static) -> Self {
        self.filter_in(move |row, _| Ok(condition(row)))
    }

    /// Adds a filter that may read other rows through the scope (a sub-select), and may fail.
    #[must_use]
    pub fn filter_in(
        mut self,
        mut condition: impl FnMut(&R, &mut Scope<'_>) -> Result<bool, DatabaseError> + 'static,
    ) -> Self {
        let mut earlier = self.filter.take();
        self.filter = Some(Box::new(move |row, scope| {
            if let Some(earlier) = &mut earlier
                && !earlier(row, scope)?
            {
                return Ok(false);
            }
            row.downcast_ref::<R>().map_or(Ok(false), |row| condition(row, scope))
        }));
        self
    }

    /// Builds a `SELECT`.
    pub fn select(self) -> Select<R> {
        let database = self.table.database;
        Select { database, op: SelectOp::new(self.scan()), row: PhantomData }
    }

    /// Builds an `UPDATE … RETURNING *`, which returns the new rows.
    pub fn update(self, mut set: impl FnMut(&R) -> R + 'static) -> Statement<Vec<Rc<R>>> {
        self.update_in(move |row, _| Ok(set(row)))
    }

    /// Builds an update that replaces each row by this one.
    pub fn replace(self, row: &Rc<R>) -> Statement<Vec<Rc<R>>> {
        let database = self.table.database;
        let row: RowRef = Rc::<R>::clone(row);
        let op = WriteOp::new(self.scan(), Some(Box::new(move |_, _| Ok(Rc::clone(&row)))));
        Statement::new(database, Op::Write(Box::new(op)), read_rows::<R>)
    }

    /// Builds an update that may read other rows through the scope, and may fail. It may run again for a row that
    /// changed during a wait.
    pub fn update_in(
        self,
        mut set: impl FnMut(&R, &mut Scope<'_>) -> Result<R, DatabaseError> + 'static,
    ) -> Statement<Vec<Rc<R>>> {
        let database = self.table.database;
        let rewrite: Rewrite = Box::new(move |row, scope| match row.downcast_ref::<R>() {
            Some(row) => Ok(Rc::new(set(row, scope)?)),
            None => Err(DatabaseError::Misuse { call: "update: the table holds rows of another type" }),
        });
        let op = WriteOp::new(self.scan(), Some(rewrite));
        Statement::new(database, Op::Write(Box::new(op)), read_rows::<R>)
    }

    /// Builds a `DELETE … RETURNING *`, which returns the deleted rows.
    pub fn delete(self) -> Statement<Vec<Rc<R>>> {
        let database = self.table.database;
        let op = WriteOp::new(self.scan(), None);
        Statement::new(database, Op::Write(Box::new(op)), read_rows::<R>)
    }

    fn scan(self) -> Scan {
        Scan::new(self.table.id, self.path, self.filter)
    }
}

/// A `SELECT` under construction.
pub struct Select<R> {
    database: u32,
    op: SelectOp,
    row: PhantomData<fn() -> R>,
}

impl<R: 'static> Select<R> {
    /// Adds `ORDER BY`; rows of equal keys keep the order of the scan.
    #[must_use]
    pub fn order_by(mut self, mut key: impl FnMut(&R) -> Key + 'static) -> Self {
        self.op.order = Some(Box::new(move |row| row.downcast_ref::<R>().map_or_else(Key::null, &mut key)));
        self
    }

    /// Sets which columns of the order are descending, by position.
    #[must_use]
    pub fn descending(mut self, columns: impl IntoIterator<Item = bool>) -> Self {
        self.op.descending = columns.into_iter().collect();
        self
    }

    /// Sets the order in which rows come without `ORDER BY`.
    #[must_use]
    pub fn arranged(mut self, arrangement: Arrangement) -> Self {
        self.op.arrangement = arrangement;
        self
    }

    /// Sets `LIMIT`.
    #[must_use]
    pub fn limit(mut self, rows: usize) -> Self {
        self.op.limit = rows;
        self
    }

    /// Sets `OFFSET`.
    #[must_use]
    pub fn offset(mut self, rows: usize) -> Self {
        self.op.offset = rows;
        self
    }

    /// Adds `FOR UPDATE`, which waits.
    #[must_use]
    pub fn for_update(self) -> Self {
        self.lock(LockMode::Update, LockWait::Block)
    }

    /// Adds a locking clause.
    #[must_use]
    pub fn lock(mut self, mode: LockMode, wait: LockWait) -> Self {
        self.op.lock = Some((mode, wait));
        self
    }

    /// Returns the statement.
    pub fn build(self) -> Statement<Vec<Rc<R>>> {
        Statement::new(self.database, Op::Select(Box::new(self.op)), read_rows::<R>)
    }
}

/// An `INSERT` under construction. Its statement returns the rows that were inserted or updated.
pub struct Insert<R> {
    database: u32,
    op: InsertOp,
    row: PhantomData<fn() -> R>,
}

impl<R: 'static> Insert<R> {
    /// Adds `ON CONFLICT DO NOTHING`, for any constraint.
    #[must_use]
    pub fn on_conflict_do_nothing(mut self) -> Self {
        self.op.conflict = Conflict::Skip(None);
        self
    }

    /// Adds `ON CONFLICT ON CONSTRAINT … DO NOTHING`.
    #[must_use]
    pub fn on_conflict_on_do_nothing(mut self, constraint: &str) -> Self {
        self.op.conflict = Conflict::Skip(Some(IndexRef::Named(constraint.to_owned())));
        self
    }

    /// Adds `ON CONFLICT (primary key) DO UPDATE`: `set` computes the new row from the existing and the proposed one.
    #[must_use]
    pub fn on_conflict_update(self, mut set: impl FnMut(&R, &R) -> R + 'static) -> Self {
        self.conflict_update(IndexRef::Primary, move |old, new, _| Ok(Some(set(old, new))))
    }

    /// Declares that the `SET` of the `DO UPDATE` names a column of a unique constraint: the conflicting row is then
    /// locked `FOR UPDATE`, whether its key changes or not. Without this it is locked `FOR NO KEY UPDATE`.
    #[must_use]
    pub fn sets_key(mut self) -> Self {
        self.op.merge_mode = LockMode::Update;
        self
    }

    /// Adds `ON CONFLICT ON CONSTRAINT … DO UPDATE … WHERE`: `None` keeps the row unchanged, but locked.
    #[must_use]
    pub fn on_conflict_on_update(
        self,
        constraint: &str,
        set: impl FnMut(&R, &R, &mut Scope<'_>) -> Result<Option<R>, DatabaseError> + 'static,
    ) -> Self {
        self.conflict_update(IndexRef::Named(constraint.to_owned()), set)
    }

    fn conflict_update(
        mut self,
        index: IndexRef,
        mut set: impl FnMut(&R, &R, &mut Scope<'_>) -> Result<Option<R>, DatabaseError> + 'static,
    ) -> Self {
        self.op.conflict = Conflict::Update(
            index,
            Box::new(move |old, new, scope| match (old.downcast_ref::<R>(), new.downcast_ref::<R>()) {
                (Some(old), Some(new)) => Ok(set(old, new, scope)?.map(|row| Rc::new(row) as RowRef)),
                _ => Err(DatabaseError::Misuse { call: "insert: the table holds rows of another type" }),
            }),
        );
        self
    }

    /// Returns the statement.
    pub fn build(self) -> Statement<Vec<Rc<R>>> {
        Statement::new(self.database, Op::Insert(Box::new(self.op)), read_rows::<R>)
    }
}
