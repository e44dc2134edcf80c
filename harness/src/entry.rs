//! Entries: a scenario of a catalogue, with the guardrails of its design.

use crate::ablation::Ablation;
use crate::guardrail::Guardrail;
use crate::names::UnknownName;
use crate::regression::Regression;
use crate::supervision::supervised;
use shakedown_sim::{Rehearse, Runner, Scenario};
use std::sync::Arc;

/// A scenario of a catalogue.
///
/// ```
/// # use shakedown::prelude::*;
/// # #[derive(serde::Serialize)] struct Charged;
/// # impl Fact for Charged { fn sentence(&self) -> String { "charges".to_owned() } }
/// # #[allow(dead_code)] struct Shop { sends_key: bool }
/// # impl Scenario for Shop {
/// #     type Fact = Charged;
/// #     fn name(&self) -> &str { "shop" }
/// #     fn build(&self, stage: &Stage<Charged>) { stage.node(Role::outside("bank".into()), |_| {}); }
/// #     fn invariants(&self) -> Vec<Box<dyn Invariant<Charged>>> { Vec::new() }
/// # }
/// let key = Guardrail::new("key", "the request carries one key for all attempts")
///     .naive(NaiveForm::new("each attempt has a key of its own").breaks("charged-once"));
/// let entry = Entry::new("shop", |ablation| Shop { sends_key: ablation.keeps("key") })
///     .about("a shop charges each order")
///     .assumes("the bank's ledger is correct")
///     .guardrail(key)
///     .needs("an order is charged after a timeout", 500);
/// assert_eq!(entry.canaries(), [["key"]]);
/// assert_eq!(entry.need("an order is charged after a timeout"), 500);
/// ```
#[derive(Clone)]
pub struct Entry {
    /// Its name: one word, equal to the scenario's name.
    pub name: String,
    /// A description, in a sentence.
    pub about: String,
    /// Its assumptions, a sentence each: a passing result says nothing beyond them.
    pub assumptions: Vec<String>,
    /// The guardrails that can be taken out of its design.
    pub guardrails: Vec<Guardrail>,
    /// For each goal, the number of seeds from which on missing it counts. A goal that is not listed here needs
    /// [`LEAST_NEED`].
    pub needs: Vec<(String, u64)>,
    /// Scripts that [`Catalogue::check_regressions`](crate::catalogue::Catalogue::check_regressions) runs again, each
    /// with its name.
    pub regressions: Vec<(String, Regression)>,
    /// The binary that runs it, for commands to paste; `None` outside a catalogue.
    pub(crate) program: Option<String>,
    build: Arc<Build>,
}

/// Creates a runner of the design without some guardrails; an error is the reason why they cannot be combined.
type Build = dyn Fn(&Ablation) -> Result<Box<dyn Rehearse>, String> + Send + Sync;

/// The number of seeds from which on missing a goal counts, for goals without a need of their own.
pub const LEAST_NEED: u64 = 10_000;

impl Entry {
    /// Creates an entry of a scenario. `build` is called once for each runner, with the ablation of its design; the
    /// scenario's name must be `name`.
    pub fn new<S: Scenario>(
        name: impl Into<String>,
        build: impl Fn(&Ablation) -> S + Send + Sync + 'static,
    ) -> Self {
        Self::with_runner(name, move |ablation| {
            Ok(Box::new(Runner::new(build(ablation)).without(ablation.names().to_vec())))
        })
    }

    /// Creates an entry with a function that creates its runners. The function may reject guardrails that cannot be
    /// taken out together.
    pub fn with_runner(
        name: impl Into<String>,
        build: impl Fn(&Ablation) -> Result<Box<dyn Rehearse>, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            about: String::new(),
            assumptions: Vec::new(),
            guardrails: Vec::new(),
            needs: Vec::new(),
            regressions: Vec::new(),
            program: None,
            build: Arc::new(build),
        }
    }

    /// Sets the description.
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }

    /// Adds an assumption.
    pub fn assumes(mut self, assumption: impl Into<String>) -> Self {
        self.assumptions.push(assumption.into());
        self
    }

    /// Adds a guardrail that can be taken out of its design.
    pub fn guardrail(mut self, guardrail: Guardrail) -> Self {
        self.guardrails.push(guardrail);
        self
    }

    /// Sets the number of seeds from which on missing this goal counts.
    pub fn needs(mut self, goal: impl Into<String>, seeds: u64) -> Self {
        self.needs.push((goal.into(), seeds));
        self
    }

    /// Adds a pinned script, for example `include_str!("../regressions/NAME.script")`.
    ///
    /// # Panics
    /// If the text is not a regression.
    pub fn regression(mut self, name: impl Into<String>, text: &str) -> Self {
        let name = name.into();
        let regression = text.parse().unwrap_or_else(|problem| panic!("regression {name}: {problem}"));
        self.regressions.push((name, regression));
        self
    }

    /// Returns every name that `--without` accepts here: of each guardrail its own and those of its forms.
    pub fn removable(&self) -> Vec<String> {
        let names = self.guardrails.iter().flat_map(|guardrail| {
            let forms = guardrail.forms().map(|(name, _)| name).filter(|name| *name != guardrail.name);
            std::iter::once(guardrail.name.clone()).chain(forms)
        });
        names.collect()
    }

    /// Returns the ablations that a campaign must catch: each form of each guardrail, with those that mask it.
    pub fn canaries(&self) -> Vec<Vec<String>> {
        let forms = self.guardrails.iter().flat_map(Guardrail::forms);
        forms.map(|(name, naive)| std::iter::once(name).chain(naive.masked_by.clone()).collect()).collect()
    }

    /// Creates a runner of the design without these guardrails.
    ///
    /// # Errors
    /// If a guardrail is unknown here, the design cannot be built without them together, or the scenario's name
    /// differs from the entry's.
    pub fn runner(&self, without: &[String]) -> Result<Box<dyn Rehearse>, String> {
        let valid = self.removable();
        for name in without {
            if !valid.contains(name) {
                let unknown = UnknownName { kind: "guardrail", name: name.clone(), valid };
                return Err(format!("{unknown} (scenario {})", self.name));
            }
        }
        let known = self.guardrails.iter().map(|guardrail| guardrail.name.clone()).collect();
        let runner = (self.build)(&Ablation::new(without, known))?;
        let scenario = runner.happy(0).scenario;
        if scenario != self.name {
            return Err(format!("the entry `{}` builds a scenario that is called `{scenario}`", self.name));
        }
        Ok(supervised(&self.name, without, runner))
    }

    /// Returns the number of seeds from which on missing this goal counts.
    pub fn need(&self, goal: &str) -> u64 {
        self.needs.iter().find(|(name, _)| name == goal).map_or(LEAST_NEED, |(_, need)| *need)
    }
}
