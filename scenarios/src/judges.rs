//! Judges told as questions: a goal asks about a fact and what came before it, an invariant about how things stand
//! in the end. What they keep of the facts is theirs to say.

use shakedown_model::Fact;
use shakedown_sim::{At, Findings, Goal, Invariant, Moment};

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

struct State<M> {
    name: &'static str,
    memory: M,
    is_reached: Question<M>,
}

impl<M: Memory> Goal<Fact> for State<M> {
    fn name(&self) -> &'static str {
        self.name
    }
    fn reset(&mut self) {
        self.memory.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact) -> bool {
        let reached = (self.is_reached)(&self.memory, at, fact);
        self.memory.observe(at, fact);
        reached
    }
}

/// A goal for each of these states, each with a memory of its own, in this order.
pub fn goals<M: Memory>(states: &[(&'static str, Question<M>)]) -> Vec<Box<dyn Goal<Fact>>> {
    let goal = |(name, is_reached): &(&'static str, Question<M>)| {
        Box::new(State { name, memory: M::default(), is_reached: *is_reached }) as _
    };
    states.iter().map(goal).collect()
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
