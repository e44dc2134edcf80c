//! Queries: which rows of a table, in which order, and how many.
//!
//! A [`Query`] is a value that can be printed as SQL. Its conditions are [`Predicate`]s, or closures, which are printed
//! as `(…)`.

use super::predicate::{Column, Literal, Predicate};
use super::table::{Row, Table};
use super::transaction::text_of;
use super::{LockMode, LockWait, StoreError, Transaction};
use crate::access::{Access, Verb};
use shakedown_database::{Arrangement, Key, Rows, Scalar, Select, TableHandle};
use std::cmp::Ordering;
use std::fmt;
use std::ops::{Bound, RangeBounds};

/// A `SELECT` of whole rows. Without an order, rows come in the order in which they were written; if the profile says
/// [`unordered`](super::StoreProfile::unordered), their order is a choice.
///
/// ```
/// use shakedown_sim::store::{Column, Query};
/// struct Job { id: i64, state: &'static str, due: i64 }
/// const ID: Column<Job> = Column::new("id", |job| job.id.into());
/// const STATE: Column<Job> = Column::new("state", |job| job.state.into());
/// const DUE: Column<Job> = Column::new("due", |job| job.due.into());
///
/// let next = Query::all().filter(STATE.eq("ready")).order_by(DUE).order_by(ID).after((5, 7)).limit(3);
/// assert_eq!(next.to_string(), "WHERE state = 'ready' AND (due, id) > (5, 7) ORDER BY due, id LIMIT 3");
/// ```
pub struct Query<R> {
    path: Path,
    conditions: Vec<Condition<R>>,
    order: Vec<(Column<R>, bool)>,
    after: Option<Key>,
    limit: usize,
    offset: usize,
}

/// The rows among which a query searches.
enum Path {
    All,
    Keys { index: String, keys: Vec<Key> },
    Range { index: String, low: Bound<Key>, high: Bound<Key> },
}

enum Condition<R> {
    Expression(Predicate<R>),
    Closure(Box<dyn Fn(&R) -> bool>),
}

impl<R> Condition<R> {
    fn admits(&self, row: &R) -> bool {
        match self {
            Self::Expression(predicate) => predicate.admits(row),
            Self::Closure(closure) => closure(row),
        }
    }
}

impl<R: 'static> Query<R> {
    /// Selects all rows, by a sequential scan.
    pub fn all() -> Self {
        Self::of(Path::All)
    }

    /// Selects the rows of these keys in a named index or constraint.
    pub fn keys_in<K: Into<Key>>(index: &str, keys: impl IntoIterator<Item = K>) -> Self {
        Self::of(Path::Keys { index: index.to_owned(), keys: keys.into_iter().map(Into::into).collect() })
    }

    /// Selects the rows whose key in a named index or constraint lies in a range, in its order.
    pub fn range_in(index: &str, keys: impl RangeBounds<Key>) -> Self {
        let (low, high) = (keys.start_bound().cloned(), keys.end_bound().cloned());
        Self::of(Path::Range { index: index.to_owned(), low, high })
    }

    fn of(path: Path) -> Self {
        Self { path, conditions: Vec::new(), order: Vec::new(), after: None, limit: usize::MAX, offset: 0 }
    }

    /// Keeps the rows that a predicate admits. Several conditions are joined by AND.
    #[must_use]
    pub fn filter(mut self, wanted: Predicate<R>) -> Self {
        self.conditions.push(Condition::Expression(wanted));
        self
    }

    /// Keeps the rows for which a closure returns true.
    #[must_use]
    pub fn matching(mut self, wanted: impl Fn(&R) -> bool + 'static) -> Self {
        self.conditions.push(Condition::Closure(Box::new(wanted)));
        self
    }

    /// Orders the rows by a column, ascending; further columns order the rows of equal values.
    #[must_use]
    pub fn order_by(mut self, column: Column<R>) -> Self {
        self.order.push((column, false));
        self
    }

    /// Orders the rows by a column, descending.
    #[must_use]
    pub fn order_by_descending(mut self, column: Column<R>) -> Self {
        self.order.push((column, true));
        self
    }

    /// Keeps the rows that come after this key in the order: the next page, by the key of the last row of the one before
    /// (keyset pagination).
    #[must_use]
    pub fn after(mut self, key: impl Into<Key>) -> Self {
        self.after = Some(key.into());
        self
    }

    /// Returns at most this many rows.
    #[must_use]
    pub fn limit(self, rows: usize) -> Self {
        Self { limit: rows, ..self }
    }

    /// Passes over this many rows first. It reads and counts them: rows that others insert or delete before them shift
    /// the page.
    #[must_use]
    pub fn offset(self, rows: usize) -> Self {
        Self { offset: rows, ..self }
    }

    fn rows(path: &Path, table: TableHandle<R>) -> Rows<R> {
        match path {
            Path::All => table.all(),
            Path::Keys { index, keys } => table.keys_in(index, keys.iter().cloned()),
            Path::Range { index, low, high } => table.range_in(index, (low.clone(), high.clone())),
        }
    }

    /// Returns the statement of the core, with this arrangement of rows that have no order.
    ///
    /// # Panics
    /// If a keyset has no order, or one with ascending and descending columns.
    fn build(self, table: TableHandle<R>, arrangement: Arrangement) -> Select<R> {
        let Self { path, conditions, order, after, limit, offset } = self;
        let descending: Vec<bool> = order.iter().map(|(_, descending)| *descending).collect();
        let mut rows = Self::rows(&path, table);
        if !conditions.is_empty() {
            rows = rows.filter(move |row| conditions.iter().all(|condition| condition.admits(row)));
        }
        if let Some(after) = after {
            let direction = if descending.contains(&true) { Ordering::Less } else { Ordering::Greater };
            let is_uniform = descending.windows(2).all(|pair| pair[0] == pair[1]);
            assert!(is_uniform && !order.is_empty(), "Query::after: a keyset has an order of one direction");
            let order = order.clone();
            rows = rows.filter(move |row| key_of(&order, row).cmp(&after) == direction);
        }
        let select = rows.select().limit(limit).offset(offset).arranged(arrangement);
        if order.is_empty() {
            return select;
        }
        select.order_by(move |row| key_of(&order, row)).descending(descending)
    }
}

