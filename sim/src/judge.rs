//! Facts, and who judges them.
//!
//! A fact is what happened as the outside world or durable storage holds it. Invariants and goals read
//! facts and nothing else: not what the system under test says of itself, and never its memory. They are
//! incremental and free of side effects; they are told facts in the order in which they became true.

use crate::env::Env;
use crate::event::Kind;
use crate::label::Label;
use crate::node::{NodeId, Nodes, State};
use crate::scope::{Scope, Scopes};
use crate::time::Moment;
use crate::world::{Disturbance, World};
use serde::Serialize;
use std::cell::RefCell;
use std::rc::Rc;

/// Something that happened. `Serialize` puts it into the digest and the trace.
pub trait Fact: Serialize + 'static {
    /// The fact as a sentence without subject, for a report: `creates R1 for order-1`.
    fn sentence(&self) -> String;

    /// Whether the fact goes without saying in a story, unless it shows the violation itself.
    fn is_routine(&self) -> bool {
        false
    }
}

/// Where and when a fact became true.
pub struct At<'a> {
    /// When.
    pub time: Moment,
    /// The number of the event that holds it, for a violation to name.
    pub event: u32,
    /// On which node.
    pub node: NodeId,
    /// For which entity.
    pub scope: Scope,
    scopes: &'a Scopes,
    nodes: &'a Nodes,
}

impl At<'_> {
    /// Whether a node runs now. One that is paused does; one that has crashed or shut down does not until it restarts.
    pub fn is_alive(&self, node: NodeId) -> bool {
        self.nodes[node].state != State::Down
    }

    /// The number of the nearest enclosing entity with this label: 2 for `intent` within
    /// `intent-2/attempt-1`.
    pub fn number_of(&self, label: impl Into<Label>) -> Option<u32> {
        self.scopes.number_of(self.scope, label.into())
    }
}

/// A run that has come to rest.
pub struct Rest<'a> {
    /// When.
    pub time: Moment,
    nodes: &'a Nodes,
}

impl Rest<'_> {
    /// Whether a node runs.
    pub fn is_alive(&self, node: NodeId) -> bool {
        self.nodes[node].state != State::Down
    }
}

/// A broken invariant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, serde::Deserialize)]
pub struct Violation {
    /// Which.
    pub invariant: String,
    /// What is the case that must not be.
    pub message: String,
    /// What kinds of thing are involved, without their numbers; part of the failure's identity.
    pub roles: String,
    /// The events that show it.
    pub events: Vec<u32>,
    /// When it was seen.
    pub time: Moment,
}

/// The harness's own invariants: a run that ends by itself, without panic, within its limits, with every
/// choice named once, and leaves its process alive.
pub const HARNESS_INVARIANTS: [(&str, &str); 5] = [
    ("comes-to-rest", "once healed, the run ends by itself within its time to settle"),
    ("no-panic", "the code under test does not panic"),
    ("within-limits", "the run stays within its limits of events, choices and polls"),
    ("choices-named-once", "no two tasks or places in the source draw a choice of one name"),
    PROCESS_SURVIVES,
];

/// What a supervisor judges: no runner can, as it ends with the process.
pub const PROCESS_SURVIVES: (&str, &str) =
    ("process-survives", "the code under test does not end, exhaust or block the process");

/// Where an invariant puts what it finds.
#[derive(Default)]
pub struct Findings {
    pub(crate) violations: Vec<Violation>,
    now: Moment,
    invariant: &'static str,
}

/// Past this many violations of one invariant in one run, further ones of it tell nothing.
const MOST_VIOLATIONS: usize = 32;

impl Findings {
    /// Reports a violation. `roles` says what kinds of thing are involved, without numbers (it tells apart
    /// failures of one invariant); `events` are the facts that show it.
    pub fn violated(&mut self, roles: &str, events: &[u32], message: impl FnOnce() -> String) {
        let own = || self.violations.iter().filter(|violation| violation.invariant == self.invariant);
        if own().count() == MOST_VIOLATIONS {
            return;
        }
        let message = message();
        if own().all(|known| known.message != message) {
            let (invariant, roles) = (self.invariant.to_owned(), roles.to_owned());
            let violation = Violation { invariant, message, roles, events: events.to_vec(), time: self.now };
            self.violations.push(violation);
        }
    }
}

