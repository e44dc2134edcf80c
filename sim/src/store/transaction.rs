//! Transactions: statements, then a commit whose outcome the client may never learn.

use super::table::{Lockable, Part, Row, Table, TableState};
use super::{Store, StoreError};
use crate::choice::Site;
use crate::engine::effects::Reach;
use crate::env::{Env, Side, put, slot, take};
use crate::event::Kind;
use crate::label::Label;
use crate::world::World;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

const STORE: Label = Label::new("store");
const COMMIT: Label = Label::new("commit");
const NOTICE: Label = Label::new("notices a dead client");

/// An open transaction. Dropped without a commit it rolls back: at once if its node lives, else when the
/// server notices that the client is gone.
pub struct Transaction {
    store: Store,
    client: Env,
    id: u32,
    parts: Vec<Rc<dyn Part>>,
    ended: bool,
}

impl Transaction {
    pub(super) fn new(store: Store, client: Env, id: u32) -> Self {
        Self { store, client, id, parts: Vec::new(), ended: false }
    }

    /// Goes on for the entity of another handle of the same client: who claims a row learns only then whose
    /// it is.
    pub fn within(mut self, client: &Env) -> Self {
        self.client = client.clone();
        self
    }

    fn world(&self) -> &Rc<World> {
        &self.client.world
    }

    /// The row with this key.
    ///
    /// # Errors
    /// None at this level; the result leaves room for those of stricter ones.
    pub async fn get<R: Row>(&mut self, table: &Table<R>, key: &R::Key) -> Result<Option<R>, StoreError> {
        self.alive().await;
        Ok(table.0.read(self.world(), self.id, key))
    }

