//! The lifecycle scenario: clinics report, workers bring the reports to a registry that may be slow, down or
//! flapping, and a person looks at what was given up.
//!
//! Reading order: this page builds the world, [`faults`] says what may go wrong in it, [`ledger`] is what judges
//! keep of the facts, [`invariants`] and [`goals`] judge.

pub mod faults;
pub mod goals;
pub mod invariants;
pub mod ledger;

use crate::ablation::{self, Ablation};
use crate::catalogue::Entry;
use shakedown_model::backbone::admission::Capacity;
use shakedown_model::backbone::workers::{self, Handler};
use shakedown_model::filing::Office;
use shakedown_model::filing::api::Api;
use shakedown_model::filing::connector::{RegistryApi, Repeats};
use shakedown_model::filing::worker::Courier;
use shakedown_model::outside::clinic::{self, ReportEdge};
use shakedown_model::outside::on_call::OnCall;
use shakedown_model::outside::registry::Registry;
use shakedown_model::settings::{Jitter, POOL};
use shakedown_model::{Backbone, Fact};
use shakedown_sim::{
    CrashProfile, Duration, Goals, Horizon, Invariant, Link, LinkFaults, Parameter, Role, Scenario, Stage,
    Store, Variant,
};
use std::cell::Cell;
use std::rc::Rc;

/// What the catalogue says of it.
pub const ENTRY: Entry = Entry {
    name: "lifecycle",
    about: "clinics report to a registry that may be slow, down or flapping; jobs wait, retry, are given up and replayed",
    assumptions: ASSUMPTIONS,
    systems: &["job lifecycle", "jobs/audit-log"],
    needs: goals::NEEDS,
    rehearse: |without| ablation::rehearse(Lifecycle::without(without)),
};

const ASSUMPTIONS: &[&str] = &[
    "the platform is a small one: eight jobs at once, 40 reports a minute declared for a burst, a queue of 44 for the 10,000 of a real one",
    "the registry is in trouble once at most, for 30 minutes at most; it loses nothing, makes no two documents of one request, and sheds no load",
    "a request reaches the registry at most 10 minutes late, a worker pauses at most 10 minutes at a time",
    "a breaker and a budget for retries are the memory of one worker; what two workers do adds up",
    "the person on call looks every 15 minutes, reads the registry's page right, and errs in nothing",
    "the database loses nothing that it has committed, and notices a dead client within 2 minutes",
    "everything heals 2 hours in; what is late by then still arrives",
];

/// The scenario, with a design that may lack guardrails.
pub struct Lifecycle(Ablation);

impl Lifecycle {
    /// The scenario without these guardrails.
    ///
    /// # Errors
    /// If a name is no guardrail's.
    pub fn without(names: &[String]) -> Result<Self, shakedown_model::UnknownGuardrail> {
        Ablation::of(names).map(Self)
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "repeats",
        about: "what the registry makes of a report that it has: same: nothing new; new: another document",
        values: &["same", "new"],
        small: &["same", "new"],
    },
    Parameter {
        name: "reports",
        about: "how many reports a clinic sends in",
        values: &["2", "6"],
        small: &["2"],
    },
    // Certified at the corner that has to outlast what passes by itself.
    Parameter {
        name: "jitter",
        about: "where in its range each wait before a retry lies",
        values: &["middle", "least", "most"],
        small: &["least"],
    },
];

fn repeats(variant: &Variant) -> Repeats {
    if variant.get("repeats") == Some("new") { Repeats::AreNew } else { Repeats::AreTheSame }
}

fn jitter(variant: &Variant) -> Jitter {
    match variant.get("jitter") {
        Some("least") => Jitter::Least,
        Some("most") => Jitter::Most,
        _ => Jitter::Middle,
    }
}

/// One way over the network, on the happy path.
const HOP: Duration = Duration::from_millis(20);
/// Between nodes of one data centre.
const SHORT_HOP: Duration = Duration::from_millis(1);
/// From one report to the next, outside bursts: four a minute.
const REPORT_PERIOD: Duration = Duration::from_secs(15);
/// When a burst begins, if there is one.
const BURST_AT: Duration = Duration::from_secs(20);
/// From one report of a wave to the next.
const APART: Duration = Duration::from_millis(100);
/// Workers.
const WORKERS: u32 = 2;
/// What the platform can have in hand: its queue holds a minute of a declared burst and what came in before, of which
/// nothing may have been worked.
pub(crate) const CAPACITY: Capacity = Capacity { workers: WORKERS * POOL, queue: 44 };

