//! Tables of Rust rows: their definition, and the typed handle to them.
//!
//! A definition names the constraints and the functions that compute a row's keys. Inside the core everything is
//! type-erased: rows are `Rc<dyn Any>` and the closures of the definition take `&dyn Any`, so one engine serves both
//! the structs of application code and the dynamic rows of an SQL front end.

use std::any::{Any, TypeId};
use std::marker::PhantomData;
use std::rc::Rc;

use crate::error::DatabaseError;
use crate::key::Key;

/// An erased, shared row.
pub(crate) type RowRef = Rc<dyn Any>;

/// An erased key extractor.
pub(crate) type KeyOf = Rc<dyn Fn(&dyn Any) -> Key>;

/// An erased conflict test of an exclusion constraint.
pub(crate) type Conflicts = Rc<dyn Fn(&dyn Any, &dyn Any) -> bool>;

/// An erased condition of a check constraint.
pub(crate) type Holds = Rc<dyn Fn(&dyn Any) -> bool>;

/// An erased change of a row.
pub(crate) type Change = Rc<dyn Fn(&RowRef) -> Result<RowRef, DatabaseError>>;

/// The time at which a constraint is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deferral {
    /// Row by row, as `NOT DEFERRABLE` does.
    Immediate,
    /// At the end of the statement, as `DEFERRABLE INITIALLY IMMEDIATE` does.
    StatementEnd,
    /// At commit, as `DEFERRABLE INITIALLY DEFERRED` does.
    TransactionEnd,
}

/// The number of a table within its database.
pub(crate) type TableId = usize;

/// A copyable handle to a table of one database, typed by the rows of that table.
///
/// A row is any owned value. Rows are immutable once stored: an update stores a new value.
pub struct TableHandle<R> {
    pub(crate) database: u32,
    pub(crate) id: TableId,
    pub(crate) row: PhantomData<fn() -> R>,
}

impl<R> Clone for TableHandle<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for TableHandle<R> {}

impl<R> std::fmt::Debug for TableHandle<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TableHandle({})", self.id)
    }
}

/// One index: a primary key, a unique constraint, or a plain index.
pub(crate) struct IndexDef {
    pub name: String,
    pub key: KeyOf,
    /// `None` for an index that is only used for look-ups.
    pub unique: Option<Deferral>,
    pub primary: bool,
    /// Whether keys with a null are excluded, as by `WHERE key IS NOT NULL`.
    pub partial: bool,
}

/// One foreign key of a child table.
pub(crate) struct ForeignKeyDef {
    pub name: String,
    /// The child's own index over the referencing columns.
    pub index: usize,
    pub parent: TableId,
    pub parent_index: usize,
    pub deferral: Deferral,
    pub on_delete: OnDelete,
}

/// What the deletion of a parent does to the rows that reference it.
#[derive(Clone, Default)]
pub(crate) enum OnDelete {
    /// It fails if such rows remain when the constraint is checked.
    #[default]
    NoAction,
    /// It fails at the end of its statement.
    Restrict,
    /// It deletes them.
    Cascade,
    /// It changes them.
    Set(Change),
}

/// One check constraint.
pub(crate) struct CheckDef {
    pub name: String,
    pub holds: Holds,
}

/// One exclusion constraint.
pub(crate) struct ExclusionDef {
    pub name: String,
    /// The index whose equal keys are candidates.
    pub index: usize,
    pub conflicts: Conflicts,
}

/// A foreign key that still refers to its parent by handle.
struct PendingForeignKey {
    name: String,
    index: usize,
    /// The parent's database and its number there; `None` for a key that references its own table.
    parent: Option<(u32, TableId)>,
    parent_index: Option<String>,
    deferral: Deferral,
    on_delete: OnDelete,
}