    /// The rows that `wanted` admits, in order of their keys.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn scan<R: Row>(
        &mut self,
        table: &Table<R>,
        wanted: impl Fn(&R) -> bool,
    ) -> Result<Vec<R>, StoreError> {
        self.alive().await;
        Ok(table.0.scan(self.world(), self.id, wanted))
    }

    /// The row with this key, locked until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError::LockTimeout`] if somebody holds it for too long.
    pub async fn lock<R: Row>(&mut self, table: &Table<R>, key: &R::Key) -> Result<Option<R>, StoreError> {
        self.acquire(table, &Lockable::Key(key.clone())).await?;
        self.get(table, key).await
    }

    /// Locks the first row that `wanted` admits and nobody else holds; rows that are held are passed over.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn claim<R: Row>(
        &mut self,
        table: &Table<R>,
        wanted: impl Fn(&R) -> bool,
    ) -> Result<Option<R>, StoreError> {
        let rows = self.scan(table, wanted).await?;
        let first = rows.into_iter().find(|row| table.0.try_lock(self.id, &Lockable::Key(row.key())));
        if first.is_some() {
            self.take_part(table);
        }
        Ok(first)
    }

    /// Inserts a row. Waits for open transactions that inserted the same keys.
    ///
    /// # Errors
    /// [`StoreError::UniqueViolation`] if one of its keys is taken, [`StoreError::LockTimeout`].
    pub async fn insert<R: Row>(&mut self, table: &Table<R>, row: R) -> Result<(), StoreError> {
        if self.insert_or_ignore(table, row).await? { Ok(()) } else { Err(StoreError::UniqueViolation) }
    }

    /// Inserts a row unless one of its keys is taken; answers whether it did.
    ///
    /// # Errors
    /// [`StoreError::LockTimeout`].
    pub async fn insert_or_ignore<R: Row>(&mut self, table: &Table<R>, row: R) -> Result<bool, StoreError> {
        let (key, unique) = (row.key(), row.unique());
        let by_code = unique.map(Lockable::Unique);
        let mut new_locks = [None, None];
        if let (Some(unique), Some(on)) = (unique, &by_code) {
            new_locks[0] = self.acquire(table, on).await?.then_some(on);
            if table.0.key_of_unique(self.id, unique).is_some() {
                return Ok(self.too_late(table, new_locks));
            }
        }
        let by_key = Lockable::Key(key.clone());
        new_locks[1] = self.acquire(table, &by_key).await?.then_some(&by_key);
        if self.get(table, &key).await?.is_some() {
            return Ok(self.too_late(table, new_locks));
        }
        table.0.write(self.id, key, Some(row));
        Ok(true)
    }

    /// A key is taken: whoever meets a row that is there locks nothing by that.
    fn too_late<R: Row>(&self, table: &Table<R>, new_locks: [Option<&Lockable<R::Key>>; 2]) -> bool {
        for on in new_locks.into_iter().flatten() {
            table.0.unlock(self.world(), self.id, on);
        }
        false
    }

    /// Writes a row in place of the one with its key, which stays locked until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError::UniqueViolation`] if another row holds its other unique key, [`StoreError::LockTimeout`].
    pub async fn update<R: Row>(&mut self, table: &Table<R>, row: R) -> Result<(), StoreError> {
        let key = row.key();
        self.acquire(table, &Lockable::Key(key.clone())).await?;
        if let Some(unique) = row.unique()
            && table.0.key_of_unique(self.id, unique).as_ref() != Some(&key)
        {
            self.acquire(table, &Lockable::Unique(unique)).await?;
            if table.0.key_of_unique(self.id, unique).is_some() {
                return Err(StoreError::UniqueViolation);
            }
        }
        table.0.write(self.id, key, Some(row));
        Ok(())
    }

    /// The row that holds this unique value.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn get_by_unique<R: Row>(
        &mut self,
        table: &Table<R>,
        unique: u64,
    ) -> Result<Option<R>, StoreError> {
        self.alive().await;
        match table.0.key_of_unique(self.id, unique) {
            Some(key) => self.get(table, &key).await,
            None => Ok(None),
        }
    }

    /// Commits. `name` says what is committed, for choice sites and reports. Crash points stand before the
    /// request and after its answer.
    ///
    /// # Errors
    /// [`StoreError::CommitUnknown`] if the connection broke: the client must find out.
    pub async fn commit(mut self, name: impl Into<Label>) -> Result<(), StoreError> {
        let name = name.into();
        let env = self.client.clone();
        env.crash_point(Side::Before, name).await;
        self.ended = true;
        let word = name.hash().finish();
        env.event(Kind::Commit, [word, u64::from(self.id)], || format!("commits: {name}"));
        let profile = self.store.0.profile;
        let pick = env.choose_at(Site::of(STORE, COMMIT, name), &profile.commit_faults, None);
        let fate = profile.commit_faults.names()[pick.index()];
        let reply = slot();
        let (answer, store, id) = (Rc::clone(&reply), self.store.clone(), self.id);
        let (parts, scope) = (std::mem::take(&mut self.parts), env.scope());
        env.world.deliver(profile.commit / 2, move |world| {
            let server = store.0.env.within(scope);
            if fate == "fails" {
                server.event(Kind::Failed, [word, u64::from(id)], || format!("rolls back: {name}"));
                roll_back(world, &parts, id);
            } else {
                apply(&server, &parts, id, name);
            }
            let result = if fate == "commits" { Ok(()) } else { Err(StoreError::CommitUnknown) };
            world.deliver(profile.commit / 2, move |world| put(world, &answer, result));
        });
        let result = take(&env.world, &reply).await;
        match result {
            Ok(()) => env.crash_point(Side::After, name).await,
            Err(_) => {
                env.event(Kind::Failed, [word, u64::from(id)], || {
                    "loses the connection while it commits".to_owned()
                });
            }
        }
        result
    }

    /// Waits for ever if the client is dead: its statements reach nobody.
    async fn alive(&self) {
        if !self.client.is_alive() {
            std::future::pending().await
        }
    }

    fn take_part<R: Row>(&mut self, table: &Table<R>) {
        self.world().core.borrow_mut().touch(Reach::Lock, u64::from(self.id));
        let part: Rc<dyn Part> = Rc::<TableState<R>>::clone(&table.0);
        if !self.parts.iter().any(|other| other.address() == part.address()) {
            self.parts.push(part);
        }
    }

    /// Waits for a lock; answers whether the transaction did not hold it before.
    async fn acquire<R: Row>(&mut self, table: &Table<R>, on: &Lockable<R::Key>) -> Result<bool, StoreError> {
        self.alive().await;
        self.take_part(table);
        let id = self.id;
        if table.0.holds(id, on) {
            return Ok(false);
        }
        if table.0.try_lock(id, on) {
            return Ok(true);
        }
        let waits = poll_fn(|context| {
            if table.0.try_lock(id, on) {
                return Poll::Ready(());
            }
            if let Some(waiter) = self.client.world.core.borrow().waiter(context) {
                table.0.wait_for(on, waiter);
            }
            Poll::Pending
        });
        let patience = self.store.0.profile.lock_timeout;
        self.client.timeout(patience, waits).await.map(|()| true).ok_or(StoreError::LockTimeout)
    }
}

fn apply(server: &Env, parts: &[Rc<dyn Part>], transaction: u32, name: Label) {
    let word = name.hash().finish();
    let event =
        server.event(Kind::Committed, [word, u64::from(transaction)], || format!("has committed: {name}"));
    let event = event.unwrap_or_default();
    server.world.with_cause(event, || {
        parts.iter().for_each(|part| part.apply(server, transaction, event));
        parts.iter().for_each(|part| part.release(&server.world, transaction));
    });
}

fn roll_back(world: &World, parts: &[Rc<dyn Part>], transaction: u32) {
    parts.iter().for_each(|part| part.discard(transaction));
    parts.iter().for_each(|part| part.release(world, transaction));
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.ended || self.parts.is_empty() {
            return;
        }
        let (parts, id) = (std::mem::take(&mut self.parts), self.id);
        if self.client.is_alive() {
            return roll_back(&self.client.world, &parts, id);
        }
        let server = self.store.0.env.within(self.client.scope());
        let notice = self.store.0.profile.notice;
        let delay = server.choose_delay(Site::new(STORE, NOTICE), &notice);
        server.world.deliver(delay, move |world| roll_back(world, &parts, id));
    }
}
