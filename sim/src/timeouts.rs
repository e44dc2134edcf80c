//! Timeouts: waits of the same length end in the order in which they began, so they need no sorting.
//!
//! Most timers are call timeouts, and most of those are cancelled. In the sorted agenda every later insertion would
//! scan past them, so each length has a FIFO of its own.

use crate::time::Moment;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// The number of lengths that have a FIFO of their own, found by a linear scan. Waits of further lengths are sorted.
const LINES_MOST: usize = 8;

#[derive(Default)]
struct Line {
    /// The length, in nanoseconds.
    length: u64,
    ends: VecDeque<(Moment, u64)>,
}

/// The earliest wait: its end, its entry, and the number of its line; a number past the last line stands for the
/// sorted waits.
#[derive(Clone, Copy)]
struct Next {
    end: Moment,
    due: u64,
    line: usize,
}

const NOTHING: Next = Next { end: Moment::NEVER, due: 0, line: 0 };

/// Waits, by their length.
pub(crate) struct Timeouts {
    /// The first `met` lines are in use.
    lines: [Line; LINES_MOST],
    met: usize,
    /// Waits of further lengths, ordered by their end and then by their start.
    sorted: BinaryHeap<Reverse<(Moment, u32, u64)>>,
    /// The number of sorted waits so far.
    begun: u32,
    /// The earliest wait; of two that end at once, the one whose length was met first.
    next: Next,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { lines: Default::default(), met: 0, sorted: BinaryHeap::new(), begun: 0, next: NOTHING }
    }
}

impl Timeouts {
    pub(crate) fn reset(&mut self) {
        self.lines[..self.met].iter_mut().for_each(|line| line.ends.clear());
        self.sorted.clear();
        (self.met, self.next, self.begun) = (0, NOTHING, 0);
    }

    /// Adds a wait that begins now. Time must not go back between two waits, and `end` must be reachable.
    #[inline]
    pub(crate) fn take(&mut self, now: Moment, end: Moment, due: u64) {
        let length = end.nanos() - now.nanos();
        let line = self.lines[..self.met].iter().position(|line| line.length == length);
        let line = line.unwrap_or_else(|| self.begin_line(length));
        match self.lines.get_mut(line) {
            Some(line) => line.ends.push_back((end, due)),
            None => self.sort_in(end, due),
        }
        if (end, line) < (self.next.end, self.next.line) {
            self.next = Next { end, due, line };
        }
    }

    /// Begins a line for this length, unless all lines are in use. Returns the number of its line.
    #[cold]
    fn begin_line(&mut self, length: u64) -> usize {
        let line = self.met;
        if line < LINES_MOST {
            self.lines[line].length = length;
            self.met += 1;
        }
        line
    }

    #[cold]
    fn sort_in(&mut self, end: Moment, due: u64) {
        self.sorted.push(Reverse((end, self.begun, due)));
        self.begun += 1;
    }

    /// Adds an entry that is due `now`, when a wait ends, after all waits that end now.
    #[cold]
    pub(crate) fn put_last(&mut self, now: Moment, due: u64) {
        self.sort_in(now, due);
        if (now, LINES_MOST) < (self.next.end, self.next.line) {
            self.next = Next { end: now, due, line: LINES_MOST };
        }
    }

    /// Returns the entries that are due by `now`, line by line.
    pub(crate) fn due_at(&self, now: Moment) -> impl Iterator<Item = u64> {
        let in_lines = self.lines[..self.met].iter().flat_map(move |line| {
            line.ends.iter().take_while(move |(end, _)| *end <= now).map(|(_, due)| *due)
        });
        let sorted = self.sorted.iter().filter(move |Reverse((end, ..))| *end <= now);
        in_lines.chain(sorted.map(|Reverse((.., due))| *due))
    }

    /// Returns the end of the earliest wait; [`Moment::NEVER`] if there is none.
    #[inline(always)]
    pub(crate) fn end(&self) -> Moment {
        self.next.end
    }

    /// Returns the entry of the earliest wait.
    #[inline(always)]
    pub(crate) fn due(&self) -> u64 {
        self.next.due
    }

    /// Drops the earliest wait.
    #[inline]
    pub(crate) fn drop_next(&mut self) {
        match self.lines.get_mut(self.next.line) {
            Some(line) => drop(line.ends.pop_front()),
            None => drop(self.sorted.pop()),
        }
        self.next = NOTHING;
        for (line, Line { ends, .. }) in self.lines[..self.met].iter().enumerate() {
            if let Some((end, due)) = ends.front()
                && *end < self.next.end
            {
                self.next = Next { end: *end, due: *due, line };
            }
        }
        if let Some(Reverse((end, _, due))) = self.sorted.peek()
            && *end < self.next.end
        {
            self.next = Next { end: *end, due: *due, line: LINES_MOST };
        }
    }
}