/// A judgement over facts.
pub trait Invariant<F> {
    /// Its name: a claim in a few words with hyphens.
    fn name(&self) -> &'static str;
    /// Returns what it verifies, and what it does not; its name alone, unless it says more.
    fn about(&self) -> &'static str {
        self.name()
    }
    /// Forgets the last run. The default is for an invariant that keeps nothing from one fact to the next.
    fn reset(&mut self) {}
    /// Takes one more fact; for what must *always* hold.
    fn observe(&mut self, at: &At<'_>, fact: &F, findings: &mut Findings);
    /// Takes a time in which something deviated, in the order in which they began.
    fn disturbed(&mut self, _disturbance: &Disturbance) {}
    /// Judges at rest; for what must hold *once healed*. Pending work is a finding with its reason.
    fn at_rest(&mut self, _now: Moment, _findings: &mut Findings) {}
    /// Judges at rest with a view of the nodes; what the engine calls. Judges that do without it have
    /// [`Invariant::at_rest`].
    fn judge_rest(&mut self, rest: &Rest<'_>, findings: &mut Findings) {
        self.at_rest(rest.time, findings);
    }
}

/// An invariant made of closures over a memory of type `M`, which is `M::default()` at the start of each run. Made by
/// [`invariant`].
pub struct ClosureInvariant<F, M> {
    name: &'static str,
    about: &'static str,
    memory: M,
    observe: Box<ObserveFact<F, M>>,
    at_rest: Box<JudgeAtRest<M>>,
}

type ObserveFact<F, M> = dyn FnMut(&mut M, &At<'_>, &F, &mut Findings);
type JudgeAtRest<M> = dyn FnMut(&M, Moment, &mut Findings);

/// Makes an invariant of a closure that takes each fact with what it remembers of those before.
///
/// ```
/// # use shakedown_sim::*;
/// # #[derive(serde::Serialize)] struct Charged(u32);
/// # impl Fact for Charged { fn sentence(&self) -> String { "charges".to_owned() } }
/// use shakedown_sim::judge::invariant;
/// let once: Box<dyn Invariant<Charged>> =
///     invariant("charged-once", |seen: &mut Vec<u32>, at, fact: &Charged, findings| {
///         if seen.contains(&fact.0) {
///             findings.violated("order", &[at.event], || format!("order-{} is charged twice", fact.0));
///         }
///         seen.push(fact.0);
///     })
///     .about("the ledger holds each order at most once")
///     .boxed();
/// assert_eq!(once.name(), "charged-once");
/// ```
pub fn invariant<F: 'static, M: Default + 'static>(
    name: &'static str,
    observe: impl FnMut(&mut M, &At<'_>, &F, &mut Findings) + 'static,
) -> ClosureInvariant<F, M> {
    let (observe, at_rest) = (Box::new(observe), Box::new(|_: &M, _, _: &mut Findings| {}));
    ClosureInvariant { name, about: name, memory: M::default(), observe, at_rest }
}

impl<F: 'static, M: Default + 'static> ClosureInvariant<F, M> {
    /// Says what it verifies, and what it does not.
    pub fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Judges what it remembers once the run has healed and come to rest.
    pub fn at_rest(mut self, judge: impl FnMut(&M, Moment, &mut Findings) + 'static) -> Self {
        self.at_rest = Box::new(judge);
        self
    }

    /// Returns it as [`Scenario::invariants`](crate::Scenario::invariants) wants it.
    pub fn boxed(self) -> Box<dyn Invariant<F>> {
        Box::new(self)
    }
}

impl<F, M: Default> Invariant<F> for ClosureInvariant<F, M> {
    fn name(&self) -> &'static str {
        self.name
    }
    fn about(&self) -> &'static str {
        self.about
    }
    fn reset(&mut self) {
        self.memory = M::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &F, findings: &mut Findings) {
        (self.observe)(&mut self.memory, at, fact, findings);
    }
    fn at_rest(&mut self, now: Moment, findings: &mut Findings) {
        (self.at_rest)(&self.memory, now, findings);
    }
}

/// Rare states that a campaign must have reached for its green to mean something. One judge tells all of a scenario,
/// for most need to know the same of what came before.
pub trait Goals<F> {
    /// Returns their names: each a state in a few words.
    fn names(&self) -> Vec<&'static str>;
    /// Forgets the last run. The default is for goals that one fact alone shows.
    fn reset(&mut self) {}
    /// Takes one more fact, and returns a bit for each goal that is reached with it, in the order of their names. What is
    /// reached stays reached for the rest of the run.
    fn observe(&mut self, at: &At<'_>, fact: &F) -> u64;
}

/// Invariants and goals at work on one run after another.
pub(crate) struct Bench<F> {
    invariants: Vec<Box<dyn Invariant<F>>>,
    goals: Option<Box<dyn Goals<F>>>,
    reached: u64,
    disturbances_seen: usize,
    findings: Findings,
}

impl<F> Bench<F> {
    pub(crate) fn new(invariants: Vec<Box<dyn Invariant<F>>>, goals: Option<Box<dyn Goals<F>>>) -> Self {
        let many = goals.as_ref().map_or(0, |goals| goals.names().len());
        assert!(many <= 64, "a scenario has at most 64 goals");
        Self { invariants, goals, reached: 0, disturbances_seen: 0, findings: Findings::default() }
    }

