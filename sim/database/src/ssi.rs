//! Serializable snapshot isolation: the reads of serializable transactions, and the transactions that overwrote them.
//!
//! Reads are recorded as SIREAD marks: on a row version, on a key of an index (present or absent), on a range of an
//! index, or on a whole relation. A later write that meets a mark of a concurrent transaction, and a read that meets
//! a version written by one, is an edge reader → writer; `ssi_conflicts` judges the edges. PostgreSQL marks index
//! pages where this module marks keys and ranges, and it reduces precision when memory is short, so PostgreSQL may
//! abort more transactions than this module does, never fewer. Sources: PostgreSQL documentation, "Serializable
//! Isolation Level"; Ports and Grittner, "Serializable Snapshot Isolation in PostgreSQL" (VLDB 2012); PostgreSQL
//! source, `predicate.c` and `README-SSI`. Not modelled: `DEFERRABLE`, the release of marks by read-only transactions
//! found safe, summarised transactions.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, RangeBounds};

use crate::Database;
use crate::error::{DatabaseError, dangerous_structure};
use crate::heap::{PENDING, Tid};
use crate::key::Key;
use crate::schema::TableId;
use crate::xact::{Snapshot, Xid};

/// The number of a serializable transaction.
pub(crate) type SxactId = u64;

/// A range of an index that has been read.
#[derive(Clone, Debug)]
pub(crate) struct Range {
    pub table: TableId,
    pub index: usize,
    pub low: Bound<Key>,
    /// The position that the scan has reached; `None` before its first step.
    pub high: Option<Bound<Key>>,
}

impl Range {
    fn contains(&self, table: TableId, index: usize, key: &Key) -> bool {
        let Some(high) = &self.high else { return false };
        (self.table, self.index) == (table, index) && (self.low.as_ref(), high.as_ref()).contains(key)
    }
}

/// The marks of one transaction.
#[derive(Debug, Default)]
struct Reads {
    relations: BTreeSet<TableId>,
    rows: BTreeSet<(TableId, Tid)>,
    keys: BTreeSet<(TableId, usize, Key)>,
    ranges: Vec<Range>,
}

/// One serializable transaction, running or recently committed.
#[derive(Debug, Default)]
pub(crate) struct Sxact {
    /// The last commit (counted by `Ssi`) that its snapshot can have seen.
    pub snapshot_at: u64,
    pub prepared_at: Option<u64>,
    pub committed_at: Option<u64>,
    pub doomed: bool,
    /// Declared read-only, or found to be so at commit.
    pub read_only: bool,
    pub did_write: bool,
    /// The earliest commit to which it had an edge when it committed itself.
    pub earliest_out: Option<u64>,
    /// Transactions that read a row that this one overwrote, in the order in which the edges were found: the first pivot
    /// among them is the victim.
    pub readers: Vec<SxactId>,
    /// Transactions that overwrote a row that this one read, in the same order.
    pub writers: Vec<SxactId>,
    pub xids: Vec<Xid>,
    reads: Reads,
}

/// All serializable transactions that are still relevant.
#[derive(Debug, Default)]
pub(crate) struct Ssi {
    pub xacts: BTreeMap<SxactId, Sxact>,
    pub by_xid: BTreeMap<Xid, SxactId>,
    /// Counts preparations and commits.
    pub clock: u64,
    next: SxactId,
}

impl Ssi {
    pub(crate) fn begin(&mut self, read_only: bool) -> SxactId {
        self.next += 1;
        let sxact = Sxact { snapshot_at: self.clock, read_only, ..Sxact::default() };
        self.xacts.insert(self.next, sxact);
        self.next
    }
}

impl Database {
    fn sxact(&mut self, me: usize) -> Option<(SxactId, &mut Sxact)> {
        let id = self.sessions[me].xact.sxact?;
        self.ssi.xacts.get_mut(&id).map(|sxact| (id, sxact))
    }

    /// Returns the marks of this transaction; 40001 if others have already chosen it as a victim, which a read finds
    /// out at its first row.
    fn reads(&mut self, me: usize) -> Result<Option<&mut Reads>, DatabaseError> {
        match self.sxact(me) {
            None => Ok(None),
            Some((_, sxact)) if sxact.doomed => Err(dangerous_structure()),
            Some((_, sxact)) => Ok(Some(&mut sxact.reads)),
        }
    }

    pub(crate) fn track_relation_read(&mut self, me: usize, table: TableId) {
        if let Some((_, sxact)) = self.sxact(me) {
            sxact.reads.relations.insert(table);
        }
    }

    pub(crate) fn track_key_read(&mut self, me: usize, table: TableId, index: usize, key: &Key) {
        if let Some((_, sxact)) = self.sxact(me) {
            sxact.reads.keys.insert((table, index, key.clone()));
        }
    }

    /// Begins a range mark; returns its number, which is needed to extend it.
    pub(crate) fn track_range_read(&mut self, me: usize, range: Range) -> Option<usize> {
        let (_, sxact) = self.sxact(me)?;
        sxact.reads.ranges.push(range);
        Some(sxact.reads.ranges.len() - 1)
    }