fn key_of<R>(order: &[(Column<R>, bool)], row: &R) -> Key {
    Key::tuple(order.iter().map(|(column, _)| column.value(row)))
}

/// Writes the clauses behind `FROM`.
impl<R> fmt::Display for Query<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut conditions: Vec<String> = Vec::new();
        match &self.path {
            Path::All => {}
            Path::Keys { index, keys } => {
                let keys: Vec<String> = keys.iter().map(|key| tuple(key.scalars())).collect();
                conditions.push(format!("{index} IN ({})", keys.join(", ")));
            }
            Path::Range { index, low, high } => {
                conditions.extend([bound(index, ">", low), bound(index, "<", high)].into_iter().flatten())
            }
        }
        conditions.extend(self.conditions.iter().map(|condition| match condition {
            Condition::Expression(predicate) => predicate.to_string(),
            Condition::Closure(_) => "(…)".to_owned(),
        }));
        if let Some(after) = &self.after {
            let names: Vec<&str> = self.order.iter().map(|(column, _)| column.name()).collect();
            let operator = if self.order.iter().any(|(_, descending)| *descending) { "<" } else { ">" };
            let names =
                if let [name] = names[..] { name.to_owned() } else { format!("({})", names.join(", ")) };
            conditions.push(format!("{names} {operator} {}", tuple(after.scalars())));
        }
        let mut clauses = Vec::new();
        if !conditions.is_empty() {
            clauses.push(format!("WHERE {}", conditions.join(" AND ")));
        }
        if !self.order.is_empty() {
            let direction = |descending: bool| if descending { " DESC" } else { "" };
            let columns = self
                .order
                .iter()
                .map(|(column, descending)| format!("{}{}", column.name(), direction(*descending)));
            clauses.push(format!("ORDER BY {}", columns.collect::<Vec<_>>().join(", ")));
        }
        if self.limit != usize::MAX {
            clauses.push(format!("LIMIT {}", self.limit));
        }
        if self.offset != 0 {
            clauses.push(format!("OFFSET {}", self.offset));
        }
        f.write_str(&clauses.join(" "))
    }
}

fn tuple(scalars: &[Scalar]) -> String {
    let literals: Vec<String> = scalars.iter().map(|scalar| Literal(scalar).to_string()).collect();
    if let [one] = &literals[..] { one.clone() } else { format!("({})", literals.join(", ")) }
}

fn bound(index: &str, operator: &str, key: &Bound<Key>) -> Option<String> {
    match key {
        Bound::Unbounded => None,
        Bound::Included(key) => Some(format!("{index} {operator}= {}", tuple(key.scalars()))),
        Bound::Excluded(key) => Some(format!("{index} {operator} {}", tuple(key.scalars()))),
    }
}

impl Transaction {
    /// Returns the rows of a query.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    ///
    /// # Panics
    /// If the query names an index that the table does not have, or [`Query::after`] has no order of one direction.
    pub async fn select<R: Row>(&mut self, table: &Table<R>, query: Query<R>) -> Result<Vec<R>, StoreError> {
        self.run_query(table, query, None).await
    }

    /// Returns the rows of a query, locked in this mode until the transaction ends. Rows are locked in the order of the
    /// query, and before the limit counts them; at read committed, a row that changed during the wait is judged again,
    /// and keeps its place.
    ///
    /// # Errors
    /// As [`Transaction::lock_with`].
    ///
    /// # Panics
    /// As [`Transaction::select`].
    pub async fn select_for<R: Row>(
        &mut self,
        table: &Table<R>,
        query: Query<R>,
        mode: LockMode,
        wait: LockWait,
    ) -> Result<Vec<R>, StoreError> {
        if wait == LockWait::Block {
            self.line.looks_at(&self.line.server.acquisitions);
        }
        self.run_query(table, query, Some((mode, wait))).await
    }

