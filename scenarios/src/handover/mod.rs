//! The handover scenario: an order goes from a request to a worker, and its result back to a screen, while commits,
//! workers, the partner and the links between them fail.
//!
//! Reading order: this file builds the world, [`faults`] lists the possible faults, [`invariants`] and [`goals`]
//! judge.

pub mod faults;
pub mod goals;
pub mod invariants;

use crate::ablation::{self, Ablation};
use crate::booking::faults as booking;
use crate::catalogue::Entry;
use shakedown_model::backbone::jobs::Job;
use shakedown_model::backbone::workers::{self, Handler};
use shakedown_model::booking::api::Api;
use shakedown_model::booking::connector::PartnerApi;
use shakedown_model::booking::platform::Beside;
use shakedown_model::booking::screens::Screens;
use shakedown_model::booking::worker::{self, Carrier};
use shakedown_model::booking::{Platform, statement};
use shakedown_model::facts::JobFact;
use shakedown_model::outside::customer::Customer;
use shakedown_model::outside::edge::Edge;
use shakedown_model::outside::partner::Partner;
use shakedown_model::{Backbone, Fact, PartnerTerms};
use shakedown_sim::queue::Reached;
use shakedown_sim::{
    CrashProfile, Duration, Env, Goals, Horizon, Invariant, Link, Parameter, Queue, Role, Scenario, Stage,
    Store, Variant,
};
use std::rc::Rc;

/// Its entry in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "handover",
    about: "an order goes from a request to a worker, and its result back to the screen that waits for it",
    assumptions: ASSUMPTIONS,
    systems: &["request path"],
    needs: &[],
    rehearse: |without| ablation::rehearse(Handover::without(without)),
};

const ASSUMPTIONS: &[&str] = &[
    "a partner without keys or lookup tells the outcome of an order once, in its response; a partner with keys offers a \
     lookup, and its callbacks name the order: the booking scenario covers the kinds between the two",
    "the partner's statement is correct and complete; it is read each day on which the ledger changed",
    "a request reaches the partner at most 10 minutes late, a worker pauses at most 10 minutes at a time",
    "the database loses no commit, executes a commit at most 2 s after its client timed out, and notices a dead client \
     within 2 minutes",
    "a screen stays open and polls by itself, whether it was notified or not",
    "all faults end after 3 hours; late messages still arrive",
];

/// The scenario, with or without guardrails.
pub struct Handover(Ablation);

impl Handover {
    /// Returns the scenario without these guardrails.
    ///
    /// # Errors
    /// Returns an error if a name is not that of a guardrail.
    pub fn without(numbers: &[String]) -> Result<Self, shakedown_model::UnknownGuardrail> {
        Ablation::of(numbers).map(Self)
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "partner",
        about: "what the partner offers after a lost response: neither: nothing; keys: it recognizes a repeat by its \
                key for a day and offers a lookup",
        values: &["neither", "keys"],
        small: &["neither", "keys"],
    },
    Parameter { name: "customers", about: "number of customers", values: &["1", "2"], small: &["1"] },
];

fn terms(variant: &Variant) -> PartnerTerms {
    match variant.get("partner") {
        Some("keys") => PartnerTerms::KEYS,
        _ => PartnerTerms::NEITHER,
    }
}

/// The only offer, and its price in minor units.
const OFFER: (u32, u32) = (1, 12_000);
/// One-way network latency on the happy path.
const HOP: Duration = Duration::from_millis(20);
/// One-way latency within a data centre.
const SHORT_HOP: Duration = Duration::from_millis(1);

impl Scenario for Handover {
    type Fact = Fact;

    fn name(&self) -> &str {
        "handover"
    }

    fn without(&self) -> Vec<String> {
        self.0.names()
    }

