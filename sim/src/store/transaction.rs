//! Transactions: statements, then a commit whose outcome the client may never learn.

use super::line::Line;
use super::server::Server;
use super::table::{Row, Table, UNIQUE};
use super::{Isolation, LockMode, LockWait, StoreError};
use crate::access::{Access, Verb};
use crate::env::Env;
use crate::label::Label;
use crate::time::{Moment, WallTime};
use shakedown_database::{self as database, Key, Session, Statement, TableHandle};
use std::cell::Cell;
use std::rc::Rc;

const NOW: Label = Label::new("now");

/// An open transaction. Dropped without a commit it rolls back: at once if its node lives, else when the
/// server notices that the client is gone.
///
/// After a statement has failed, every further one fails with [`StoreError::InFailedTransaction`], unless the
/// transaction goes back to a savepoint. A statement that is given up half-way, as by
/// [`Env::timeout`], is cancelled and counts as failed. Nothing can be done with it after its commit:
///
/// ```compile_fail,E0382
/// # use shakedown_sim::Transaction;
/// # async fn after(mut tx: Transaction) {
/// drop(tx.commit("work").await);
/// drop(tx.savepoint("after").await);
/// # }
/// ```
pub struct Transaction {
    pub(super) line: Line,
    /// The connection that it was begun on, which is busy meanwhile; without one, the session is the pool's.
    pub(super) busy: Option<Rc<Cell<bool>>>,
    pub(super) began: Began,
}

/// The begin of a transaction.
pub(super) struct Began {
    at: Moment,
    /// What the server's clock showed then, once it was read.
    shown: Cell<Option<WallTime>>,
}

impl Began {
    pub(super) fn at(at: Moment) -> Self {
        Self { at, shown: Cell::new(None) }
    }
}

impl Transaction {
    pub(super) fn new(
        server: &Rc<Server>,
        client: &Env,
        session: Result<Session, StoreError>,
        level: Isolation,
    ) -> Self {
        let line = Line::to(server, client, session);
        if let Ok(session) = session
            && client.is_alive()
        {
            // A session that the server has ended says so at the first statement.
            drop(server.start(session, &mut Statement::begin_at(level)));
        }
        let began = Began::at(client.now());
        Self { line, busy: None, began }
    }

    /// The same, on a connection that is busy until the transaction ends.
    pub(super) fn on_connection(mut self, busy: &Rc<Cell<bool>>) -> Self {
        busy.set(true);
        self.busy = Some(Rc::clone(busy));
        self
    }

    /// Continues the transaction within the entity of another handle of the same client: a client that claims a row
    /// learns its entity only then.
    pub fn within(mut self, client: &Env) -> Self {
        self.line.client = client.clone();
        self
    }

    /// Returns the handle of the client, in whose scope the transaction continues.
    pub fn client(&self) -> &Env {
        &self.line.client
    }

    /// Returns the row with this key.
    ///
    /// # Errors
    /// [`StoreError::SerializationFailure`] at serializable, [`StoreError::InFailedTransaction`],
    /// [`StoreError::ConnectionLost`] and the like, as any statement.
    pub async fn get<R: Row>(&mut self, table: &Table<R>, key: &R::Key) -> Result<Option<R>, StoreError> {
        let handle = self.handle(table, "Transaction::get");
        let wanted: Key = key.clone().into();
        let found = self.line.read_table(table.0.name, handle, |scope| scope.get(handle, wanted)).await?;
        self.line.note(|| {
            let (verb, key) = (if found.is_some() { Verb::Read } else { Verb::Miss }, text_of::<R>(key));
            let text = format!("reads {key} of {}{}", R::TABLE, absence(found.is_some()));
            (vec![Access::new(verb, R::TABLE, key)], text)
        });
        Ok(found.map(|row| self.seen(&row)))
    }

