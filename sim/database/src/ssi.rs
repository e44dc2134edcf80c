//! Serializable snapshot isolation: the reads of serializable transactions, and the transactions that overwrote them.
//!
//! Reads are recorded as SIREAD marks: on a row version, on a key of an index (present or absent), on a range of an
//! index, or on a whole relation. A later write that meets a mark of a concurrent transaction, and a read that meets
//! a version written by one, is an edge reader → writer; `ssi_conflicts` judges the edges. PostgreSQL marks index
//! pages where this module marks keys and ranges (unless [`Database::mark_pages`] is set), and it reduces precision
//! when memory is short, so PostgreSQL may abort more transactions than this module does, never fewer. Sources:
//! PostgreSQL documentation, "Serializable Isolation Level"; Ports and Grittner, "Serializable Snapshot Isolation in
//! PostgreSQL" (VLDB 2012); PostgreSQL source, `predicate.c` and `README-SSI`. Not modelled: `DEFERRABLE`, the release
//! of marks by read-only transactions found safe, summarised transactions.

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

/// When a mark was made, as a count of marks.
type MarkedAt = u64;

/// The place of a reader among those that a writer meets: the marks of a row come first, then those of its page, then
/// those of its relation, each in the order in which they were made. The first reader found may be the victim.
type Turn = (Granule, MarkedAt);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Granule {
    Row,
    Page,
    Relation,
}

/// The number of marked rows above which PostgreSQL marks their page instead (`max_pred_locks_per_page`).
const PAGE_ROWS_MAX: usize = 2;

/// The marks of one transaction.
#[derive(Debug, Default)]
struct Reads {
    relations: BTreeMap<TableId, MarkedAt>,
    rows: BTreeMap<(TableId, Tid), MarkedAt>,
    /// When the number of marked rows of a table exceeded the limit: a table counts as one page.
    pages: BTreeMap<TableId, MarkedAt>,
    keys: BTreeSet<(TableId, usize, Key)>,
    ranges: Vec<Range>,
    /// The first mark on each index: an index counts as one page.
    indexes: BTreeMap<(TableId, usize), MarkedAt>,
}

impl Reads {
    fn mark_row(&mut self, table: TableId, tid: Tid, at: MarkedAt) {
        if self.relations.contains_key(&table) {
            return;
        }
        self.rows.entry((table, tid)).or_insert(at);
        if !self.pages.contains_key(&table)
            && self.rows.range((table, 0)..=(table, Tid::MAX)).nth(PAGE_ROWS_MAX).is_some()
        {
            self.pages.insert(table, at);
        }
    }

    /// Returns the turn of this reader, if it has read the row, or its page where pages count.
    fn turn_of_row(&self, table: TableId, tid: Tid, marks_pages: bool) -> Option<Turn> {
        let row = self.rows.get(&(table, tid)).map(|at| (Granule::Row, *at));
        let page = self.pages.get(&table).filter(|_| marks_pages || row.is_some());
        self.turn_of_relation(table).or(page.map(|at| (Granule::Page, *at))).or(row)
    }

    /// Returns the turn of this reader, if it has read the whole relation.
    fn turn_of_relation(&self, table: TableId) -> Option<Turn> {
        self.relations.get(&table).map(|at| (Granule::Relation, *at))
    }

    /// Returns the turn of this reader, if it has read the key of the index, a range with it, or its page where pages
    /// count.
    fn turn_of_key(&self, entry: &(TableId, usize, Key), marks_pages: bool) -> Option<Turn> {
        let (table, index, key) = entry;
        let at = *self.indexes.get(&(*table, *index))?;
        let has_read = marks_pages
            || self.keys.contains(entry)
            || self.ranges.iter().any(|range| range.contains(*table, *index, key));
        has_read.then_some((Granule::Page, at))
    }
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
    /// Counts marks.
    marks: MarkedAt,
    pub marks_pages: bool,
}

impl Ssi {
    fn next_mark(&mut self) -> MarkedAt {
        self.marks += 1;
        self.marks
    }

    pub(crate) fn begin(&mut self, read_only: bool) -> SxactId {
        self.next += 1;
        let sxact = Sxact { snapshot_at: self.clock, read_only, ..Sxact::default() };
        self.xacts.insert(self.next, sxact);
        self.next
    }
}