/// The definition of a table, written once and passed to [`Database::create_table`].
///
/// ```
/// use shakedown_database::{Database, Deferral, TableDef};
///
/// #[derive(Clone)]
/// struct Seat { id: i64, room: i64, label: String }
///
/// let mut db = Database::new(0);
/// let seats = db.create_table(
///     TableDef::keyed("seat", |seat: &Seat| seat.id.into())
///         .unique("seat_label", Deferral::Immediate, |seat| (seat.room, seat.label.as_str()).into()),
/// )?;
/// # let _ = seats;
/// # Ok::<(), shakedown_database::DatabaseError>(())
/// ```
///
/// [`Database::create_table`]: crate::Database::create_table
pub struct TableDef<R> {
    name: String,
    indexes: Vec<IndexDef>,
    foreign_keys: Vec<PendingForeignKey>,
    exclusions: Vec<ExclusionDef>,
    checks: Vec<CheckDef>,
    row: PhantomData<fn() -> R>,
}

impl<R: 'static> TableDef<R> {
    /// Defines a table without a primary key.
    pub fn unkeyed(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            indexes: Vec::new(),
            foreign_keys: Vec::new(),
            exclusions: Vec::new(),
            checks: Vec::new(),
            row: PhantomData,
        }
    }

    /// Defines a table with a primary key; its constraint is named `<name>_pkey`.
    pub fn keyed(name: &str, key: impl Fn(&R) -> Key + 'static) -> Self {
        let mut def = Self::unkeyed(name);
        let constraint = format!("{name}_pkey");
        def.push_index(&constraint, Some(Deferral::Immediate), true, key);
        def
    }

    /// Adds a unique constraint.
    #[must_use]
    pub fn unique(mut self, name: &str, deferral: Deferral, key: impl Fn(&R) -> Key + 'static) -> Self {
        self.push_index(name, Some(deferral), false, key);
        self
    }

    /// Adds a unique constraint over the rows that have the key: rows whose key contains a null are not in its index,
    /// and it does not find them.
    #[must_use]
    pub fn unique_where_present(mut self, name: &str, key: impl Fn(&R) -> Key + 'static) -> Self {
        let index = self.push_index(name, Some(Deferral::Immediate), false, key);
        self.indexes[index].partial = true;
        self
    }

    /// Adds an index for look-ups by `keys_in` and `range_in` of [`Rows`](crate::Rows).
    #[must_use]
    pub fn index(mut self, name: &str, key: impl Fn(&R) -> Key + 'static) -> Self {
        self.push_index(name, None, false, key);
        self
    }

    /// Adds a foreign key to the parent's primary key. A key that contains a null references nothing.
    #[must_use]
    pub fn foreign_key<P: 'static>(
        mut self,
        name: &str,
        parent: TableHandle<P>,
        deferral: Deferral,
        key: impl Fn(&R) -> Key + 'static,
    ) -> Self {
        self.push_foreign_key(name, Some((parent.database, parent.id)), deferral, key);
        self
    }

    /// Adds a foreign key to the primary key of the same table. A row may reference itself.
    ///
    /// ```
    /// use shakedown_database::{Database, Deferral, Step, TableDef};
    ///
    /// #[derive(Clone)]
    /// struct Employee { id: i64, manager: Option<i64> }
    ///
    /// let mut db = Database::new(0);
    /// let staff = db.create_table(
    ///     TableDef::keyed("employee", |row: &Employee| row.id.into())
    ///         .self_reference("employee_manager_fkey", Deferral::Immediate, |row| row.manager.into()),
    /// )?;
    /// let session = db.connect();
    /// let mut head = staff.insert(Employee { id: 1, manager: Some(1) }).build();
    /// assert!(matches!(db.poll(session, &mut head, 0), Step::Done(Ok(_))));
    /// let mut orphan = staff.insert(Employee { id: 2, manager: Some(9) }).build();
    /// assert!(matches!(db.poll(session, &mut orphan, 0), Step::Done(Err(error)) if error.code() == "23503"));
    /// # Ok::<(), shakedown_database::DatabaseError>(())
    /// ```
    #[must_use]
    pub fn self_reference(
        mut self,
        name: &str,
        deferral: Deferral,
        key: impl Fn(&R) -> Key + 'static,
    ) -> Self {
        self.push_foreign_key(name, None, deferral, key);
        self
    }

    fn push_foreign_key(
        &mut self,
        name: &str,
        parent: Option<(u32, TableId)>,
        deferral: Deferral,
        key: impl Fn(&R) -> Key + 'static,
    ) {
        let index = self.push_index(name, None, false, key);
        let name = name.to_owned();
        let on_delete = OnDelete::NoAction;
        self.foreign_keys.push(PendingForeignKey {
            name,
            index,
            parent,
            parent_index: None,
            deferral,
            on_delete,
        });
    }

    /// Makes the last foreign key reference this unique constraint of the parent instead of its primary key.
    ///
    /// Without a preceding foreign key, this changes nothing.
    #[must_use]
    pub fn referencing(mut self, unique: &str) -> Self {
        if let Some(last) = self.foreign_keys.last_mut() {
            last.parent_index = Some(unique.to_owned());
        }
        self
    }

    /// Makes the last foreign key reject the deletion of a parent at the end of its statement (`ON DELETE RESTRICT`),
    /// also if the key is deferred or another parent takes over the key value. Without a preceding foreign key, this
    /// changes nothing, as for the other actions.
    #[must_use]
    pub fn on_delete_restrict(self) -> Self {
        self.on_delete(OnDelete::Restrict)
    }

    /// Makes the last foreign key delete the child rows of a deleted parent (`ON DELETE CASCADE`).
    ///
    /// ```
    /// use shakedown_database::{Database, Deferral, Step, TableDef};
    /// let mut db = Database::new(0);
    /// let orders = db.create_table(TableDef::keyed("order", |id: &i64| (*id).into()))?;
    /// let items = db.create_table(
    ///     TableDef::keyed("item", |item: &(i64, i64)| item.0.into())
    ///         .foreign_key("item_order", orders, Deferral::Immediate, |item| item.1.into())
    ///         .on_delete_cascade(),
    /// )?;
    /// let session = db.connect();
    /// db.poll(session, &mut orders.insert(1).build(), 0);
    /// db.poll(session, &mut items.insert((7, 1)).build(), 0);
    /// db.poll(session, &mut orders.at(1).delete(), 0);
    /// assert!(db.query(session, 0, |scope| scope.get(items, 7))?.is_none());
    /// # Ok::<(), shakedown_database::DatabaseError>(())
    /// ```
    #[must_use]
    pub fn on_delete_cascade(self) -> Self {
        self.on_delete(OnDelete::Cascade)
    }

    /// Makes the last foreign key change the child rows of a deleted parent (`ON DELETE SET NULL`, `SET DEFAULT`):
    /// `set` returns the row with its reference replaced.
    #[must_use]
    pub fn on_delete_set(self, set: impl Fn(&R) -> R + 'static) -> Self {
        let change: Change = Rc::new(move |row| match row.downcast_ref::<R>() {
            Some(row) => Ok(Rc::new(set(row))),
            None => Err(DatabaseError::Misuse { call: "delete: the table holds rows of another type" }),
        });
        self.on_delete(OnDelete::Set(change))
    }

    fn on_delete(mut self, action: OnDelete) -> Self {
        if let Some(last) = self.foreign_keys.last_mut() {
            last.on_delete = action;
        }
        self
    }

    /// Adds a check constraint: an insert or update of a row that does not satisfy `condition` fails with 23514, before
    /// it waits for any lock.
    #[must_use]
    pub fn check(mut self, name: &str, condition: impl Fn(&R) -> bool + 'static) -> Self {
        self.checks.push(CheckDef {
            name: name.to_owned(),
            holds: Rc::new(move |row| row.downcast_ref::<R>().is_none_or(&condition)),
        });
        self
    }

    /// Adds an exclusion constraint: no two live rows of equal `bucket` may satisfy `conflicts`.
    #[must_use]
    pub fn exclusion(
        mut self,
        name: &str,
        bucket: impl Fn(&R) -> Key + 'static,
        conflicts: impl Fn(&R, &R) -> bool + 'static,
    ) -> Self {
        let index = self.push_index(name, None, false, bucket);
        self.exclusions.push(ExclusionDef {
            name: name.to_owned(),
            index,
            conflicts: Rc::new(move |a, b| match (a.downcast_ref::<R>(), b.downcast_ref::<R>()) {
                (Some(a), Some(b)) => conflicts(a, b),
                _ => false,
            }),
        });
        self
    }

    fn push_index(
        &mut self,
        name: &str,
        unique: Option<Deferral>,
        primary: bool,
        key: impl Fn(&R) -> Key + 'static,
    ) -> usize {
        self.indexes.push(IndexDef {
            name: name.to_owned(),
            key: Rc::new(move |row| row.downcast_ref::<R>().map_or_else(Key::null, &key)),
            unique,
            primary,
            partial: false,
        });
        self.indexes.len() - 1
    }

    /// Returns the erased schema of the table of number `own`, once `parent_index` has resolved every referenced
    /// constraint of another table.
    pub(crate) fn erase(
        self,
        own: TableId,
        mut parent_index: impl FnMut(u32, TableId, Option<&str>) -> Result<usize, DatabaseError>,
    ) -> Result<Schema, DatabaseError> {
        let mut schema = Schema {
            name: self.name,
            row_type: TypeId::of::<R>(),
            indexes: self.indexes,
            foreign_keys: Vec::with_capacity(self.foreign_keys.len()),
            exclusions: self.exclusions,
            checks: self.checks,
        };
        for fk in self.foreign_keys {
            let referenced = fk.parent_index.as_deref();
            let (parent, parent_index) = match fk.parent {
                Some((database, parent)) => (parent, parent_index(database, parent, referenced)?),
                None => (own, schema.referenced(referenced)?),
            };
            let PendingForeignKey { name, index, deferral, on_delete, .. } = fk;
            schema.foreign_keys.push(ForeignKeyDef {
                name,
                index,
                parent,
                parent_index,
                deferral,
                on_delete,
            });
        }
        Ok(schema)
    }
}

