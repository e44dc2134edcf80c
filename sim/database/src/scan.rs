//! Reads: the visibility of versions, and the access paths through a table.
//!
//! A scan yields one candidate at a time, so that a statement with a limit reads (and, at serializable, marks as
//! read) no more than it needs. At serializable a scan in heap order checks all versions of a page before it yields
//! the first, as PostgreSQL does, because that decides which conflict is found first. There are three access paths:
//! the whole heap in the order of writing, given keys of an index (in heap order, as a bitmap scan returns them), or
//! a range of an index in its order.

use std::collections::VecDeque;
use std::ops::Bound;

use crate::Database;
use crate::error::DatabaseError;
use crate::heap::{PENDING, Tid, Tids, Version};
use crate::key::Key;
use crate::schema::{RowRef, TableId};
use crate::scope::Scope;
use crate::ssi::Range;
use crate::xact::{Snapshot, Xact};

/// An erased condition on rows.
pub(crate) type Filter = Box<dyn FnMut(&RowRef, &mut Scope<'_>) -> Result<bool, DatabaseError>>;

/// An index, as a statement names it.
#[derive(Clone, Debug)]
pub(crate) enum IndexRef {
    Primary,
    Named(String),
    /// By its number in the table.
    Number(usize),
}

/// The access path through a table.
pub(crate) enum Path {
    Heap,
    /// One primary key.
    Key(Key),
    Keys {
        index: IndexRef,
        keys: Vec<Key>,
    },
    Range {
        index: IndexRef,
        low: Bound<Key>,
        high: Bound<Key>,
    },
}

/// The position of a scan.
enum Cursor {
    Unopened,
    /// After this position of the heap.
    Heap(Tid),
    /// Before the only candidate, or after it.
    One(Option<Tid>),
    /// Within a fixed list.
    List {
        tids: Vec<Tid>,
        next: usize,
    },
    /// After this key of an index, with the remaining versions of that key.
    Index {
        index: usize,
        past: Option<Key>,
        tids: Vec<Tid>,
        next: usize,
        range: Option<usize>,
    },
}

/// A scan in progress.
pub(crate) struct Scan {
    pub table: TableId,
    pub path: Path,
    pub filter: Option<Filter>,
    cursor: Cursor,
    /// The visible versions of the page that was read last, as far as they were not yielded.
    page: VecDeque<Tid>,
}

/// The number of versions on a page: PostgreSQL's page of 8 KiB holds about as many rows of three integers.
const PAGE_ROWS: usize = 185;

impl Scan {
    pub(crate) fn new(table: TableId, path: Path, filter: Option<Filter>) -> Self {
        Self { table, path, filter, cursor: Cursor::Unopened, page: VecDeque::new() }
    }

    /// Returns whether PostgreSQL reads the path page by page: with a sequential or a bitmap scan.
    fn reads_pages(&self) -> bool {
        matches!(self.path, Path::Heap | Path::Keys { .. })
    }
}

/// Returns whether a snapshot of this transaction sees a version.
pub(crate) fn is_visible(version: &Version, snapshot: Snapshot, xact: &Xact) -> bool {
    let created = match version.begin {
        PENDING => version.command < snapshot.command && xact.owns(version.xid),
        begin => begin <= snapshot.csn,
    };
    created
        && match &version.over {
            None => true,
            Some(over) if over.end == PENDING => !(over.command < snapshot.command && xact.owns(over.xid)),
            Some(over) => over.end > snapshot.csn,
        }
}

impl Database {
    /// Returns the number of an index in its table.
    pub(crate) fn resolve(&self, table: TableId, index: &IndexRef) -> Result<usize, DatabaseError> {
        let schema = &self.tables[table].schema;
        let found = match index {
            IndexRef::Primary => schema.indexes.iter().position(|index| index.primary),
            IndexRef::Named(name) => schema.index_named(name),
            IndexRef::Number(number) => Some(*number),
        };
        found.ok_or_else(|| DatabaseError::UndefinedObject {
            name: match index {
                IndexRef::Primary => format!("primary key of {}", schema.name),
                IndexRef::Named(name) => name.clone(),
                IndexRef::Number(number) => format!("index {number} of {}", schema.name),
            },
        })
    }

    /// Returns the next version that the snapshot sees and the filter keeps.
    pub(crate) fn next_match(
        &mut self,
        me: usize,
        snapshot: Snapshot,
        scan: &mut Scan,
    ) -> Result<Option<Tid>, DatabaseError> {
        let by_page = self.sessions[me].xact.sxact.is_some() && scan.reads_pages();
        loop {
            let next = match by_page {
                true => self.next_on_page(me, snapshot, scan)?,
                false => self.next_visible(me, snapshot, scan)?,
            };
            let Some(tid) = next else { return Ok(None) };
            if self.matches(me, snapshot, scan, tid)? {
                return Ok(Some(tid));
            }
        }
    }

    fn next_visible(
        &mut self,
        me: usize,
        snapshot: Snapshot,
        scan: &mut Scan,
    ) -> Result<Option<Tid>, DatabaseError> {
        while let Some(tid) = self.next_candidate(me, scan)? {
            if self.sees(me, scan.table, tid, snapshot)? {
                return Ok(Some(tid));
            }
        }
        Ok(None)
    }

    /// Like [`Database::next_visible`], but reads a whole page at once.
    fn next_on_page(
        &mut self,
        me: usize,
        snapshot: Snapshot,
        scan: &mut Scan,
    ) -> Result<Option<Tid>, DatabaseError> {
        let mut is_at_end = false;
        while scan.page.is_empty() && !is_at_end {
            for _ in 0..PAGE_ROWS {
                let Some(tid) = self.next_candidate(me, scan)? else {
                    is_at_end = true;
                    break;
                };
                if self.sees(me, scan.table, tid, snapshot)? {
                    scan.page.push_back(tid);
                }
            }
        }
        Ok(scan.page.pop_front())
    }

    /// Returns whether the scan's filter keeps a version, visible or newer.
    pub(crate) fn matches(
        &mut self,
        me: usize,
        snapshot: Snapshot,
        scan: &mut Scan,
        tid: Tid,
    ) -> Result<bool, DatabaseError> {
        let Some(version) = self.tables[scan.table].heap.get(&tid) else {
            return Ok(false);
        };
        let row = version.row.clone();
        match &mut scan.filter {
            None => Ok(true),
            Some(filter) => {
                let matches = filter(&row, &mut Scope { db: self, me, snapshot })?;
                if matches && self.recorder.is_some() {
                    self.transcribe_match(me, &row);
                }
                Ok(matches)
            }
        }
    }

    /// Returns whether a row that changed during a wait is still on the scan's path and passes its filter.
    pub(crate) fn still_matches(
        &mut self,
        me: usize,
        snapshot: Snapshot,
        scan: &mut Scan,
        tid: Tid,
    ) -> Result<bool, DatabaseError> {
        let table = &self.tables[scan.table];
        let Some(version) = table.heap.get(&tid) else {
            return Ok(false);
        };
        let on_path = match &scan.path {
            Path::Heap => true,
            Path::Key(key) => {
                *key == table.schema.key(self.resolve(scan.table, &IndexRef::Primary)?, &version.row)
            }
            Path::Keys { index, keys } => {
                keys.contains(&table.schema.key(self.resolve(scan.table, index)?, &version.row))
            }
            Path::Range { index, low, high } => {
                let key = table.schema.key(self.resolve(scan.table, index)?, &version.row);
                std::ops::RangeBounds::contains(&(low.as_ref(), high.as_ref()), &key)
            }
        };
        Ok(on_path && self.matches(me, snapshot, scan, tid)?)
    }

    /// Returns whether the snapshot sees a version that a scan has reached; at serializable the read is recorded
    /// either way.
    pub(crate) fn sees(
        &mut self,
        me: usize,
        table: TableId,
        tid: Tid,
        snapshot: Snapshot,
    ) -> Result<bool, DatabaseError> {
        let Some(version) = self.tables[table].heap.get(&tid) else {
            return Ok(false);
        };
        let visible = is_visible(version, snapshot, &self.sessions[me].xact);
        if self.sessions[me].xact.sxact.is_some() {
            self.track_row_read(me, table, tid, visible, snapshot)?;
        }
        Ok(visible)
    }

    /// Returns the next version on the scan's path, visible or not.
    fn next_candidate(&mut self, me: usize, scan: &mut Scan) -> Result<Option<Tid>, DatabaseError> {
        if let Cursor::Unopened = scan.cursor {
            scan.cursor = self.open(me, scan.table, &scan.path)?;
        }
        match &mut scan.cursor {
            Cursor::Unopened => Ok(None),
            Cursor::Heap(past) => {
                let next = self.tables[scan.table].heap.range(*past + 1..).next().map(|(tid, _)| *tid);
                *past = next.unwrap_or(*past);
                Ok(next)
            }
            Cursor::One(tid) => Ok(tid.take()),
            Cursor::List { tids, next } => {
                let tid = tids.get(*next).copied();
                *next += 1;
                Ok(tid)
            }
            Cursor::Index { index, past, tids, next, range } => loop {
                if let Some(tid) = tids.get(*next).copied() {
                    *next += 1;
                    return Ok(Some(tid));
                }
                let Path::Range { low, high, .. } = &scan.path else {
                    return Ok(None);
                };
                let low = past.as_ref().map_or(low.as_ref(), Bound::Excluded);
                if !is_range(low, high.as_ref()) {
                    return Ok(None);
                }
                let found =
                    self.tables[scan.table].indexes[*index].range::<Key, _>((low, high.as_ref())).next();
                let found = found.map(|(key, under)| (key.clone(), under.as_slice().to_vec()));
                let read_up_to =
                    found.as_ref().map_or_else(|| high.clone(), |(key, _)| Bound::Included(key.clone()));
                self.extend_range_read(me, *range, read_up_to);
                let Some((key, under)) = found else {
                    return Ok(None);
                };
                (*past, *tids, *next) = (Some(key), under, 0);
            },
        }
    }

    fn open(&mut self, me: usize, table: TableId, path: &Path) -> Result<Cursor, DatabaseError> {
        match path {
            Path::Heap => {
                self.track_relation_read(me, table);
                Ok(Cursor::Heap(0))
            }
            Path::Key(key) => {
                let index = self.resolve(table, &IndexRef::Primary)?;
                self.track_key_read(me, table, index, key);
                Ok(match self.tables[table].under(index, key) {
                    [] => Cursor::One(None),
                    [tid] => Cursor::One(Some(*tid)),
                    tids => Cursor::List { tids: tids.to_vec(), next: 0 },
                })
            }
            Path::Keys { index, keys } => {
                let index = self.resolve(table, index)?;
                let mut tids = Vec::with_capacity(keys.len());
                for key in keys {
                    tids.extend_from_slice(self.tables[table].under(index, key));
                    self.track_key_read(me, table, index, key);
                }
                if tids.len() > 1 {
                    tids.sort_unstable();
                    tids.dedup();
                }
                Ok(Cursor::List { tids, next: 0 })
            }
            Path::Range { index, low, .. } => {
                let index = self.resolve(table, index)?;
                let read = Range { table, index, low: low.clone(), high: None };
                let range = self.track_range_read(me, read);
                Ok(Cursor::Index { index, past: None, tids: Vec::new(), next: 0, range })
            }
        }
    }

    /// Returns the visible row of a primary key.
    pub(crate) fn read_by_key(
        &mut self,
        me: usize,
        table: TableId,
        key: &Key,
        snapshot: Snapshot,
    ) -> Result<Option<RowRef>, DatabaseError> {
        let index = self.resolve(table, &IndexRef::Primary)?;
        self.read_by_index(me, (table, index), key, snapshot)
    }

    /// Returns the visible row of a key in a unique index.
    pub(crate) fn read_by_index(
        &mut self,
        me: usize,
        (table, index): (TableId, usize),
        key: &Key,
        snapshot: Snapshot,
    ) -> Result<Option<RowRef>, DatabaseError> {
        self.track_key_read(me, table, index, key);
        if self.sessions[me].xact.sxact.is_none() {
            let table = &self.tables[table];
            let versions = table.under(index, key).iter().rev().filter_map(|tid| table.heap.get(tid));
            let mut seen = versions.filter(|version| is_visible(version, snapshot, &self.sessions[me].xact));
            return Ok(seen.next().map(|version| version.row.clone()));
        }
        let mut found = None;
        for tid in self.tables[table].under(index, key).to_vec() {
            if self.sees(me, table, tid, snapshot)? {
                found = self.tables[table].heap.get(&tid).map(|version| version.row.clone());
            }
        }
        Ok(found)
    }

    /// Passes every visible row to the caller, in the order of the primary key: a sequential scan with sorted rows.
    pub(crate) fn read_in_key_order(
        &mut self,
        me: usize,
        table: TableId,
        snapshot: Snapshot,
        mut show: impl FnMut(&RowRef),
    ) -> Result<(), DatabaseError> {
        let index = self.resolve(table, &IndexRef::Primary)?;
        self.track_relation_read(me, table);
        if self.sessions[me].xact.sxact.is_some() {
            let tids: Vec<Tid> =
                self.tables[table].indexes[index].values().flat_map(Tids::as_slice).copied().collect();
            for tid in tids {
                if self.sees(me, table, tid, snapshot)?
                    && let Some(version) = self.tables[table].heap.get(&tid)
                {
                    show(&version.row);
                }
            }
            return Ok(());
        }
        let (state, xact) = (&self.tables[table], &self.sessions[me].xact);
        for tids in state.indexes[index].values() {
            let mut newest_first = tids.as_slice().iter().rev().filter_map(|tid| state.heap.get(tid));
            if let Some(version) = newest_first.find(|version| is_visible(version, snapshot, xact)) {
                show(&version.row);
            }
        }
        Ok(())
    }

    /// Returns every visible row in the order of a sequential scan.
    pub(crate) fn read_all(
        &mut self,
        me: usize,
        table: TableId,
        snapshot: Snapshot,
    ) -> Result<Vec<RowRef>, DatabaseError> {
        let mut scan = Scan::new(table, Path::Heap, None);
        let mut rows = Vec::new();
        while let Some(tid) = self.next_match(me, snapshot, &mut scan)? {
            rows.extend(self.tables[table].heap.get(&tid).map(|version| version.row.clone()));
        }
        Ok(rows)
    }
}

/// Returns whether bounds form a range that an ordered map accepts (it panics on inverted ones).
fn is_range(low: Bound<&Key>, high: Bound<&Key>) -> bool {
    match (low, high) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => true,
        (Bound::Included(low), Bound::Included(high)) => low <= high,
        (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => {
            low < high
        }
    }
}
