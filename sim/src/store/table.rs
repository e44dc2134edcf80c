//! Tables: committed rows, rows written by open transactions, and locks.

use crate::env::Env;
use crate::signal::Signal;
use crate::task::Waiter;
use crate::world::World;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A row of a table.
pub trait Row: Clone + Serialize + 'static {
    /// The primary key.
    type Key: Ord + Clone + 'static;

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

type Hook<R> = Box<dyn Fn(&Env, &Change<R>)>;

/// A table of a store. Cheap to clone; all clones are one table.
pub struct Table<R: Row>(pub(super) Rc<TableState<R>>);

impl<R: Row> Clone for Table<R> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

pub(super) struct TableState<R: Row> {
    inner: RefCell<Inner<R>>,
    on_commit: Hook<R>,
    pub(super) signal: Signal,
}

/// What a lock is on.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Lockable<K> {
    Key(K),
    Unique(u64),
}

struct Lock<K> {
    on: Lockable<K>,
    owner: u32,
    waiters: Vec<Waiter>,
}

struct Committed<R> {
    row: R,
    written_by: Option<u32>,
}

struct Pending<R: Row> {
    transaction: u32,
    key: R::Key,
    row: Option<R>,
}

struct Inner<R: Row> {
    rows: BTreeMap<R::Key, Committed<R>>,
    by_unique: BTreeMap<u64, R::Key>,
    pending: Vec<Pending<R>>,
    locks: Vec<Lock<R::Key>>,
}

impl<R: Row> Table<R> {
    /// An empty table. `on_commit` is told of each change when it has become durable, with a handle of the
    /// store's node within the scope of the client: the place to state it as a fact.
    pub fn new(on_commit: impl Fn(&Env, &Change<R>) + 'static) -> Self {
        let inner = Inner {
            rows: BTreeMap::new(),
            by_unique: BTreeMap::new(),
            pending: Vec::new(),
            locks: Vec::new(),
        };
        let state =
            TableState { inner: RefCell::new(inner), on_commit: Box::new(on_commit), signal: Signal::new() };
        Self(Rc::new(state))
    }

    /// Raised by each commit that changes the table.
    pub fn signal(&self) -> &Signal {
        &self.0.signal
    }
}

impl<R: Row> TableState<R> {
    /// The row as this transaction sees it; says to the reader's trace who wrote it.
    pub(super) fn read(&self, world: &World, transaction: u32, key: &R::Key) -> Option<R> {
        let inner = self.inner.borrow();
        if let Some(own) = inner.pending.iter().find(|own| own.transaction == transaction && own.key == *key)
        {
            return own.row.clone();
        }
        let committed = inner.rows.get(key)?;
        if let Some(writer) = committed.written_by {
            world.core.borrow_mut().follows_from(writer);
        }
        Some(committed.row.clone())
    }

    /// The rows that this transaction sees and that `wanted` admits, in order of their keys.
    pub(super) fn scan(&self, world: &World, transaction: u32, wanted: impl Fn(&R) -> bool) -> Vec<R> {
        let keys: Vec<R::Key> = {
            let inner = self.inner.borrow();
            let own = inner.pending.iter().filter(|own| own.transaction == transaction);
            let mut keys: Vec<_> =
                own.filter(|own| own.row.as_ref().is_some_and(&wanted)).map(|own| own.key.clone()).collect();
            keys.extend(
                inner.rows.iter().filter(|(_, committed)| wanted(&committed.row)).map(|(key, _)| key.clone()),
            );
            keys.sort();
            keys.dedup();
            keys
        };
        keys.iter().filter_map(|key| self.read(world, transaction, key)).filter(|row| wanted(row)).collect()
    }

    /// The key of the row that holds this unique value.
    pub(super) fn key_of_unique(&self, transaction: u32, unique: u64) -> Option<R::Key> {
        let inner = self.inner.borrow();
        let own = || inner.pending.iter().filter(|own| own.transaction == transaction);
        let holder = own().filter_map(|own| own.row.as_ref()).find(|row| row.unique() == Some(unique));
        // A committed holder that this transaction wrote and that was not found has given the value up.
        let kept = |key: &&R::Key| !own().any(|own| own.key == **key);
        holder.map(R::key).or_else(|| inner.by_unique.get(&unique).filter(kept).cloned())
    }

    /// Whether this transaction holds a lock.
    pub(super) fn holds(&self, transaction: u32, on: &Lockable<R::Key>) -> bool {
        self.inner.borrow().locks.iter().any(|lock| lock.on == *on && lock.owner == transaction)
    }

