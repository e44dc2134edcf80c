//! Scenarios: a world to build, a workload, what may go wrong, and who judges it.

use crate::env::Env;
use crate::judge::{Fact, Facts, Goals, Invariant};
use crate::label::Label;
use crate::node::Role;
use crate::scope::Scope;
use crate::script::Variant;
use crate::time::Duration;
use crate::world::World;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// One thing that a run may be built from, with its possible values.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name, as in a script's `variant` line.
    pub name: &'static str,
    /// What it decides, and what its values stand for where they do not say it.
    pub about: &'static str,
    /// Its values; the first is the default.
    pub values: &'static [&'static str],
    /// Those that make small worlds, for exhaustive search.
    pub small: &'static [&'static str],
}

/// Every combination of these values of each parameter.
pub fn variants<'a>(parameters: &[Parameter], values: impl Fn(&Parameter) -> Vec<&'a str>) -> Vec<Variant> {
    parameters.iter().fold(vec![Variant::default()], |variants, parameter| {
        let values = values(parameter);
        let longer = |variant: &Variant, value: &str| {
            let mut longer = variant.clone();
            longer.0.push((parameter.name.to_owned(), value.to_owned()));
            longer
        };
        let all = variants.iter().flat_map(|variant| values.iter().map(move |value| longer(variant, value)));
        all.collect()
    })
}

/// Every combination of the values that make small worlds (all, if a parameter names none), or of those that
/// are fixed.
pub fn small_variants(parameters: &[Parameter], fixed: &Variant) -> Vec<Variant> {
    variants(parameters, |parameter| match fixed.get(parameter.name) {
        Some(value) => vec![value],
        None if parameter.small.is_empty() => parameter.values.to_vec(),
        None => parameter.small.to_vec(),
    })
}

/// How long a run may deviate, and how long it may then take to settle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Horizon {
    /// From here on nothing deviates and episodes end.
    pub heal: Duration,
    /// How long after that, and after the last delay drawn before has passed, the run must be at rest.
    pub settle: Duration,
}

impl Horizon {
    /// Faults are possible until the last thing has happened that the happy path waits for, but at least for a
    /// minute; then a minute to settle. The runner finds that out by a run of the happy path. A workload that goes on
    /// for ever heals after a minute.
    pub const AFTER_WORKLOAD: Horizon = Horizon { heal: Duration::MAX, settle: Duration::from_secs(60) };
}

/// A world to build, a workload, and its judges. Its methods may depend on nothing but their arguments.
pub trait Scenario: 'static {
    /// What its world states.
    type Fact: Fact;

    /// Its name: one word.
    fn name(&self) -> &str;

    /// What this design lacks, for scripts and reports.
    fn without(&self) -> Vec<String> {
        Vec::new()
    }

    /// What runs are built from.
    fn parameters(&self) -> &[Parameter] {
        &[]
    }

    /// How long a run of this variant may deviate and settle: as long as the workload of its happy path takes, and
    /// then a minute, unless it says otherwise.
    fn horizon(&self, _variant: &Variant) -> Horizon {
        Horizon::AFTER_WORKLOAD
    }

    /// Builds nodes and starts the workload.
    fn build(&self, stage: &Stage<Self::Fact>);

    /// Who judges.
    fn invariants(&self) -> Vec<Box<dyn Invariant<Self::Fact>>>;

    /// Which rare states a campaign must reach.
    fn goals(&self) -> Option<Box<dyn Goals<Self::Fact>>> {
        None
    }
}

/// A scenario that several runners share.
impl<S: Scenario> Scenario for Arc<S> {
    type Fact = S::Fact;

    fn name(&self) -> &str {
        S::name(self)
    }
    fn without(&self) -> Vec<String> {
        S::without(self)
    }
    fn parameters(&self) -> &[Parameter] {
        S::parameters(self)
    }
    fn horizon(&self, variant: &Variant) -> Horizon {
        S::horizon(self, variant)
    }
    fn build(&self, stage: &Stage<Self::Fact>) {
        S::build(self, stage);
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Self::Fact>>> {
        S::invariants(self)
    }
    fn goals(&self) -> Option<Box<dyn Goals<Self::Fact>>> {
        S::goals(self)
    }
}

/// What a scenario builds its world on.
pub struct Stage<'a, F> {
    pub(crate) world: &'a Rc<World>,
    pub(crate) facts: &'a Facts<F>,
    pub(crate) variant: &'a Variant,
    pub(crate) epilogue: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl<F: Fact> Stage<'_, F> {
    /// What this run is built from.
    pub fn variant(&self) -> &Variant {
        self.variant
    }

    /// Where facts go.
    pub fn facts(&self) -> &Facts<F> {
        self.facts
    }

    /// Opens a scope for an entity of the workload.
    pub fn entity(&self, label: impl Into<Label>) -> Scope {
        self.world.core.borrow_mut().scopes.child(Scope::ROOT, label.into())
    }

    /// Adds a node. `boot` runs now, and again each time the node comes back from a crash: it reads durable
    /// state, serves operations and starts tasks. Answers a handle of the first incarnation.
    pub fn node(&self, role: Role, boot: impl Fn(Env) + 'static) -> Env {
        let id = {
            let mut core = self.world.core.borrow_mut();
            if core.is_new_profile(role.crash) {
                role.crash.check(role.name);
            }
            if core.is_new_profile(role.clock) {
                role.clock.check(role.name);
            }
            core.nodes.add(role, Box::new(boot))
        };
        self.world.boot(id);
        Env::new(Rc::clone(self.world), id, 0, Scope::ROOT)
    }

    /// What to do once the run has come to rest, before it is judged: look at everything afresh.
    pub fn at_rest(&self, epilogue: impl FnOnce() + 'static) {
        *self.epilogue.borrow_mut() = Some(Box::new(epilogue));
    }
}
