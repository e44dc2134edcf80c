//! The booking scenario: customers, the edge, the API, workers, the statement's reader, and a partner of one
//! of four kinds.
//!
//! Reading order: this page builds the world, [`faults`] says what may go wrong in it, [`ledger`] is what
//! judges keep of the facts, [`invariants`] and [`goals`] judge.

pub mod faults;
pub mod goals;
pub mod invariants;
pub mod ledger;

use crate::ablation::{self, Ablation};
use crate::catalogue::Entry;
use shakedown_model::backbone::clock::Clock;
use shakedown_model::backbone::workers::{self, Handler};
use shakedown_model::booking::api::Api;
use shakedown_model::booking::connector::PartnerApi;
use shakedown_model::booking::review_queue::ReviewQueue;
use shakedown_model::booking::worker::Carrier;
use shakedown_model::booking::{Platform, statement};
use shakedown_model::outside::customer::Customer;
use shakedown_model::outside::edge::Edge;
use shakedown_model::outside::partner::{Partner, PartnerPage};
use shakedown_model::outside::reviewer::Reviewer;
use shakedown_model::{Backbone, Fact, PartnerTerms};
use shakedown_sim::{
    Duration, Env, Goals, Horizon, Invariant, Isolation, Link, LinkFaults, Parameter, Role, Scenario, Stage,
    Store, StoreProfile, Variant,
};
use std::rc::Rc;

/// What the catalogue says of it.
pub const ENTRY: Entry = Entry {
    name: "booking",
    about: "customers book with a partner that may time out, call back late, twice or wrongly, and change its mind",
    assumptions: ASSUMPTIONS,
    systems: &["booking", "idempotency"],
    needs: goals::NEEDS,
    rehearse: |without| ablation::rehearse(Booking::without(without)),
};

const ASSUMPTIONS: &[&str] = &[
    "a request reaches the partner at most 10 minutes late, a worker pauses at most 10 minutes at a time, the partner's lookup lags at most 30 minutes",
    "the partner keeps an idempotency key for 24 hours (keys) or 30 minutes (short-keys), and never makes two reservations of one request",
    "a callback comes at most 72 hours late and is repeated until it is taken; its contents may be wrong only where the partner can be asked",
    "the partner's statement is true and complete; it is read each day on which the ledger changed",
    "the database loses nothing that it has committed, notices a dead client within 2 minutes, and its clock is sound; nodes' own clocks are up to 5 minutes off, and jump by 25 hours",
    "runs that are drawn from seeds see each level of isolation; what is certified, and the matrix, holds at read committed",
    "everything heals 3 hours in; what is late by then still arrives",
];

/// The scenario, with a design that may lack guardrails.
pub struct Booking {
    ablation: Ablation,
    clock: Clock,
}

impl Booking {
    /// The scenario without these guardrails.
    ///
    /// # Errors
    /// If a name is no guardrail's.
    pub fn without(names: &[String]) -> Result<Self, shakedown_model::UnknownGuardrail> {
        Ablation::of(names).map(|ablation| Self { ablation, clock: Clock::OfTheStore })
    }

    /// The scenario with a platform that judges expiry, age and promise by this clock.
    pub fn by_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "partner",
        about: "what helps with the partner after a lost answer: keys: it knows a repeat by its key for \
                a day, and can be asked what it has; short-keys: by its key for half an hour; lookup: it \
                can only be asked; neither: nothing",
        values: &["keys", "short-keys", "lookup", "neither"],
        small: &["keys", "short-keys", "lookup", "neither"],
    },
    Parameter { name: "customers", about: "how many book", values: &["1", "2"], small: &["1"] },
    Parameter {
        name: "intents",
        about: "how many trips each of them wants",
        values: &["1", "2"],
        small: &["1"],
    },
    Parameter {
        name: "isolation",
        about: "at which level of isolation the database's transactions run",
        values: &["read-committed", "repeatable-read", "serializable"],
        small: &["read-committed"],
    },
    Parameter {
        name: "reviews",
        about: "what becomes of bookings that are listed for a person: left: nothing, worked: somebody sees to them",
        values: &["left", "worked"],
        small: &["left"],
    },
];

fn terms(variant: &Variant) -> PartnerTerms {
    match variant.get("partner") {
        Some("short-keys") => PartnerTerms::SHORT_KEYS,
        Some("lookup") => PartnerTerms::LOOKUP,
        Some("neither") => PartnerTerms::NEITHER,
        _ => PartnerTerms::KEYS,
    }
}

fn isolation(variant: &Variant) -> Isolation {
    match variant.get("isolation") {
        Some("repeatable-read") => Isolation::RepeatableRead,
        Some("serializable") => Isolation::Serializable,
        _ => Isolation::ReadCommitted,
    }
}

