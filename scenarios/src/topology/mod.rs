//! The topology scenario: the layout of the platform's nodes, and their monitoring. Guests book on the web and in apps
//! while clinics send reports; workers send bookings to a partner and reports to a registry; a monitor alerts a pager
//! about late work, and the pager rings when the monitor's heartbeat is missing.
//!
//! Reading order: this file builds the world, [`faults`] lists the possible faults, [`ledger`] is the state that
//! judges accumulate, [`invariants`] and [`goals`] judge.

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

/// Its entry in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "topology",
    about: "guests on the web and in apps, clinics, workers beside the web tier, and a monitor with an external pager",
    assumptions: ASSUMPTIONS,
    systems: &["topology"],
    needs: &[],
    rehearse: |without| ablation::rehearse(Topology::without(without)),
};

const ASSUMPTIONS: &[&str] = &[
    "the platform is a small one: a web tier of one node with 2 threads, two workers, a report every 2.5 s",
    "the registry has at most one episode of at most 30 minutes; the link to the partner may be down or slow until all faults end",
    "a request reaches the partner or the registry at most 10 minutes late, a worker or the monitor pauses at most 10 minutes at a time",
    "messages to the pager are lost singly; a heartbeat is lost only with the monitor",
    "the pager forgets nothing; the on-call person takes an alert after 3 or 30 minutes and works on the dead letters of the next four hours",
    "guests do not cancel; nobody works on reviews, and the partner's statement is not read",
    "the correctness of bookings and filings is judged by their own scenarios",
    "the database loses no commit and notices a dead client within 2 minutes",
    "all faults end after 2 hours; late messages still arrive",
];

/// The scenario, with or without guardrails.
pub struct Topology(Ablation);

impl Topology {
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
        name: "partner",
        about: "what the partner offers after a lost response: lookup: a lookup; keys: it also recognizes a repeat by its \
                key for a day; neither: nothing",
        values: &["lookup", "keys", "neither"],
        small: &["lookup", "neither"],
    },
    Parameter { name: "guests", about: "number of guests who book", values: &["1", "2"], small: &["1"] },
    Parameter {
        name: "reports",
        about: "number of reports that a clinic sends",
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

/// One-way network latency on the happy path.
const HOP: Duration = Duration::from_millis(20);
/// One-way latency within a data centre.
const SHORT_HOP: Duration = Duration::from_millis(1);
/// The price of an offer, in minor units.
const PRICE: u32 = 12_000;
/// The time from one report to the next: slightly longer than the registry takes for one report.
const REPORT_PERIOD: Duration = Duration::from_millis(2_500);
/// The time at which the first guest comes.
const GUEST_AT: Duration = Duration::from_millis(6_000);
/// The time from one guest to the next.
const NEXT_GUEST: Duration = Duration::from_millis(4_000);

/// The time for which the person on call looks at the dead letters after an alert.
const ON_CALL_STAYS: Duration = Duration::from_secs(4 * 3_600);

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
        let apis = Apis::new();
        let platform =
            Platform::new(&backbone, design.booking, apis.partner.clone(), terms(stage.variant()), facts);
        platform.plant_offer(1, PRICE);
        let office = Office::new(&backbone, apis.registry.clone(), Repeats::AreTheSame, facts);
        let log = AccessLog::new(facts);

        outside(stage, &apis, &log);
        let nodes = inside(stage, &apis, &platform, &office);
        let (pager, at) = (Pager::new(facts), apis.pager.clone());
        let serving = pager.clone();
        let listener = stage.node(Role::outside("pager".into()), move |env| serving.boot(&env, &at));
        let promises = vec![Rc::new(Orders(Rc::clone(&platform))) as _, Rc::new(Reports(office)) as _];
        let watch = Rc::new(Watch { promises, nodes, log: Rc::new(log), pager: apis.pager.clone() });
        let at = Rc::clone(&backbone);
        let monitor_node = stage.node(faults::MONITOR, move |env| monitor::boot(&env, &at, &watch));
        if let Some(heartbeat) = monitor::heartbeat(&backbone, &monitor_node) {
            pager.listen(&listener, heartbeat);
        }
        let person = stage.node(Role::outside("person".into()), |_| {});
        let (review_queue, registry) = (apis.filing.clone(), apis.registry.clone());
        let on_call = OnCall { review_queue, registry, stays: ON_CALL_STAYS };
        on_call.begin(&person.within(stage.entity("shift")), pager.called());
        add_workload(stage, &apis, &platform);
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        invariants::all()
    }

    fn goals(&self) -> Option<Box<dyn Goals<Fact>>> {
        Some(goals::all())
    }
}

/// The clients of every API in the world, each over its link.
struct Apis {
    partner: PartnerApi,
    registry: RegistryApi,
    booking: booking::api::Api,
    filing: filing::api::Api,
    edge: Edge,
    reports: ReportEdge,
    pager: PagerApi,
}

impl Apis {
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

/// Adds the dependencies and the edge.
fn outside(stage: &Stage<Fact>, apis: &Apis, log: &AccessLog) {
    let partner = Partner::new(terms(stage.variant()), stage.facts(), &apis.booking);
    let at = apis.partner.clone();
    stage.node(Role::outside("partner".into()), move |env| partner.boot(&env, &at));
    let (registry, at) = (Registry::new(Repeats::AreTheSame, stage.facts()), apis.registry.clone());
    stage.node(Role::outside("registry".into()), move |env| registry.boot(&env, &at));
    let (edge, reports, log) = (apis.edge.clone(), apis.reports.clone(), log.clone());
    let (booking, filing) = (apis.booking.clone(), apis.filing.clone());
    stage.node(Role::outside("edge".into()), move |env| {
        edge.boot_with(&env, &booking, &log);
        reports.boot_with(&env, &filing, &log);
    });
}

/// Adds the web tier and the workers. Returns a handle of each node.
fn inside(stage: &Stage<Fact>, apis: &Apis, platform: &Rc<Platform>, office: &Rc<Office>) -> Vec<Env> {
    let backbone = &platform.backbone;
    let handlers: Rc<[Rc<dyn Handler>]> =
        Rc::new([Rc::new(Carrier(Rc::clone(platform))), Rc::new(Courier(Rc::clone(office)))]);
    let mut nodes = Vec::new();
    let (at, bookings, filings) = (Rc::clone(backbone), Rc::clone(platform), Rc::clone(office));
    let (booking, filing, jobs) = (apis.booking.clone(), apis.filing.clone(), Rc::clone(&handlers));
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

/// Adds the workload: a series of reports, and guests between them.
fn add_workload(stage: &Stage<Fact>, apis: &Apis, platform: &Rc<Platform>) {
    let clinic = stage.node(Role::new("clinic".into(), &CrashProfile::NEVER), |_| {});
    for number in 0..stage.variant().number("reports") {
        let (env, edge) = (clinic.within(stage.entity("filing")), apis.reports.clone());
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
            edge: apis.edge.clone(),
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
