//! Queued locks: a place in the queue for a row, advisory locks, and locks of tables.
//!
//! A row lock itself is stored on the row's version. A transaction that must wait for one first takes the *place* of
//! that version here and then waits for the holder's transaction, so that of several waiters only the first competes
//! for the row (PostgreSQL source, `README.tuplock`). Queues are FIFO. A request that conflicts with an earlier
//! waiter waits behind it, except that a session which already holds the lock is placed before those that wait for
//! it, and that the check for deadlocks may change the order.

use std::collections::BTreeMap;

use crate::heap::Tid;
use crate::lock_mode::LockMode;
use crate::schema::TableId;
use crate::session::WaitOn;
use crate::table_lock::TableLock;
use crate::xact::Xid;

/// A mode in which a lock is held.
pub(crate) trait Mode: Copy + PartialEq {
    /// Returns whether two sessions cannot hold these modes at the same time.
    fn conflicts(self, other: Self) -> bool;
}

impl Mode for LockMode {
    fn conflicts(self, other: Self) -> bool {
        self.conflicts_with(other)
    }
}

/// The object of a queued lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LockTag {
    /// The right to be next at a row version.
    Place(TableId, Tid),
    /// An advisory lock.
    Advisory(i64),
}

/// The result of a request for a queued lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acquired {
    /// The session holds the lock.
    Now,
    /// The session waits in the queue.
    Queued,
    /// The session and the waiter that it must precede wait for each other.
    Deadlock,
}

struct Held<M> {
    session: usize,
    mode: M,
    count: u32,
}

struct Lock<M> {
    held: Vec<Held<M>>,
    queue: Vec<(usize, M)>,
}

impl<M> Default for Lock<M> {
    fn default() -> Self {
        Self { held: Vec::new(), queue: Vec::new() }
    }
}

impl<M: Mode> Lock<M> {
    /// Returns the mode that a session awaits.
    fn awaited(&self, session: usize) -> Option<M> {
        self.queue.iter().find(|(waiter, _)| *waiter == session).map(|(_, mode)| *mode)
    }

    fn conflicts_with_held(&self, session: usize, mode: M) -> bool {
        self.held.iter().any(|held| held.session != session && held.mode.conflicts(mode))
    }

    fn grant(&mut self, session: usize, mode: M) {
        match self.held.iter_mut().find(|held| held.session == session && held.mode == mode) {
            Some(held) => held.count += 1,
            None => self.held.push(Held { session, mode, count: 1 }),
        }
    }

    /// Grants what can be granted from the front of the queue.
    fn wake(&mut self, woken: &mut Vec<usize>) {
        let mut ahead: Vec<M> = Vec::new();
        let mut index = 0;
        while let Some((session, mode)) = self.queue.get(index).copied() {
            let waits = ahead.iter().any(|earlier| earlier.conflicts(mode));
            if waits || self.conflicts_with_held(session, mode) {
                ahead.push(mode);
                index += 1;
            } else {
                self.queue.remove(index);
                self.grant(session, mode);
                woken.push(session);
            }
        }
    }

    fn holds(&self, session: usize, conflicting: M) -> bool {
        self.held.iter().any(|held| held.session == session && held.mode.conflicts(conflicting))
    }

    /// Takes the lock if no session holds or awaits it in a conflicting mode.
    fn take_if_free(&mut self, session: usize, mode: M) -> bool {
        let again = self.held.iter().any(|held| held.session == session && held.mode == mode);
        let is_awaited = self.queue.iter().any(|(_, awaited)| awaited.conflicts(mode));
        let is_free = again || !(is_awaited || self.conflicts_with_held(session, mode));
        if is_free {
            self.grant(session, mode);
        }
        is_free
    }

