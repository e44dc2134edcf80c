//! The topology scenario: how the platform's nodes are laid out, and who watches them. Guests book on the web and in
//! apps while clinics report; workers bring the one to a partner and the other to a registry; a monitor tells a pager
//! of work that is late, and the pager rings when the monitor is silent.
//!
//! Reading order: this page builds the world, [`faults`] says what may go wrong in it, [`ledger`] is what judges keep
//! of the facts, [`invariants`] and [`goals`] judge.

pub mod faults;
pub mod goals;
pub mod invariants;
pub mod ledger;

use crate::ablation::{self, Ablation};
use crate::catalogue::Entry;
use shakedown_model::backbone::monitor::{self, PagerApi, Watch};
use shakedown_model::backbone::threads::Threads;
use shakedown_model::backbone::workers::{self, Handler};
use shakedown_model::booking::clients::Clients;
use shakedown_model::booking::connector::PartnerApi;
use shakedown_model::booking::promises::Orders;
use shakedown_model::booking::worker::Carrier;
use shakedown_model::booking::{self, Platform};
use shakedown_model::filing::connector::{RegistryApi, Repeats};
use shakedown_model::filing::promises::Reports;
use shakedown_model::filing::worker::Courier;
use shakedown_model::filing::{self, Office};
use shakedown_model::outside::clinic::{self, ReportEdge};
use shakedown_model::outside::edge::{AccessLog, Edge};
use shakedown_model::outside::guest::Guest;
use shakedown_model::outside::on_call::OnCall;
use shakedown_model::outside::pager::Pager;
use shakedown_model::outside::partner::Partner;
use shakedown_model::outside::registry::Registry;
use shakedown_model::settings::WEB_THREADS;
use shakedown_model::{Backbone, Fact, PartnerTerms};
use shakedown_sim::{
    CrashProfile, Duration, Env, Goals, Horizon, Invariant, Link, LinkFaults, Parameter, Role, Scenario,
    Stage, Store, Variant,
};
use std::rc::Rc;

/// What the catalogue says of it.
pub const ENTRY: Entry = Entry {
    name: "topology",
    about: "guests on the web and in apps beside clinics, workers beside the web tier, and a monitor with a pager outside",
    assumptions: ASSUMPTIONS,
    systems: &["topology"],
    needs: &[],
    rehearse: |without| ablation::rehearse(Topology::without(without)),
};

const ASSUMPTIONS: &[&str] = &[
    "the platform is a small one: a web tier of one node with 2 threads, two workers, a report every 2.5 s",
    "the registry is in trouble once at most, for 30 minutes at most; the way to the partner may be down or slow until all heals",
    "a request reaches the partner or the registry at most 10 minutes late, a worker or the monitor pauses at most 10 minutes at a time",
    "messages to the pager are lost one by one; a beat is lost with the monitor only",
    "the pager forgets nothing; whoever is on call takes an alert after 3 minutes or 30, and then sees to dead letters",
    "guests keep what they book; nobody works through reviews, and the partner's statement is not read",
    "that bookings and filings come out right is judged by the scenarios that are about them",
    "the database loses nothing that it has committed, and notices a dead client within 2 minutes",
    "everything heals 2 hours in; what is late by then still arrives",
];

/// The scenario, with a design that may lack guardrails.
pub struct Topology(Ablation);

impl Topology {
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
        name: "partner",
        about: "what helps with the partner after a lost answer: lookup: it can be asked what it has; \
                keys: it knows a repeat by its key for a day, too; neither: nothing",
        values: &["lookup", "keys", "neither"],
        small: &["lookup", "neither"],
    },
    Parameter { name: "guests", about: "how many book", values: &["1", "2"], small: &["1"] },
    Parameter {
        name: "reports",
        about: "how many reports a clinic sends in",
        values: &["4", "8"],
        small: &["4"],
    },
];

fn terms(variant: &Variant) -> PartnerTerms {
    match variant.get("partner") {
        Some("keys") => PartnerTerms::KEYS,
        Some("neither") => PartnerTerms::NEITHER,
        _ => PartnerTerms::LOOKUP,
    }
}

/// One way over the network, on the happy path.
const HOP: Duration = Duration::from_millis(20);
/// Between nodes of one data centre.
const SHORT_HOP: Duration = Duration::from_millis(1);
/// What an offer costs, in minor units.
const PRICE: u32 = 12_000;
/// From one report to the next: a little longer than the registry takes for one.
const REPORT_PERIOD: Duration = Duration::from_millis(2_500);
/// When the first guest comes.
const GUEST_AT: Duration = Duration::from_millis(6_000);
/// From one guest to the next.
const NEXT_GUEST: Duration = Duration::from_millis(4_000);

impl Scenario for Topology {
    type Fact = Fact;

