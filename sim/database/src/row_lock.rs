//! Locks a row: the wait at its version, and the walk to its newest version.
//!
//! This follows PostgreSQL 15 (source: `heap_lock_tuple`, `heap_update` and `heap_lock_updated_tuple` in `heapam.c`,
//! `heapam_tuple_lock` in `heapam_handler.c`, `README.tuplock`). The members of a version are its lockers and the
//! transaction that replaced it. A statement that must wait first takes the place at the version, so that waiters
//! queue in order; then it waits for each conflicting member. A lock is also set on the later versions of the row, if
//! there are any. At read committed a replaced version leads the statement to the newest version.

use crate::Database;
use crate::error::DatabaseError;
use crate::heap::{Over, PENDING, Tid, Version};
use crate::lock_manager::{Acquired, LockTag};
use crate::lock_mode::{LockMode, LockWait};
use crate::lockers::Lockers;
use crate::schema::{RowRef, TableId};
use crate::session::WaitOn;
use crate::xact::{Undo, Xid};

/// The state of a version from one transaction's point of view.
enum RowState {
    /// It can be locked now.
    Free,
    /// This transaction holds a lock of at least the requested strength.
    Owned,
    /// Written by the running command itself.
    Invisible,
    /// Already replaced or deleted by this transaction.
    SelfModified,
    Replaced(Tid),
    Deleted,
    /// The place at the version must be taken first.
    NeedsPlace,
    /// A member must end first.
    Held {
        by: Xid,
        /// Whether to wait even under `NOWAIT` and `SKIP LOCKED`: PostgreSQL ignores these when the conflict is found
        /// on a later version than the one to be locked.
        always: bool,
    },
}

/// The result of a lock on the later versions of a row.
enum Later {
    Locked,
    Conflict(Xid),
    /// A later version was replaced or deleted in a conflicting mode.
    Moved,
}

/// The members of a version when a wait began. If they have changed, the waiter starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Members {
    lockers: usize,
    replaced_by: Option<Xid>,
}

impl Members {
    fn of(version: &Version) -> Self {
        Self { lockers: version.lockers.len(), replaced_by: version.over.as_ref().map(|over| over.xid) }
    }
}

/// A row lock being taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowLock {
    pub tid: Tid,
    /// Whether the walk has left its first version.
    pub moved: bool,
    /// Whether the walk searches for the newest version.
    walks: bool,
    /// The members of this version when the wait began.
    waited_for: Option<Members>,
}

impl RowLock {
    pub(crate) fn on(tid: Tid) -> Self {
        Self { tid, moved: false, walks: false, waited_for: None }
    }

    /// Continues with the next version.
    fn go_to(&mut self, tid: Tid) {
        *self = Self { tid, moved: true, walks: true, waited_for: None };
    }
}

/// The purpose of a row lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A locking clause: the lock is recorded on the row and on its later versions.
    Lock,
    /// The newest version for an update: the lock is recorded on that version only.
    Newest,
    /// A write, which replaces the version and so leaves a mark of its own.
    Write,
}

/// A request for a row lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LockRequest {
    pub mode: LockMode,
    pub wait: LockWait,
    /// Whether to walk to the newest version (read committed).
    pub follow: bool,
    pub purpose: Purpose,
}

/// The result of a request for a row lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locked {
    Got,
    Waiting,
    /// Skipped, by `SKIP LOCKED`.
    Skipped,
    /// Deleted by a committed transaction.
    Gone,
    /// Replaced by a committed transaction, and the request does not follow.
    Changed,
    /// Replaced or deleted by this transaction.
    SelfModified,
    /// Created by the running command.
    Invisible,
}

