//! Coverage: which kinds of behaviour a run reached, as a sketch of fixed size.
//!
//! It counts facts by kind, values and the role of the node that states them; pairs of consecutive facts of one
//! entity; and pairs of consecutive deviations. Names, times and large numbers are ignored, so that a run which does
//! the same as another for a later entity covers nothing new. Coverage is computed only for runs that request it.

mod shape;

pub(crate) use shape::Shape;

use crate::hash::mix;

/// The bits of a sketch. If two features share one, the second one is taken for known. That costs a search a little
/// efficiency and never its determinism.
const BITS: usize = 1 << 15;

/// The features that runs have reached.
///
/// ```
/// use shakedown_sim::Coverage;
/// let mut known = Coverage::default();
/// assert_eq!(known.count(), 0);
/// assert!(!known.take(&Coverage::default()), "nothing new");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Coverage {
    bits: Box<[u64]>,
}

impl Default for Coverage {
    fn default() -> Self {
        Self { bits: vec![0; BITS / 64].into_boxed_slice() }
    }
}

impl Coverage {
    fn mark(&mut self, feature: u64) {
        let bit = feature as usize % BITS;
        self.bits[bit / 64] |= 1 << (bit % 64);
    }

    /// Returns the number of features that were reached.
    pub fn count(&self) -> u32 {
        self.bits.iter().map(|word| word.count_ones()).sum()
    }

    /// Returns whether `other` reached a feature that is missing here.
    pub fn lacks(&self, other: &Coverage) -> bool {
        self.bits.iter().zip(&other.bits).any(|(mine, theirs)| theirs & !mine != 0)
    }

    /// Adds the features of `other`; returns whether any of them is new.
    pub fn take(&mut self, other: &Coverage) -> bool {
        let new = self.lacks(other);
        self.bits.iter_mut().zip(&other.bits).for_each(|(mine, theirs)| *mine |= theirs);
        new
    }
}

const FACT: u64 = 1;
const SEQUEL: u64 = 2;
const DEVIATION: u64 = 3;

/// Collects the coverage of one run while it runs.
#[derive(Default)]
pub(crate) struct Gauge {
    pub(crate) coverage: Coverage,
    /// The last fact of each outermost entity.
    last_facts: Vec<(u64, u64)>,
    last_deviation: u64,
}

impl Gauge {
    /// Adds a fact of this shape, stated by a node of this role for something within this outermost entity.
    pub(crate) fn fact(&mut self, shape: u64, role: u64, entity: u64) {
        let fact = mix(shape, role);
        self.coverage.mark(mix(FACT, fact));
        let before = match self.last_facts.iter_mut().find(|(known, _)| *known == entity) {
            Some((_, last)) => std::mem::replace(last, fact),
            None => {
                self.last_facts.push((entity, fact));
                0
            }
        };
        self.coverage.mark(mix(SEQUEL, mix(before, fact)));
    }

    /// Adds a choice at this site that took this alternative.
    pub(crate) fn deviation(&mut self, site: u64, way: u64) {
        let deviation = mix(site, way);
        self.coverage.mark(mix(DEVIATION, mix(self.last_deviation, deviation)));
        self.last_deviation = deviation;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_reached_before_is_not_new() {
        let of = |facts: &[u64]| {
            let mut gauge = Gauge::default();
            facts.iter().for_each(|fact| gauge.fact(*fact, 1, 1));
            gauge.coverage
        };
        let mut known = Coverage::default();
        assert!(known.take(&of(&[1, 2])));
        assert!(!known.take(&of(&[1, 2])));
        assert!(!known.take(&of(&[1])));
        assert!(known.take(&of(&[2, 1])), "the same facts in another order");
    }
}
