//! A partition: a pure state machine that appends records and returns them by offset.
//!
//! [`Partition`] keeps no clock and draws nothing; the caller passes the time. Equal calls give equal results. The
//! partition does not interpret the content of records.

use crate::time::{Duration, Moment};
use std::collections::{BTreeMap, BTreeSet};

/// How a partition deletes old records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cleanup {
    /// It keeps every record.
    Never,
    /// It deletes records of this age.
    Delete(Duration),
    /// It deletes a record of this age if a later record has the same key.
    Compact(Duration),
}

/// The id of an idempotent producer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct ProducerId(pub(super) u32);

impl ProducerId {
    /// Creates the id with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }
}

/// What an idempotent producer adds to a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// The producer.
    pub producer: ProducerId,
    /// Its epoch: a higher one fences all lower ones.
    pub epoch: u32,
    /// The number of the record among those of this producer and epoch in this partition, from 0.
    pub sequence: u32,
    /// Whether the record belongs to the open transaction of the producer.
    pub transactional: bool,
}

/// The result of an append.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Appended {
    /// The record is appended at this offset.
    New(u64),
    /// The record was appended before at this offset, and is dropped.
    Known(u64),
}

/// The reason why a partition rejects a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AppendError {
    /// An earlier record of the producer is missing.
    #[error("out of order sequence number")]
    OutOfOrder,
    /// The partition has seen a higher epoch of the producer.
    #[error("the producer is fenced")]
    Fenced,
}

/// Which records a consumer reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReadLevel {
    /// Every record, also of open and aborted transactions.
    #[default]
    Uncommitted,
    /// Records before the first open transaction, without those of aborted transactions.
    Committed,
}

/// The result of a fetch.
#[derive(PartialEq, Eq, Debug)]
pub struct Fetched<'a, T> {
    /// The records, each with its offset.
    pub records: Vec<(u64, &'a T)>,
    /// The offset at which the next fetch continues.
    pub next: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Visible,
    Open(ProducerId),
    Aborted,
}

struct Stored<T> {
    at: Moment,
    key: u64,
    state: State,
    content: T,
}

/// What the partition knows of a producer.
#[derive(Default)]
struct Known {
    epoch: u32,
    /// The offsets of its records of this epoch, by sequence number.
    offsets: Vec<u64>,
}

/// Records in the order of their offsets.
pub struct Partition<T> {
    cleanup: Cleanup,
    records: BTreeMap<u64, Stored<T>>,
    start: u64,
    end: u64,
    producers: BTreeMap<ProducerId, Known>,
    /// The first offset of each open transaction.
    open: BTreeMap<ProducerId, u64>,
}

impl<T> Partition<T> {
    /// Creates an empty partition.
    pub fn new(cleanup: Cleanup) -> Self {
        let (producers, open) = (BTreeMap::new(), BTreeMap::new());
        Self { cleanup, records: BTreeMap::new(), start: 0, end: 0, producers, open }
    }

    /// Appends a record, unless it was appended before.
    ///
    /// # Errors
    /// If the stamp shows that an earlier record is missing, or that the producer is fenced.
    pub fn append(
        &mut self,
        now: Moment,
        key: u64,
        content: T,
        stamp: Option<Stamp>,
    ) -> Result<Appended, AppendError> {
        let offset = self.end;
        let mut state = State::Visible;
        if let Some(Stamp { producer, epoch, sequence, transactional }) = stamp {
            let known = self.producers.entry(producer).or_default();
            if epoch < known.epoch {
                return Err(AppendError::Fenced);
            }
            if epoch > known.epoch && sequence == 0 {
                *known = Known { epoch, offsets: Vec::new() };
            } else if epoch > known.epoch {
                return Err(AppendError::OutOfOrder);
            }
            match known.offsets.get(sequence as usize) {
                Some(before) => return Ok(Appended::Known(*before)),
                None if known.offsets.len() != sequence as usize => return Err(AppendError::OutOfOrder),
                None => known.offsets.push(offset),
            }
            if transactional {
                state = State::Open(producer);
                self.open.entry(producer).or_insert(offset);
            }
        }
        self.records.insert(offset, Stored { at: now, key, state, content });
        self.end += 1;
        Ok(Appended::New(offset))
    }

    /// Ends the open transaction of a producer, if it has one here. Its marker takes an offset.
    pub fn end_transaction(&mut self, producer: ProducerId, commits: bool) {
        let Some(first) = self.open.remove(&producer) else { return };
        for record in self.records.range_mut(first..).map(|(_, record)| record) {
            if record.state == State::Open(producer) {
                record.state = if commits { State::Visible } else { State::Aborted };
            }
        }
        self.end += 1;
    }

    /// Deletes the records that the cleanup rule no longer keeps. Records from the first open transaction on stay.
    pub fn clean(&mut self, now: Moment) {
        let stable = self.stable_end();
        match self.cleanup {
            Cleanup::Never => {}
            Cleanup::Delete(age) => {
                while let Some(first) = self.records.first_entry()
                    && *first.key() < stable
                    && first.get().at + age <= now
                {
                    self.start = first.key() + 1;
                    first.remove();
                }
            }
            Cleanup::Compact(age) => {
                let mut later = BTreeSet::new();
                let mut superseded = Vec::new();
                for (offset, record) in self.records.range(..stable).rev() {
                    let is_last = record.state == State::Visible && later.insert(record.key);
                    if !is_last && later.contains(&record.key) && record.at + age <= now {
                        superseded.push(*offset);
                    }
                }
                for offset in superseded {
                    self.records.remove(&offset);
                }
            }
        }
    }

    /// Returns at most `max` records from an offset on.
    pub fn fetch(&self, from: u64, max: usize, level: ReadLevel) -> Fetched<'_, T> {
        let end = self.end_at(level).max(from);
        let is_read = |state| level == ReadLevel::Uncommitted || state == State::Visible;
        let mut found = self.records.range(from..end).filter(|(_, record)| is_read(record.state));
        let records: Vec<_> =
            found.by_ref().take(max).map(|(offset, record)| (*offset, &record.content)).collect();
        let next = found.next().map_or(end, |_| records.last().map_or(from, |(last, _)| last + 1));
        Fetched { records, next }
    }

    /// Returns the content of a record, unless it was deleted.
    pub fn content(&self, offset: u64) -> Option<&T> {
        self.records.get(&offset).map(|record| &record.content)
    }

    /// Returns the content of a record for a change, unless it was deleted.
    pub(super) fn content_mut(&mut self, offset: u64) -> Option<&mut T> {
        self.records.get_mut(&offset).map(|record| &mut record.content)
    }

    /// Returns the first offset that retention has not deleted.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Returns the offset of the next record.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Returns the offset up to which a level reads.
    pub fn end_at(&self, level: ReadLevel) -> u64 {
        match level {
            ReadLevel::Uncommitted => self.end,
            ReadLevel::Committed => self.stable_end(),
        }
    }

    /// Returns the last stable offset: the first one of an open transaction, or else the end.
    fn stable_end(&self) -> u64 {
        self.open.values().copied().min().unwrap_or(self.end)
    }
}