    fn name(&self) -> &str {
        "topology"
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
        let facts = stage.facts();
        let server = stage.node(Role::outside("database".into()), |_| {});
        let design = self.0.design();
        let store = Store::new(&server, faults::STORE);
        let backbone = Rc::new(Backbone::new(store, design.backbone, facts));
        let ways = Ways::new();
        let platform =
            Platform::new(&backbone, design.booking, ways.partner.clone(), terms(stage.variant()), facts);
        platform.plant_offer(1, PRICE);
        let office = Office::new(&backbone, ways.registry.clone(), Repeats::AreTheSame, facts);
        let log = AccessLog::new(facts);

        outside(stage, &ways, &log);
        let nodes = inside(stage, &ways, &platform, &office);
        let (pager, at) = (Pager::new(facts), ways.pager.clone());
        let serving = pager.clone();
        let listener = stage.node(Role::outside("pager".into()), move |env| serving.boot(&env, &at));
        let promises = vec![Rc::new(Orders(Rc::clone(&platform))) as _, Rc::new(Reports(office)) as _];
        let watch = Rc::new(Watch { promises, nodes, log: Rc::new(log), pager: ways.pager.clone() });
        let at = Rc::clone(&backbone);
        let watching = stage.node(faults::MONITOR, move |env| monitor::boot(&env, &at, &watch));
        if let Some(heartbeat) = monitor::heartbeat(&backbone, &watching) {
            pager.listen(&listener, heartbeat);
        }
        let person = stage.node(Role::outside("person".into()), |_| {});
        let review_queue = OnCall { review_queue: ways.filing.clone(), registry: ways.registry.clone() };
        review_queue.begin(&person.within(stage.entity("shift")), pager.called());
        people(stage, &ways, &platform);
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        invariants::all()
    }

    fn goals(&self) -> Option<Box<dyn Goals<Fact>>> {
        Some(goals::all())
    }
}

/// Every way from one node to another.
struct Ways {
    partner: PartnerApi,
    registry: RegistryApi,
    booking: booking::api::Api,
    filing: filing::api::Api,
    edge: Edge,
    reports: ReportEdge,
    pager: PagerApi,
}

impl Ways {
    fn new() -> Self {
        let calm = |name| Link::new(name, HOP, &LinkFaults::NONE);
        let inside = Link::new("inside", SHORT_HOP, &LinkFaults::NONE);
        let web = Link::new("web", HOP, &faults::WEB);
        Self {
            partner: PartnerApi::over(&Link::new("partner", HOP, &faults::PARTNER)),
            registry: RegistryApi::over(
                &Link::new("registry", HOP, &faults::REGISTRY),
                &calm("registry page"),
            ),
            booking: booking::api::Api::over(&inside, &calm("callbacks")),
            filing: filing::api::Api::over(&inside, &calm("desk")),
            edge: Edge::over(&web, &calm("reads")),
            reports: ReportEdge::over(&web),
            pager: PagerApi::over(&Link::new("pager", HOP, &faults::PAGER)),
        }
    }
}

/// Whom we depend on, and the edge.
fn outside(stage: &Stage<Fact>, ways: &Ways, log: &AccessLog) {
    let partner = Partner::new(terms(stage.variant()), stage.facts(), &ways.booking);
    let at = ways.partner.clone();
    stage.node(Role::outside("partner".into()), move |env| partner.boot(&env, &at));
    let (registry, at) = (Registry::new(Repeats::AreTheSame, stage.facts()), ways.registry.clone());
    stage.node(Role::outside("registry".into()), move |env| registry.boot(&env, &at));
    let (edge, reports, log) = (ways.edge.clone(), ways.reports.clone(), log.clone());
    let (booking, filing) = (ways.booking.clone(), ways.filing.clone());
    stage.node(Role::outside("edge".into()), move |env| {
        edge.boot_with(&env, &booking, &log);
        reports.boot_with(&env, &filing, &log);
    });
}

/// The web tier and the workers; answers a handle of each node.
fn inside(stage: &Stage<Fact>, ways: &Ways, platform: &Rc<Platform>, office: &Rc<Office>) -> Vec<Env> {
    let backbone = &platform.backbone;
    let handlers: Rc<[Rc<dyn Handler>]> =
        Rc::new([Rc::new(Carrier(Rc::clone(platform))), Rc::new(Courier(Rc::clone(office)))]);
    let mut nodes = Vec::new();
    let (at, bookings, filings) = (Rc::clone(backbone), Rc::clone(platform), Rc::clone(office));
    let (booking, filing, jobs) = (ways.booking.clone(), ways.filing.clone(), Rc::clone(&handlers));
    nodes.push(stage.node(faults::API, move |env| {
        let threads = Threads::new(WEB_THREADS);
        booking.boot_on(&env, &bookings, &threads);
        filing.boot_on(&env, &filings, &threads);
        workers::boot_beside_requests(&env, &at, Rc::clone(&jobs), &threads);
    }));
    for _ in 0..2 {
        let (at, handlers) = (Rc::clone(backbone), Rc::clone(&handlers));
        nodes.push(stage.node(faults::WORKER, move |env| workers::boot(&env, &at, Rc::clone(&handlers))));
    }
    nodes
}

/// The workload: reports one after the other, and guests between them.
fn people(stage: &Stage<Fact>, ways: &Ways, platform: &Rc<Platform>) {
    let clinic = stage.node(Role::new("clinic".into(), &CrashProfile::NEVER), |_| {});
    for number in 0..stage.variant().number("reports") {
        let (env, edge) = (clinic.within(stage.entity("filing")), ways.reports.clone());
        env.clone().spawn(async move {
            env.sleep(REPORT_PERIOD * number).await;
            clinic::report(&env, &edge, number + 1).await;
        });
    }
    for number in 0..stage.variant().number("guests") {
        let env = stage.node(Role::new("guest".into(), &CrashProfile::NEVER), |_| {});
        let env = env.within(stage.entity("intent"));
        let guest = Guest {
            number: number + 1,
            edge: ways.edge.clone(),
            clients: Clients::of(platform),
            news: platform.tables.bookings.signal().clone(),
            facts: stage.facts().clone(),
        };
        env.clone().spawn(async move {
            env.sleep(GUEST_AT + NEXT_GUEST * number).await;
            guest.book(&env, 1).await;
        });
    }
}
