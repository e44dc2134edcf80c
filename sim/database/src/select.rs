//! `SELECT`: scan, sort, lock, limit, in the order in which PostgreSQL stacks them.
//!
//! Locks are taken after the sort and before the limit. A row that no longer matches after a wait is therefore
//! dropped, and the next one takes its place within the limit; and at read committed the result can be out of order
//! (PostgreSQL documentation, SELECT, "The Locking Clause").

use std::cmp::Ordering;

use crate::Database;
use crate::error::{DatabaseError, concurrent_update};
use crate::heap::Tid;
use crate::key::Key;
use crate::lock_mode::{LockMode, LockWait};
use crate::row_lock::{LockRequest, Locked, Purpose, RowLock};
use crate::scan::Scan;
use crate::schema::RowRef;
use crate::statement::Output;
use crate::xact::Snapshot;

/// An erased ordering of rows.
pub(crate) type OrderKey = Box<dyn FnMut(&dyn std::any::Any) -> Key>;

/// The order of rows that a statement without `ORDER BY` returns. The server promises none: it depends on the plan, on
/// updates, and on other scans that it joins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrangement {
    /// As the scan finds them.
    #[default]
    AsScanned,
    /// Backwards.
    Reversed,
    /// The second half first, as a scan does that joins one in progress (`synchronize_seqscans`).
    FromMiddle,
}

impl Arrangement {
    /// Arranges rows that are in the order of their scan.
    pub fn apply<T>(self, rows: &mut [T]) {
        match self {
            Self::AsScanned => {}
            Self::Reversed => rows.reverse(),
            Self::FromMiddle => rows.rotate_left(rows.len() / 2),
        }
    }
}

/// A `SELECT` and its progress.
pub(crate) struct SelectOp {
    pub scan: Scan,
    pub order: Option<OrderKey>,
    pub descending: Vec<bool>,
    pub limit: usize,
    pub offset: usize,
    pub lock: Option<(LockMode, LockWait)>,
    /// The order of rows without `ORDER BY`.
    pub arrangement: Arrangement,
    /// The sorted matches, once sorted, and how many of them were passed on.
    sorted: Option<(Vec<Tid>, usize)>,
    locking: Option<RowLock>,
    rows: Vec<RowRef>,
    skipped: usize,
}

impl SelectOp {
    pub(crate) fn new(scan: Scan) -> Self {
        Self {
            scan,
            order: None,
            descending: Vec::new(),
            limit: usize::MAX,
            offset: 0,
            lock: None,
            arrangement: Arrangement::AsScanned,
            sorted: None,
            locking: None,
            rows: Vec::new(),
            skipped: 0,
        }
    }

    fn keep(&mut self, row: RowRef) {
        if self.skipped < self.offset {
            self.skipped += 1;
        } else {
            self.rows.push(row);
        }
    }
}

/// Compares two keys column by column, in reverse for descending columns.
fn compare(a: &Key, b: &Key, descending: &[bool]) -> Ordering {
    for (column, (a, b)) in a.scalars().iter().zip(b.scalars()).enumerate() {
        let backwards = descending.get(column).copied().unwrap_or(false);
        let ordering = if backwards { b.cmp(a) } else { a.cmp(b) };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    Ordering::Equal
}

impl Database {
    /// Advances a `SELECT`; returns `None` while it waits.
    pub(crate) fn run_select(
        &mut self,
        me: usize,
        snapshot: Snapshot,
        op: &mut SelectOp,
    ) -> Result<Option<Output>, DatabaseError> {
        while op.rows.len() < op.limit {
            let mut lock = match op.locking.take() {
                Some(lock) => lock,
                None => match self.next_selected(me, snapshot, op)? {
                    Some(tid) => RowLock::on(tid),
                    None => break,
                },
            };
            match self.lock_selected(me, snapshot, op, &mut lock)? {
                Locked::Waiting => {
                    op.locking = Some(lock);
                    return Ok(None);
                }
                Locked::Got => {
                    if let Some(version) = self.tables[op.scan.table].heap.get(&lock.tid) {
                        op.keep(version.row.clone());
                    }
                }
                _ => {}
            }
        }
        Ok(Some(Output::Rows(std::mem::take(&mut op.rows))))
    }

    /// Locks one row if the statement locks. At read committed, a changed row is checked again.
    fn lock_selected(
        &mut self,
        me: usize,
        snapshot: Snapshot,
        op: &mut SelectOp,
        lock: &mut RowLock,
    ) -> Result<Locked, DatabaseError> {
        let Some((mode, wait)) = op.lock else {
            return Ok(Locked::Got);
        };
        let keeps_snapshot = self.sessions[me].xact.level.keeps_snapshot();
        let request = LockRequest { mode, wait, follow: !keeps_snapshot, purpose: Purpose::Lock };
        let locked = self.lock_row(me, op.scan.table, lock, request)?;
        match locked {
            Locked::Changed | Locked::Gone if keeps_snapshot => Err(concurrent_update()),
            Locked::Got if lock.moved && !self.still_matches(me, snapshot, &mut op.scan, lock.tid)? => {
                Ok(Locked::Skipped)
            }
            other => Ok(other),
        }
    }

    fn next_selected(
        &mut self,
        me: usize,
        snapshot: Snapshot,
        op: &mut SelectOp,
    ) -> Result<Option<Tid>, DatabaseError> {
        if op.order.is_none() && op.arrangement == Arrangement::AsScanned {
            return self.next_match(me, snapshot, &mut op.scan);
        }
        if op.sorted.is_none() {
            let mut keyed = Vec::new();
            while let Some(tid) = self.next_match(me, snapshot, &mut op.scan)? {
                if let Some(version) = self.tables[op.scan.table].heap.get(&tid) {
                    let key = op.order.as_mut().map_or_else(Key::null, |order| order(version.row.as_ref()));
                    keyed.push((key, tid));
                }
            }
            match op.order {
                Some(_) => keyed.sort_by(|(a, _), (b, _)| compare(a, b, &op.descending)),
                None => op.arrangement.apply(&mut keyed),
            }
            op.sorted = Some((keyed.into_iter().map(|(_, tid)| tid).collect(), 0));
        }
        let Some((tids, next)) = &mut op.sorted else {
            return Ok(None);
        };
        *next += 1;
        Ok(tids.get(*next - 1).copied())
    }
}
