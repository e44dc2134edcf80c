//! The lifecycle scenario: clinics send reports, workers file them at a registry that may be slow, down or flapping, and a
//! person works on the dead letters.
//!
//! Reading order: this file builds the world, [`faults`] lists the possible faults, [`ledger`] is the state that
//! judges accumulate, [`invariants`] and [`goals`] judge.

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

/// Its entry in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "lifecycle",
    about: "clinics report to a registry that may be slow, down or flapping; jobs wait, retry, become dead letters and are replayed",
    assumptions: ASSUMPTIONS,
    systems: &["job lifecycle", "jobs/audit-log"],
    needs: goals::NEEDS,
    rehearse: |without| ablation::rehearse(Lifecycle::without(without)),
};

const ASSUMPTIONS: &[&str] = &[
    "the platform is small: eight jobs at once, a declared burst of 40 reports a minute, a queue of 44 where a real one has 10,000",
    "the registry has at most one episode of at most 30 minutes; it loses nothing, makes one document for one request, and sheds no load",
    "a request reaches the registry at most 10 minutes late, a worker pauses at most 10 minutes at a time",
    "circuit breaker and retry budget belong to one worker; two workers have two",
    "the on-call person looks every 15 minutes, reads the registry's page, and makes no mistake",
    "the database loses no commit and notices a dead client within 2 minutes",
    "all faults end after 2 hours; late messages still arrive",
];

/// The scenario, with or without guardrails.
pub struct Lifecycle(Ablation);

impl Lifecycle {
    /// Returns the scenario without these guardrails.
    ///
    /// # Errors
    /// Returns an error if a name is not that of a guardrail.
    pub fn without(names: &[String]) -> Result<Self, shakedown_model::UnknownGuardrail> {
        Ablation::of(names).map(Self)
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "repeats",
        about: "what the registry does with a repeated report: same: returns the same document; new: makes another one",
        values: &["same", "new"],
        small: &["same", "new"],
    },
    Parameter {
        name: "reports",
        about: "number of reports that a clinic sends",
        values: &["2", "6"],
        small: &["2"],
    },
    // Certificates take the shortest backoff: it leaves the least time for a transient fault to pass.
    Parameter {
        name: "jitter",
        about: "where in its range each backoff lies",
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

/// One-way network latency on the happy path.
const HOP: Duration = Duration::from_millis(20);
/// One-way latency within a data centre.
const SHORT_HOP: Duration = Duration::from_millis(1);
/// The time from one report to the next, outside bursts: four a minute.
const REPORT_PERIOD: Duration = Duration::from_secs(15);
/// The time at which a burst begins, if there is one.
const BURST_AT: Duration = Duration::from_secs(20);
/// The time from one report of a wave to the next.
const APART: Duration = Duration::from_millis(100);
/// The number of workers.
const WORKERS: u32 = 2;
/// The platform's capacity: the queue holds one minute of the declared burst and the reports before it, none of which may
/// be done.
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
        // Each change of a job calls the person, so they need not look again.
        let on_call = OnCall { review_queue: api, registry: to_registry, stays: Duration::ZERO };
        on_call.begin(&shift, backbone.jobs.signal());
        clinics(stage, &edge);
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        invariants::all()
    }

    fn goals(&self) -> Option<Box<dyn Goals<Fact>>> {
        Some(goals::all())
    }
}

/// Adds the workload: a few reports one after the other, and a burst in some runs.
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
