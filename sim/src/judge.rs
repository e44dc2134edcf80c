//! Facts, and the invariants and goals that judge them.
//!
//! A fact is something that happened, as the outside world or durable storage holds it. Invariants and goals read
//! facts only: neither the memory of the system under test nor what it reports about itself. They are incremental and
//! free of side effects. They receive facts in the order in which these became true.

use crate::access::Access;
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

/// Something that happened. `Serialize` adds it to the digest and the trace.
///
/// ```
/// use shakedown_sim::Fact;
/// use shakedown_sim::access::{Access, Verb};
///
/// #[derive(serde::Serialize)]
/// struct Filled { page: u32 }
///
/// impl Fact for Filled {
///     fn sentence(&self) -> String {
///         format!("fills page {}", self.page)
///     }
///     fn accesses(&self) -> Vec<Access> {
///         vec![Access::new(Verb::Write, "cache", self.page)]
///     }
/// }
/// assert_eq!(Filled { page: 7 }.accesses()[0].object.to_string(), "7 of cache");
/// ```
pub trait Fact: Serialize + 'static {
    /// Returns the fact as a sentence without subject, for a report: `creates R1 for order-1`.
    fn sentence(&self) -> String;

    /// Returns whether stories leave out the fact, unless it shows the violation itself.
    fn is_routine(&self) -> bool {
        false
    }

    /// Returns the objects that the fact reads, writes or releases, for stories: they show who else accessed the
    /// objects of a violation. Facts that a table's hook states have their row without naming it. Called in recorded
    /// runs only.
    fn accesses(&self) -> Vec<Access> {
        Vec::new()
    }
}

/// The place and time at which a fact became true.
pub struct At<'a> {
    /// The time.
    pub time: Moment,
    /// The number of the fact's event, for violations to refer to.
    pub event: u32,
    /// The node.
    pub node: NodeId,
    /// The entity.
    pub scope: Scope,
    scopes: &'a Scopes,
    nodes: &'a Nodes,
}

impl At<'_> {
    /// Returns whether a node is up now. A paused node is up; a node that has crashed or shut down is not until it
    /// restarts.
    pub fn is_alive(&self, node: NodeId) -> bool {
        self.nodes[node].state != State::Down
    }

    /// Returns the number of the nearest enclosing entity with this label: 2 for `intent` within
    /// `intent-2/attempt-1`.
    pub fn number_of(&self, label: impl Into<Label>) -> Option<u32> {
        self.scopes.number_of(self.scope, label.into())
    }
}

/// A run that has come to rest.
pub struct Rest<'a> {
    /// The time.
    pub time: Moment,
    nodes: &'a Nodes,
}

impl Rest<'_> {
    /// Returns whether a node is up.
    pub fn is_alive(&self, node: NodeId) -> bool {
        self.nodes[node].state != State::Down
    }
}

/// A violated invariant.
///
/// ```
/// use shakedown_sim::{Moment, Violation};
/// let of_order = |number: u32| Violation {
///     invariant: "charged-once".to_owned(),
///     message: format!("order-{number} is charged twice"),
///     roles: "order".to_owned(),
///     events: vec![12, 31],
///     time: Moment::START,
/// };
/// // One failure of two orders: reports group by invariant and roles.
/// let (one, other) = (of_order(1), of_order(2));
/// assert_eq!((&one.invariant, &one.roles), (&other.invariant, &other.roles));
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Serialize, serde::Deserialize)]
pub struct Violation {
    /// The invariant's name.
    pub invariant: String,
    /// A description of the violation.
    pub message: String,
    /// The kinds of entity involved, without their numbers; part of the failure's identity.
    pub roles: String,
    /// The events that show it.
    pub events: Vec<u32>,
    /// The time at which it was found.
    pub time: Moment,
}

/// The harness's own invariants: a run ends by itself, without panic, within its limits, names every choice once, and
/// leaves its process alive.
pub const HARNESS_INVARIANTS: [(&str, &str); 5] = [
    ("comes-to-rest", "once healed, the run ends by itself within its time to settle"),
    ("no-panic", "the code under test does not panic"),
    ("within-limits", "the run stays within its limits of events, choices and polls"),
    ("choices-named-once", "no two tasks or places in the source draw a choice of one name"),
    PROCESS_SURVIVES,
];

/// The invariant that a supervisor judges: a runner cannot, because it ends with the process.
pub const PROCESS_SURVIVES: (&str, &str) =
    ("process-survives", "the code under test does not end, exhaust or block the process");

/// Collects the violations that an invariant finds.
#[derive(Default)]
pub struct Findings {
    pub(crate) violations: Vec<Violation>,
    now: Moment,
    invariant: &'static str,
}

/// After this many violations of one invariant in one run, further ones carry no information.
const MOST_VIOLATIONS: usize = 32;