    /// Returns the time of the server's clock when the transaction began (`now()`, `transaction_timestamp()`): it is the
    /// same at each call.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn now(&mut self) -> Result<WallTime, StoreError> {
        let (clock, read_at) = self.server_clock().await?;
        let Began { at, shown } = &self.began;
        let now = shown.get().unwrap_or_else(|| clock - (read_at - *at));
        shown.set(Some(now));
        Ok(now)
    }

    /// Returns the time of the server's clock at this statement (`statement_timestamp()`).
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn statement_now(&mut self) -> Result<WallTime, StoreError> {
        Ok(self.server_clock().await?.0)
    }

    /// Returns what the server's clock shows at a statement, and when that is.
    async fn server_clock(&self) -> Result<(WallTime, Moment), StoreError> {
        let server = Rc::clone(&self.line.server);
        self.line.read(NOW, |_| Ok((server.env.clock(), server.env.now()))).await
    }

    /// Returns the rows that `wanted` admits, in the order of their keys. See [`Transaction::select`] for other orders,
    /// limits and pages.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn scan<R: Row>(
        &mut self,
        table: &Table<R>,
        wanted: impl Fn(&R) -> bool,
    ) -> Result<Vec<R>, StoreError> {
        let handle = self.handle(table, "Transaction::scan");
        let mut found = Vec::new();
        let server = &self.line.server;
        let scan = |scope: &mut database::Scope<'_>| {
            scope.for_each(handle, |row| {
                if wanted(row) {
                    server.note_read(row);
                    found.push(row.clone());
                }
            })
        };
        self.line.read_table(table.0.name, handle, scan).await?;
        if found.len() > 1 {
            self.line.arrangement(table.0.name).apply(&mut found);
        }
        self.line.note(|| {
            let read = found.iter().map(|row| Access::new(Verb::Read, R::TABLE, text_of::<R>(&row.key())));
            let scan = Access::new(Verb::Scan, R::TABLE, "");
            let accesses = std::iter::once(scan).chain(read).collect();
            (accesses, format!("reads {} of {}", keys_of(&found), R::TABLE))
        });
        Ok(found)
    }

    /// Returns the row that holds this unique value.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn get_by_unique<R: Row>(
        &mut self,
        table: &Table<R>,
        unique: u64,
    ) -> Result<Option<R>, StoreError> {
        let handle = self.handle(table, "Transaction::get_by_unique");
        let found =
            self.line.read_table(table.0.name, handle, |scope| scope.get_by(handle, UNIQUE, unique)).await?;
        self.line.note(|| {
            let read = found.iter().map(|row| Access::new(Verb::Read, R::TABLE, text_of::<R>(&row.key())));
            let text = format!("reads the row of {} with {unique}{}", R::TABLE, absence(found.is_some()));
            (read.collect(), text)
        });
        Ok(found.map(|row| self.seen(&row)))
    }

    /// Returns the row with this key, locked (`FOR UPDATE`) until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError::LockTimeout`] if another transaction holds it for too long, [`StoreError::Deadlock`];
    /// [`StoreError::SerializationFailure`] above read committed if it was changed since the snapshot; and as
    /// [`Transaction::get`].
    pub async fn lock<R: Row>(&mut self, table: &Table<R>, key: &R::Key) -> Result<Option<R>, StoreError> {
        self.lock_with(table, key, LockMode::Update, LockWait::Block).await
    }

    /// Returns the row with this key, locked in this mode until the transaction ends; `None` if there is none, or
    /// [`LockWait::SkipLocked`] passed over it.
    ///
    /// # Errors
    /// As [`Transaction::lock`], and [`StoreError::RowLocked`] with [`LockWait::NoWait`].
    pub async fn lock_with<R: Row>(
        &mut self,
        table: &Table<R>,
        key: &R::Key,
        mode: LockMode,
        wait: LockWait,
    ) -> Result<Option<R>, StoreError> {
        let handle = self.handle(table, "Transaction::lock");
        if wait == LockWait::Block {
            self.line.looks_at(&self.line.server.acquisitions);
        }
        let statement = handle.at(key.clone()).select().lock(mode, wait).build();
        self.line.aims_at(|| text_of::<R>(key));
        let rows = self.line.run(table.0.name, statement).await?;
        let skips = wait == LockWait::SkipLocked;
        self.line.note(|| {
            let (missing, verb) = match (rows.is_empty(), skips) {
                (false, _) => ("", Verb::Lock),
                (true, true) => (", which is absent or held by another", Verb::Skip),
                (true, false) => (", which is absent", Verb::Miss),
            };
            let key = text_of::<R>(key);
            let text = format!("locks {key} of {}{missing}", R::TABLE);
            (vec![Access::new(verb, R::TABLE, key)], text)
        });
        Ok(rows.first().map(|row| self.seen(row)))
    }

    /// Locks the first row that `wanted` admits and no other transaction holds (`FOR UPDATE SKIP LOCKED LIMIT 1`). A row
    /// that has changed since the snapshot is judged again. For several rows in an order, see
    /// [`Transaction::claim_rows`].
    ///
    /// # Errors
    /// As [`Transaction::lock`]: above read committed, a row that was changed since the snapshot is not passed
    /// over.
    pub async fn claim<R: Row>(
        &mut self,
        table: &Table<R>,
        wanted: impl Fn(&R) -> bool,
    ) -> Result<Option<R>, StoreError> {
        let handle = self.handle(table, "Transaction::claim");
        let mut keys = Vec::new();
        let candidates = |scope: &mut database::Scope<'_>| {
            scope.for_each(handle, |row: &R| {
                if wanted(row) {
                    keys.push(row.key());
                }
            })
        };
        self.line.read_table(table.0.name, handle, candidates).await?;
        if keys.len() > 1 {
            self.line.arrangement(table.0.name).apply(&mut keys);
        }
        let (mut skipped, is_recorded) = (Vec::new(), self.line.is_recorded());
        for key in keys {
            let written = is_recorded.then(|| text_of::<R>(&key));
            let statement = handle.at(key).select().lock(LockMode::Update, LockWait::SkipLocked).build();
            let rows = self.line.run(table.0.name, statement).await?;
            if let Some(row) = rows.first().filter(|row| wanted(row)) {
                self.line.note(|| {
                    let key = text_of::<R>(&row.key());
                    let text = format!("claims {key} of {}{}", R::TABLE, passed_over(skipped.len()));
                    (claim::<R>(&skipped, Some(Access::new(Verb::Lock, R::TABLE, key))), text)
                });
                return Ok(Some(self.seen(row)));
            }
            skipped.extend(written);
        }
        self.line.note(|| {
            let text = format!("finds nothing to claim in {}{}", R::TABLE, passed_over(skipped.len()));
            (claim::<R>(&skipped, None), text)
        });
        Ok(None)
    }

    /// Inserts a row. Waits for open transactions that inserted the same keys.
    ///
    /// # Errors
    /// [`StoreError::UniqueViolation`] if one of its keys is taken, and as [`Transaction::lock`].
    pub async fn insert<R: Row>(&mut self, table: &Table<R>, row: R) -> Result<(), StoreError> {
        let handle = self.handle(table, "Transaction::insert");
        let key = self.recorded_key(&row);
        self.line.aims_at(|| key.clone().unwrap_or_default());
        self.line.run(table.0.name, handle.insert(row).build()).await?;
        self.line.note(|| {
            let key = key.unwrap_or_default();
            let text = format!("inserts {key} into {}", R::TABLE);
            (vec![Access::new(Verb::Write, R::TABLE, key)], text)
        });
        Ok(())
    }

    /// Inserts a row unless one of its keys is taken (`ON CONFLICT DO NOTHING`); returns whether it did.
    ///
    /// # Errors
    /// As [`Transaction::lock`]: above read committed, a row in the way that the snapshot does not show.
    pub async fn insert_or_ignore<R: Row>(&mut self, table: &Table<R>, row: R) -> Result<bool, StoreError> {
        let handle = self.handle(table, "Transaction::insert_or_ignore");
        let key = self.recorded_key(&row);
        let statement = handle.insert(row).on_conflict_do_nothing().build();
        self.line.aims_at(|| key.clone().unwrap_or_default());
        let is_new = !self.line.run(table.0.name, statement).await?.is_empty();
        self.line.note(|| {
            let key = key.unwrap_or_default();
            let (text, verb) = if is_new {
                (format!("inserts {key} into {}", R::TABLE), Verb::Write)
            } else {
                (format!("does not insert {key} into {}: its key is taken", R::TABLE), Verb::Read)
            };
            (vec![Access::new(verb, R::TABLE, key)], text)
        });
        Ok(is_new)
    }

    /// Replaces the row with this row's key, or inserts it; the row stays locked until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError::UniqueViolation`] if another row holds its other unique key, and as [`Transaction::lock`].
    pub async fn update<R: Row>(&mut self, table: &Table<R>, row: R) -> Result<(), StoreError> {
        let handle = self.handle(table, "Transaction::update");
        let row = Rc::new(row);
        self.line.aims_at(|| text_of::<R>(&row.key()));
        let replaced = self.line.run(table.0.name, handle.at(row.key()).replace(&row)).await?;
        if replaced.is_empty() {
            let insert = handle.insert(R::clone(&row)).on_conflict_update(|_, new| new.clone());
            self.line.run(table.0.name, insert.build()).await?;
        }
        self.line.note(|| write::<R>("writes", &row.key()));
        Ok(())
    }

    /// Returns the written key of a row, if the run is recorded.
    fn recorded_key<R: Row>(&self, row: &R) -> Option<String> {
        self.line.is_recorded().then(|| text_of::<R>(&row.key()))
    }

    /// Returns the table's handle in the database. A turn of a poller that runs the statement depends on the table from
    /// here on.
    pub(super) fn handle<R: Row>(&self, table: &Table<R>, call: &'static str) -> TableHandle<R> {
        self.line.looks_at(table.signal());
        table.within(&self.line.server, call)
    }

    /// Returns a row to the client, and records that it was read.
    pub(super) fn seen<R: Row>(&self, row: &Rc<R>) -> R {
        self.line.server.note_read::<R>(row);
        R::clone(row)
    }
}