    pub(crate) fn extend_range_read(&mut self, me: usize, range: Option<usize>, high: Bound<Key>) {
        if let (Some(range), Some((_, sxact))) = (range, self.sxact(me))
            && let Some(range) = sxact.reads.ranges.get_mut(range)
        {
            range.high = Some(high);
        }
    }

    /// Records a read of a version: a mark if it was visible, an edge if a concurrent transaction wrote or replaced
    /// it.
    pub(crate) fn track_row_read(
        &mut self,
        me: usize,
        table: TableId,
        tid: Tid,
        visible: bool,
        snapshot: Snapshot,
    ) -> Result<(), DatabaseError> {
        let Some(version) = self.tables[table].heap.get(&tid) else {
            return Ok(());
        };
        let is_concurrent = |csn| csn == PENDING || csn > snapshot.csn;
        let writer = match (&version.over, visible) {
            (Some(over), true) => is_concurrent(over.end).then_some(over.xid),
            (None, true) => None,
            (_, false) => is_concurrent(version.begin).then_some(version.xid),
        };
        let own = self.sessions[me].xact.owns(version.xid);
        let Some(reads) = self.reads(me)? else {
            return Ok(());
        };
        if visible && !own && !reads.relations.contains(&table) {
            reads.rows.insert((table, tid));
        }
        match writer {
            Some(xid) if !self.sessions[me].xact.owns(xid) => self.conflict_out(me, xid),
            _ => Ok(()),
        }
    }

    /// Records a read → write edge from this transaction to a concurrent writer.
    fn conflict_out(&mut self, me: usize, xid: Xid) -> Result<(), DatabaseError> {
        let Some(reader) = self.sessions[me].xact.sxact else {
            return Ok(());
        };
        let Some(writer) = self.ssi.by_xid.get(&xid).copied() else {
            return Ok(());
        };
        let (Some(own), Some(other)) = (self.ssi.xacts.get(&reader), self.ssi.xacts.get(&writer)) else {
            return Ok(());
        };
        let harmless = own.read_only
            && other.committed_at.is_some()
            && other.earliest_out.is_none_or(|earliest| own.snapshot_at < earliest);
        if other.doomed || harmless || own.writers.contains(&writer) {
            return Ok(());
        }
        self.ssi.add_conflict(reader, writer, reader)
    }

    /// Records edges to this writer from every concurrent transaction whose marks satisfy `has_read`.
    fn conflicts_in(&mut self, me: usize, has_read: impl Fn(&Reads) -> bool) -> Result<(), DatabaseError> {
        let Some((writer, own)) = self.sxact(me) else {
            return Ok(());
        };
        if own.doomed {
            return Err(dangerous_structure());
        }
        own.did_write = true;
        let since = own.snapshot_at;
        let concurrent = |other: &Sxact| !other.doomed && other.committed_at.is_none_or(|at| at > since);
        let others = self.ssi.xacts.iter().filter(|(id, _)| **id != writer);
        let readers: Vec<SxactId> = others
            .filter(|(_, other)| {
                concurrent(other) && !other.writers.contains(&writer) && has_read(&other.reads)
            })
            .map(|(id, _)| *id)
            .collect();
        for reader in readers {
            self.ssi.add_conflict(reader, writer, writer)?;
        }
        Ok(())
    }

    /// Records a write that replaces or deletes a version.
    pub(crate) fn track_row_write(
        &mut self,
        me: usize,
        table: TableId,
        tid: Tid,
    ) -> Result<(), DatabaseError> {
        self.note_sxact_xid(me);
        self.conflicts_in(me, |reads| reads.rows.contains(&(table, tid)) || reads.relations.contains(&table))
    }

    /// Records a write that adds a row to a table.
    pub(crate) fn track_insert(&mut self, me: usize, table: TableId) -> Result<(), DatabaseError> {
        self.note_sxact_xid(me);
        self.conflicts_in(me, |reads| reads.relations.contains(&table))
    }

    /// Records a write that puts a key into an index.
    pub(crate) fn track_key_write(
        &mut self,
        me: usize,
        table: TableId,
        index: usize,
        key: &Key,
    ) -> Result<(), DatabaseError> {
        if self.sessions[me].xact.sxact.is_none() {
            return Ok(());
        }
        let entry = (table, index, key.clone());
        self.conflicts_in(me, |reads| {
            reads.keys.contains(&entry) || reads.ranges.iter().any(|range| range.contains(table, index, key))
        })
    }

    /// Registers the ids of this transaction, so that readers of its versions find it.
    fn note_sxact_xid(&mut self, me: usize) {
        if self.sessions[me].xact.sxact.is_none() {
            return;
        }
        let xid = self.current_xid(me);
        if let Some(id) = self.sessions[me].xact.sxact
            && self.ssi.by_xid.insert(xid, id).is_none()
            && let Some(sxact) = self.ssi.xacts.get_mut(&id)
        {
            sxact.xids.push(xid);
        }
    }
}
