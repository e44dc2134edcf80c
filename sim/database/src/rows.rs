//! Builders of statements over tables: which rows, then what to do with them.

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
use crate::select::SelectOp;
use crate::statement::{Op, Statement, read_row, read_rows};
use crate::write::{Rewrite, WriteOp};

impl<R: 'static> TableHandle<R> {
    /// The row of that primary key, if visible. The cheapest statement there is.
    pub fn get(self, key: impl Into<Key>) -> Statement<Option<Rc<R>>> {
        Statement::new(self.database, Op::Get { table: self.id, key: key.into() }, read_row::<R>)
    }

    /// All rows, in the order of a sequential scan.
    pub fn all(self) -> Rows<R> {
        Rows { table: self, path: Path::Heap, filter: None }
    }

    /// The row of that primary key.
    pub fn at(self, key: impl Into<Key>) -> Rows<R> {
        Rows { table: self, path: Path::Key(key.into()), filter: None }
    }

    /// The rows of these primary keys.
    pub fn keys<K: Into<Key>>(self, keys: impl IntoIterator<Item = K>) -> Rows<R> {
        let keys = keys.into_iter().map(Into::into).collect();
        Rows { table: self, path: Path::Keys { index: IndexRef::Primary, keys }, filter: None }
    }

    /// The rows whose primary key lies in a range, in key order.
    pub fn range(self, keys: impl RangeBounds<Key>) -> Rows<R> {
        self.all().in_range(IndexRef::Primary, &keys)
    }

    /// The rows of these keys in a named index or unique constraint.
    pub fn keys_in<K: Into<Key>>(self, index: &str, keys: impl IntoIterator<Item = K>) -> Rows<R> {
        let keys = keys.into_iter().map(Into::into).collect();
        Rows {
            table: self,
            path: Path::Keys { index: IndexRef::Named(index.to_owned()), keys },
            filter: None,
        }
    }

    /// The rows whose key in a named index lies in a range, in its order.
    pub fn range_in(self, index: &str, keys: impl RangeBounds<Key>) -> Rows<R> {
        self.all().in_range(IndexRef::Named(index.to_owned()), &keys)
    }

    /// `INSERT` of one row.
    pub fn insert(self, row: R) -> Insert<R> {
        let op = InsertOp::of_row(self.id, Rc::new(row));
        Insert { database: self.database, op, row: PhantomData }
    }

    /// `INSERT` of rows that are computed inside the statement, as `INSERT … SELECT` and defaults are.
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

/// A choice of rows: the `FROM` and `WHERE` of a statement.
pub struct Rows<R> {
    table: TableHandle<R>,
    path: Path,
    filter: Option<Filter>,
}

impl<R: 'static> Rows<R> {
    /// All rows, by primary key in its order.
    #[must_use]
    pub fn in_key_order(self) -> Self {
        self.in_range(IndexRef::Primary, &(..))
    }

    fn in_range(mut self, index: IndexRef, keys: &impl RangeBounds<Key>) -> Self {
        let owned = |bound: Bound<&Key>| bound.map(Key::clone);
        self.path = Path::Range { index, low: owned(keys.start_bound()), high: owned(keys.end_bound()) };
        self
    }

    /// Keeps the rows that satisfy a condition; a second filter is joined to the first by AND.
    #[must_use]
    pub fn filter(self, mut condition: impl FnMut(&R) -> bool + 'static) -> Self {
        self.filter_in(move |row, _| Ok(condition(row)))
    }

    /// A filter that may read other rows through the scope (a sub-select), and may fail.
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

    /// `SELECT`.
    pub fn select(self) -> Select<R> {
        let database = self.table.database;
        Select { database, op: SelectOp::new(self.scan()), row: PhantomData }
    }

    /// `UPDATE … RETURNING *`: answers the new rows.
    pub fn update(self, mut set: impl FnMut(&R) -> R + 'static) -> Statement<Vec<Rc<R>>> {
        self.update_in(move |row, _| Ok(set(row)))
    }

    /// An update that puts this row in place of each.
    pub fn replace(self, row: &Rc<R>) -> Statement<Vec<Rc<R>>> {
        let database = self.table.database;
        let row: RowRef = Rc::<R>::clone(row);
        let op = WriteOp::new(self.scan(), Some(Box::new(move |_, _| Ok(Rc::clone(&row)))));
        Statement::new(database, Op::Write(Box::new(op)), read_rows::<R>)
    }

    /// An update that may read other rows through the scope, and may fail. It may run again for a row that
    /// changed while it was awaited.
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

    /// `DELETE … RETURNING *`: answers the deleted rows.
    pub fn delete(self) -> Statement<Vec<Rc<R>>> {
        let database = self.table.database;
        let op = WriteOp::new(self.scan(), None);
        Statement::new(database, Op::Write(Box::new(op)), read_rows::<R>)
    }

    fn scan(self) -> Scan {
        Scan::new(self.table.id, self.path, self.filter)
    }
}

