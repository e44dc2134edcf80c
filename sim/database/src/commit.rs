//! The end of transactions: commit, rollback, and the fate of transaction ids.

use std::collections::VecDeque;

use crate::Database;
use crate::error::DatabaseError;
use crate::heap::{Csn, PENDING};
use crate::lock_manager::LockTag;
use crate::xact::{Block, Isolation, Undo, XactStatus, Xid};

/// The number of fates that are kept; older ids are forgotten, as PostgreSQL truncates its commit log.
const FATES_KEPT: usize = 1 << 16;

/// The commit number of aborted transactions.
const ABORTED: Csn = PENDING - 1;

/// The fates of the most recent transaction ids.
#[derive(Default)]
pub(crate) struct Fates {
    /// The id of the first entry.
    first: u64,
    entries: VecDeque<Csn>,
}

impl Fates {
    fn begin(&mut self, xid: Xid) {
        if self.entries.is_empty() {
            self.first = xid.0;
        }
        self.entries.push_back(PENDING);
        if self.entries.len() > FATES_KEPT {
            self.entries.pop_front();
            self.first += 1;
        }
    }

    fn entry(&mut self, xid: Xid) -> Option<&mut Csn> {
        let at = usize::try_from(xid.0.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(at)
    }

    fn status(&self, xid: Xid) -> Option<XactStatus> {
        let at = usize::try_from(xid.0.checked_sub(self.first)?).ok()?;
        Some(match *self.entries.get(at)? {
            PENDING => XactStatus::InProgress,
            ABORTED => XactStatus::Aborted,
            _ => XactStatus::Committed,
        })
    }

    /// Marks commits after `csn` as lost.
    pub(crate) fn lose_after(&mut self, csn: Csn) {
        for fate in &mut self.entries {
            if *fate != PENDING && *fate > csn {
                *fate = ABORTED;
            }
        }
    }
}

impl Database {
    /// Returns the fate of a transaction id (`pg_xact_status`): `None` if it was never assigned, or too long ago.
    pub fn transaction_status(&self, xid: Xid) -> Option<XactStatus> {
        self.fates.status(xid)
    }

    pub(crate) fn open_xact(&mut self, me: usize, block: Block, level: Isolation, read_only: bool) {
        let state = &mut self.sessions[me];
        state.xact.clear();
        state.xact.block = block;
        state.xact.level = level;
        state.xact.read_only = read_only;
        state.xact.before = state.settings;
    }

    /// Returns the top-level id of a transaction, which is assigned on first need.
    pub(crate) fn top_xid(&mut self, me: usize) -> Xid {
        match self.sessions[me].xact.xid {
            Some(xid) => xid,
            None => {
                let xid = self.new_xid(me, 0);
                self.sessions[me].xact.xid = Some(xid);
                xid
            }
        }
    }

    /// Returns the id under which the transaction writes now: that of its innermost savepoint.
    pub(crate) fn current_xid(&mut self, me: usize) -> Xid {
        let top = self.top_xid(me);
        if self.sessions[me].xact.savepoints.is_empty() {
            return top;
        }
        let mut current = top;
        for depth in 0..self.sessions[me].xact.savepoints.len() {
            current = match self.sessions[me].xact.savepoints[depth].xid {
                Some(xid) => xid,
                None => {
                    let xid = self.new_xid(me, depth + 1);
                    self.sessions[me].xact.savepoints[depth].xid = Some(xid);
                    xid
                }
            };
        }
        current
    }

    fn new_xid(&mut self, me: usize, depth: usize) -> Xid {
        let xid = Xid(self.next_xid);
        self.next_xid += 1;
        self.fates.begin(xid);
        self.live.insert(xid, me);
        self.sessions[me].xact.owned.push((xid, depth));
        xid
    }

    /// Commits immediately; all deferred checks have passed.
    pub(crate) fn commit_now(&mut self, me: usize) -> Result<(), DatabaseError> {
        self.prepare(me)?;
        self.conclude(me);
        Ok(())
    }

    /// Runs the last checks that can make a commit fail.
    pub(crate) fn prepare(&mut self, me: usize) -> Result<(), DatabaseError> {
        match self.sessions[me].xact.sxact {
            Some(sxact) => self.ssi.prepare(sxact),
            None => Ok(()),
        }
    }

    /// Makes a transaction visible and releases what it holds.
    pub(crate) fn conclude(&mut self, me: usize) {
        let state = &mut self.sessions[me];
        if let Some(after) = state.xact.after.take() {
            state.settings = after;
        }
        if let Some(sxact) = self.sessions[me].xact.sxact.take() {
            self.ssi.commit(sxact);
        }
        if let Some(xid) = self.sessions[me].xact.xid {
            self.csn += 1;
            self.note_commit(me, xid, self.csn);
            self.publish(me);
            self.end_xids(me, 0, self.csn);
        }
        self.deliver_notices(me);
        self.release_advisory(me, 0);
        self.sessions[me].xact.weak.clear();
        self.release_tables(me, 0);
        self.sessions[me].xact.clear();
        self.sessions[me].snapshot = None;
        self.vacuum();
    }

