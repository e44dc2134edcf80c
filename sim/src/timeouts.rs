//! Timeouts: waits of the same length end in the order in which they began, so they need no sorting.
//!
//! Whoever makes a call waits for its answer, at most for a while, and mostly has it long before: of all that is
//! planned these are the most, the latest and the least wanted. In the sorted agenda each would be stepped over by
//! whatever is put down after it.

use crate::time::Moment;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// As many lengths as have a line of their own; they are sought one by one. Waits of further lengths are sorted.
const LINES_MOST: usize = 8;

#[derive(Default)]
struct Line {
    /// In nanoseconds.
    length: u64,
    ends: VecDeque<(Moment, u64)>,
}

/// The earliest wait: its end, what is due then, and in which line it stands; past the last if it is sorted.
#[derive(Clone, Copy)]
struct Next {
    end: Moment,
    due: u64,
    line: usize,
}

const NOTHING: Next = Next { end: Moment::NEVER, due: 0, line: 0 };

/// Waits, by their length.
pub(crate) struct Timeouts {
    /// The first of them, as many as lengths were met, are in use.
    lines: [Line; LINES_MOST],
    met: usize,
    /// Waits of further lengths, by their end and as they began.
    sorted: BinaryHeap<Reverse<(Moment, u32, u64)>>,
    /// How many of these began.
    begun: u32,
    /// Of two that end at once the one whose length was met first.
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

    /// Takes a wait that begins now. Time must not go back between two waits, and `end` must come.
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

    /// Begins a line for this length, unless there are enough. Answers which is the one of its waits.
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

    /// Puts an entry that is due `now`, when a wait ends, behind all waits that do.
    #[cold]
    pub(crate) fn put_last(&mut self, now: Moment, due: u64) {
        self.sort_in(now, due);
        if (now, LINES_MOST) < (self.next.end, self.next.line) {
            self.next = Next { end: now, due, line: LINES_MOST };
        }
    }

    /// What is due by `now`, line by line.
    pub(crate) fn due_at(&self, now: Moment) -> impl Iterator<Item = u64> {
        let in_lines = self.lines[..self.met].iter().flat_map(move |line| {
            line.ends.iter().take_while(move |(end, _)| *end <= now).map(|(_, due)| *due)
        });
        let sorted = self.sorted.iter().filter(move |Reverse((end, ..))| *end <= now);
        in_lines.chain(sorted.map(|Reverse((.., due))| *due))
    }

    /// When the earliest wait ends; never if there is none.
    #[inline(always)]
    pub(crate) fn end(&self) -> Moment {
        self.next.end
    }

    /// What is due then.
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
