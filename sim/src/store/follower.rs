//! Copies that follow the database's commits, and what becomes of commits that they lack when one takes over.

use super::server::Server;
use crate::env::Env;
use shakedown_database::{CommitRecord, Replica};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A copy of the database, some commits behind: a standby, or a backup.
pub(super) struct Follower {
    replica: Cell<Option<Replica>>,
    /// Commits that it lacks, oldest first.
    lacks: RefCell<Vec<Rc<CommitRecord>>>,
}

impl Follower {
    /// A copy that is as good as this one of the core's, or none.
    pub(super) fn new(replica: Option<Replica>) -> Self {
        Self { replica: Cell::new(replica), lacks: RefCell::default() }
    }

    /// The core's copy, if there is one.
    pub(super) fn replica(&self) -> Option<Replica> {
        self.replica.get()
    }

    /// Records that the copy does not have this commit yet.
    pub(super) fn misses(&self, commit: &Rc<CommitRecord>) {
        if self.replica.get().is_some() {
            self.lacks.borrow_mut().push(Rc::clone(commit));
        }
    }

    /// It has every commit up to this one.
    pub(super) fn has(&self, up_to: u64) {
        self.lacks.borrow_mut().retain(|commit| commit.csn > up_to);
    }

    /// Has taken over; `next` follows from now on. Returns what it lacked.
    pub(super) fn replace(&self, next: Replica) -> Vec<Rc<CommitRecord>> {
        self.replica.set(Some(next));
        self.lacks.take()
    }

    /// These commits are no more.
    pub(super) fn forget(&self, lost: &[Rc<CommitRecord>]) {
        self.lacks.borrow_mut().retain(|commit| lost.iter().all(|other| other.csn != commit.csn));
    }
}

impl Server {
    /// Notes what the copies lack from here on.
    pub(super) fn follow(&self, commits: Vec<CommitRecord>) {
        if self.standby.replica().is_none() && self.backup.replica().is_none() {
            return;
        }
        for commit in commits.into_iter().map(Rc::new) {
            self.standby.misses(&commit);
            self.backup.misses(&commit);
        }
    }

    /// Has the copies show all that there is by now: they were made before the run began.
    pub(super) fn replay_all(&self) {
        let newest = self.with_database(|database| database.last_commit());
        for follower in [&self.standby, &self.backup] {
            if let Some(replica) = follower.replica() {
                self.replay(follower, replica, newest);
            }
        }
    }

    pub(super) fn replay(&self, follower: &Follower, replica: Replica, up_to: u64) {
        // A copy that has taken over follows nothing any more.
        if self.with_database(|database| database.replay(replica, up_to)).is_ok() {
            follower.has(up_to);
            self.tell_holders(&self.replays);
        }
    }

    /// Tells the tables of commits that are no more, newest first.
    pub(super) fn take_back(self: &Rc<Self>, server: &Env, lost: &[Rc<CommitRecord>]) {
        for commit in lost.iter().rev() {
            for change in commit.changes.iter().rev() {
                self.observe(change, |table| table.lost(server, change));
            }
            self.raise_signals(server, commit);
        }
    }
}
