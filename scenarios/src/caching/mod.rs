//! The caching scenario: an offer's page is read through a cache while the back office changes the offer, and
//! customers act on the page.
//!
//! Reading order: this file builds the world, [`faults`] lists the possible faults, [`invariants`] and [`goals`]
//! judge.

pub mod faults;
pub mod goals;
pub mod invariants;

use crate::ablation::{self, Ablation};
use crate::catalogue::Entry;
use shakedown_model::backbone::relay::{self, Consumer};
use shakedown_model::booking::Platform;
use shakedown_model::booking::api::Api;
use shakedown_model::booking::cache::CacheApi;
use shakedown_model::booking::connector::PartnerApi;
use shakedown_model::booking::offers::{Forgetting, OfferChange};
use shakedown_model::booking::platform::Beside;
use shakedown_model::outside::cache;
use shakedown_model::outside::edge::Edge;
use shakedown_model::outside::viewer::{self, Viewer};
use shakedown_model::{Backbone, Fact, PartnerTerms};
use shakedown_sim::{
    Alternatives, CrashProfile, Duration, Env, Goals, Horizon, Invariant, Label, Link, LinkFaults, Role,
    Scenario, Site, Stage, Store, Variant,
};
use std::rc::Rc;

/// Its entry in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "caching",
    about: "pages of an offer come from a cache while the offer ends or rises in price, readers arrive in a burst, and fills come late",
    assumptions: ASSUMPTIONS,
    systems: &["caching"],
    needs: goals::NEEDS,
    rehearse: |without| ablation::rehearse(Caching::without(without)),
};

const ASSUMPTIONS: &[&str] = &[
    "the database serves 200 page reads a second, over 24 connections",
    "a value lives in the cache for 48 s, 60 s or 72 s; the cache's clock is correct",
    "a burst is 250 readers of 40 offers within one second, once a run",
    "orders are accepted and not carried out: the booking scenario covers that",
];

/// The scenario, with or without guardrails.
pub struct Caching(Ablation);

impl Caching {
    /// Returns the scenario without these guardrails.
    ///
    /// # Errors
    /// Returns an error if a name is not that of a guardrail.
    pub fn without(names: &[String]) -> Result<Self, shakedown_model::UnknownGuardrail> {
        Ablation::of(names).map(Self)
    }
}

/// The offer that changes.
const OFFER: u32 = 1;
/// Its price, in minor units.
const PRICE: u32 = 12_000;
/// One-way network latency on the happy path.
const HOP: Duration = Duration::from_millis(20);
/// One-way latency within a data centre.
const SHORT_HOP: Duration = Duration::from_millis(1);

/// Its price once it has risen, if it rises.
const RISEN: u32 = 14_000;
/// The time at which the back office changes the offer.
const CHANGES: Duration = Duration::from_secs(62);
/// The times at which people who do not know of the change look at the page.
const LOOKS: [Duration; 2] = [Duration::from_secs(100), Duration::from_secs(160)];
/// The time of the burst of readers, if there is one, and its size: more readers within a second than the database serves. Each of
/// them offers choices, so that an exhaustive search gets slower with the cube of their number.
const CROWD_COMES: Duration = Duration::from_secs(240);
const CROWD: u32 = 250;
/// The number of offers: the burst reads all of them, other readers the first.
const OFFERS: u32 = 40;

const VIEWER: Label = Label::new("viewer");
const MOMENT: Site = Site::new(VIEWER, Label::new("moment"));
const MOMENTS: Alternatives =
    Alternatives::new(&["long after the change", "just before the change", "before and after the change"]);
const BUYER: Site = Site::new(Label::new("buyer"), Label::new("presses the button"));
const PRESSES: Alternatives =
    Alternatives::new(&["at once", "as the offer changes", "after the offer has changed"]);
const OFFICE: Site = Site::new(Label::new("office"), Label::new("changes the offer"));
const OFFICE_DOES: Alternatives = Alternatives::new(&["ends it", "raises its price"]);
const READERS: Site = Site::new(Label::new("crowd"), Label::new("readers"));
const CROWDS: Alternatives = Alternatives::new(&["stay away", "come at once"]);

impl Scenario for Caching {
    type Fact = Fact;

    fn name(&self) -> &str {
        "caching"
    }

