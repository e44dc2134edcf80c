//! A model as a scenario: one node takes one step after another, and the choice among the possible steps is drawn. So
//! a script is an interleaving, and all scripts are all interleavings.

use serde::{Serialize, Serializer};
use shakedown_sim::*;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::rc::Rc;

/// A property of single states, with its name.
pub(crate) type Property<S> = (&'static str, fn(&S) -> bool);

/// An explored model. The state graph must have no cycle, so that every run comes to rest.
pub(crate) trait Model: Clone + 'static {
    type State: Clone + Ord + Serialize + 'static;
    /// The text of a step in traces.
    type Step: Display + 'static;
    fn initial(&self) -> Self::State;
    /// Returns the possible steps of a state, each with its different next state.
    fn steps(&self, state: &Self::State) -> Vec<(Self::Step, Self::State)>;
    /// Returns the properties that hold in every state.
    fn always(&self) -> Vec<Property<Self::State>>;
    /// Returns the properties that hold in some state.
    fn sometimes(&self) -> Vec<Property<Self::State>>;
}

/// The fact that a step reached a state (the first state has no step), with its number of possible steps.
pub(crate) struct Reached<M: Model> {
    step: Option<M::Step>,
    state: M::State,
    ways: usize,
}

impl<M: Model> Serialize for Reached<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.state.serialize(serializer)
    }
}

impl<M: Model> Fact for Reached<M> {
    fn sentence(&self) -> String {
        self.step.as_ref().map_or("begins".to_owned(), M::Step::to_string)
    }
}

/// The states of a run, in order, each with its number of possible steps.
type Path<M> = Rc<RefCell<Vec<(<M as Model>::State, usize)>>>;

/// The scenario of a model.
pub(crate) struct Stepped<M: Model> {
    model: M,
    path: Path<M>,
}

pub(crate) fn stepped<M: Model>(model: M) -> Stepped<M> {
    Stepped { model, path: Path::<M>::default() }
}

const STEP: Site = Site::new(Label::new("model"), Label::new("step"));

impl<M: Model> Scenario for Stepped<M> {
    type Fact = Reached<M>;
    fn name(&self) -> &str {
        "model"
    }
    fn build(&self, stage: &Stage<Reached<M>>) {
        let (model, facts) = (self.model.clone(), stage.facts().clone());
        let env = stage.node(Role::outside("model".into()), |_| {});
        env.clone().spawn(async move {
            let (mut step, mut state) = (None, model.initial());
            loop {
                let mut steps = model.steps(&state);
                let ways = steps.len();
                facts.state(&env, &Reached::<M> { step, state, ways });
                if ways == 0 {
                    return;
                }
                let pick = env.choose(STEP, &Alternatives::numbered(ways));
                let (taken, next) = steps.swap_remove(pick.index());
                (step, state) = (Some(taken), next);
            }
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Reached<M>>>> {
        let always = self.model.always().into_iter();
        let always = always.map(|property| Box::new(Always(property)) as Box<dyn Invariant<_>>);
        always.chain([Box::new(Keep::<M>(Rc::clone(&self.path))) as Box<dyn Invariant<_>>]).collect()
    }
    fn goals(&self) -> Option<Box<dyn Goals<Reached<M>>>> {
        Some(Box::new(Sometimes { properties: self.model.sometimes(), reached: 0 }))
    }
}

struct Always<S>(Property<S>);

impl<M: Model> Invariant<Reached<M>> for Always<M::State> {
    fn name(&self) -> &'static str {
        self.0.0
    }
    fn about(&self) -> &'static str {
        "a property of single states; of what leads to what it says nothing"
    }
    fn reset(&mut self) {}
    fn observe(&mut self, at: &At<'_>, reached: &Reached<M>, findings: &mut Findings) {
        if !(self.0.1)(&reached.state) {
            findings.violated("state", &[at.event], || format!("not {}", self.0.0));
        }
    }
}

struct Sometimes<S> {
    properties: Vec<Property<S>>,
    reached: u64,
}

impl<M: Model> Goals<Reached<M>> for Sometimes<M::State> {
    fn names(&self) -> Vec<&'static str> {
        self.properties.iter().map(|(name, _)| *name).collect()
    }
    fn reset(&mut self) {
        self.reached = 0;
    }
    fn observe(&mut self, _: &At<'_>, Reached { state, .. }: &Reached<M>) -> u64 {
        let holds = self.properties.iter().map(|(_, holds)| u64::from(holds(state)));
        self.reached |= holds.enumerate().map(|(at, holds)| holds << at).sum::<u64>();
        self.reached
    }
}

