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

#[derive(Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Entry>,
    sequence: u64,
}

impl Agenda {
    pub(crate) fn reset(&mut self) {
        self.heap.clear();
        self.sequence = 0;
    }

    pub(crate) fn put(&mut self, time: Moment, due: Due) {
        self.sequence += 1;
        self.heap.push(Entry { time, sequence: self.sequence, due });
    }

    pub(crate) fn peek(&self) -> Option<(Moment, Due)> {
        self.heap.peek().map(|entry| (entry.time, entry.due))
    }

    pub(crate) fn take(&mut self) -> Option<(Moment, Due)> {
        self.heap.pop().map(|entry| (entry.time, entry.due))
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