    fn without(&self) -> Vec<String> {
        self.0.names()
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(1_800), settle: Duration::from_secs(1_800) }
    }

    fn build(&self, stage: &Stage<Fact>) {
        let facts = stage.facts();
        let server = stage.node(Role::outside("database".into()), |_| {});
        let design = self.0.design();
        let store = Store::new(&server, faults::STORE);
        let backbone = Rc::new(Backbone::new(store, design.backbone, facts).with_outbox(facts));
        let to_cache = CacheApi::over(&Link::new("cache", SHORT_HOP, &faults::CACHE));
        let inside = Link::new("inside", SHORT_HOP, &LinkFaults::NONE);
        let api = Api::over(&inside, &inside);
        let edge =
            Edge::over(&Link::new("web", HOP, &faults::WEB), &Link::new("reads", HOP, &LinkFaults::NONE));
        let unused_partner = PartnerApi::over(&inside);
        let cached = Beside { cache: Some(to_cache.clone()), ..Beside::default() };
        let platform =
            Platform::beside(cached, &backbone, design.booking, unused_partner, PartnerTerms::KEYS, facts);
        (0..OFFERS).for_each(|more| platform.plant_offer(OFFER + more, PRICE));

        let log = facts.clone();
        stage.node(Role::outside("cache".into()), move |env| cache::boot(&env, &to_cache, &log));
        let (at, behind, log) = (edge.clone(), api.clone(), facts.clone());
        stage.node(Role::outside("edge".into()), move |env| at.boot(&env, &behind, &log));
        let (at, operations, log) = (Rc::clone(&platform), api.clone(), facts.clone());
        stage.node(faults::API, move |env| {
            operations.boot(&env, &at);
            operations.boot_pages(&env, &at, &log);
        });
        let consumers: Rc<[Rc<dyn Consumer>]> = Rc::new([Rc::new(Forgetting { platform })]);
        stage.node(faults::RELAY, move |env| relay::boot(&env, &backbone, Rc::clone(&consumers)));
        add_workload(stage, &edge, &api);
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        invariants::all()
    }

    fn goals(&self) -> Option<Box<dyn Goals<Fact>>> {
        Some(goals::all())
    }
}

/// Adds the workload: the back office, a buyer, viewers, and a burst of readers in some runs.
fn add_workload(stage: &Stage<Fact>, edge: &Edge, api: &Api) {
    let viewer = Viewer::new(edge, stage.facts());
    let person = |role: &'static str| stage.node(Role::new(role.into(), &CrashProfile::NEVER), |_| {});
    let office = person("office").within(stage.entity("offer"));
    let api = api.clone();
    office.clone().spawn(async move {
        office.sleep(CHANGES).await;
        let change = match office.choose(OFFICE, &OFFICE_DOES).index() {
            0 => OfferChange::Ends,
            _ => OfferChange::Costs(RISEN),
        };
        viewer::change(&office, &api, OFFER, change).await;
    });
    let buyer = person("buyer").within(stage.entity("intent"));
    let at = viewer.clone();
    buyer.clone().spawn(async move {
        let later = match buyer.choose(BUYER, &PRESSES).index() {
            1 => CHANGES - Duration::from_millis(10),
            2 => CHANGES + Duration::from_millis(500),
            _ => Duration::ZERO,
        };
        at.book(&buyer, 1, OFFER, later.saturating_sub(PAGE_AND_QUOTE)).await;
    });
    let looker = person("viewer");
    let visit = looker.within(stage.entity("page"));
    let at = viewer.clone();
    visit.clone().spawn(async move { look_at_moments(&visit, &at).await });
    for look in LOOKS {
        let (page, at) = (looker.within(stage.entity("page")), viewer.clone());
        page.clone().spawn(async move {
            page.sleep(look).await;
            at.look(&page, OFFER).await;
        });
    }
    let crowd = person("crowd").within(stage.entity("crowd"));
    crowd.clone().spawn(async move {
        crowd.sleep(CROWD_COMES).await;
        if crowd.choose(READERS, &CROWDS).index() == 1 {
            add_crowd(&crowd, &viewer);
        }
    });
}

/// The buyer's typical time from the page to the quoted price.
const PAGE_AND_QUOTE: Duration = Duration::from_millis(211);

async fn look_at_moments(page: &Env, viewer: &Viewer) {
    let before = CHANGES - Duration::from_millis(50);
    let moments: &[Duration] = match page.choose(MOMENT, &MOMENTS).index() {
        1 => &[before],
        2 => &[Duration::from_secs(61), Duration::from_secs(65)],
        _ => &[Duration::from_secs(200)],
    };
    for moment in moments {
        page.sleep_until(shakedown_sim::Moment::START + *moment).await;
        viewer.look(&page.child("look"), OFFER).await;
    }
}

/// Adds the readers of the burst, spread evenly over one second.
fn add_crowd(crowd: &Env, viewer: &Viewer) {
    crowd.lasts(Duration::from_secs(1));
    for number in 0..CROWD {
        let (reader, at) = (crowd.child("reader"), viewer.clone());
        reader.clone().spawn(async move {
            reader.sleep(Duration::from_micros(u64::from(number) * 1_000_000 / u64::from(CROWD))).await;
            at.look(&reader, OFFER + number % OFFERS).await;
        });
    }
}