    fn parameters(&self) -> &[Parameter] {
        PARAMETERS
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(3 * 3_600), settle: Duration::from_secs(50 * 3_600) }
    }

    fn build(&self, stage: &Stage<Fact>) {
        let (facts, terms) = (stage.facts(), terms(stage.variant()));
        let server = stage.node(Role::outside("database".into()), |_| {});
        let design = self.0.design();
        let store = Store::new(&server, faults::STORE);
        let backbone = Rc::new(Backbone::new(store, design.backbone, facts));
        let to_partner = PartnerApi::over(&Link::new("partner", HOP, &faults::PARTNER));
        let inside = Link::new("inside", SHORT_HOP, &booking::INSIDE);
        let api = Api::over(&inside, &Link::new("callbacks", HOP, &booking::CALLBACKS));
        let edge =
            Edge::over(&Link::new("web", HOP, &booking::WEB), &Link::new("reads", HOP, &booking::READS));
        let to_screens = Link::new("screens", HOP, &faults::SCREENS);
        let screens = Screens::over(&to_screens, stage.variant().number("customers"));
        let beside = Beside { screens: Some(screens), broker: Some(broker(stage)), ..Beside::default() };
        let platform = Platform::beside(beside, &backbone, design.booking, to_partner.clone(), terms, facts);
        platform.plant_offer(OFFER.0, OFFER.1);

        let partner = Partner::new(terms, facts, &api);
        let (at, ledger) = (Rc::clone(&platform), partner.changed().clone());
        stage.node(booking::SYNC, move |env| statement::boot(&env, &at, &ledger));
        stage.node(Role::outside("partner".into()), move |env| partner.boot(&env, &to_partner));
        let (at, behind, log) = (edge.clone(), api.clone(), facts.clone());
        stage.node(Role::outside("edge".into()), move |env| at.boot(&env, &behind, &log));
        let at = Rc::clone(&platform);
        stage.node(booking::API, move |env| api.boot(&env, &at));
        let handlers: Rc<[Rc<dyn Handler>]> = Rc::new([Rc::new(Carrier(Rc::clone(&platform)))]);
        for _ in 0..2 {
            let (at, beside, handlers) = (Rc::clone(&backbone), Rc::clone(&platform), Rc::clone(&handlers));
            stage.node(booking::WORKER, move |env| {
                workers::boot(&env, &at, Rc::clone(&handlers));
                worker::boot(&env, &beside);
            });
        }
        add_customers(stage, &edge, &platform);
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        invariants::all()
    }

    fn goals(&self) -> Option<Box<dyn Goals<Fact>>> {
        Some(goals::all())
    }
}

/// Returns the broker's queue for jobs. Its deliveries are facts.
fn broker(stage: &Stage<Fact>) -> Queue<Job> {
    let (facts, broker) = (stage.facts().clone(), stage.node(Role::outside("broker".into()), |_| {}));
    Queue::new(&broker, "work", faults::BROKER).observed_by(move |env, milestone| {
        if let Reached::Delivered(_) = milestone.reached {
            facts.state(env, &Fact::Job(JobFact::Delivered(*milestone.body)));
        }
    })
}

/// Adds the workload: each customer orders once, keeps a screen open that can be notified, and looks again at the end of
/// the run.
fn add_customers(stage: &Stage<Fact>, edge: &Edge, platform: &Platform) {
    let mut customers: Vec<(Customer, Env)> = Vec::new();
    for number in 1..=stage.variant().number("customers") {
        let env = stage.node(Role::new("customer".into(), &CrashProfile::NEVER), |_| {});
        let customer = Customer::new(number, edge, stage.facts(), platform.tables.bookings.signal());
        if let Some(screen) = platform.screens.as_ref().and_then(|screens| screens.of(number)) {
            customer.listen(&env, screen);
        }
        let env = env.within(stage.entity("intent"));
        customers.push((customer.clone(), env.clone()));
        env.clone().spawn(async move { customer.book(&env, OFFER.0).await });
    }
    stage.at_rest(move || customers.iter().for_each(|(customer, env)| customer.show_reloaded(env)));
}