    /// Joins the queue before the first waiter that waits for this session, if there is one.
    fn join(&mut self, session: usize, mode: M) -> Acquired {
        let waits_for_us = |(_, awaited): &(usize, M)| self.holds(session, *awaited);
        let Some(place) = self.queue.iter().position(waits_for_us) else {
            self.queue.push((session, mode));
            return Acquired::Queued;
        };
        if self.holds(self.queue[place].0, mode) {
            return Acquired::Deadlock;
        }
        let behind = self.queue[..place].iter().any(|(_, earlier)| earlier.conflicts(mode));
        if behind || self.conflicts_with_held(session, mode) {
            self.queue.insert(place, (session, mode));
            return Acquired::Queued;
        }
        self.grant(session, mode);
        Acquired::Now
    }
}

/// What the check for deadlocks must know about a lock, whatever its modes are.
pub(crate) trait Queue {
    /// Returns the waiters, first one first.
    fn waiters(&self) -> Vec<usize>;
    /// Returns the sessions that hold the lock in a mode which conflicts with that of a waiter.
    fn holders_awaited(&self, waiter: usize) -> Vec<usize>;
    /// Returns whether two waiters await conflicting modes.
    fn conflict(&self, waiter: usize, other: usize) -> bool;
}

impl<M: Mode> Queue for Lock<M> {
    fn waiters(&self) -> Vec<usize> {
        self.queue.iter().map(|(waiter, _)| *waiter).collect()
    }

    fn holders_awaited(&self, waiter: usize) -> Vec<usize> {
        let mode = self.awaited(waiter);
        let conflicts = |held: &&Held<M>| mode.is_some_and(|mode| held.mode.conflicts(mode));
        let holders = self.held.iter().filter(|held| held.session != waiter).filter(conflicts);
        holders.map(|held| held.session).collect()
    }

    fn conflict(&self, waiter: usize, other: usize) -> bool {
        self.awaited(waiter).zip(self.awaited(other)).is_some_and(|(mode, other)| mode.conflicts(other))
    }
}

/// Locks of one kind.
pub(crate) struct Locks<T, M> {
    locks: BTreeMap<T, Lock<M>>,
}

impl<T, M> Default for Locks<T, M> {
    fn default() -> Self {
        Self { locks: BTreeMap::new() }
    }
}

/// All queued locks of a database, and the sessions that wait for each transaction.
#[derive(Default)]
pub(crate) struct LockManager {
    pub queued: Locks<LockTag, LockMode>,
    pub tables: Locks<TableId, TableLock>,
    xid_waiters: BTreeMap<Xid, Vec<usize>>,
}

impl<T: Copy + Ord, M: Mode> Locks<T, M> {
    /// Returns whether no session holds or awaits any of these locks.
    pub(crate) fn is_empty(&self) -> bool {
        self.locks.is_empty()
    }

    /// Returns whether a session holds or awaits this lock.
    pub(crate) fn is_used(&self, tag: T) -> bool {
        self.locks.contains_key(&tag)
    }

    /// Records a hold that conflicts with no other.
    pub(crate) fn hold(&mut self, tag: T, session: usize, mode: M) {
        self.locks.entry(tag).or_default().grant(session, mode);
    }

    /// Takes the lock if no session holds or awaits it in a conflicting mode. A request that may not wait never
    /// overtakes a waiter, not even one that waits for the same session (PostgreSQL source, `LockAcquireExtended`).
    pub(crate) fn try_acquire(&mut self, tag: T, session: usize, mode: M) -> bool {
        self.locks.entry(tag).or_default().take_if_free(session, mode)
    }

    /// Takes the lock or joins its queue (PostgreSQL source, `ProcSleep`).
    pub(crate) fn acquire(&mut self, tag: T, session: usize, mode: M) -> Acquired {
        let lock = self.locks.entry(tag).or_default();
        if lock.take_if_free(session, mode) { Acquired::Now } else { lock.join(session, mode) }
    }

    /// Returns whether the session is still in the queue of this lock.
    pub(crate) fn is_queued(&self, tag: T, session: usize) -> bool {
        self.locks.get(&tag).is_some_and(|lock| lock.queue.iter().any(|(waiter, _)| *waiter == session))
    }

