//! Planted facts: what invariants find where no platform runs and a test states the facts.

use shakedown_model::Fact;
use shakedown_model::booking::rows::{Attention, Booking, Status};
use shakedown_sim::{
    Alternatives, Duration, Horizon, Invariant, Moment, Plan, Role, Runner, Scenario, Scope, Script, Site,
    Stage, Variant,
};
use std::collections::BTreeSet;

/// A fact to state.
#[derive(Clone, Debug)]
pub(crate) struct Planted {
    /// When, counted from the start of the run; a gap after the fact before it if there is none.
    at: Option<Duration>,
    /// In which scope below the entity; in the entity's own if it is empty.
    scope: &'static str,
    fact: Fact,
}

impl From<Fact> for Planted {
    fn from(fact: Fact) -> Self {
        Self { at: None, scope: "", fact }
    }
}

impl From<(&'static str, Fact)> for Planted {
    fn from((scope, fact): (&'static str, Fact)) -> Self {
        Self { at: None, scope, fact }
    }
}

/// A fact at its minute, in a scope.
impl From<(u64, &'static str, Fact)> for Planted {
    fn from((minute, scope, fact): (u64, &'static str, Fact)) -> Self {
        Self { at: Some(minutes(minute)), scope, fact }
    }
}

/// A fact at its minute.
impl From<(u64, Fact)> for Planted {
    fn from((minute, fact): (u64, Fact)) -> Self {
        Self { at: Some(minutes(minute)), scope: "", fact }
    }
}

pub(crate) const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// A fault that a script can draw: for invariants that excuse what happens meanwhile.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) site: Site,
    /// The benign alternative, and one other.
    pub(crate) alternatives: Alternatives,
    pub(crate) entity: &'static str,
    pub(crate) from: Duration,
    pub(crate) lasts: Duration,
}

/// Where facts are planted, and who judges them.
#[derive(Clone, Copy)]
pub(crate) struct Plants {
    /// The entity that the facts concern.
    pub(crate) entity: &'static str,
    /// Scopes below the entity in which facts may be stated, in order: `attempt-2` comes after `attempt-1`.
    pub(crate) scopes: &'static [&'static str],
    /// From one fact to the next.
    pub(crate) gap: Duration,
    /// The time for facts after the first two hours.
    pub(crate) settle: Duration,
    pub(crate) fault: Option<Fault>,
    pub(crate) invariants: fn() -> Vec<Box<dyn Invariant<Fact>>>,
}

impl Plants {
    /// Facts half a second apart, with no fault.
    pub(crate) const fn of(entity: &'static str, invariants: fn() -> Vec<Box<dyn Invariant<Fact>>>) -> Self {
        Self {
            entity,
            scopes: &[],
            gap: Duration::from_millis(500),
            settle: minutes(60),
            fault: None,
            invariants,
        }
    }

    /// Returns the invariants that these facts violate.
    pub(crate) fn violated<F: Clone + Into<Planted>>(&self, facts: &[F]) -> BTreeSet<String> {
        self.violated_under("", facts)
    }

    /// Returns the invariants that these facts violate in a run with these deviations.
    pub(crate) fn violated_under<F: Clone + Into<Planted>>(
        &self,
        deviations: &str,
        facts: &[F],
    ) -> BTreeSet<String> {
        let script: Script = format!("scenario planted\n{deviations}").parse().expect("a script");
        let facts = facts.iter().cloned().map(Into::into).collect();
        let outcome = Runner::new(PlantedScenario { plants: *self, facts }).run(Plan::Script(&script));
        assert_eq!(outcome.unapplied, [], "{script}");
        outcome.violations.into_iter().map(|violation| violation.invariant).collect()
    }

    /// Checks that each list of facts violates the invariant that it is listed with, and that each invariant is
    /// listed, except those that a test of their own covers.
    pub(crate) fn check<F: Clone + Into<Planted>>(&self, plants: &[(&str, Vec<F>)], elsewhere: &[&str]) {
        for (number, (invariant, facts)) in plants.iter().enumerate() {
            let violated = self.violated(facts);
            assert!(violated.contains(*invariant), "plant {number} violates {violated:?}, not {invariant}");
        }
        let planted = plants.iter().map(|(invariant, _)| *invariant).chain(elsewhere.iter().copied());
        let all = (self.invariants)().iter().map(|invariant| invariant.name()).collect::<BTreeSet<_>>();
        assert_eq!(planted.collect::<BTreeSet<_>>(), all);
    }
}

/// States the facts.
struct PlantedScenario {
    plants: Plants,
    facts: Vec<Planted>,
}

impl Scenario for PlantedScenario {
    type Fact = Fact;
    fn name(&self) -> &str {
        "planted"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(2 * 3_600), settle: self.plants.settle }
    }
    fn build(&self, stage: &Stage<Fact>) {
        let (log, facts, gap) = (stage.facts().clone(), self.facts.clone(), self.plants.gap);
        let node = stage.node(Role::outside("facts".into()), |_| {});
        if let Some(fault) = self.plants.fault {
            let env = node.within(stage.entity(fault.entity));
            env.clone().spawn(async move {
                env.sleep(fault.from).await;
                if !env.choose(fault.site, &fault.alternatives).is_benign() {
                    env.lasts(fault.lasts);
                }
            });
        }
        let env = node.within(stage.entity(self.plants.entity));
        let scopes: Vec<_> = self
            .plants
            .scopes
            .iter()
            .map(|name| (*name, env.child(name.split('-').next().unwrap_or(name))))
            .collect();
        env.clone().spawn(async move {
            for Planted { at, scope, fact } in facts {
                if let Some(at) = at {
                    env.sleep_until(Moment::START + at).await;
                }
                let scoped = scopes.iter().find(|(label, _)| *label == scope).map(|(_, scoped)| scoped);
                assert!(scope.is_empty() || scoped.is_some(), "no scope `{scope}`");
                log.state(scoped.unwrap_or(&env), &fact);
                if at.is_none() {
                    env.sleep(gap).await;
                }
            }
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        (self.plants.invariants)()
    }
}

/// Invariants about jobs that scenarios share; `jobs.rs` plants facts for them.
pub(crate) const SHARED: [&str; 3] =
    ["only-the-holder-acts", "parked-work-is-unfinished", "every-replay-has-its-attempts"];

/// The set of this one name.
pub(crate) fn only(name: &str) -> BTreeSet<String> {
    BTreeSet::from([name.to_owned()])
}

/// No invariant.
pub(crate) fn none() -> BTreeSet<String> {
    BTreeSet::new()
}

/// The first version of a booking's row, with this number and status.
pub(crate) fn booking(id: u32, status: Status) -> Booking {
    Booking {
        id,
        quote: 1,
        once: Some(1),
        customer: 1,
        price: 100,
        status,
        attention: Attention::None,
        generation: 1,
        reservation: None,
        version: 1,
        published: 1,
        accepted: Moment::START,
        context: Scope::ROOT,
    }
}