    fn reset(&mut self) {
        self.invariants.iter_mut().for_each(|invariant| invariant.reset());
        self.goals.iter_mut().for_each(|goals| goals.reset());
        self.reached = 0;
        self.disturbances_seen = 0;
        self.findings.violations.clear();
    }

    fn catch_up(&mut self, disturbances: &[Disturbance]) {
        for disturbance in &disturbances[self.disturbances_seen..] {
            self.invariants.iter_mut().for_each(|invariant| invariant.disturbed(disturbance));
        }
        self.disturbances_seen = disturbances.len();
    }

    fn observe(&mut self, at: &At<'_>, fact: &F) {
        self.findings.now = at.time;
        for invariant in &mut self.invariants {
            self.findings.invariant = invariant.name();
            invariant.observe(at, fact, &mut self.findings);
        }
        if let Some(goals) = &mut self.goals {
            self.reached |= goals.observe(at, fact);
        }
    }
}

/// Where a run's facts go: into the digest, the trace, and to the judges.
pub struct Facts<F>(Rc<RefCell<Bench<F>>>);

impl<F> Clone for Facts<F> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<F: Fact> Facts<F> {
    pub(crate) fn new(bench: Bench<F>) -> Self {
        Self(Rc::new(RefCell::new(bench)))
    }

    /// States a fact, on the node and for the entity of `env`. A dead incarnation states nothing.
    pub fn state(&self, env: &Env, fact: &F) {
        let mut core = env.world.core.borrow_mut();
        if !core.is_alive(env.node, env.incarnation) {
            return;
        }
        core.collect_log(env.node, env.scope());
        core.digest.value(fact);
        core.gauge_fact(env.node, env.scope(), fact);
        if let Some(effects) = &mut core.effects {
            effects.value(fact);
        }
        let event = core.event(env.node, env.scope(), Kind::Fact, [0, 0], || fact.sentence());
        if let Some(last) = core.last_recorded() {
            last.state = serde_json::to_value(fact).ok().map(|state| state.to_string().into());
            last.routine = fact.is_routine();
        }
        let at = At {
            time: core.now,
            event,
            node: env.node,
            scope: env.scope(),
            scopes: &core.scopes,
            nodes: &core.nodes,
        };
        let mut bench = self.0.borrow_mut();
        bench.catch_up(&core.disturbances);
        bench.observe(&at, fact);
    }

    pub(crate) fn reset(&self) {
        self.0.borrow_mut().reset();
    }

    /// Judges what must hold at rest.
    pub(crate) fn judge_at_rest(&self, world: &World) {
        let core = world.core.borrow();
        let mut bench = self.0.borrow_mut();
        let bench = &mut *bench;
        bench.catch_up(&core.disturbances);
        bench.findings.now = core.now;
        let rest = Rest { time: core.now, nodes: &core.nodes };
        for invariant in &mut bench.invariants {
            bench.findings.invariant = invariant.name();
            invariant.judge_rest(&rest, &mut bench.findings);
        }
    }

    pub(crate) fn take_violations(&self) -> Vec<Violation> {
        std::mem::take(&mut self.0.borrow_mut().findings.violations)
    }

    /// Reports what the harness itself found, as an invariant of its own.
    pub(crate) fn report(&self, now: Moment, invariant: &'static str, roles: &str, message: String) {
        let findings = &mut self.0.borrow_mut().findings;
        findings.now = now;
        findings.invariant = invariant;
        findings.violated(roles, &[], || message);
    }

    pub(crate) fn goals_reached(&self) -> u64 {
        self.0.borrow().reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_invariant_finds_is_bounded_and_hides_nothing_that_others_find() {
        let mut findings = Findings::default();
        for order in 0..1_000 {
            findings.invariant = "charged-once";
            findings.violated("order", &[], || format!("order-{order} is charged twice"));
            findings.invariant = "comes-to-rest";
            findings.violated("order", &[], || "it never does".to_owned());
        }
        findings.invariant = "no-panic";
        findings.violated("node", &[], || "the till panicked".to_owned());
        let of = |name| findings.violations.iter().filter(|violation| violation.invariant == name).count();
        assert_eq!([of("charged-once"), of("comes-to-rest"), of("no-panic")], [MOST_VIOLATIONS, 1, 1]);
    }
}