/// A `SELECT` in the making.
pub struct Select<R> {
    database: u32,
    op: SelectOp,
    row: PhantomData<fn() -> R>,
}

impl<R: 'static> Select<R> {
    /// `ORDER BY`; rows of equal keys keep the order of the scan.
    #[must_use]
    pub fn order_by(mut self, mut key: impl FnMut(&R) -> Key + 'static) -> Self {
        self.op.order = Some(Box::new(move |row| row.downcast_ref::<R>().map_or_else(Key::null, &mut key)));
        self
    }

    /// Which columns of the order run backwards, by position.
    #[must_use]
    pub fn descending(mut self, columns: impl IntoIterator<Item = bool>) -> Self {
        self.op.descending = columns.into_iter().collect();
        self
    }

    /// `LIMIT`.
    #[must_use]
    pub fn limit(mut self, rows: usize) -> Self {
        self.op.limit = rows;
        self
    }

    /// `OFFSET`.
    #[must_use]
    pub fn offset(mut self, rows: usize) -> Self {
        self.op.offset = rows;
        self
    }

    /// `FOR UPDATE` that waits.
    #[must_use]
    pub fn for_update(self) -> Self {
        self.lock(LockMode::Update, LockWait::Block)
    }

    /// A locking clause.
    #[must_use]
    pub fn lock(mut self, mode: LockMode, wait: LockWait) -> Self {
        self.op.lock = Some((mode, wait));
        self
    }

    /// The statement.
    pub fn build(self) -> Statement<Vec<Rc<R>>> {
        Statement::new(self.database, Op::Select(Box::new(self.op)), read_rows::<R>)
    }
}

/// An `INSERT` in the making. Its statement answers the rows that were inserted or updated.
pub struct Insert<R> {
    database: u32,
    op: InsertOp,
    row: PhantomData<fn() -> R>,
}

impl<R: 'static> Insert<R> {
    /// `ON CONFLICT DO NOTHING`, whatever the constraint.
    #[must_use]
    pub fn on_conflict_do_nothing(mut self) -> Self {
        self.op.conflict = Conflict::Skip(None);
        self
    }

    /// `ON CONFLICT ON CONSTRAINT … DO NOTHING`.
    #[must_use]
    pub fn on_conflict_on_do_nothing(mut self, constraint: &str) -> Self {
        self.op.conflict = Conflict::Skip(Some(IndexRef::Named(constraint.to_owned())));
        self
    }

    /// `ON CONFLICT (primary key) DO UPDATE`: from the existing and the proposed row to the new one.
    #[must_use]
    pub fn on_conflict_update(self, mut set: impl FnMut(&R, &R) -> R + 'static) -> Self {
        self.conflict_update(IndexRef::Primary, move |old, new, _| Ok(Some(set(old, new))))
    }

    /// Says that the `SET` of the `DO UPDATE` names a column of a unique constraint: the row in the way is then locked
    /// `FOR UPDATE`, be its key changed or not. Without this it is locked `FOR NO KEY UPDATE`.
    #[must_use]
    pub fn sets_key(mut self) -> Self {
        self.op.merge_mode = LockMode::Update;
        self
    }

    /// `ON CONFLICT ON CONSTRAINT … DO UPDATE … WHERE`: `None` leaves the row (locked) as it is.
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

    /// The statement.
    pub fn build(self) -> Statement<Vec<Rc<R>>> {
        Statement::new(self.database, Op::Insert(Box::new(self.op)), read_rows::<R>)
    }
}
