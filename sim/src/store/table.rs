//! Tables: typed rows with a primary key, and the hook that receives their commits.

use super::StoreError;
use super::constraints::Constraints;
use super::server::Server;
use super::transaction::text_of;
use crate::access::{Access, Verb};
use crate::env::Env;
use crate::label::Label;
use crate::signal::Signal;
use serde::Serialize;
use shakedown_database::{Database, DatabaseError, Key, RowChange, TableDef, TableHandle};
use std::cell::{OnceCell, RefCell};
use std::rc::{Rc, Weak};

/// A row of a table.
pub trait Row: Clone + Serialize + 'static {
    /// The primary key.
    type Key: Into<Key> + Ord + Clone + 'static;

    /// The table's name.
    const TABLE: &'static str;

    /// The row's primary key.
    fn key(&self) -> Self::Key;

    /// The row's other unique key, if it has one.
    fn unique(&self) -> Option<u64> {
        None
    }
}

/// A committed change of one row; `before` is absent for an insert, `after` for a delete.
#[derive(Clone, Debug)]
pub struct Change<R> {
    /// The row as it was.
    pub before: Option<R>,
    /// The row as it is.
    pub after: Option<R>,
}

/// The constraint of the rows' other unique key.
pub(super) const UNIQUE: &str = "unique";

/// A table of a store: of the first one whose transaction uses it. Cheap to clone; all clones are one table.
pub struct Table<R: Row>(pub(super) Rc<TableState<R>>);

impl<R: Row> Clone for Table<R> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

type Hook<R> = Box<dyn Fn(&Env, &Change<R>)>;

pub(super) struct TableState<R: Row> {
    /// The store that it is a table of, and its handle there.
    place: OnceCell<(Weak<Server>, TableHandle<R>)>,
    /// Until the table is created.
    constraints: RefCell<Option<Constraints<R>>>,
    on_commit: Hook<R>,
    signal: Signal,
    pub(super) name: Label,
}

impl<R: Row> Table<R> {
    /// Creates an empty table. `on_commit` receives each change once it is durable, with a handle of the store's node
    /// within the scope of the client: the place to state it as a fact.
    pub fn new(on_commit: impl Fn(&Env, &Change<R>) + 'static) -> Self {
        Self::constrained(Constraints::none(), on_commit)
    }

    /// Creates an empty table with further constraints. `on_commit` is as for [`Table::new`]; it also receives the rows
    /// that a referential action changes.
    pub fn constrained(constraints: Constraints<R>, on_commit: impl Fn(&Env, &Change<R>) + 'static) -> Self {
        Self(Rc::new(TableState {
            place: OnceCell::new(),
            constraints: RefCell::new(Some(constraints)),
            on_commit: Box::new(on_commit),
            signal: Signal::new(),
            name: Label::new(R::TABLE),
        }))
    }

    /// Raised by each commit that changes the table.
    pub fn signal(&self) -> &Signal {
        &self.0.signal
    }

    /// The table in a store.
    ///
    /// # Panics
    /// If it is a table of another store, or the store has another table of that name; if a constraint references one
    /// that the parent does not have.
    pub(super) fn within(&self, server: &Rc<Server>, call: &'static str) -> TableHandle<R> {
        let (home, handle) = self.0.place.get_or_init(|| {
            let constraints = self.0.constraints.take().unwrap_or_else(Constraints::none);
            let def = constraints.complete(table_def::<R>(), server);
            let handle = match server.create_table(def, Rc::<TableState<R>>::clone(&self.0)) {
                Ok(handle) => handle,
                Err(DatabaseError::DuplicateTable { .. }) => {
                    panic!("{call}: the store has another table of the name `{}`", R::TABLE)
                }
                Err(error) => panic!("{call}: the constraints of `{}`: {error}", R::TABLE),
            };
            (Rc::downgrade(server), handle)
        });
        assert!(
            std::ptr::eq(home.as_ptr(), Rc::as_ptr(server)),
            "{call}: `{}` is a table of another store",
            R::TABLE
        );
        *handle
    }
}

fn table_def<R: Row>() -> TableDef<R> {
    TableDef::keyed(R::TABLE, |row: &R| row.key().into())
        .unique_where_present(UNIQUE, |row| row.unique().into())
}

/// A table as an observer of commits.
pub(super) trait CommitObserver {
    /// Passes a committed change to the hook.
    fn committed(&self, env: &Env, change: &RowChange);
    /// Passes the reverse change to the hook: the commit is lost.
    fn lost(&self, env: &Env, change: &RowChange);
    fn signal(&self) -> &Signal;
    fn name(&self) -> Label;
}

fn typed<R: Row>(row: Option<&Rc<dyn std::any::Any>>) -> Option<R> {
    row.and_then(|row| row.downcast_ref::<R>()).cloned()
}

impl<R: Row> TableState<R> {
    /// Calls the hook. In a recorded run, the facts that it states access the row.
    fn pass(&self, env: &Env, change: Change<R>) {
        let core = &env.world.core;
        if core.borrow().recording.is_none() {
            return (self.on_commit)(env, &change);
        }
        let verb = if change.after.is_some() { Verb::Write } else { Verb::Delete };
        let row = change.after.as_ref().or(change.before.as_ref());
        let access = row.map(|row| Access::new(verb, R::TABLE, text_of::<R>(&row.key())));
        core.borrow_mut().committing = access;
        (self.on_commit)(env, &change);
        core.borrow_mut().committing = None;
    }
}

impl<R: Row> CommitObserver for TableState<R> {
    fn committed(&self, env: &Env, change: &RowChange) {
        let (before, after) = (typed(change.before.as_ref()), typed(change.after.as_ref()));
        self.pass(env, Change { before, after });
    }

    fn lost(&self, env: &Env, change: &RowChange) {
        let (before, after) = (typed(change.after.as_ref()), typed(change.before.as_ref()));
        self.pass(env, Change { before, after });
    }

    fn name(&self) -> Label {
        self.name
    }

    fn signal(&self) -> &Signal {
        &self.signal
    }
}

impl super::Store {
    /// Adds a row that was there before the run began; it is nobody's commit and states no fact.
    ///
    /// # Panics
    /// If one of its keys is taken.
    pub fn plant<R: Row>(&self, table: &Table<R>, row: R) {
        let handle = table.within(&self.0, "Store::plant");
        let plant = |database: &mut Database| {
            let session = database.connect();
            let mut insert = handle.insert(row).build();
            let planted = database.poll(session, &mut insert, 0).done();
            database.disconnect(session);
            drop(database.take_commits());
            planted
        };
        let planted = self.0.with_database(plant);
        self.0.replay_all();
        if let Some(Err(error)) = planted {
            panic!("Store::plant: {} in `{}`", StoreError::from_server(error), R::TABLE);
        }
    }
}