/// The erased definition of a table.
pub(crate) struct Schema {
    pub name: String,
    /// The type of the rows of this table.
    pub row_type: TypeId,
    pub indexes: Vec<IndexDef>,
    pub foreign_keys: Vec<ForeignKeyDef>,
    pub exclusions: Vec<ExclusionDef>,
    pub checks: Vec<CheckDef>,
}

impl Schema {
    /// Verifies the check constraints for a row that is to be written.
    pub(crate) fn check(&self, row: &RowRef) -> Result<(), DatabaseError> {
        match self.checks.iter().find(|check| !(check.holds)(row.as_ref())) {
            None => Ok(()),
            Some(check) => Err(DatabaseError::CheckViolation {
                table: self.name.clone(),
                constraint: check.name.clone(),
            }),
        }
    }

    /// Returns the key of a row in one index.
    pub(crate) fn key(&self, index: usize, row: &RowRef) -> Key {
        (self.indexes[index].key)(row.as_ref())
    }

    /// Returns the index that a foreign key references: that of a unique constraint, or of the primary key.
    pub(crate) fn referenced(&self, unique: Option<&str>) -> Result<usize, DatabaseError> {
        let found = match unique {
            Some(name) => self.index_named(name).filter(|index| self.indexes[*index].unique.is_some()),
            None => self.indexes.iter().position(|index| index.primary),
        };
        let name = || unique.map_or_else(|| format!("primary key of {}", self.name), str::to_owned);
        found.ok_or_else(|| DatabaseError::UndefinedObject { name: name() })
    }

    /// Returns the index of that name.
    pub(crate) fn index_named(&self, name: &str) -> Option<usize> {
        self.indexes.iter().position(|index| index.name == name)
    }
}