impl Database {
    /// Takes a row lock, or returns why it cannot. It is called again after a wait.
    pub(crate) fn lock_row(
        &mut self,
        me: usize,
        table: TableId,
        at: &mut RowLock,
        request: LockRequest,
    ) -> Result<Locked, DatabaseError> {
        if let Some((tag, _)) = self.sessions[me].place
            && self.locks.queued.is_queued(tag, me)
        {
            return Ok(Locked::Waiting);
        }
        if request.purpose == Purpose::Write {
            // A writer has its id before it waits; members are awaited in the order of their ids.
            self.current_xid(me);
        }
        let locked = loop {
            let state = match self.walk_state(me, table, at) {
                Some(state) => state,
                None => self.version_state(me, table, at, request),
            };
            match state {
                RowState::NeedsPlace => {
                    if let Some(outcome) = self.take_place(me, table, at.tid, request)? {
                        return Ok(outcome);
                    }
                }
                RowState::Held { by, always } if always || request.wait == LockWait::Block => {
                    self.wait_on(me, WaitOn::Xid(by));
                    return Ok(Locked::Waiting);
                }
                RowState::Held { .. } => return self.refuse(me, table, request.wait),
                RowState::Replaced(next) => {
                    self.leave_place(me);
                    if !request.follow {
                        return Ok(Locked::Changed);
                    }
                    at.go_to(next);
                }
                RowState::Free => {
                    if request.purpose != Purpose::Write {
                        self.add_locker(me, table, at.tid, request.mode);
                    }
                    break Locked::Got;
                }
                RowState::Owned => break Locked::Got,
                RowState::Deleted => break Locked::Gone,
                RowState::Invisible => break Locked::Invisible,
                RowState::SelfModified => break Locked::SelfModified,
            }
        };
        self.leave_place(me);
        Ok(locked)
    }

    /// Takes the place at a version; returns `None` once it is held.
    fn take_place(
        &mut self,
        me: usize,
        table: TableId,
        tid: Tid,
        request: LockRequest,
    ) -> Result<Option<Locked>, DatabaseError> {
        let tag = LockTag::Place(table, tid);
        if request.wait != LockWait::Block {
            if !self.locks.queued.try_acquire(tag, me, request.mode) {
                return self.refuse(me, table, request.wait).map(Some);
            }
            self.sessions[me].place = Some((tag, request.mode));
            return Ok(None);
        }
        self.sessions[me].place = Some((tag, request.mode));
        if self.locks.queued.acquire(tag, me, request.mode) == Acquired::Now {
            return Ok(None);
        }
        self.wait_on(me, WaitOn::Lock(tag));
        Ok(Some(Locked::Waiting))
    }

    /// Ends the request of a statement that may not wait.
    fn refuse(&mut self, me: usize, table: TableId, wait: LockWait) -> Result<Locked, DatabaseError> {
        self.leave_place(me);
        match wait {
            LockWait::SkipLocked => {
                self.skipped += 1;
                Ok(Locked::Skipped)
            }
            LockWait::Block | LockWait::NoWait => {
                Err(DatabaseError::RowLocked { table: self.tables[table].schema.name.clone() })
            }
        }
    }

    /// Returns the state of a version on the walk; `None` if the walk ends there. Only a pending replacement stops
    /// the walk: locks matter at the newest version alone.
    fn walk_state(&self, me: usize, table: TableId, at: &mut RowLock) -> Option<RowState> {
        if !at.walks {
            return None;
        }
        let xact = &self.sessions[me].xact;
        let Some(version) = self.tables[table].heap.get(&at.tid) else {
            return Some(RowState::Deleted);
        };
        match &version.over {
            Some(over) if over.end == PENDING && !xact.owns(over.xid) => {
                return Some(RowState::Held { by: over.xid, always: false });
            }
            Some(over) => return Some(over.next.map_or(RowState::Deleted, RowState::Replaced)),
            None => {}
        }
        if version.begin == PENDING && version.command >= xact.command {
            return Some(RowState::Invisible);
        }
        at.walks = false;
        None
    }