    /// Locks the rows of a query that no other transaction holds (`FOR UPDATE SKIP LOCKED`): with an order and a limit,
    /// the first so many of them.
    ///
    /// # Errors
    /// As [`Transaction::claim`].
    ///
    /// # Panics
    /// As [`Transaction::select`].
    pub async fn claim_rows<R: Row>(
        &mut self,
        table: &Table<R>,
        query: Query<R>,
    ) -> Result<Vec<R>, StoreError> {
        self.select_for(table, query, LockMode::Update, LockWait::SkipLocked).await
    }

    async fn run_query<R: Row>(
        &mut self,
        table: &Table<R>,
        query: Query<R>,
        lock: Option<(LockMode, LockWait)>,
    ) -> Result<Vec<R>, StoreError> {
        let handle = self.handle(table, "Transaction::select");
        let written = self.line.is_recorded().then(|| statement(R::TABLE, &query, lock));
        let arrangement = if query.order.is_empty() && matches!(query.path, Path::All) {
            self.line.arrangement(table.0.name)
        } else {
            Arrangement::AsScanned
        };
        let mut select = query.build(handle, arrangement);
        if let Some((mode, wait)) = lock {
            select = select.lock(mode, wait);
        }
        let found = self.line.run(table.0.name, select.build()).await?;
        self.line.note(|| {
            let verb = if lock.is_some() { Verb::Lock } else { Verb::Read };
            let each = found.iter().map(|row| Access::new(verb, R::TABLE, text_of::<R>(&row.key())));
            let accesses = std::iter::once(Access::new(Verb::Scan, R::TABLE, "")).chain(each).collect();
            let count = found.len();
            (accesses, format!("{}: {count} rows", written.unwrap_or_default()))
        });
        Ok(found.iter().map(|row| self.seen(row)).collect())
    }

    /// `UPDATE … WHERE`: sets each row that a predicate admits; returns the new rows. A row that was awaited is judged as
    /// it is then.
    ///
    /// # Errors
    /// As [`Transaction::lock`] and [`Transaction::update`].
    pub async fn update_rows<R: Row>(
        &mut self,
        table: &Table<R>,
        wanted: Predicate<R>,
        set: impl Fn(&R) -> R + 'static,
    ) -> Result<Vec<R>, StoreError> {
        let handle = self.handle(table, "Transaction::update_rows");
        let written = self.line.is_recorded().then(|| format!("UPDATE {} WHERE {wanted}", R::TABLE));
        let statement = handle.all().filter(move |row| wanted.admits(row)).update(set);
        let rows = self.line.run(table.0.name, statement).await?;
        self.line.note(|| changes::<R>(Verb::Write, &rows, &written.unwrap_or_default()));
        Ok(rows.iter().map(|row| R::clone(row)).collect())
    }

    /// `DELETE … WHERE`: deletes each row that a predicate admits; returns the rows as they were.
    ///
    /// # Errors
    /// As [`Transaction::lock`].
    pub async fn delete_rows<R: Row>(
        &mut self,
        table: &Table<R>,
        wanted: Predicate<R>,
    ) -> Result<Vec<R>, StoreError> {
        let handle = self.handle(table, "Transaction::delete_rows");
        let written = self.line.is_recorded().then(|| format!("DELETE FROM {} WHERE {wanted}", R::TABLE));
        let statement = handle.all().filter(move |row| wanted.admits(row)).delete();
        let rows = self.line.run(table.0.name, statement).await?;
        self.line.note(|| changes::<R>(Verb::Delete, &rows, &written.unwrap_or_default()));
        Ok(rows.iter().map(|row| self.seen(row)).collect())
    }
}

/// Returns the text of a query as SQL.
fn statement<R>(table: &str, query: &Query<R>, lock: Option<(LockMode, LockWait)>) -> String {
    let clauses = query.to_string();
    let mut text = format!("SELECT * FROM {table}");
    if !clauses.is_empty() {
        text = format!("{text} {clauses}");
    }
    let Some((mode, wait)) = lock else { return text };
    text += match mode {
        LockMode::KeyShare => " FOR KEY SHARE",
        LockMode::Share => " FOR SHARE",
        LockMode::NoKeyUpdate => " FOR NO KEY UPDATE",
        LockMode::Update => " FOR UPDATE",
    };
    text += match wait {
        LockWait::Block => "",
        LockWait::NoWait => " NOWAIT",
        LockWait::SkipLocked => " SKIP LOCKED",
    };
    text
}

/// Returns the step of a statement that changes rows.
fn changes<R: Row>(verb: Verb, rows: &[std::rc::Rc<R>], text: &str) -> (Vec<Access>, String) {
    let each = rows.iter().map(|row| Access::new(verb, R::TABLE, text_of::<R>(&row.key())));
    let accesses = std::iter::once(Access::new(Verb::Scan, R::TABLE, "")).chain(each).collect();
    (accesses, format!("{text}: {} rows", rows.len()))
}