    /// Releases one hold; `woken` receives the sessions that now hold the lock.
    pub(crate) fn release(&mut self, tag: T, session: usize, mode: M, woken: &mut Vec<usize>) {
        let Some(lock) = self.locks.get_mut(&tag) else {
            return;
        };
        if let Some(index) = lock.held.iter().position(|held| held.session == session && held.mode == mode) {
            lock.held[index].count -= 1;
            if lock.held[index].count == 0 {
                lock.held.remove(index);
            }
        }
        self.settle(tag, woken);
    }

    /// Releases every hold of the session on this lock and leaves its queue.
    pub(crate) fn leave(&mut self, tag: T, session: usize, woken: &mut Vec<usize>) {
        let Some(lock) = self.locks.get_mut(&tag) else {
            return;
        };
        lock.held.retain(|held| held.session != session);
        lock.queue.retain(|(waiter, _)| *waiter != session);
        self.settle(tag, woken);
    }

    /// Leaves the queue without releasing the held lock.
    pub(crate) fn cancel(&mut self, tag: T, session: usize, woken: &mut Vec<usize>) {
        let Some(lock) = self.locks.get_mut(&tag) else {
            return;
        };
        lock.queue.retain(|(waiter, _)| *waiter != session);
        self.settle(tag, woken);
    }

    fn settle(&mut self, tag: T, woken: &mut Vec<usize>) {
        if let Some(lock) = self.locks.get_mut(&tag) {
            lock.wake(woken);
            if lock.held.is_empty() && lock.queue.is_empty() {
                self.locks.remove(&tag);
            }
        }
    }

    /// Brings the waiters for a lock into another order, and grants what can be granted then.
    fn rearrange(&mut self, tag: T, order: &[usize], woken: &mut Vec<usize>) {
        if let Some(lock) = self.locks.get_mut(&tag) {
            lock.queue.sort_by_key(|(waiter, _)| order.iter().position(|other| other == waiter));
        }
        self.settle(tag, woken);
    }
}

impl LockManager {
    /// Returns the lock that a session waits for, unless it waits for something else.
    pub(crate) fn queue(&self, on: WaitOn) -> Option<&dyn Queue> {
        match on {
            WaitOn::Lock(tag) => self.queued.locks.get(&tag).map(|lock| lock as &dyn Queue),
            WaitOn::Table(table) => self.tables.locks.get(&table).map(|lock| lock as &dyn Queue),
            WaitOn::Xid(_) | WaitOn::Acknowledgement => None,
        }
    }

    /// Brings the waiters for a lock into another order; `woken` receives the sessions that now hold it.
    pub(crate) fn rearrange(&mut self, on: WaitOn, order: &[usize], woken: &mut Vec<usize>) {
        match on {
            WaitOn::Lock(tag) => self.queued.rearrange(tag, order, woken),
            WaitOn::Table(table) => self.tables.rearrange(table, order, woken),
            WaitOn::Xid(_) | WaitOn::Acknowledgement => {}
        }
    }

    /// Registers a wait for the end of a transaction id.
    pub(crate) fn await_xid(&mut self, xid: Xid, session: usize) {
        let waiters = self.xid_waiters.entry(xid).or_default();
        if !waiters.contains(&session) {
            waiters.push(session);
        }
    }

    /// Cancels a wait for a transaction id.
    pub(crate) fn forget_xid_wait(&mut self, xid: Xid, session: usize) {
        if let Some(waiters) = self.xid_waiters.get_mut(&xid) {
            waiters.retain(|waiter| *waiter != session);
        }
    }

    /// Ends a transaction id: wakes all sessions that wait for it, in the order in which they began to wait.
    pub(crate) fn end_xid(&mut self, xid: Xid, woken: &mut Vec<usize>) {
        if self.xid_waiters.is_empty() {
            return;
        }
        woken.extend(self.xid_waiters.remove(&xid).unwrap_or_default());
    }
}
