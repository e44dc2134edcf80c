//! The agenda: what is due when. One queue ordered by (time, sequence); time jumps to the next entry.

use crate::time::Moment;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// What is to be done at its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    /// A timer of a task; stale if its slot has moved on to another generation.
    Timer { slot: u32, generation: u32 },
    /// A delivery, kept in the world.
    Deliver { slot: u32 },
    /// A paused node goes on.
    Resume { node: u16, pause: u32 },
    /// A crashed node begins again.
    Restart { node: u16 },
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry {
    time: Moment,
    sequence: u64,
    due: Due,
}

impl Ord for Entry {
    /// The earliest entry is the greatest: `BinaryHeap` gives out the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.time, other.sequence).cmp(&(self.time, self.sequence))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// As many entries as are kept sorted. Most of what a run plans is due soon and taken before much else is put.
const NEAR_MOST: usize = 32;

/// The earliest entries are in `near`, the earliest last; all that are later than the first of it, and only
/// such, are in `far`.
#[derive(Default)]
pub(crate) struct Agenda {
    near: Vec<Entry>,
    far: BinaryHeap<Entry>,
    sequence: u64,
}

impl Agenda {
    pub(crate) fn reset(&mut self) {
        self.near.clear();
        self.far.clear();
        self.sequence = 0;
    }

    pub(crate) fn put(&mut self, time: Moment, due: Due) {
        self.sequence += 1;
        let entry = Entry { time, sequence: self.sequence, due };
        let is_far = match self.near.first() {
            Some(latest) if self.far.is_empty() => time >= latest.time && self.near.len() >= NEAR_MOST,
            Some(latest) => time >= latest.time,
            None => !self.far.is_empty(),
        };
        if is_far {
            return self.far.push(entry);
        }
        let sooner = self.near.iter().rev().take_while(|other| other.time <= time).count();
        self.near.insert(self.near.len() - sooner, entry);
        if self.near.len() > NEAR_MOST {
            self.far.extend(self.near.drain(..NEAR_MOST / 2));
        }
    }

    pub(crate) fn peek(&self) -> Option<(Moment, Due)> {
        self.near.last().or_else(|| self.far.peek()).map(|entry| (entry.time, entry.due))
    }

    pub(crate) fn take(&mut self) -> Option<(Moment, Due)> {
        self.near.pop().or_else(|| self.far.pop()).map(|entry| (entry.time, entry.due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    #[test]
    fn entries_come_in_order_of_time_and_then_as_they_were_put() {
        let mut agenda = Agenda::default();
        let at = |s| Moment::START + Duration::from_secs(s);
        for (time, slot) in [(3, 0), (1, 1), (3, 2), (1, 3)] {
            agenda.put(at(time), Due::Deliver { slot });
        }
        let order: Vec<_> = std::iter::from_fn(|| agenda.take()).map(|(_, due)| due).collect();
        assert_eq!(order, [1, 3, 0, 2].map(|slot| Due::Deliver { slot }));
    }
}
