//! The agenda: one queue of all due entries, ordered by time and then first in, first out. Timeouts come last within one
//! time, so that a response at that very time is in time. Time jumps to the next entry.

use crate::time::Moment;
use crate::timeouts::Timeouts;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The kind of a due entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    /// A timer of a task; stale if its slot has another generation by now.
    Timer { slot: u32, generation: u32 },
    /// A delivery, kept in the world.
    Deliver { slot: u32 },
    /// A paused node resumes.
    Resume { node: u16, pause: u32 },
    /// A node that is down restarts.
    Restart { node: u16 },
    /// A task that yielded to what is due is ready again.
    Ready { slot: u32 },
}

const TIMER: u64 = 0;
const DELIVER: u64 = 1;
const RESUME: u64 = 2;
const RESTART: u64 = 3;

impl Due {
    /// Packs the entry into one word: two bits for the kind, 30 bits for a slot or a node, and 32 bits. A processor
    /// stalls when it reads one word that was just written as two.
    #[inline(always)]
    fn word(self) -> u64 {
        let word = |kind: u64, high: u32, low: u32| kind << 62 | u64::from(high) << 32 | u64::from(low);
        match self {
            Due::Timer { slot, generation } => word(TIMER, slot, generation),
            Due::Deliver { slot } => word(DELIVER, 0, slot),
            Due::Resume { node, pause } => word(RESUME, u32::from(node), pause),
            Due::Restart { node } => word(RESTART, 0, u32::from(node)),
            Due::Ready { slot } => word(RESTART, 1, slot),
        }
    }

    #[inline(always)]
    fn of(word: u64) -> Self {
        let (high, low) = ((word >> 32) as u32 & 0x3FFF_FFFF, word as u32);
        match word >> 62 {
            TIMER => Due::Timer { slot: high, generation: low },
            DELIVER => Due::Deliver { slot: low },
            RESUME => Due::Resume { node: high as u16, pause: low },
            _ if high == 0 => Due::Restart { node: low as u16 },
            _ => Due::Ready { slot: low },
        }
    }
}

/// The number of entries that are kept sorted. Most entries are due soon and are taken before many others are added.
const NEAR_MOST: usize = 64;

/// The first `count` places of `times` and `dues` hold the earliest entries, the earliest of them last. `far` holds
/// the entries that are later than all of these. If no entry is near, none is far.
pub(crate) struct Agenda {
    times: Box<[Moment; NEAR_MOST]>,
    dues: Box<[u64; NEAR_MOST]>,
    count: usize,
    /// The time of the earliest near entry; [`Moment::NEVER`] if there is none.
    nearest: Moment,
    /// Ordered by time, then by a number in the order of insertion.
    far: BinaryHeap<Reverse<(Moment, i64, u64)>>,
    /// The number of the next entry that is added to `far`. Entries that are moved there from the near ones are numbered
    /// downwards by `previous`: each was added before all far entries that are due at the same time.
    next: i64,
    previous: i64,
    timeout: Timeouts,
}

impl Default for Agenda {
    fn default() -> Self {
        let (times, dues) = (Box::new([Moment::NEVER; NEAR_MOST]), Box::new([0; NEAR_MOST]));
        let (nearest, far, timeout) = (Moment::NEVER, BinaryHeap::new(), Timeouts::default());
        Self { times, dues, count: 0, nearest, far, next: 0, previous: -1, timeout }
    }
}

impl Agenda {
    pub(crate) fn reset(&mut self) {
        (self.count, self.nearest) = (0, Moment::NEVER);
        self.far.clear();
        (self.next, self.previous) = (0, -1);
        self.timeout.reset();
    }

    /// Adds the end of a timeout that begins now.
    #[inline]
    pub(crate) fn put_timeout(&mut self, now: Moment, end: Moment, due: Due) {
        self.timeout.take(now, end, due.word());
    }

    #[inline(always)]
    pub(crate) fn put(&mut self, time: Moment, due: Due) {
        self.put_word(time, due.word());
    }

    #[inline(never)]
    fn put_word(&mut self, time: Moment, due: u64) {
        let is_late = !self.far.is_empty() && time >= self.times[0];
        if is_late || self.count == NEAR_MOST { self.put_far(time, due) } else { self.put_near(time, due) }
    }

    /// Inserts an entry in front of the entries that are due earlier or at the same time. These are usually few, so a
    /// linear scan is faster than a binary search.
    #[inline]
    fn put_near(&mut self, time: Moment, due: u64) {
        let mut place = self.count.min(NEAR_MOST - 1);
        self.count += 1;
        while let Some(next) = place.checked_sub(1)
            && self.times[next] <= time
        {
            self.times[place] = self.times[next];
            self.dues[place] = self.dues[next];
            place = next;
        }
        self.times[place] = time;
        self.dues[place] = due;
        self.nearest = self.nearest.min(time);
    }

    /// Adds an entry after everything that is due `now`, timeouts included.
    pub(crate) fn put_last(&mut self, now: Moment, due: Due) {
        if self.timeout.end() <= now {
            self.timeout.put_last(now, due.word());
        } else {
            self.put(now, due);
        }
    }

    /// Returns what is due `now`: near entries in order, far ones in no order. Some may be stale.
    pub(crate) fn due_at(&self, now: Moment, with_timeouts: bool) -> impl Iterator<Item = Due> {
        let near = (0..self.count).rev().take_while(move |place| self.times[*place] <= now);
        let near = near.map(|place| self.dues[place]);
        let far =
            self.far.iter().filter(move |Reverse((time, ..))| *time <= now).map(|Reverse((.., due))| *due);
        let timeouts = with_timeouts.then(|| self.timeout.due_at(now));
        near.chain(far).chain(timeouts.into_iter().flatten()).map(Due::of)
    }