impl Findings {
    /// Reports a violation. `roles` names the kinds of entity involved, without numbers (it distinguishes failures of
    /// one invariant); `events` are the facts that show it.
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
///
/// [`invariant`] makes one from closures. A type of its own pays when the state has names:
///
/// ```
/// # use shakedown_sim::*;
/// # #[derive(serde::Serialize)] struct Charged { order: u32 }
/// # impl Fact for Charged { fn sentence(&self) -> String { "charges".to_owned() } }
/// use std::collections::BTreeMap;
///
/// #[derive(Default)]
/// struct ChargedOnce {
///     /// The event of the charge, by order.
///     charges: BTreeMap<u32, u32>,
/// }
///
/// impl Invariant<Charged> for ChargedOnce {
///     fn name(&self) -> &'static str {
///         "charged-once"
///     }
///     fn reset(&mut self) {
///         self.charges.clear();
///     }
///     fn observe(&mut self, at: &At<'_>, fact: &Charged, findings: &mut Findings) {
///         if let Some(first) = self.charges.insert(fact.order, at.event) {
///             let message = || format!("order-{} is charged twice", fact.order);
///             findings.violated("order", &[first, at.event], message);
///         }
///     }
/// }
/// assert_eq!(ChargedOnce::default().about(), "charged-once");
/// ```
pub trait Invariant<F> {
    /// Returns its name: a claim in a few words with hyphens.
    fn name(&self) -> &'static str;
    /// Returns what it verifies and what it does not. The default is its name.
    fn about(&self) -> &'static str {
        self.name()
    }
    /// Clears the state of the last run. The default is for an invariant without state.
    fn reset(&mut self) {}
    /// Observes one more fact; for claims that must *always* hold.
    fn observe(&mut self, at: &At<'_>, fact: &F, findings: &mut Findings);
    /// Observes a disturbance: a time in which something deviated. They come in the order in which they began.
    fn disturbed(&mut self, _disturbance: &Disturbance) {}
    /// Judges the run at rest; for claims that must hold *once healed*. Pending work is a finding with its reason.
    fn at_rest(&mut self, _now: Moment, _findings: &mut Findings) {}
    /// Judges the run at rest with a view of the nodes; the engine calls this method. An invariant that needs no such
    /// view implements [`Invariant::at_rest`] instead.
    fn judge_rest(&mut self, rest: &Rest<'_>, findings: &mut Findings) {
        self.at_rest(rest.time, findings);
    }
}

/// An invariant made of closures and a state of type `M`, which is `M::default()` at the start of each run. Created
/// by [`invariant`].
pub struct ClosureInvariant<F, M> {
    name: &'static str,
    about: &'static str,
    memory: M,
    observe: Box<ObserveFact<F, M>>,
    at_rest: Box<JudgeAtRest<M>>,
}

type ObserveFact<F, M> = dyn FnMut(&mut M, &At<'_>, &F, &mut Findings);
type JudgeAtRest<M> = dyn FnMut(&M, Moment, &mut Findings);

/// Creates an invariant from a closure that receives its state and each fact.
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
    /// Sets the description: what it verifies and what it does not.
    pub fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Adds a closure that judges the state once the run has healed and come to rest.
    pub fn at_rest(mut self, judge: impl FnMut(&M, Moment, &mut Findings) + 'static) -> Self {
        self.at_rest = Box::new(judge);
        self
    }

    /// Returns the invariant in the form that [`Scenario::invariants`](crate::Scenario::invariants) returns.
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

/// Rare states that a campaign must have reached for its green result to mean something. One implementation tracks
/// all goals of a scenario, because most goals need the same history.
///
/// ```
/// # use shakedown_sim::*;
/// # #[derive(serde::Serialize)] struct Paid { times: u32 }
/// # impl Fact for Paid { fn sentence(&self) -> String { "pays".to_owned() } }
/// /// One goal, which a single fact shows.
/// struct PaidTwice;
///
/// impl Goals<Paid> for PaidTwice {
///     fn names(&self) -> Vec<&'static str> {
///         vec!["an order is paid twice"]
///     }
///     fn observe(&mut self, _: &At<'_>, fact: &Paid) -> u64 {
///         u64::from(fact.times > 1)
///     }
/// }
/// assert_eq!(PaidTwice.names().len(), 1);
/// ```
pub trait Goals<F> {
    /// Returns the names of the goals: each a state in a few words.
    fn names(&self) -> Vec<&'static str>;
    /// Clears the state of the last run. The default is for goals that a single fact shows.
    fn reset(&mut self) {}
    /// Observes one more fact and returns a bit for each goal that is reached with it, in the order of their names. A
    /// reached goal stays reached for the rest of the run.
    fn observe(&mut self, at: &At<'_>, fact: &F) -> u64;
}

/// The invariants and goals of a scenario, used for one run after another.
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

/// The destination of a run's facts: the digest, the trace, and the judges.
///
/// ```
/// # use shakedown_sim::*;
/// # #[derive(serde::Serialize)] struct Charged { order: u32 }
/// # impl Fact for Charged { fn sentence(&self) -> String { "charges".to_owned() } }
/// /// The bank: its ledger is what the outside world holds, so it states the facts.
/// fn bank(stage: &Stage<Charged>) {
///     let facts = stage.facts().clone();
///     stage.node(Role::outside("bank".into()), move |env| {
///         facts.state(&env, &Charged { order: 1 });
///     });
/// }
/// ```
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
        if core.recording.is_some() {
            core.describe_fact(fact);
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

    /// Judges the run at rest.
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

    /// Returns the violations in the order of the scenario's invariants, those of the harness last.
    pub(crate) fn take_violations(&self) -> Vec<Violation> {
        let mut bench = self.0.borrow_mut();
        let mut violations = std::mem::take(&mut bench.findings.violations);
        let rank = |name: &str| bench.invariants.iter().position(|one| one.name() == name);
        // The first violation names the failure. That is the most specific one, not the one that was found first.
        violations.sort_by_key(|one| rank(&one.invariant).unwrap_or(usize::MAX));
        violations
    }

    /// Reports a finding of the harness itself, as an invariant of its own.
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