impl Database {
    /// Sets whether a read at serializable marks pages, as on PostgreSQL: the whole index that it searches, and the whole
    /// table of which it has read more than two rows by an index. Each counts as one page, which it is with up to two
    /// hundred rows. What the checks of foreign keys read is marked too. Transactions that touch different keys of a small
    /// table then conflict, and more of them fail. Off by default.
    pub fn mark_pages(&mut self, marks_pages: bool) {
        self.ssi.marks_pages = marks_pages;
    }

    fn sxact(&mut self, me: usize) -> Option<(SxactId, &mut Sxact)> {
        let id = self.sessions[me].xact.sxact?;
        self.ssi.xacts.get_mut(&id).map(|sxact| (id, sxact))
    }

    /// Returns whether the reads of this transaction leave marks; 40001 if others have already chosen it as a victim,
    /// which a read finds out at its first row.
    fn marks_reads(&mut self, me: usize) -> Result<bool, DatabaseError> {
        match self.sxact(me) {
            Some((_, sxact)) if sxact.doomed => Err(dangerous_structure()),
            found => Ok(found.is_some()),
        }
    }

    pub(crate) fn track_relation_read(&mut self, me: usize, table: TableId) {
        let at = self.ssi.next_mark();
        if let Some((_, sxact)) = self.sxact(me) {
            sxact.reads.relations.entry(table).or_insert(at);
        }
    }

    pub(crate) fn track_key_read(&mut self, me: usize, table: TableId, index: usize, key: &Key) {
        let at = self.ssi.next_mark();
        if let Some((_, sxact)) = self.sxact(me) {
            sxact.reads.keys.insert((table, index, key.clone()));
            sxact.reads.indexes.entry((table, index)).or_insert(at);
        }
    }

    /// Begins a range mark; returns its number, which is needed to extend it.
    pub(crate) fn track_range_read(&mut self, me: usize, range: Range) -> Option<usize> {
        let at = self.ssi.next_mark();
        let (_, sxact) = self.sxact(me)?;
        sxact.reads.indexes.entry((range.table, range.index)).or_insert(at);
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
        if !self.marks_reads(me)? {
            return Ok(());
        }
        // A read that fails for its conflict leaves no mark, which matters if only a savepoint is rolled back.
        if let Some(xid) = writer.filter(|xid| !self.sessions[me].xact.owns(*xid)) {
            self.conflict_out(me, xid)?;
        }
        if visible && !own {
            let at = self.ssi.next_mark();
            if let Some((_, sxact)) = self.sxact(me) {
                sxact.reads.mark_row(table, tid, at);
            }
        }
        Ok(())
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

    /// Records edges to this writer from every concurrent transaction whose marks have a turn, in the order of these.
    fn conflicts_in(
        &mut self,
        me: usize,
        turn_of: impl Fn(&Reads) -> Option<Turn>,
    ) -> Result<(), DatabaseError> {
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
        let mut readers: Vec<(Turn, SxactId)> = others
            .filter(|(_, other)| concurrent(other) && !other.writers.contains(&writer))
            .filter_map(|(id, other)| turn_of(&other.reads).map(|turn| (turn, *id)))
            .collect();
        readers.sort_unstable();
        for (_, reader) in readers {
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
        let marks_pages = self.ssi.marks_pages;
        self.conflicts_in(me, |reads| reads.turn_of_row(table, tid, marks_pages))?;
        // The write lock protects the read too, unless a savepoint may end it.
        if self.sessions[me].xact.savepoints.is_empty()
            && let Some((_, sxact)) = self.sxact(me)
            && !sxact.reads.pages.contains_key(&table)
        {
            sxact.reads.rows.remove(&(table, tid));
        }
        Ok(())
    }

    /// Records a write that adds a row to a table.
    pub(crate) fn track_insert(&mut self, me: usize, table: TableId) -> Result<(), DatabaseError> {
        self.note_sxact_xid(me);
        self.conflicts_in(me, |reads| reads.turn_of_relation(table))
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
        let marks_pages = self.ssi.marks_pages;
        self.conflicts_in(me, |reads| reads.turn_of_key(&entry, marks_pages))
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
