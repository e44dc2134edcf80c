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
const NEAR_MOST: usize = 64;
/// What stands where no entry is.
const NOTHING: Entry = Entry { time: Moment::NEVER, sequence: 0, due: Due::Restart { node: 0 } };

/// The earliest entries are in the first `count` of `near`, the earliest last; those that are later than the first of
/// it are in `far`, as long as there are any. If `near` is empty, so is `far`.
pub(crate) struct Agenda {
    near: Box<[Entry; NEAR_MOST]>,
    count: usize,
    far: BinaryHeap<Entry>,
    sequence: u64,
}

impl Default for Agenda {
    fn default() -> Self {
        Self { near: Box::new([NOTHING; NEAR_MOST]), count: 0, far: BinaryHeap::new(), sequence: 0 }
    }
}

impl Agenda {
    pub(crate) fn reset(&mut self) {
        self.count = 0;
        self.far.clear();
        self.sequence = 0;
    }

    #[inline(never)]
    pub(crate) fn put(&mut self, time: Moment, due: Due) {
        self.sequence += 1;
        let entry = Entry { time, sequence: self.sequence, due };
        let is_late = !self.far.is_empty() && time >= self.near[0].time;
        if is_late || self.count == NEAR_MOST { self.put_far(entry) } else { self.put_near(entry) }
    }

    /// Puts an entry in its place, before those that are sooner or equal. There are mostly few of them, so that to
    /// step over them one by one is faster than to search.
    #[inline]
    fn put_near(&mut self, entry: Entry) {
        let mut near = &mut self.near[..=self.count];
        self.count += 1;
        while let Some((place, later)) = near.split_last_mut() {
            match later.last() {
                Some(sooner) if sooner.time <= entry.time => *place = *sooner,
                _ => {
                    *place = entry;
                    return;
                }
            }
            near = later;
        }
    }

    /// The same for an entry that is late, or for which room is to be made.
    #[cold]
    fn put_far(&mut self, entry: Entry) {
        if entry.time >= self.near[0].time {
            return self.far.push(entry);
        }
        self.far.extend(&self.near[..NEAR_MOST / 2]);
        self.near.copy_within(NEAR_MOST / 2.., 0);
        self.count -= NEAR_MOST / 2;
        // What has gone may be sooner than the entry.
        if entry.time >= self.near[0].time { self.far.push(entry) } else { self.put_near(entry) }
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<(Moment, Due)> {
        let entry = self.near.get(self.count.checked_sub(1)?)?;
        Some((entry.time, entry.due))
    }

    #[inline]
    pub(crate) fn take(&mut self) -> Option<(Moment, Due)> {
        let earliest = self.peek()?;
        self.count -= 1;
        if self.count == 0 && !self.far.is_empty() {
            self.come_nearer();
        }
        Some(earliest)
    }

    #[cold]
    fn come_nearer(&mut self) {
        self.count = self.far.len().min(NEAR_MOST / 2);
        for place in (0..self.count).rev() {
            self.near[place] = self.far.pop().expect("as many are far");
        }
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

    #[test]
    fn an_entry_between_those_that_have_gone_far_goes_there_too() {
        let mut agenda = Agenda::default();
        let most = NEAR_MOST as u64;
        let times: Vec<u64> = (0..most).map(|time| 2 * time).chain([2 * most - 5]).collect();
        times.iter().for_each(|time| agenda.put(Moment::from_nanos(*time), Due::Restart { node: 0 }));
        let taken: Vec<u64> = std::iter::from_fn(|| agenda.take()).map(|(time, _)| time.nanos()).collect();
        assert!(taken.is_sorted() && taken.len() == times.len(), "{taken:?}");
    }

    proptest::proptest! {
        #[test]
        fn entries_near_and_far_come_as_from_one_sorted_list(
            moves in proptest::collection::vec(proptest::option::weighted(0.6, 0u64..100), 0..600),
        ) {
            let (mut agenda, mut list) = (Agenda::default(), std::collections::BTreeMap::new());
            for (slot, put) in (0u32..).zip(moves) {
                match put {
                    Some(after) => {
                        agenda.put(Moment::from_nanos(after), Due::Deliver { slot });
                        list.insert((after, slot), slot);
                    }
                    None => {
                        let expected = list.pop_first().map(|((time, _), slot)| (Moment::from_nanos(time), Due::Deliver { slot }));
                        proptest::prop_assert_eq!(agenda.peek(), expected);
                        proptest::prop_assert_eq!(agenda.take(), expected);
                    }
                }
            }
        }
    }
}
