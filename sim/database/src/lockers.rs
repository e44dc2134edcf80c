//! The row locks on a version.
//!
//! While a version has one member, that member has one lock, in the strongest mode that it asked for. As soon as a second
//! one comes, the version is *shared*, and stays so while a member lives: each lock then stays apart, also those of one
//! transaction (PostgreSQL source, `compute_new_xmax_infomask` and `MultiXactIdExpand`).

use std::collections::BTreeMap;
use std::ops::Deref;

use crate::lock_mode::LockMode;
use crate::xact::Xid;

/// The live transactions, with their sessions.
type Live = BTreeMap<Xid, usize>;

/// The row locks on a version, oldest first. Those of ended transactions are ignored, and swept when a lock is added.
#[derive(Clone, Default)]
pub(crate) struct Lockers {
    locks: Vec<(Xid, LockMode)>,
    is_shared: bool,
}

impl Deref for Lockers {
    type Target = [(Xid, LockMode)];

    fn deref(&self) -> &Self::Target {
        &self.locks
    }
}

impl Lockers {
    /// Removes the locks of ended transactions. A replaced version has a member that is no locker.
    pub(crate) fn sweep(&mut self, live: &Live, is_replaced: bool) {
        self.locks.retain(|(xid, _)| live.contains_key(xid));
        self.is_shared &= is_replaced || !self.locks.is_empty();
    }

    /// Adds a lock to a version.
    pub(crate) fn add(&mut self, xid: Xid, mode: LockMode, is_replaced: bool) {
        let is_alone = !self.is_shared && !is_replaced;
        match &mut self.locks[..] {
            [(other, held)] if *other == xid && is_alone => *held = mode,
            others => {
                self.is_shared |= is_replaced || !others.is_empty();
                self.locks.push((xid, mode));
            }
        }
    }

    /// Adds the mark of an update that was rolled back: as long as another locker lives, the version still names it.
    pub(crate) fn add_former(&mut self, xid: Xid, mode: LockMode, live: &Live) {
        if self.iter().any(|(other, _)| *other != xid && live.contains_key(other)) {
            self.locks.push((xid, mode));
        }
    }

    /// Returns the locks of the successor. Locks belong to the row, not to the version: as long as one lives, all are
    /// carried over. A single one becomes the weakest.
    pub(crate) fn carried_over(&self, live: &Live) -> Self {
        if !self.iter().any(|(xid, _)| live.contains_key(xid)) {
            return Self::default();
        }
        let mut carried = self.clone();
        if !carried.is_shared {
            carried.locks.iter_mut().for_each(|(_, mode)| *mode = LockMode::KeyShare);
        }
        carried
    }

    /// Notes that a transaction replaces the version; returns the mode in which it now holds the row. Its own lock, if
    /// there is no other, is merged with the update, and the stronger mode counts.
    pub(crate) fn replace(&mut self, xid: Xid, mode: LockMode, live: &Live) -> LockMode {
        self.locks.retain(|(other, _)| live.contains_key(other));
        let has_others = self.is_shared || self.iter().any(|(other, _)| *other != xid);
        self.is_shared = has_others && !self.is_empty();
        let held = self.iter().map(|(_, held)| *held).max().filter(|_| !has_others);
        held.map_or(mode, |held| held.max(mode))
    }
}