    /// Returns the state of the version to be locked or written.
    fn version_state(
        &mut self,
        me: usize,
        table: TableId,
        at: &mut RowLock,
        request: LockRequest,
    ) -> RowState {
        let xact = &self.sessions[me].xact;
        let Some(version) = self.tables[table].heap.get(&at.tid) else {
            return RowState::Deleted;
        };
        if version.begin == PENDING {
            if !xact.owns(version.xid) {
                return RowState::Held { by: version.xid, always: false };
            }
            if version.command >= xact.command {
                return RowState::Invisible;
            }
        }
        let over = version.over.as_ref();
        if over.is_some_and(|over| xact.owns(over.xid)) {
            return RowState::SelfModified;
        }
        let has_live_locker = version.lockers.iter().any(|(xid, _)| self.live.contains_key(xid));
        if over.is_none() && !has_live_locker {
            return RowState::Free;
        }
        let own = |(xid, _): &&(Xid, LockMode)| xact.owns(*xid);
        let holds_one = version.lockers.iter().any(|locker| own(&locker));
        if request.purpose != Purpose::Write
            && version.lockers.iter().filter(own).any(|(_, held)| *held >= request.mode)
        {
            return RowState::Owned;
        }
        let next = over.and_then(|over| over.next);
        let replaced = || next.map_or(RowState::Deleted, RowState::Replaced);
        let members = Members::of(version);
        if !self.must_wait_at(me, version, request.mode) {
            return match self.lock_later(me, table, next, request) {
                Later::Locked => RowState::Free,
                Later::Conflict(by) => RowState::Held { by, always: true },
                Later::Moved => replaced(),
            };
        }
        let has_ended = over.is_some_and(|over| over.end != PENDING);
        if has_ended && !has_live_locker && at.waited_for != Some(members) {
            return replaced();
        }
        let begins = at.waited_for.is_none();
        at.waited_for = Some(members);
        let awaited = self.first_awaited(me, table, at.tid, request.mode, begins);
        if !holds_one && self.sessions[me].place.is_none() {
            return RowState::NeedsPlace;
        }
        if let Some(by) = awaited {
            return RowState::Held { by, always: false };
        }
        match self.lock_later(me, table, next, request) {
            Later::Conflict(by) => RowState::Held { by, always: true },
            _ if has_ended => replaced(),
            _ => RowState::Free,
        }
    }

    /// Returns whether the members of a version conflict with a mode, or may have done so: locks of ended
    /// transactions still count for the weak modes, as long as a living locker keeps them on the version.
    fn must_wait_at(&self, me: usize, version: &Version, mode: LockMode) -> bool {
        let over = version.over.as_ref();
        let strongest = version.lockers.iter().map(|(_, held)| *held).max();
        match mode {
            LockMode::KeyShare => strongest.max(over.map(|over| over.mode)) == Some(LockMode::Update),
            LockMode::Share => over.is_some() || strongest >= Some(LockMode::NoKeyUpdate),
            LockMode::NoKeyUpdate => over.is_some() || self.first_conflict(me, version, mode).is_some(),
            LockMode::Update => true,
        }
    }

    /// Returns the transaction to wait for at a version. A statement that waits for its place has read the members before: it
    /// first waits for those, in the order of their ids, and only then for members that have come since.
    fn first_awaited(
        &mut self,
        me: usize,
        table: TableId,
        tid: Tid,
        mode: LockMode,
        begins: bool,
    ) -> Option<Xid> {
        let mut awaited = std::mem::take(&mut self.sessions[me].awaited);
        if begins {
            awaited.clear();
        }
        awaited.retain(|xid| self.live.contains_key(xid));
        if awaited.is_empty()
            && let Some(version) = self.tables[table].heap.get(&tid)
        {
            awaited.extend(self.conflicts(me, version, mode));
            awaited.sort_unstable();
        }
        let first = awaited.first().copied();
        self.sessions[me].awaited = awaited;
        first
    }