/// One way over the network, on the happy path.
const HOP: Duration = Duration::from_millis(20);
/// Between nodes of one data centre.
const SHORT_HOP: Duration = Duration::from_millis(1);
/// What each offer costs, in minor units.
const PRICE: u32 = 12_000;
/// When the second intent of a customer begins.
const NEXT_INTENT: Duration = Duration::from_secs(40);

impl Scenario for Booking {
    type Fact = Fact;

    fn name(&self) -> &str {
        "booking"
    }

    fn without(&self) -> Vec<String> {
        self.ablation.names()
    }

    fn parameters(&self) -> &[Parameter] {
        PARAMETERS
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(3 * 3_600), settle: Duration::from_secs(50 * 3_600) }
    }

    fn build(&self, stage: &Stage<Fact>) {
        self.build_on(stage, faults::STORE);
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        invariants::all()
    }

    fn goals(&self) -> Option<Box<dyn Goals<Fact>>> {
        Some(goals::all())
    }
}

impl Booking {
    /// Builds its world on a database that may fail like this.
    pub(crate) fn build_on(&self, stage: &Stage<Fact>, profile: StoreProfile) {
        let facts = stage.facts();
        let server = stage.node(Role::outside("database".into()), |_| {});
        let store = Store::new(&server, StoreProfile { isolation: isolation(stage.variant()), ..profile });
        let to_partner = PartnerApi::over(&Link::new("partner", HOP, &faults::PARTNER));
        let inside = Link::new("inside", SHORT_HOP, &faults::INSIDE);
        let api = Api::over(&inside, &Link::new("callbacks", HOP, &faults::CALLBACKS));
        let edge = Edge::over(&Link::new("web", HOP, &faults::WEB), &Link::new("reads", HOP, &faults::READS));
        let design = self.ablation.design();
        let backbone = Rc::new(Backbone::new(store, design.backbone, facts).with_clock(self.clock));
        let platform =
            Platform::new(&backbone, design.booking, to_partner.clone(), terms(stage.variant()), facts);
        (1..=stage.variant().number("intents")).for_each(|offer| platform.plant_offer(offer, PRICE));
        let partner = Partner::new(terms(stage.variant()), facts, &api);

        let at = partner.clone();
        let (review_queue, page) =
            (ReviewQueue::over(&inside), PartnerPage::over(&Link::new("page", HOP, &LinkFaults::NONE)));
        let at_page = page.clone();
        stage.node(Role::outside("partner".into()), move |env| {
            at.boot(&env, &to_partner);
            at.boot_page(&env, &at_page);
        });
        let (at, behind, log) = (edge.clone(), api.clone(), facts.clone());
        stage.node(Role::outside("edge".into()), move |env| at.boot(&env, &behind, &log));
        let at = Rc::clone(&platform);
        let in_review_queue = review_queue.clone();
        stage.node(faults::API, move |env| {
            api.boot(&env, &at);
            in_review_queue.boot(&env, &at);
        });
        let handlers: Rc<[Rc<dyn Handler>]> = Rc::new([Rc::new(Carrier(Rc::clone(&platform)))]);
        for _ in 0..2 {
            let (at, handlers) = (Rc::clone(&backbone), Rc::clone(&handlers));
            stage.node(faults::WORKER, move |env| workers::boot(&env, &at, Rc::clone(&handlers)));
        }
        let (at, ledger) = (Rc::clone(&platform), partner.changed().clone());
        stage.node(faults::SYNC, move |env| statement::boot(&env, &at, &ledger));
        customers(stage, &edge, &platform);
        if stage.variant().get("reviews") == Some("worked") {
            let person = stage.node(Role::outside("reviewer".into()), |_| {}).within(stage.entity("shift"));
            Reviewer { review_queue, page }.begin(&person, platform.tables.bookings.signal());
        }
    }
}

/// The workload: each customer books, one intent after the other, and at the end looks again.
fn customers(stage: &Stage<Fact>, edge: &Edge, platform: &Platform) {
    let mut everybody: Vec<(Customer, Env)> = Vec::new();
    for number in 1..=stage.variant().number("customers") {
        let env = stage.node(Role::new("customer".into(), &shakedown_sim::CrashProfile::NEVER), |_| {});
        for intent in 1..=stage.variant().number("intents") {
            let env = env.within(stage.entity("intent"));
            let customer = Customer::new(number, edge, stage.facts(), platform.tables.bookings.signal());
            everybody.push((customer.clone(), env.clone()));
            env.clone().spawn(async move {
                env.sleep(NEXT_INTENT * (intent - 1)).await;
                customer.book(&env, intent).await;
            });
        }
    }
    stage.at_rest(move || everybody.iter().for_each(|(customer, env)| customer.look_afresh(env)));
}