impl Scenario for Lifecycle {
    type Fact = Fact;

    fn name(&self) -> &str {
        "lifecycle"
    }

    fn without(&self) -> Vec<String> {
        self.0.names()
    }

    fn parameters(&self) -> &[Parameter] {
        PARAMETERS
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(2 * 3_600), settle: Duration::from_secs(6 * 3_600) }
    }

    fn build(&self, stage: &Stage<Fact>) {
        let (facts, repeats) = (stage.facts(), repeats(stage.variant()));
        let server = stage.node(Role::outside("database".into()), |_| {});
        let store = Store::new(&server, faults::STORE);
        let calm = |name| Link::new(name, HOP, &LinkFaults::NONE);
        let to_registry =
            RegistryApi::over(&Link::new("registry", HOP, &faults::REGISTRY), &calm("registry page"));
        let api = Api::over(&Link::new("inside", SHORT_HOP, &LinkFaults::NONE), &calm("desk"));
        let edge = ReportEdge::over(&Link::new("web", HOP, &faults::WEB));
        let backbone =
            Backbone::new(store, self.0.design().backbone, facts).with_audit(facts).with_capacity(CAPACITY);
        let backbone = Rc::new(backbone.with_jitter(jitter(stage.variant())));
        let office = Office::new(&backbone, to_registry.clone(), repeats, facts);

        let (registry, at) = (Registry::new(repeats, facts), to_registry.clone());
        stage.node(Role::outside("registry".into()), move |env| registry.boot(&env, &at));
        let (at, behind, log) = (edge.clone(), api.clone(), facts.clone());
        stage.node(Role::outside("edge".into()), move |env| at.boot(&env, &behind, &log));
        let (at, serving) = (Rc::clone(&office), api.clone());
        stage.node(faults::API, move |env| serving.boot(&env, &at));
        let handlers: Rc<[Rc<dyn Handler>]> = Rc::new([Rc::new(Courier(office))]);
        for _ in 0..WORKERS {
            let (at, handlers) = (Rc::clone(&backbone), Rc::clone(&handlers));
            stage.node(faults::WORKER, move |env| workers::boot(&env, &at, Rc::clone(&handlers)));
        }
        let person = stage.node(Role::outside("person".into()), |_| {});
        let shift = person.within(stage.entity("shift"));
        OnCall { review_queue: api, registry: to_registry }.begin(&shift, backbone.jobs.signal());
        clinics(stage, &edge);
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        invariants::all()
    }

    fn goals(&self) -> Option<Box<dyn Goals<Fact>>> {
        Some(goals::all())
    }
}

/// The workload: a few reports one after the other, and maybe a burst.
fn clinics(stage: &Stage<Fact>, edge: &ReportEdge) {
    let env = stage.node(Role::new("clinic".into(), &CrashProfile::NEVER), |_| {});
    let references = Rc::new(Cell::new(0));
    let reference = move || {
        references.set(references.get() + 1);
        references.get()
    };
    for number in 0..stage.variant().number("reports") {
        let (env, edge, reference) = (env.within(stage.entity("filing")), edge.clone(), reference());
        env.clone().spawn(async move {
            env.sleep(REPORT_PERIOD * number).await;
            clinic::report(&env, &edge, reference).await;
        });
    }
    let (crowd, edge) = (env.within(stage.entity("crowd")), edge.clone());
    crowd.clone().spawn(async move {
        crowd.sleep(BURST_AT).await;
        for (after, reports) in clinic::burst(&crowd) {
            for number in 0..reports {
                let after = after + APART * number;
                let (env, edge, reference) = (crowd.child("filing"), edge.clone(), reference());
                crowd.spawn(async move {
                    env.sleep(after).await;
                    clinic::report(&env, &edge, reference).await;
                });
            }
        }
    });
}
