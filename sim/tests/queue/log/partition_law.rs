//! The law of a partition: it returns what a list returns that is read from the front.

use proptest::collection::vec;
use proptest::prelude::*;
use shakedown_sim::log::partition::{AppendError, Appended, Partition, ProducerId, Stamp};
use shakedown_sim::log::{Cleanup, ReadLevel};
use shakedown_sim::{Duration, Moment};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Status {
    Committed,
    Open,
    Aborted,
    Marker,
}

/// A record of the specification. One that is deleted is removed from the list.
#[derive(Clone, Copy, Debug)]
struct Entry {
    offset: u64,
    at: Moment,
    key: u64,
    stamp: Option<Stamp>,
    status: Status,
}

impl Entry {
    fn producer(&self) -> Option<ProducerId> {
        self.stamp.map(|stamp| stamp.producer)
    }
}

/// The specification: every record ever appended, and those that are still there.
#[derive(Default)]
struct List {
    ever: Vec<Entry>,
    entries: Vec<Entry>,
    /// The number of offsets that retention has deleted.
    start: u64,
}

impl List {
    fn append(&mut self, at: Moment, key: u64, stamp: Option<Stamp>) -> Result<Appended, AppendError> {
        if let Some(stamp) = stamp {
            let of_producer = |entry: &&Entry| entry.producer() == Some(stamp.producer);
            let same = || {
                self.ever.iter().filter(of_producer).filter_map(|entry| Some((entry.offset, entry.stamp?)))
            };
            if same().any(|(_, other)| other.epoch > stamp.epoch) {
                return Err(AppendError::Fenced);
            }
            let of_epoch = || same().filter(|(_, other)| other.epoch == stamp.epoch);
            if let Some((offset, _)) = of_epoch().find(|(_, other)| other.sequence == stamp.sequence) {
                return Ok(Appended::Known(offset));
            }
            if of_epoch().count() != stamp.sequence as usize {
                return Err(AppendError::OutOfOrder);
            }
        }
        let status =
            if stamp.is_some_and(|stamp| stamp.transactional) { Status::Open } else { Status::Committed };
        Ok(Appended::New(self.add(at, key, stamp, status)))
    }

    fn add(&mut self, at: Moment, key: u64, stamp: Option<Stamp>, status: Status) -> u64 {
        let entry = Entry { offset: self.ever.len() as u64, at, key, stamp, status };
        self.ever.push(entry);
        self.entries.push(entry);
        entry.offset
    }

    fn end_transaction(&mut self, producer: ProducerId, commits: bool) {
        let is_open = |entry: &Entry| entry.status == Status::Open && entry.producer() == Some(producer);
        if !self.entries.iter().any(is_open) {
            return;
        }
        let status = if commits { Status::Committed } else { Status::Aborted };
        self.entries.iter_mut().filter(|entry| is_open(entry)).for_each(|entry| entry.status = status);
        self.add(Moment::START, 0, None, Status::Marker);
    }

    fn end(&self, level: ReadLevel) -> u64 {
        let open = self.entries.iter().find(|entry| entry.status == Status::Open);
        match (level, open) {
            (ReadLevel::Committed, Some(open)) => open.offset,
            _ => self.ever.len() as u64,
        }
    }

    fn fetch(&self, from: u64, max: usize, level: ReadLevel) -> Vec<u64> {
        let is_read = |entry: &&Entry| match level {
            ReadLevel::Uncommitted => entry.status != Status::Marker,
            ReadLevel::Committed => entry.status == Status::Committed,
        };
        let end = self.end(level);
        let in_range = self.entries.iter().filter(|entry| from <= entry.offset && entry.offset < end);
        in_range.filter(is_read).take(max).map(|entry| entry.offset).collect()
    }

