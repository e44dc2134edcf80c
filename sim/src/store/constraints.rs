//! Constraints of a table beside its primary key.

use super::server::Server;
use super::table::{Row, Table};
use shakedown_database::{Deferral, Key, TableDef};
use std::rc::Rc;

type Part<R> = Box<dyn FnOnce(TableDef<R>, &Rc<Server>) -> TableDef<R>>;

/// The constraints and indexes of a table, each with a name. They behave in a race as PostgreSQL's do: an insert waits
/// for an open transaction that inserted the same key, a child row locks its parent `FOR KEY SHARE`.
///
/// ```
/// use shakedown_sim::database::{Deferral, Key};
/// use shakedown_sim::store::{Constraints, Row, Table};
///
/// #[derive(Clone, serde::Serialize)]
/// struct Order { id: u32 }
/// #[derive(Clone, serde::Serialize)]
/// struct Item { id: u32, order: u32, line: u32, is_open: bool, count: i64 }
/// # impl Row for Order { type Key = u32; const TABLE: &'static str = "orders"; fn key(&self) -> u32 { self.id } }
/// # impl Row for Item { type Key = u32; const TABLE: &'static str = "items"; fn key(&self) -> u32 { self.id } }
///
/// let orders: Table<Order> = Table::new(|_, _| {});
/// let constraints = Constraints::none()
///     .unique("items_line", Deferral::Immediate, |item: &Item| (item.order, item.line).into())
///     .unique_where("items_one_open", |item| item.is_open, |item| item.order.into())
///     .check("items_count", |item| item.count > 0)
///     .foreign_key("items_order", &orders, Deferral::Immediate, |item| item.order.into())
///     .on_delete_cascade();
/// let items = Table::constrained(constraints, |_, _| {});
/// # let _: Table<Item> = items;
/// ```
pub struct Constraints<R: Row>(Vec<Part<R>>);

impl<R: Row> Constraints<R> {
    /// Creates an empty list of constraints.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    fn with(mut self, part: impl FnOnce(TableDef<R>) -> TableDef<R> + 'static) -> Self {
        self.0.push(Box::new(|def, _| part(def)));
        self
    }

    /// Adds a unique constraint over one or several columns. A key that contains a null conflicts with none.
    #[must_use]
    pub fn unique(self, name: &str, deferral: Deferral, key: impl Fn(&R) -> Key + 'static) -> Self {
        let name = name.to_owned();
        self.with(move |def| def.unique(&name, deferral, key))
    }

    /// Adds a unique index over the rows that satisfy a condition (`CREATE UNIQUE INDEX … WHERE`). A row that does not
    /// is not in the index, and is not found by it.
    #[must_use]
    pub fn unique_where(
        self,
        name: &str,
        condition: impl Fn(&R) -> bool + 'static,
        key: impl Fn(&R) -> Key + 'static,
    ) -> Self {
        let name = name.to_owned();
        let key = move |row: &R| if condition(row) { key(row) } else { Key::null() };
        self.with(move |def| def.unique_where_present(&name, key))
    }

    /// Adds a plain index, for [`Query::keys_in`](super::Query::keys_in) and [`Query::range_in`](super::Query::range_in).
    #[must_use]
    pub fn index(self, name: &str, key: impl Fn(&R) -> Key + 'static) -> Self {
        let name = name.to_owned();
        self.with(move |def| def.index(&name, key))
    }

    /// Adds a check constraint.
    #[must_use]
    pub fn check(self, name: &str, condition: impl Fn(&R) -> bool + 'static) -> Self {
        let name = name.to_owned();
        self.with(move |def| def.check(&name, condition))
    }

    /// Adds an exclusion constraint: no two rows of equal `bucket` may satisfy `conflicts`.
    #[must_use]
    pub fn exclusion(
        self,
        name: &str,
        bucket: impl Fn(&R) -> Key + 'static,
        conflicts: impl Fn(&R, &R) -> bool + 'static,
    ) -> Self {
        let name = name.to_owned();
        self.with(move |def| def.exclusion(&name, bucket, conflicts))
    }

    /// Adds a foreign key to the primary key of another table. A key that contains a null references nothing.
    #[must_use]
    pub fn foreign_key<P: Row>(
        mut self,
        name: &str,
        parent: &Table<P>,
        deferral: Deferral,
        key: impl Fn(&R) -> Key + 'static,
    ) -> Self {
        let (name, parent) = (name.to_owned(), parent.clone());
        self.0.push(Box::new(move |def, server| {
            let parent = parent.within(server, "Constraints::foreign_key");
            def.foreign_key(&name, parent, deferral, key)
        }));
        self
    }

    /// Adds a foreign key to the primary key of the same table.
    #[must_use]
    pub fn self_reference(self, name: &str, deferral: Deferral, key: impl Fn(&R) -> Key + 'static) -> Self {
        let name = name.to_owned();
        self.with(move |def| def.self_reference(&name, deferral, key))
    }

    /// Makes the last foreign key reference this unique constraint of the parent instead of its primary key.
    #[must_use]
    pub fn referencing(self, unique: &str) -> Self {
        let unique = unique.to_owned();
        self.with(move |def| def.referencing(&unique))
    }

    /// Makes the last foreign key reject the deletion of a parent at the end of its statement (`ON DELETE RESTRICT`).
    /// Without an action, it does so when the constraint is checked (`NO ACTION`).
    #[must_use]
    pub fn on_delete_restrict(self) -> Self {
        self.with(TableDef::on_delete_restrict)
    }

    /// Makes the last foreign key delete the child rows of a deleted parent (`ON DELETE CASCADE`).
    #[must_use]
    pub fn on_delete_cascade(self) -> Self {
        self.with(TableDef::on_delete_cascade)
    }

    /// Makes the last foreign key change the child rows of a deleted parent (`ON DELETE SET NULL`, `SET DEFAULT`):
    /// `set` returns the row with its reference replaced.
    #[must_use]
    pub fn on_delete_set(self, set: impl Fn(&R) -> R + 'static) -> Self {
        self.with(move |def| def.on_delete_set(set))
    }

    /// Adds the constraints to the definition of a table.
    pub(super) fn complete(self, def: TableDef<R>, server: &Rc<Server>) -> TableDef<R> {
        self.0.into_iter().fold(def, |def, part| part(def, server))
    }
}
