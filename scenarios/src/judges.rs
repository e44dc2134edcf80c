//! Judges told as questions: a goal asks about a fact and what came before it, an invariant about how things stand
//! in the end. What they keep of the facts is theirs to say.

use shakedown_model::Fact;
use shakedown_sim::{At, Findings, Goals, Invariant, Moment};

/// What a judge keeps of the facts of one run.
pub trait Memory: Default + 'static {
    /// Takes one more fact.
    fn observe(&mut self, at: &At<'_>, fact: &Fact);

    /// Forgets the run. Whoever keeps much may keep its room for the next.
    fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Whether a state is reached with this fact, by what came before it.
pub type Question<M> = fn(&M, &At<'_>, &Fact) -> bool;

/// States with their names, each reached when its question says so.
pub type States<M> = &'static [(&'static str, Question<M>)];

struct Asked<M: 'static> {
    states: States<M>,
    memory: M,
    reached: u64,
}

impl<M: Memory> Goals<Fact> for Asked<M> {
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

/// A goal for each of these states, in this order. All ask one memory.
pub fn goals<M: Memory>(states: States<M>) -> Box<dyn Goals<Fact>> {
    Box::new(Asked { states, memory: M::default(), reached: 0 })
}

/// An invariant that only asks how things stand once the run has healed and come to rest.
pub struct AtRest<M> {
    name: &'static str,
    about: &'static str,
    judge: fn(&M, &mut Findings),
    memory: M,
}

impl<M: Memory> AtRest<M> {
    /// The invariant `name`, which verifies what `about` says by asking `judge`.
    pub fn asking(
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