    fn clean(&mut self, now: Moment, cleanup: Cleanup) {
        let stable = self.end(ReadLevel::Committed);
        let before = self.entries.clone();
        match cleanup {
            Cleanup::Never => {}
            // Time never goes back, so the old records are the first ones.
            Cleanup::Delete(age) => {
                let is_old = |entry: &Entry| {
                    entry.status != Status::Marker && entry.offset < stable && entry.at + age <= now
                };
                let last = before.iter().filter(|entry| is_old(entry)).map(|entry| entry.offset + 1).max();
                self.start = self.start.max(last.unwrap_or(0));
                self.entries.retain(|entry| !is_old(entry));
            }
            Cleanup::Compact(age) => {
                let supersedes = |later: &Entry, entry: &Entry| {
                    later.status == Status::Committed
                        && later.key == entry.key
                        && entry.offset < later.offset
                        && later.offset < stable
                };
                self.entries.retain(|entry| {
                    let is_old = entry.status != Status::Marker && entry.at + age <= now;
                    !(is_old && before.iter().any(|later| supersedes(later, entry)))
                });
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Ask {
    Append {
        key: u64,
        stamp: Option<Stamp>,
    },
    /// The next record of a producer.
    AppendNext {
        key: u64,
        producer: u32,
        transactional: bool,
    },
    End {
        producer: u32,
        commits: bool,
    },
    Fetch {
        from: u64,
        max: usize,
        committed: bool,
    },
    Clean,
    Wait(u64),
}

fn stamp() -> impl Strategy<Value = Stamp> {
    (0u32..3, 0u32..3, 0u32..6, any::<bool>()).prop_map(|(producer, epoch, sequence, transactional)| Stamp {
        producer: ProducerId::new(producer),
        epoch,
        sequence,
        transactional,
    })
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        3 => (0u64..4, prop::option::of(stamp())).prop_map(|(key, stamp)| Ask::Append { key, stamp }),
        4 => (0u64..4, 0u32..3, any::<bool>())
            .prop_map(|(key, producer, transactional)| Ask::AppendNext { key, producer, transactional }),
        2 => (0u32..3, any::<bool>()).prop_map(|(producer, commits)| Ask::End { producer, commits }),
        4 => (0u64..20, 1usize..6, any::<bool>())
            .prop_map(|(from, max, committed)| Ask::Fetch { from, max, committed }),
        2 => Just(Ask::Clean),
        2 => (0u64..5).prop_map(Ask::Wait),
    ]
}

fn cleanup() -> impl Strategy<Value = Cleanup> {
    let age = || (1u64..8).prop_map(Duration::from_secs);
    prop_oneof![Just(Cleanup::Never), age().prop_map(Cleanup::Delete), age().prop_map(Cleanup::Compact)]
}

/// Returns the stamp of the producer's next record: its highest epoch, and the next sequence number.
fn next_stamp(list: &List, producer: u32, transactional: bool) -> Stamp {
    let producer = ProducerId::new(producer);
    let stamps = || list.ever.iter().filter_map(|entry| entry.stamp).filter(|one| one.producer == producer);
    let epoch = stamps().map(|one| one.epoch).max().unwrap_or(0);
    let sequence = stamps().filter(|one| one.epoch == epoch).count() as u32;
    Stamp { producer, epoch, sequence, transactional }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_partition_returns_what_a_list_returns(cleanup in cleanup(), asks in vec(ask(), 1..80)) {
        let (mut partition, mut list) = (Partition::new(cleanup), List::default());
        let mut now = Moment::START;
        for ask in asks {
            match ask {
                Ask::Append { key, stamp } => {
                    prop_assert_eq!(partition.append(now, key, (), stamp), list.append(now, key, stamp));
                }
                Ask::AppendNext { key, producer, transactional } => {
                    let stamp = Some(next_stamp(&list, producer, transactional));
                    let ours = partition.append(now, key, (), stamp);
                    prop_assert_eq!(ours, list.append(now, key, stamp));
                    prop_assert!(matches!(ours, Ok(Appended::New(_))));
                }
                Ask::End { producer, commits } => {
                    let producer = ProducerId::new(producer);
                    partition.end_transaction(producer, commits);
                    list.end_transaction(producer, commits);
                }
                Ask::Fetch { from, max, committed } => {
                    let level = if committed { ReadLevel::Committed } else { ReadLevel::Uncommitted };
                    let ours = partition.fetch(from, max, level);
                    let offsets: Vec<_> = ours.records.iter().map(|(offset, _)| *offset).collect();
                    prop_assert_eq!(&offsets, &list.fetch(from, max, level));
                    // The next fetch misses nothing and repeats nothing.
                    let (rest, all) = (list.fetch(ours.next, 1_000, level), list.fetch(from, 1_000, level));
                    prop_assert_eq!([offsets, rest].concat(), all);
                    prop_assert!(from <= ours.next);
                }
                Ask::Clean => {
                    partition.clean(now);
                    list.clean(now, cleanup);
                }
                Ask::Wait(seconds) => now = now + Duration::from_secs(seconds),
            }
            prop_assert_eq!(partition.end(), list.ever.len() as u64);
            prop_assert_eq!(partition.end_at(ReadLevel::Committed), list.end(ReadLevel::Committed));
            prop_assert_eq!(partition.start(), list.start);
        }
    }
}
