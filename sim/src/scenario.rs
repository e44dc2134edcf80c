//! Scenarios: a world to build, a workload, its possible faults, and its judges.

use crate::env::Env;
use crate::judge::{Fact, Facts, Goals, Invariant};
use crate::label::Label;
use crate::node::Role;
use crate::scope::Scope;
use crate::script::Variant;
use crate::time::{Duration, WallTime};
use crate::world::World;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// A parameter of runs, with its possible values.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name, as in a script's `variant` line.
    pub name: &'static str,
    /// What it decides, and the meaning of values that are not self-explanatory.
    pub about: &'static str,
    /// Its values; the first is the default.
    pub values: &'static [&'static str],
    /// The values that make small worlds, for exhaustive search.
    pub small: &'static [&'static str],
}

/// Returns every combination of these values of each parameter.
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

/// Returns every combination of the values that make small worlds (of all values, if a parameter names none); fixed
/// parameters keep their value.
pub fn small_variants(parameters: &[Parameter], fixed: &Variant) -> Vec<Variant> {
    variants(parameters, |parameter| match fixed.get(parameter.name) {
        Some(value) => vec![value],
        None if parameter.small.is_empty() => parameter.values.to_vec(),
        None => parameter.small.to_vec(),
    })
}

/// The time during which a run may deviate, and the time that it may then take to settle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Horizon {
    /// From here on nothing deviates, and episodes end.
    pub heal: Duration,
    /// The time within which the run must come to rest, counted from the heal time or from the end of the last delay
    /// drawn before it.
    pub settle: Duration,
}

impl Horizon {
    /// Faults are possible until the end of the last activity that the happy path waits for, but at least for a
    /// minute; then a minute to settle. The runner measures this with a run of the happy path. An endless workload
    /// heals after a minute.
    pub const AFTER_WORKLOAD: Horizon = Horizon { heal: Duration::MAX, settle: Duration::from_secs(60) };
}

/// A world to build, a workload, and its judges. Its methods must depend on their arguments only.
///
/// A lamp that a switch may miss: a node, a choice, a fact, an invariant, and the script of one deviation that violates
/// it.
///
/// ```
/// use shakedown_sim::judge::invariant;
/// use shakedown_sim::*;
///
/// #[derive(serde::Serialize)]
/// struct Lit(bool);
///
/// impl Fact for Lit {
///     fn sentence(&self) -> String {
///         format!("is {}", if self.0 { "lit" } else { "dark" })
///     }
/// }
///
/// struct Lamp;
///
/// const PRESS: Alternatives = Alternatives::new(&["works", "is missed"]);
///
/// impl Scenario for Lamp {
///     type Fact = Lit;
///     fn name(&self) -> &str {
///         "lamp"
///     }
///     fn build(&self, stage: &Stage<Lit>) {
///         let (facts, lamp) = (stage.facts().clone(), stage.node(Role::outside("lamp".into()), |_| {}));
///         lamp.clone().spawn(async move {
///             let pick = lamp.choose(Site::new("switch".into(), "press".into()), &PRESS);
///             facts.state(&lamp, &Lit(pick.is_benign()));
///         });
///     }
///     fn invariants(&self) -> Vec<Box<dyn Invariant<Lit>>> {
///         let is_lit = |_: &mut (), at: &At<'_>, fact: &Lit, findings: &mut Findings| {
///             if !fact.0 {
///                 findings.violated("lamp", &[at.event], || "it is dark".to_owned());
///             }
///         };
///         vec![invariant("always-lit", is_lit).boxed()]
///     }
/// }
///
/// let script: Script = "scenario lamp\nswitch/press @ - #1 = is missed".parse().unwrap();
/// let (outcome, trace) = Runner::new(Lamp).record(Plan::Script(&script));
/// assert_eq!(outcome.violations[0].invariant, "always-lit");
/// let step: &Step = trace.steps.last().unwrap();
/// assert!(trace.steps.iter().any(|step| step.choice.is_some()), "the deviation is a step of the trace");
/// assert!(step.time >= Moment::START);
/// ```
pub trait Scenario: 'static {
    /// The type of its facts.
    type Fact: Fact;

    /// Returns its name: one word.
    fn name(&self) -> &str;

    /// Returns the ablated guardrails of this design, for scripts and reports.
    fn without(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the parameters of runs.
    fn parameters(&self) -> &[Parameter] {
        &[]
    }

    /// Returns how long a run of this variant may deviate and settle. The default is the duration of the happy path's
    /// workload, and then a minute.
    fn horizon(&self, _variant: &Variant) -> Horizon {
        Horizon::AFTER_WORKLOAD
    }

    /// Builds nodes and starts the workload.
    fn build(&self, stage: &Stage<Self::Fact>);

    /// Returns the invariants, the most specific first: the first one that a run violates names its failure.
    fn invariants(&self) -> Vec<Box<dyn Invariant<Self::Fact>>>;

    /// Returns the rare states that a campaign must reach.
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

/// The stage on which a scenario builds its world.
pub struct Stage<'a, F> {
    pub(crate) world: &'a Rc<World>,
    pub(crate) facts: &'a Facts<F>,
    pub(crate) variant: &'a Variant,
    pub(crate) epilogue: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl<F: Fact> Stage<'_, F> {
    /// Returns the variant of this run.
    pub fn variant(&self) -> &Variant {
        self.variant
    }

    /// Returns the destination of facts.
    pub fn facts(&self) -> &Facts<F> {
        self.facts
    }

    /// Opens a scope for an entity of the workload.
    pub fn entity(&self, label: impl Into<Label>) -> Scope {
        self.world.core.borrow_mut().scopes.child(Scope::ROOT, label.into())
    }

    /// Sets the calendar time (UTC) at which the run starts, for example shortly before a change of daylight-saving time.
    /// Without it, a run starts at [`WallTime::AT_START`]. A node that reads its clock when it boots must be added later.
    pub fn starts_at(&self, time: WallTime) {
        self.world.core.borrow_mut().starts_at = time;
    }

    /// Adds a node. `boot` runs now, and again each time the node restarts: it reads durable state, serves operations
    /// and starts tasks. Returns a handle of the first incarnation.
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

    /// Sets the epilogue, which runs once the run has come to rest and before it is judged, for example to read the
    /// final state.
    pub fn at_rest(&self, epilogue: impl FnOnce() + 'static) {
        *self.epilogue.borrow_mut() = Some(Box::new(epilogue));
    }
}
