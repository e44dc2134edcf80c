//! The booking scenario: customers, the edge, the API, workers, the statement reader, and a partner of one of four
//! kinds.
//!
//! Reading order: this file builds the world, [`faults`] lists the possible faults, [`ledger`] is the state that
//! judges accumulate, [`invariants`] and [`goals`] judge.

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
use shakedown_model::outside::customer::{Customer, SharedLinks};
use shakedown_model::outside::edge::Edge;
use shakedown_model::outside::partner::{Partner, PartnerPage};
use shakedown_model::outside::reviewer::Reviewer;
use shakedown_model::{Backbone, Fact, PartnerTerms};
use shakedown_sim::{
    Duration, Env, Goals, Horizon, Invariant, Isolation, Link, LinkFaults, Parameter, Role, Scenario, Stage,
    Store, StoreProfile, Variant,
};
use std::rc::Rc;

/// Its entry in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "booking",
    about: "customers book with a partner that may time out, call back late, twice or wrongly, and end reservations",
    assumptions: ASSUMPTIONS,
    systems: &["booking", "idempotency"],
    needs: goals::NEEDS,
    rehearse: |without| ablation::rehearse(Booking::without(without)),
};

const ASSUMPTIONS: &[&str] = &[
    "a request reaches the partner at most 10 minutes late, a worker pauses at most 10 minutes at a time, the partner's lookup lags at most 30 minutes",
    "the partner keeps an idempotency key for 24 hours (keys) or 30 minutes (short-keys) and never makes two reservations for one request",
    "a callback comes at most 72 hours late and is repeated until it is acknowledged; it may be wrong only where the partner offers a lookup",
    "the partner's statement is correct and complete; it is read each day, or each hour, in which the ledger changed",
    "the database loses no commit, notices a dead client within 2 minutes, and its clock is correct; nodes' clocks are up to 5 minutes off and may jump by 25 hours",
    "seeds draw every isolation level; certificates and the matrix cover read committed",
    "all faults end after 3 hours; late messages still arrive",
];

/// The scenario, with or without guardrails.
pub struct Booking {
    ablation: Ablation,
    clock: Clock,
}

impl Booking {
    /// Returns the scenario without these guardrails.
    ///
    /// # Errors
    /// Returns an error if a name is not that of a guardrail.
    pub fn without(numbers: &[String]) -> Result<Self, shakedown_model::UnknownGuardrail> {
        Ablation::of(numbers).map(|ablation| Self { ablation, clock: Clock::OfTheStore })
    }

    /// Returns the scenario with a platform that judges expiry, age and promises by this clock.
    pub fn by_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "partner",
        about: "what the partner offers after a lost response: keys: it recognizes a repeat by its key for a day and \
                offers a lookup; short-keys: the same, but for half an hour; lookup: a lookup only; neither: nothing",
        values: &["keys", "short-keys", "lookup", "neither"],
        small: &["keys", "short-keys", "lookup", "neither"],
    },
    Parameter { name: "customers", about: "number of customers", values: &["1", "2"], small: &["1"] },
    Parameter {
        name: "intents",
        about: "trips that each customer books",
        values: &["1", "2"],
        small: &["1"],
    },
    Parameter {
        name: "isolation",
        about: "isolation level of the database's transactions",
        values: &["read-committed", "repeatable-read", "serializable"],
        small: &["read-committed"],
    },
    Parameter {
        name: "reviews",
        about: "what happens to bookings in review: left: nothing; worked: a person resolves them",
        values: &["left", "worked"],
        small: &["left"],
    },
    Parameter {
        name: "statement",
        about: "how often the partner's statement comes: daily: after all faults; hourly: also while they last; alone: \
                hourly, and the partner never calls back",
        values: &["daily", "hourly", "alone"],
        small: &["daily"],
    },
];

/// The period of an hourly statement.
const HOURLY: Duration = Duration::from_secs(3_600);

fn terms(variant: &Variant) -> PartnerTerms {
    let terms = offers(variant);
    match variant.get("statement") {
        Some("hourly") => PartnerTerms { statement_every: HOURLY, ..terms },
        Some("alone") => PartnerTerms { statement_every: HOURLY, calls_back: false, ..terms },
        _ => terms,
    }
}

fn offers(variant: &Variant) -> PartnerTerms {
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

/// One-way network latency on the happy path.
const HOP: Duration = Duration::from_millis(20);
/// One-way latency within a data centre.
const SHORT_HOP: Duration = Duration::from_millis(1);
/// The price of each offer, in minor units.
const PRICE: u32 = 12_000;
/// The time from one intent of a customer to the next.
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
    /// Builds the world on a database with these faults.
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
        add_customers(stage, &edge, &platform);
        if stage.variant().get("reviews") == Some("worked") {
            let person = stage.node(Role::outside("reviewer".into()), |_| {}).within(stage.entity("shift"));
            Reviewer { review_queue, page }.begin(&person, platform.tables.bookings.signal());
        }
    }
}

/// Adds the workload: each customer books one intent after the other, and looks again at the end of the run.
fn add_customers(stage: &Stage<Fact>, edge: &Edge, platform: &Platform) {
    let mut customers: Vec<(Customer, Env)> = Vec::new();
    let (news, links) = (platform.tables.bookings.signal(), SharedLinks::default());
    for number in 1..=stage.variant().number("customers") {
        let env = stage.node(Role::new("customer".into(), &shakedown_sim::CrashProfile::NEVER), |_| {});
        for intent in 1..=stage.variant().number("intents") {
            let env = env.within(stage.entity("intent"));
            let customer = Customer::sharing(number, edge, stage.facts(), news, &links);
            customers.push((customer.clone(), env.clone()));
            env.clone().spawn(async move {
                env.sleep(NEXT_INTENT * (intent - 1)).await;
                customer.book(&env, intent).await;
            });
        }
    }
    stage.at_rest(move || customers.iter().for_each(|(customer, env)| customer.show_reloaded(env)));
}
