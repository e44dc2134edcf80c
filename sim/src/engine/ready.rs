//! The queue of ready tasks: first in, first out.

/// A queue that is usually drained completely, so an advancing index is enough and nothing wraps around.
#[derive(Default)]
pub(crate) struct Ready {
    slots: Vec<u32>,
    /// The number of slots already taken.
    taken: usize,
}

impl Ready {
    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.taken = 0;
    }

    #[inline]
    pub(crate) fn push(&mut self, slot: u32) {
        if self.slots.len() == self.slots.capacity() {
            self.forget_taken();
        }
        self.slots.push(slot);
    }

    #[cold]
    fn forget_taken(&mut self) {
        self.slots.drain(..self.taken);
        self.taken = 0;
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<u32> {
        let slot = *self.slots.get(self.taken)?;
        self.taken += 1;
        if self.taken == self.slots.len() {
            self.clear();
        }
        Some(slot)
    }

    /// Returns the remaining slots, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.slots[self.taken..].iter().copied()
    }

    /// Takes all slots, in order.
    pub(crate) fn take_all(&mut self) -> Vec<u32> {
        let all = self.slots.split_off(self.taken);
        self.clear();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn slots_come_as_they_were_pushed(
            moves in proptest::collection::vec(proptest::option::weighted(0.55, 0u32..100), 0..600),
        ) {
            let (mut ready, mut list) = (Ready::default(), std::collections::VecDeque::new());
            for pushed in moves {
                match pushed {
                    Some(slot) => {
                        ready.push(slot);
                        list.push_back(slot);
                    }
                    None => proptest::prop_assert_eq!(ready.pop(), list.pop_front()),
                }
                proptest::prop_assert_eq!(ready.iter().next(), list.front().copied());
            }
            proptest::prop_assert_eq!(ready.take_all(), Vec::from(list));
            proptest::prop_assert_eq!(ready.iter().next(), None);
        }
    }
}