    /// Adds an entry that is late, or that makes room for a near one.
    #[cold]
    fn put_far(&mut self, time: Moment, due: u64) {
        if time < self.times[0] {
            self.make_room();
        }
        // The moved entries may be due earlier than this one.
        if time < self.times[0] {
            return self.put_near(time, due);
        }
        self.far.push(Reverse((time, self.next, due)));
        self.next += 1;
    }

    /// Moves the later half of the near entries to the far ones.
    fn make_room(&mut self) {
        let later = NEAR_MOST / 2;
        for place in 0..later {
            self.far.push(Reverse((self.times[place], self.previous, self.dues[place])));
            self.previous -= 1;
        }
        self.times.copy_within(later.., 0);
        self.dues.copy_within(later.., 0);
        self.count -= later;
    }

    /// Returns the earliest entry. It may be stale, unless nothing was put since [`Agenda::take_by`] found none.
    pub(crate) fn peek(&self) -> Option<(Moment, Due)> {
        if self.timeout.end() < self.nearest {
            return Some((self.timeout.end(), Due::of(self.timeout.due())));
        }
        let earliest = self.count.checked_sub(1)?;
        Some((self.nearest, Due::of(self.dues[earliest % NEAR_MOST])))
    }

    /// Takes the earliest entry that is not stale, if it is due by `until`, and drops the stale entries before it.
    /// Timeouts and near entries have separate code: most timeouts are stale and most near entries are not.
    #[inline(always)]
    pub(crate) fn take_by(&mut self, until: Moment, is_stale: impl Fn(Due) -> bool) -> Option<(Moment, Due)> {
        loop {
            if self.timeout.end() < self.nearest {
                let (end, due) = (self.timeout.end(), Due::of(self.timeout.due()));
                let stale = is_stale(due);
                if !stale && end > until {
                    return None;
                }
                self.timeout.drop_next();
                if !stale {
                    return Some((end, due));
                }
            } else {
                let earliest = self.count.checked_sub(1)?;
                let (time, due) = (self.nearest, Due::of(self.dues[earliest % NEAR_MOST]));
                let stale = is_stale(due);
                if !stale && time > until {
                    return None;
                }
                self.drop_nearest();
                if !stale {
                    return Some((time, due));
                }
            }
        }
    }

    #[inline]
    fn drop_nearest(&mut self) {
        self.count -= 1;
        match self.count.checked_sub(1) {
            Some(earliest) => self.nearest = self.times[earliest % NEAR_MOST],
            None => self.refill_near(),
        }
    }

    /// Moves the earliest far entries to the near ones. The caller has emptied the near ones.
    fn refill_near(&mut self) {
        self.nearest = self.far.peek().map_or(Moment::NEVER, |Reverse((time, ..))| *time);
        self.count = self.far.len().min(NEAR_MOST / 2);
        for place in (0..self.count).rev() {
            let Reverse((time, _, due)) = self.far.pop().expect("as many are far");
            (self.times[place], self.dues[place]) = (time, due);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;
    use proptest::strategy::Strategy;
    use std::collections::BTreeMap;

    impl Agenda {
        fn take(&mut self) -> Option<(Moment, Due)> {
            self.take_by(Moment::NEVER, |_| false)
        }
    }

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

    #[test]
    fn what_is_due_is_read_as_it_was_written() {
        let most = u32::MAX >> 2;
        for due in [
            Due::Timer { slot: most, generation: u32::MAX },
            Due::Deliver { slot: u32::MAX },
            Due::Resume { node: u16::MAX, pause: u32::MAX },
            Due::Restart { node: u16::MAX },
            Due::Ready { slot: u32::MAX },
        ] {
            assert_eq!(Due::of(due.word()), due);
        }
    }

    /// Each entry is added this long after the last taken entry, possibly as a timeout; `None` takes an entry.
    fn moves() -> impl Strategy<Value = Vec<Option<(u64, bool)>>> {
        proptest::collection::vec(proptest::option::weighted(0.6, (0u64..100, proptest::bool::ANY)), 0..600)
    }

    proptest::proptest! {
        #[test]
        fn entries_near_and_far_come_as_from_one_sorted_list(moves in moves()) {
            let (mut agenda, mut list) = (Agenda::default(), BTreeMap::new());
            for (slot, put) in (0u32..).zip(moves) {
                match put {
                    Some((after, _)) => {
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

        #[test]
        fn a_timeout_ends_after_other_entries_of_its_time_and_by_length(moves in moves()) {
            let (mut agenda, mut list) = (Agenda::default(), BTreeMap::new());
            let (mut now, mut lengths) = (0, Vec::new());
            for (slot, put) in (0u32..).zip(moves) {
                let due = Due::Deliver { slot };
                match put {
                    Some((after, false)) => {
                        agenda.put(Moment::from_nanos(now + after), due);
                        list.insert((now + after, 0, slot), due);
                    }
                    Some((after, true)) => {
                        let length = after % 11;
                        if !lengths.contains(&length) {
                            lengths.push(length);
                        }
                        let met = lengths.iter().position(|other| *other == length).expect("it is there");
                        agenda.put_timeout(Moment::from_nanos(now), Moment::from_nanos(now + length), due);
                        // All lengths past the eighth share one rank.
                        list.insert((now + length, 1 + met.min(8), slot), due);
                    }
                    None => {
                        let expected = list.pop_first().map(|((time, ..), due)| (time, due));
                        now = expected.map_or(now, |(time, _)| time);
                        let expected = expected.map(|(time, due)| (Moment::from_nanos(time), due));
                        proptest::prop_assert_eq!(agenda.peek(), expected);
                        proptest::prop_assert_eq!(agenda.take(), expected);
                    }
                }
            }
        }
    }
}