    /// Takes a lock if nobody else holds it.
    pub(super) fn try_lock(&self, transaction: u32, on: &Lockable<R::Key>) -> bool {
        let mut inner = self.inner.borrow_mut();
        match inner.locks.iter().find(|lock| lock.on == *on) {
            Some(lock) => lock.owner == transaction,
            None => {
                inner.locks.push(Lock { on: on.clone(), owner: transaction, waiters: Vec::new() });
                true
            }
        }
    }

    /// Gives up one lock before the transaction ends.
    pub(super) fn unlock(&self, world: &World, transaction: u32, on: &Lockable<R::Key>) {
        self.free(world, |lock| lock.owner == transaction && lock.on == *on);
    }

    /// Frees these locks and wakes who waits for them, in the order in which they came.
    fn free(&self, world: &World, which: impl Fn(&Lock<R::Key>) -> bool) {
        let mut woken = Vec::new();
        self.inner.borrow_mut().locks.retain_mut(|lock| {
            let keep = !which(lock);
            if !keep {
                woken.append(&mut lock.waiters);
            }
            keep
        });
        let mut core = world.core.borrow_mut();
        let cause = core.current_event();
        for waiter in woken {
            core.wake(waiter, cause);
        }
    }

    pub(super) fn wait_for(&self, on: &Lockable<R::Key>, waiter: Waiter) {
        let mut inner = self.inner.borrow_mut();
        if let Some(lock) = inner.locks.iter_mut().find(|lock| lock.on == *on) {
            lock.waiters.push(waiter);
        }
    }

    pub(super) fn write(&self, transaction: u32, key: R::Key, row: Option<R>) {
        let mut inner = self.inner.borrow_mut();
        let own = inner.pending.iter_mut().find(|own| own.transaction == transaction && own.key == key);
        match own {
            Some(own) => own.row = row,
            None => inner.pending.push(Pending { transaction, key, row }),
        }
    }

    /// Adds a committed row past all transactions: what was there before the run began.
    pub(super) fn plant(&self, row: R) {
        self.inner.borrow_mut().put(Some(row.clone()), row.key(), None);
    }
}

impl<R: Row> Inner<R> {
    fn put(&mut self, row: Option<R>, key: R::Key, written_by: Option<u32>) -> Option<R> {
        let unique = row.as_ref().and_then(R::unique);
        let before = match row {
            Some(row) => self.rows.insert(key.clone(), Committed { row, written_by }),
            None => self.rows.remove(&key),
        };
        let before = before.map(|committed| committed.row);
        let given_up = before.as_ref().and_then(R::unique).filter(|old| Some(*old) != unique);
        if let Some(old) = given_up
            && self.by_unique.get(&old) == Some(&key)
        {
            self.by_unique.remove(&old);
        }
        if let Some(unique) = unique {
            self.by_unique.insert(unique, key);
        }
        before
    }
}

/// A table as a transaction's end sees it.
pub(super) trait Part {
    /// Makes the transaction's writes durable; tells the hook.
    fn apply(&self, env: &Env, transaction: u32, event: u32);
    /// Forgets the transaction's writes.
    fn discard(&self, transaction: u32);
    /// Frees the transaction's locks and wakes who waited for them.
    fn release(&self, world: &World, transaction: u32);
    /// Whether both are one table.
    fn address(&self) -> *const ();
}

impl<R: Row> Part for TableState<R> {
    fn apply(&self, env: &Env, transaction: u32, event: u32) {
        let mut changes = Vec::new();
        {
            let mut inner = self.inner.borrow_mut();
            let mut at = 0;
            while at < inner.pending.len() {
                if inner.pending[at].transaction != transaction {
                    at += 1;
                    continue;
                }
                let Pending { key, row, .. } = inner.pending.remove(at);
                let after = row.clone();
                let before = inner.put(row, key, Some(event));
                if before.is_some() || after.is_some() {
                    changes.push(Change { before, after });
                }
            }
        }
        for change in &changes {
            (self.on_commit)(env, change);
        }
        if !changes.is_empty() {
            self.signal.raise(env);
        }
    }

    fn discard(&self, transaction: u32) {
        self.inner.borrow_mut().pending.retain(|own| own.transaction != transaction);
    }

    fn release(&self, world: &World, transaction: u32) {
        self.free(world, |lock| lock.owner == transaction);
    }

    fn address(&self) -> *const () {
        std::ptr::from_ref(self).cast()
    }
}

impl super::Store {
    /// Adds a row that was there before the run began; it is nobody's commit and states no fact.
    pub fn plant<R: Row>(&self, table: &Table<R>, row: R) {
        table.0.plant(row);
    }
}