/// Records the states of the run; judges nothing.
struct Keep<M: Model>(Path<M>);

impl<M: Model> Invariant<Reached<M>> for Keep<M> {
    fn name(&self) -> &'static str {
        "kept"
    }
    fn about(&self) -> &'static str {
        "nothing"
    }
    fn reset(&mut self) {
        self.0.borrow_mut().clear();
    }
    fn observe(&mut self, _: &At<'_>, reached: &Reached<M>, _: &mut Findings) {
        self.0.borrow_mut().push((reached.state.clone(), reached.ways));
    }
}

/// The result of all interleavings.
#[derive(Debug, PartialEq)]
pub(crate) struct Explored {
    /// The number of distinct states.
    pub(crate) states: usize,
    /// For each violated property, the least number of steps.
    pub(crate) broken: BTreeMap<String, usize>,
    /// The goals that were reached.
    pub(crate) reached: BTreeSet<&'static str>,
}

/// The treatment of a state that an earlier run has reached.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Again {
    /// Its steps are not taken again. This is exact for these models: the future of a state depends on the state
    /// only, so everything after it is reached from its first occurrence.
    Skip,
    /// Its steps are taken again.
    Take,
}

/// Runs every interleaving: each script of choices, where children of a script deviate after its last deviation.
pub(crate) fn explore<M: Model>(model: M, again: Again) -> Explored {
    let (always, scenario) = (model.always(), stepped(model));
    let path = Rc::clone(&scenario.path);
    let mut runner = Runner::new(scenario);
    let goals = Rehearse::goals(&runner);
    let mut seen: BTreeSet<M::State> = BTreeSet::new();
    let mut explored = Explored { states: 0, broken: BTreeMap::new(), reached: BTreeSet::new() };
    let mut left = vec![(runner.happy(0), 0)];
    while let Some((script, from)) = left.pop() {
        let outcome = runner.run(Plan::Script(&script));
        assert!(outcome.unapplied.is_empty(), "{script}");
        let path = path.borrow();
        for violation in outcome.violations {
            let holds = always.iter().find(|(name, _)| *name == violation.invariant);
            let (_, holds) = holds.unwrap_or_else(|| panic!("{violation:?}"));
            let steps = path.iter().position(|(state, _)| !holds(state)).expect("a state breaks it");
            let fewest = explored.broken.entry(violation.invariant).or_insert(steps);
            *fewest = steps.min(*fewest);
        }
        explored
            .reached
            .extend((0..goals.len()).filter(|bit| outcome.goals >> bit & 1 == 1).map(|bit| goals[bit]));

        let mut offers = runner.offers().into_iter();
        for (at, (state, ways)) in path.iter().enumerate() {
            // A single possible step offers no choice.
            let offered = if *ways > 1 { offers.next() } else { None };
            if at < from {
                continue;
            }
            if !seen.insert(state.clone()) && again == Again::Skip {
                break;
            }
            let Some(Offered { id, alternatives, .. }) = offered else { continue };
            for alternative in &alternatives.names()[1..] {
                let mut child = script.clone();
                let (id, alternative) = (id.clone(), (*alternative).to_owned());
                child.deviations.push(Deviation { id, alternative });
                left.push((child, at + 1));
            }
        }
    }
    explored.states = seen.len();
    explored
}