    /// Stamps every version with the commit number.
    fn publish(&mut self, me: usize) {
        let csn = self.csn;
        for undo in &self.sessions[me].xact.undo {
            match *undo {
                Undo::Created(table, tid) => {
                    if let Some(version) = self.tables[table].heap.get_mut(&tid) {
                        version.begin = csn;
                    }
                }
                Undo::Ended(table, tid) => {
                    let version = self.tables[table].heap.get_mut(&tid);
                    if let Some(over) = version.and_then(|version| version.over.as_mut()) {
                        over.end = csn;
                        self.dead.push_back((csn, table, tid));
                    }
                }
            }
        }
    }

    /// Ends the ids that belong to savepoints of at least this depth.
    fn end_xids(&mut self, me: usize, depth: usize, fate: Csn) {
        let mut woken = Vec::new();
        let Self { sessions, fates, live, locks, .. } = self;
        sessions[me].xact.owned.retain(|(xid, owner)| {
            if *owner < depth {
                return true;
            }
            if let Some(entry) = fates.entry(*xid) {
                *entry = fate;
            }
            live.remove(xid);
            locks.end_xid(*xid, &mut woken);
            false
        });
        self.wake(&woken);
    }

    /// Releases transaction-scoped advisory locks beyond the first `keep`.
    fn release_advisory(&mut self, me: usize, keep: usize) {
        if self.sessions[me].xact.advisory.len() <= keep {
            return;
        }
        let mut woken = Vec::new();
        for (key, mode) in self.sessions[me].xact.advisory.split_off(keep) {
            self.locks.queued.release(LockTag::Advisory(key), me, mode, &mut woken);
        }
        self.wake(&woken);
    }

    /// Undoes the writes beyond the first `keep`, newest first.
    fn undo_writes(&mut self, me: usize, keep: usize) {
        while self.sessions[me].xact.undo.len() > keep {
            match self.sessions[me].xact.undo.pop() {
                Some(Undo::Created(table, tid)) => self.tables[table].remove(tid),
                Some(Undo::Ended(table, tid)) => {
                    if let Some(version) = self.tables[table].heap.get_mut(&tid)
                        && let Some(over) = version.over.take()
                    {
                        version.lockers.add_former(over.xid, over.mode, &self.live);
                    }
                }
                None => break,
            }
        }
    }

    /// Rolls back the whole transaction.
    pub(crate) fn abort(&mut self, me: usize) {
        self.undo_writes(me, 0);
        if self.sessions[me].xact.block != Block::Idle {
            self.sessions[me].settings = self.sessions[me].xact.before;
        }
        if let Some(sxact) = self.sessions[me].xact.sxact.take() {
            self.ssi.abort(sxact);
        }
        self.end_xids(me, 0, ABORTED);
        self.release_advisory(me, 0);
        self.sessions[me].xact.weak.clear();
        self.release_tables(me, 0);
        self.sessions[me].xact.clear();
        self.sessions[me].snapshot = None;
        self.vacuum();
    }

    /// Undoes everything since a savepoint; the savepoint itself remains.
    pub(crate) fn abort_to(&mut self, me: usize, at: usize) {
        let xact = &mut self.sessions[me].xact;
        xact.savepoints.truncate(at + 1);
        let savepoint = &mut xact.savepoints[at];
        savepoint.xid = None;
        let (undo, advisory) = (savepoint.undo, savepoint.advisory);
        let settings = savepoint.settings;
        let (weak, table_locks) = (savepoint.weak.clone(), savepoint.table_locks);
        let (notices, listens, deferred) = (savepoint.notices, savepoint.listens, savepoint.deferred);
        xact.notices.truncate(notices);
        xact.listens.truncate(listens);
        xact.deferred.truncate(deferred);
        self.sessions[me].settings = settings;
        self.undo_writes(me, undo);
        self.end_xids(me, at + 1, ABORTED);
        self.release_advisory(me, advisory);
        self.sessions[me].xact.weak = weak;
        self.release_tables(me, table_locks);
    }

    /// Applies an error to the transaction. `ends` says that no failed block remains, as when COMMIT fails.
    pub(crate) fn fail(&mut self, me: usize, ends: bool) {
        self.stop_waiting(me);
        self.leave_place(me);
        self.sessions[me].committing = false;
        let xact = &self.sessions[me].xact;
        let (block, level, read_only) = (xact.block, xact.level, xact.read_only);
        match block {
            Block::Idle => {}
            Block::Open | Block::Failed if !ends => {
                match xact.savepoints.len() {
                    0 => {
                        self.abort(me);
                        let state = &mut self.sessions[me];
                        (state.xact.level, state.xact.read_only) = (level, read_only);
                        state.xact.before = state.settings;
                    }
                    depth => self.abort_to(me, depth - 1),
                }
                self.sessions[me].xact.block = Block::Failed;
            }
            _ => self.abort(me),
        }
    }
}