    /// Returns the living members of other transactions that conflict with a mode.
    fn conflicts<'a>(
        &'a self,
        me: usize,
        version: &'a Version,
        mode: LockMode,
    ) -> impl Iterator<Item = Xid> + 'a {
        let xact = &self.sessions[me].xact;
        let lockers = version.lockers.iter().filter(move |(xid, held)| {
            held.conflicts_with(mode) && self.live.contains_key(xid) && !xact.owns(*xid)
        });
        let over = version.over.as_ref();
        let over = over.filter(move |over| {
            over.end == PENDING && over.mode.conflicts_with(mode) && !xact.owns(over.xid)
        });
        lockers.map(|(xid, _)| *xid).chain(over.map(|over| over.xid))
    }

    /// Returns the first of them. PostgreSQL sorts members by their ids.
    fn first_conflict(&self, me: usize, version: &Version, mode: LockMode) -> Option<Xid> {
        self.conflicts(me, version, mode).min()
    }

    /// Locks the later versions of a row, if the request includes them.
    fn lock_later(
        &mut self,
        me: usize,
        table: TableId,
        mut next: Option<Tid>,
        request: LockRequest,
    ) -> Later {
        if request.purpose != Purpose::Lock {
            return Later::Locked;
        }
        let mode = request.mode;
        while let Some(tid) = next {
            let xact = &self.sessions[me].xact;
            let Some(version) = self.tables[table].heap.get(&tid) else {
                break;
            };
            let over = version.over.as_ref();
            let members = version.lockers.iter().map(|(xid, _)| *xid).chain(over.map(|over| over.xid));
            let own = members.filter(|xid| xact.owns(*xid)).min();
            // Members are checked in the order of their ids, up to the own one: a version that is locked already is not
            // locked again, in whatever mode.
            let is_checked = |xid: Xid| own.is_none_or(|own| xid < own);
            next = over.and_then(|over| over.next);
            if let Some(by) = self.first_conflict(me, version, mode).filter(|by| is_checked(*by)) {
                return Later::Conflict(by);
            }
            let has_moved = |over: &Over| over.end != PENDING && over.mode.conflicts_with(mode);
            if over.is_some_and(|over| has_moved(over) && is_checked(over.xid)) {
                return Later::Moved;
            }
            if own.is_none() {
                self.add_locker(me, table, tid, mode);
            }
        }
        Later::Locked
    }

    /// Releases the place at a row, or the position in its queue; also a request for a table.
    pub(crate) fn leave_place(&mut self, me: usize) {
        self.withdraw_table_request(me);
        if let Some((tag, _)) = self.sessions[me].place.take() {
            let mut woken = Vec::new();
            self.locks.queued.leave(tag, me, &mut woken);
            self.wake(&woken);
        }
    }

    /// Records a row lock on a version.
    fn add_locker(&mut self, me: usize, table: TableId, tid: Tid, mode: LockMode) {
        let xid = self.current_xid(me);
        if let Some(version) = self.tables[table].heap.get_mut(&tid) {
            let is_replaced = version.over.is_some();
            version.lockers.sweep(&self.live, is_replaced);
            let xact = &self.sessions[me].xact;
            if !version.lockers.iter().any(|(other, held)| *held >= mode && xact.owns(*other)) {
                version.lockers.add(xid, mode, is_replaced);
            }
        }
    }

    /// Replaces a version that this transaction may write; `None` deletes it.
    pub(crate) fn end_version(
        &mut self,
        me: usize,
        table: TableId,
        tid: Tid,
        row: Option<RowRef>,
        mode: LockMode,
    ) -> Result<Option<Tid>, DatabaseError> {
        self.track_row_write(me, table, tid)?;
        let xid = self.current_xid(me);
        let command = self.sessions[me].xact.command;
        let next = row.map(|row| self.tables[table].append(row, xid, command, true));
        let mut carried = Lockers::default();
        if let Some(version) = self.tables[table].heap.get_mut(&tid) {
            carried = version.lockers.carried_over(&self.live);
            let mode = version.lockers.replace(xid, mode, &self.live);
            version.over = Some(Over { xid, command, end: PENDING, next, mode });
        }
        if let Some(successor) = next.and_then(|next| self.tables[table].heap.get_mut(&next)) {
            successor.lockers = carried;
        }
        let xact = &mut self.sessions[me].xact;
        xact.wrote = true;
        xact.undo.push(Undo::Ended(table, tid));
        if let Some(next) = next {
            xact.undo.push(Undo::Created(table, next));
        }
        Ok(next)
    }
}
