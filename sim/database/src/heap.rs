//! Row versions and the indexes over them.
//!
//! A table keeps every version that some snapshot may still need, in the order in which they were written, which is
//! also the order of a sequential scan. An update keeps its predecessor in place and links it to its successor.
//! Aborted versions never remain: a rollback removes them at once, so a version's creator has either committed or is
//! still running.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::key::Key;
use crate::lock_mode::LockMode;
use crate::lockers::Lockers;
use crate::schema::{RowRef, Schema};
use crate::xact::Xid;

/// The place of a version in its table; later writes have greater places.
pub(crate) type Tid = u64;

/// The number of a commit. Snapshots are a commit number: they see what committed up to it.
pub(crate) type Csn = u64;

/// The commit number of transactions that have not committed.
pub(crate) const PENDING: Csn = Csn::MAX;

/// The end of a version: the transaction that replaced or deleted it.
pub(crate) struct Over {
    pub xid: Xid,
    /// The command within that transaction.
    pub command: u32,
    pub end: Csn,
    /// The successor, or `None` after a delete.
    pub next: Option<Tid>,
    /// The mode in which the row is held while this is pending.
    pub mode: LockMode,
}

/// One version of a row.
pub(crate) struct Version {
    pub row: RowRef,
    pub xid: Xid,
    /// The command that wrote it.
    pub command: u32,
    pub begin: Csn,
    /// Whether an update wrote it, in place of an older version.
    pub is_successor: bool,
    pub over: Option<Over>,
    pub lockers: Lockers,
}

/// The versions under one key, without an allocation for one or two of them.
pub(crate) enum Tids {
    One([Tid; 1]),
    Two([Tid; 2]),
    Many(Vec<Tid>),
}

impl Tids {
    pub(crate) fn as_slice(&self) -> &[Tid] {
        match self {
            Self::One(tids) => tids,
            Self::Two(tids) => tids,
            Self::Many(tids) => tids,
        }
    }

    fn push(&mut self, tid: Tid) {
        match self {
            Self::One([first]) => *self = Self::Two([*first, tid]),
            Self::Two([first, second]) => *self = Self::Many(vec![*first, *second, tid]),
            Self::Many(tids) => tids.push(tid),
        }
    }

    /// Removes one version; returns true if none is left.
    fn remove(&mut self, tid: Tid) -> bool {
        match self {
            Self::One([only]) => *only == tid,
            Self::Two([first, second]) => {
                let kept = if *first == tid { *second } else { *first };
                if *first == tid || *second == tid {
                    *self = Self::One([kept]);
                }
                false
            }
            Self::Many(tids) => {
                tids.retain(|other| *other != tid);
                tids.is_empty()
            }
        }
    }
}

/// An index: keys in order, each with its versions in the order of writing.
pub(crate) type Index = BTreeMap<Key, Tids>;

/// The stored part of one table.
pub(crate) struct TableState {
    pub schema: Rc<Schema>,
    pub heap: BTreeMap<Tid, Version>,
    pub indexes: Vec<Index>,
    /// Foreign keys of other tables (or this one) that point here: child table and its foreign key.
    pub referenced_by: Vec<(usize, usize)>,
    next_tid: Tid,
}

impl TableState {
    pub(crate) fn new(schema: Schema) -> Self {
        let indexes = schema.indexes.iter().map(|_| Index::new()).collect();
        Self {
            schema: Rc::new(schema),
            heap: BTreeMap::new(),
            indexes,
            referenced_by: Vec::new(),
            next_tid: 1,
        }
    }

    /// Stores a pending version, which is in no index yet.
    pub(crate) fn append(&mut self, row: RowRef, xid: Xid, command: u32, is_successor: bool) -> Tid {
        let tid = self.next_tid;
        self.next_tid += 1;
        let lockers = Lockers::default();
        let version = Version { row, xid, command, begin: PENDING, is_successor, over: None, lockers };
        self.heap.insert(tid, version);
        tid
    }

    /// Enters a version into one index.
    pub(crate) fn enter(&mut self, index: usize, key: Key, tid: Tid) {
        self.indexes[index].entry(key).and_modify(|tids| tids.push(tid)).or_insert(Tids::One([tid]));
    }

    /// Returns the versions under a key.
    pub(crate) fn under(&self, index: usize, key: &Key) -> &[Tid] {
        self.indexes[index].get(key).map_or(&[], Tids::as_slice)
    }

    /// Removes a version and its index entries (those that exist).
    pub(crate) fn remove(&mut self, tid: Tid) {
        let Some(version) = self.heap.remove(&tid) else {
            return;
        };
        for (index, entries) in self.indexes.iter_mut().enumerate() {
            let key = self.schema.key(index, &version.row);
            if entries.get_mut(&key).is_some_and(|tids| tids.remove(tid)) {
                entries.remove(&key);
            }
        }
    }
}
