//! The event queue of the bare loop: a binary heap, and one with a small sorted buffer before it.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// An entry: earliest first, then in the order of insertion.
#[derive(Clone, Copy, Debug)]
pub struct Entry<T> {
    time: u64,
    sequence: u64,
    due: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.time, other.sequence).cmp(&(self.time, self.sequence))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A queue ordered by time, then by insertion.
pub trait Queue<T>: Default {
    /// Clears it, keeping the memory.
    fn clear(&mut self);
    /// Adds an entry.
    fn put(&mut self, time: u64, due: T);
    /// Takes the earliest entry.
    fn take(&mut self) -> Option<(u64, T)>;
}

/// `std`'s binary heap.
pub struct Heap<T> {
    heap: BinaryHeap<Entry<T>>,
    sequence: u64,
}

impl<T> Default for Heap<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0 }
    }
}

impl<T> Queue<T> for Heap<T> {
    fn clear(&mut self) {
        self.heap.clear();
        self.sequence = 0;
    }

    fn put(&mut self, time: u64, due: T) {
        self.sequence += 1;
        self.heap.push(Entry { time, sequence: self.sequence, due });
    }

    fn take(&mut self) -> Option<(u64, T)> {
        self.heap.pop().map(|entry| (entry.time, entry.due))
    }
}

/// The earliest few entries in a sorted buffer, the earliest last; the others in a heap.
pub struct Near<T> {
    near: Vec<Entry<T>>,
    far: BinaryHeap<Entry<T>>,
    sequence: u64,
}

const NEAR_MOST: usize = 32;

impl<T> Default for Near<T> {
    fn default() -> Self {
        Self { near: Vec::with_capacity(NEAR_MOST + 1), far: BinaryHeap::new(), sequence: 0 }
    }
}

impl<T> Queue<T> for Near<T> {
    fn clear(&mut self) {
        self.near.clear();
        self.far.clear();
        self.sequence = 0;
    }

    fn put(&mut self, time: u64, due: T) {
        self.sequence += 1;
        let entry = Entry { time, sequence: self.sequence, due };
        if self.near.first().is_none_or(|latest| time >= latest.time)
            && !(self.far.is_empty() && self.near.len() < NEAR_MOST)
        {
            return self.far.push(entry);
        }
        let later = self.near.iter().rev().position(|other| time < other.time).unwrap_or(self.near.len());
        self.near.insert(self.near.len() - later, entry);
        if self.near.len() > NEAR_MOST {
            self.far.extend(self.near.drain(..NEAR_MOST / 2));
        }
    }

    fn take(&mut self) -> Option<(u64, T)> {
        let entry = self.near.pop().or_else(|| self.far.pop())?;
        Some((entry.time, entry.due))
    }
}