/// Returns a row's key in written form.
pub(super) fn text_of<R: Row>(key: &R::Key) -> String {
    let key: Key = key.clone().into();
    key.to_string()
}

/// Returns the step of a statement that writes a row; `verb` is the statement: `updates`.
pub(super) fn write<R: Row>(verb: &str, key: &R::Key) -> (Vec<Access>, String) {
    let key = text_of::<R>(key);
    let text = format!("{verb} {key} of {}", R::TABLE);
    (vec![Access::new(Verb::Write, R::TABLE, key)], text)
}

/// Returns the accesses of a claim: the rows that it skips, and the one that it locks.
fn claim<R: Row>(skipped: &[String], locked: Option<Access>) -> Vec<Access> {
    let scan = Access::new(Verb::Scan, R::TABLE, "");
    let skips = skipped.iter().map(|key| Access::new(Verb::Skip, R::TABLE, key));
    std::iter::once(scan).chain(skips).chain(locked).collect()
}

fn absence(is_there: bool) -> &'static str {
    if is_there { "" } else { ", which is absent" }
}

/// The greatest number of keys that a step names.
const KEYS_MAX: usize = 5;

fn keys_of<R: Row>(rows: &[R]) -> String {
    match rows {
        [] => "no row".to_owned(),
        rows if rows.len() > KEYS_MAX => format!("{} rows", rows.len()),
        rows => rows.iter().map(|row| text_of::<R>(&row.key())).collect::<Vec<_>>().join(", "),
    }
}

fn passed_over(count: usize) -> String {
    if count == 0 { String::new() } else { format!(", having passed over {count}") }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        match self.busy.take() {
            None => self.line.hang_up(true),
            Some(busy) => {
                busy.set(false);
                if Rc::strong_count(&busy) > 1 {
                    self.line.roll_back();
                } else {
                    // The connection is gone.
                    self.line.hang_up(false);
                }
            }
        }
    }
}
