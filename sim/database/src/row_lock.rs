//! Locking a row: the wait at its version, and the walk to its newest version.
//!
//! This follows PostgreSQL's `heap_lock_tuple` and `heap_update` (source, `heapam.c` and `README.tuplock`):
//! a waiter takes the place at the version, waits for the holder's transaction, and looks again. A version
//! that was replaced meanwhile sends it, at read committed, to the successor.

use crate::Database;
use crate::error::DatabaseError;
use crate::heap::{Over, PENDING, Tid};
use crate::lock_manager::LockTag;
use crate::lock_mode::{LockMode, LockWait};
use crate::schema::{RowRef, TableId};
use crate::session::WaitOn;
use crate::xact::{Undo, Xid};

/// The state of a version from one transaction's point of view.
enum RowState {
    Free,
    /// Written by the running command itself.
    Invisible,
    /// Already replaced or deleted by this transaction.
    SelfModified,
    Replaced(Tid),
    Deleted,
    Held {
        by: Xid,
        how: Hold,
    },
}

/// How a holder is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// With a place in the row's queue.
    InTurn,
    /// Without one, as on the walk along updates.
    Direct,
    /// Without one, and even under `NOWAIT` and `SKIP LOCKED`: PostgreSQL does not look at these when the
    /// holder is found on a later version than the one to be locked.
    Always,
}

/// A row lock being taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowLock {
    pub tid: Tid,
    /// Whether the walk has left the version that it began at.
    pub moved: bool,
}

impl RowLock {
    pub(crate) fn on(tid: Tid) -> Self {
        Self { tid, moved: false }
    }
}

/// How a row lock is to be taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LockRequest {
    pub mode: LockMode,
    pub wait: LockWait,
    /// Whether to walk on to the newest version (read committed).
    pub follow: bool,
    /// Whether to leave a lock on the row; a write leaves its own mark instead.
    pub record: bool,
}

/// What became of a row lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locked {
    Got,
    Waiting,
    /// Left out, by `SKIP LOCKED`.
    Skipped,
    /// Deleted by a transaction that has committed.
    Gone,
    /// Replaced by one that has committed, and the request does not follow.
    Changed,
    /// Replaced or deleted by this very transaction.
    SelfModified,
    /// Created by the running command.
    Invisible,
}

impl Database {
    /// Takes a row lock, or says why not. To be called again after a wait.
    pub(crate) fn lock_row(
        &mut self,
        me: usize,
        table: TableId,
        at: &mut RowLock,
        request: LockRequest,
    ) -> Result<Locked, DatabaseError> {
        if let Some((tag, _)) = self.sessions[me].place
            && self.locks.is_queued(tag, me)
        {
            return Ok(Locked::Waiting);
        }
        loop {
            match self.row_state(me, table, at, request.mode) {
                RowState::Held { by, how } => {
                    return self.wait_for_row(me, table, *at, request, by, how);
                }
                RowState::Replaced(next) => {
                    self.leave_place(me);
                    if !request.follow {
                        return Ok(Locked::Changed);
                    }
                    *at = RowLock { tid: next, moved: true };
                }
                RowState::Free => {
                    if request.record {
                        self.add_locker(me, table, at.tid, request.mode);
                    }
                    self.leave_place(me);
                    return Ok(Locked::Got);
                }
                other => {
                    self.leave_place(me);
                    return Ok(match other {
                        RowState::Deleted => Locked::Gone,
                        RowState::Invisible => Locked::Invisible,
                        _ => Locked::SelfModified,
                    });
                }
            }
        }
    }

    fn row_state(&self, me: usize, table: TableId, at: &RowLock, mode: LockMode) -> RowState {
        let xact = &self.sessions[me].xact;
        let Some(version) = self.tables[table].heap.get(&at.tid) else {
            return RowState::Deleted;
        };
        let on_walk = if at.moved { Hold::Direct } else { Hold::InTurn };
        if version.begin == PENDING {
            if !xact.owns(version.xid) {
                return RowState::Held { by: version.xid, how: on_walk };
            }
            if version.command >= xact.command {
                return RowState::Invisible;
            }
        }
        let mut holder: Option<(Xid, Hold)> = None;
        if let Some(over) = &version.over {
            if xact.owns(over.xid) {
                return RowState::SelfModified;
            }
            let conflicts = over.mode.conflicts_with(mode);
            // The walk to the newest version stops at any pending successor, even a compatible one.
            if over.end == PENDING && (at.moved || conflicts) {
                holder = Some((over.xid, on_walk));
            } else if conflicts {
                // As long as a lock on the old version is in the way, PostgreSQL waits for that first.
                if self.conflicting_locker(me, &version.lockers, mode).is_none() {
                    return over.next.map_or(RowState::Deleted, RowState::Replaced);
                }
            } else {
                // A lock that the update leaves room for is granted on the old version, be the update
                // pending or committed, provided that all later versions leave room for it too.
                match self.later_state(me, table, over.next, mode) {
                    RowState::Held { by, how } => return RowState::Held { by, how },
                    RowState::Free => {}
                    _ => return over.next.map_or(RowState::Deleted, RowState::Replaced),
                }
            }
        }
        if let Some(xid) = self.conflicting_locker(me, &version.lockers, mode)
            && holder.is_none_or(|(first, _)| xid < first)
        {
            holder = Some((xid, Hold::InTurn));
        }
        // Who already holds a lock on the row does not queue behind those who wait for that lock.
        let holds_one = || version.lockers.iter().any(|(xid, _)| xact.owns(*xid));
        holder.map_or(RowState::Free, |(by, how)| {
            let how = if how == Hold::InTurn && holds_one() { Hold::Direct } else { how };
            RowState::Held { by, how }
        })
    }

