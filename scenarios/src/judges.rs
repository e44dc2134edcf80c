//! Judges made of small functions: a goal is a predicate over a fact and the facts before it, an invariant at rest is a
//! function over the state that the facts lead to. Each judge defines the state that it accumulates.

use shakedown_model::Fact;
use shakedown_sim::{At, Findings, Goals, Invariant, Moment};

/// State that a judge accumulates from the facts of one run.
pub trait Memory: Default + 'static {
    /// Updates the state with one fact. Facts come in the order in which they became true.
    fn observe(&mut self, at: &At<'_>, fact: &Fact);

    /// Clears the state for the next run. An implementation may keep allocated memory.
    fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Returns whether a goal is reached with this fact; the memory holds the facts before it.
pub type Predicate<M> = fn(&M, &At<'_>, &Fact) -> bool;

/// Named goals, each with the predicate that reaches it.
pub type States<M> = &'static [(&'static str, Predicate<M>)];

struct StatefulGoals<M: 'static> {
    states: States<M>,
    memory: M,
    reached: u64,
}

impl<M: Memory> Goals<Fact> for StatefulGoals<M> {
    fn names(&self) -> Vec<&'static str> {
        self.states.iter().map(|(name, _)| *name).collect()
    }
    fn reset(&mut self) {
        self.memory.reset();
        self.reached = 0;
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact) -> u64 {
        for (index, (_, is_reached)) in self.states.iter().enumerate() {
            let bit = 1 << index;
            if self.reached & bit == 0 && is_reached(&self.memory, at, fact) {
                self.reached |= bit;
            }
        }
        self.memory.observe(at, fact);
        self.reached
    }
}

/// Returns goals for these predicates, in this order. They share one memory.
pub fn goals<M: Memory>(states: States<M>) -> Box<dyn Goals<Fact>> {
    Box::new(StatefulGoals { states, memory: M::default(), reached: 0 })
}

/// An invariant that is judged once, when the run has healed and is at rest.
pub struct AtRest<M> {
    name: &'static str,
    about: &'static str,
    judge: fn(&M, &mut Findings),
    memory: M,
}

impl<M: Memory> AtRest<M> {
    /// Returns the invariant `name`, judged by `judge`. `about` says what it verifies and what it does not judge.
    pub fn boxed(
        name: &'static str,
        about: &'static str,
        judge: fn(&M, &mut Findings),
    ) -> Box<dyn Invariant<Fact>> {
        Box::new(Self { name, about, judge, memory: M::default() })
    }
}

impl<M: Memory> Invariant<Fact> for AtRest<M> {
    fn name(&self) -> &'static str {
        self.name
    }
    fn about(&self) -> &'static str {
        self.about
    }
    fn reset(&mut self) {
        self.memory.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.memory.observe(at, fact);
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        (self.judge)(&self.memory, findings);
    }
}