    /// The first living transaction, of others, whose lock on a version conflicts.
    fn conflicting_locker(&self, me: usize, lockers: &[(Xid, LockMode)], mode: LockMode) -> Option<Xid> {
        let xact = &self.sessions[me].xact;
        let conflicts = |(xid, held): &&(Xid, LockMode)| {
            held.conflicts_with(mode) && self.live.contains_key(xid) && !xact.owns(*xid)
        };
        lockers.iter().filter(conflicts).map(|(xid, _)| *xid).min()
    }

    /// Whether the later versions of a row leave room for a lock on an earlier one.
    fn later_state(&self, me: usize, table: TableId, mut next: Option<Tid>, mode: LockMode) -> RowState {
        let xact = &self.sessions[me].xact;
        while let Some(version) = next.and_then(|tid| self.tables[table].heap.get(&tid)) {
            if let Some(by) = self.conflicting_locker(me, &version.lockers, mode) {
                return RowState::Held { by, how: Hold::Always };
            }
            let Some(over) = version.over.as_ref().filter(|over| !xact.owns(over.xid)) else {
                break;
            };
            if over.mode.conflicts_with(mode) {
                return match over.end {
                    PENDING => RowState::Held { by: over.xid, how: Hold::Always },
                    _ => RowState::Deleted,
                };
            }
            next = over.next;
        }
        RowState::Free
    }

    fn wait_for_row(
        &mut self,
        me: usize,
        table: TableId,
        at: RowLock,
        request: LockRequest,
        holder: Xid,
        how: Hold,
    ) -> Result<Locked, DatabaseError> {
        match request.wait {
            _ if how == Hold::Always => {}
            LockWait::NoWait => {
                self.leave_place(me);
                return Err(DatabaseError::RowLocked { table: self.tables[table].schema.name.clone() });
            }
            LockWait::SkipLocked => {
                self.leave_place(me);
                return Ok(Locked::Skipped);
            }
            LockWait::Block => {}
        }
        // On the walk along updates one waits for the writer directly, without a place in the queue.
        if how == Hold::InTurn && self.sessions[me].place.is_none() {
            let tag = LockTag::Place(table, at.tid);
            self.sessions[me].place = Some((tag, request.mode));
            if !self.locks.acquire(tag, me, request.mode) {
                self.wait_on(me, WaitOn::Lock(tag));
                return Ok(Locked::Waiting);
            }
        }
        self.wait_on(me, WaitOn::Xid(holder));
        Ok(Locked::Waiting)
    }

    /// Gives up the place at a row, or the turn in its queue.
    pub(crate) fn leave_place(&mut self, me: usize) {
        if let Some((tag, _)) = self.sessions[me].place.take() {
            let mut woken = Vec::new();
            self.locks.leave(tag, me, &mut woken);
            self.wake(&woken);
        }
    }

    /// Leaves a row lock on a version, and on pending successors that it is compatible with.
    fn add_locker(&mut self, me: usize, table: TableId, tid: Tid, mode: LockMode) {
        let xid = self.current_xid(me);
        let mut next = Some(tid);
        while let Some(version) = next.and_then(|tid| self.tables[table].heap.get_mut(&tid)) {
            let live = &self.live;
            version.lockers.retain(|(other, _)| live.contains_key(other));
            let xact = &self.sessions[me].xact;
            if !version.lockers.iter().any(|(other, held)| *held >= mode && xact.owns(*other)) {
                version.lockers.push((xid, mode));
            }
            next = version.over.as_ref().and_then(|over| over.next);
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
        let live = &self.live;
        let xact = &self.sessions[me].xact;
        let mut carried = Vec::new();
        if let Some(version) = self.tables[table].heap.get_mut(&tid) {
            version.lockers.retain(|(other, _)| live.contains_key(other));
            // An own lock on the row marks the version as strongly as itself, also after the commit.
            let own = |(xid, held): &(Xid, LockMode)| xact.owns(*xid).then_some(*held);
            let mode = version.lockers.iter().filter_map(own).fold(mode, LockMode::max);
            version.over = Some(Over { xid, command, end: PENDING, next, mode });
            carried.clone_from(&version.lockers);
        }
        // Compatible locks of others hold on to the row, not to the version.
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
