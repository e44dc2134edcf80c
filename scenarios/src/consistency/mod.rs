//! The consistency scenario: a booking changes, and a reporting feed and a list of bookings must follow while relay,
//! broker and projector fail.
//!
//! Reading order: this file builds the world, [`faults`] lists the possible faults, [`invariants`] and [`goals`]
//! judge.

pub mod faults;
pub mod goals;
pub mod invariants;

use crate::ablation::{self, Ablation};
use crate::catalogue::Entry;
use shakedown_model::backbone::events::Event;
use shakedown_model::backbone::relay::{self, Consumer};
use shakedown_model::backbone::topic::Topic;
use shakedown_model::backbone::workers::{self, Handler};
use shakedown_model::booking::api::Api;
use shakedown_model::booking::connector::PartnerApi;
use shakedown_model::booking::worker::Carrier;
use shakedown_model::booking::{Platform, summaries};
use shakedown_model::facts::EventFact;
use shakedown_model::outside::edge::Edge;
use shakedown_model::outside::feed;
use shakedown_model::outside::partner::Partner;
use shakedown_model::outside::shopper::Shopper;
use shakedown_model::{Backbone, Fact, PartnerTerms};
use shakedown_sim::queue::Reached;
use shakedown_sim::{
    Alternatives, CrashProfile, Duration, Env, Goals, Horizon, Invariant, Label, Link, LinkFaults, Parameter,
    Poller, Queue, Role, Scenario, Signal, Site, Stage, Store, Variant,
};
use std::rc::Rc;

/// Its entry in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "consistency",
    about: "a feed and a list follow the changes of a booking while relay, broker and projector fail",
    assumptions: ASSUMPTIONS,
    systems: &["consistency"],
    needs: &[],
    rehearse: |without| ablation::rehearse(Consistency::without(without)),
};

const ASSUMPTIONS: &[&str] = &[
    "the partner takes keys, responds and calls back, and its link does not fail: the booking scenario covers that",
    "the broker loses no accepted message; it delivers a message again until it is acknowledged",
    "the feed drops repeats, by the row and version that an event names",
    "all faults end after 3 hours",
];

/// The scenario, with or without guardrails.
pub struct Consistency(Ablation);

impl Consistency {
    /// Returns the scenario without these guardrails.
    ///
    /// # Errors
    /// Returns an error if a name is not that of a guardrail.
    pub fn without(names: &[String]) -> Result<Self, shakedown_model::UnknownGuardrail> {
        Ablation::of(names).map(Self)
    }
}

const PARAMETERS: &[Parameter] = &[Parameter {
    name: "shoppers",
    about: "number of customers who book and look at a list",
    values: &["1", "2"],
    small: &["1", "2"],
}];

/// The number of nodes that maintain the list: they may work on one booking at once.
const PROJECTORS: u32 = 2;
/// The only offer, and its price in minor units.
const OFFER: (u32, u32) = (1, 12_000);
/// One-way network latency on the happy path.
const HOP: Duration = Duration::from_millis(20);
/// One-way latency within a data centre.
const SHORT_HOP: Duration = Duration::from_millis(1);

/// The period at which the on-call person looks.
const LOOKS: Duration = Duration::from_secs(900);

const REBUILD: Site = Site::new(Label::new("operator"), Label::new("rebuilds the list"));
const REBUILDS: Alternatives =
    Alternatives::new(&["never", "while the booking is made", "later", "while it is cancelled"]);

impl Scenario for Consistency {
    type Fact = Fact;

    fn name(&self) -> &str {
        "consistency"
    }

    fn without(&self) -> Vec<String> {
        self.0.names()
    }

    fn parameters(&self) -> &[Parameter] {
        PARAMETERS
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(3 * 3_600), settle: Duration::from_secs(4 * 3_600) }
    }

    fn build(&self, stage: &Stage<Fact>) {
        let facts = stage.facts();
        let server = stage.node(Role::outside("database".into()), |_| {});
        let broker = stage.node(Role::outside("broker".into()), |_| {});
        let died = Signal::new();
        let queue = |name| queue(stage, &broker, name, &died);
        let (to_feed, to_list) = (queue("feed"), queue("list"));
        let topic = Topic::new([to_feed.clone(), to_list.clone()]);
        let design = self.0.design();
        let backbone = Backbone::new(Store::new(&server, faults::STORE), design.backbone, facts);
        let backbone = Rc::new(backbone.with_outbox(facts).with_topic(topic.clone()));
        let to_partner = PartnerApi::over(&Link::new("partner", HOP, &LinkFaults::NONE));
        let inside = Link::new("inside", SHORT_HOP, &LinkFaults::NONE);
        let api = Api::over(&inside, &inside);
        let sound = Link::new("web", HOP, &LinkFaults::NONE);
        let edge = Edge::over(&sound, &sound);
        let platform =
            Platform::new(&backbone, design.booking, to_partner.clone(), PartnerTerms::KEYS, facts);
        platform.plant_offer(OFFER.0, OFFER.1);

        let partner = Partner::new(PartnerTerms::KEYS, facts, &api);
        stage.node(Role::outside("partner".into()), move |env| partner.boot(&env, &to_partner));
        let (at, behind, log) = (edge.clone(), api.clone(), facts.clone());
        stage.node(Role::outside("edge".into()), move |env| at.boot(&env, &behind, &log));
        let at = Rc::clone(&platform);
        stage.node(faults::API, move |env| api.boot(&env, &at));
        let (at, handlers): (_, Rc<[Rc<dyn Handler>]>) =
            (Rc::clone(&backbone), Rc::new([Rc::new(Carrier(Rc::clone(&platform)))]));
        stage.node(faults::WORKER, move |env| workers::boot(&env, &at, Rc::clone(&handlers)));
        let consumers: Rc<[Rc<dyn Consumer>]> = Rc::new([Rc::new(topic)]);
        stage.node(faults::RELAY, move |env| relay::boot(&env, &backbone, Rc::clone(&consumers)));
        for _ in 0..PROJECTORS {
            let (at, events) = (Rc::clone(&platform), to_list.clone());
            stage.node(faults::PROJECTOR, move |env| summaries::boot(&env, &at, &events));
        }
        let log = facts.clone();
        stage.node(Role::outside("reports".into()), move |env| feed::boot(&env, &to_feed, &log));
        add_workload(stage, &edge, &platform);
        on_call(stage, &platform, died);
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        invariants::all()
    }

    fn goals(&self) -> Option<Box<dyn Goals<Fact>>> {
        Some(goals::all())
    }
}

/// Returns a queue to a subscriber. Its dead letters are facts and raise the signal `died`.
fn queue(stage: &Stage<Fact>, broker: &Env, name: &'static str, died: &Signal) -> Queue<Event> {
    let (facts, died) = (stage.facts().clone(), died.clone());
    Queue::new(broker, name, faults::QUEUE).observed_by(move |env, milestone| {
        if milestone.reached == Reached::Died {
            let Event { subject, version, .. } = *milestone.body;
            facts.state(env, &Fact::Event(EventFact::Died { subject, version }));
            died.raise(env);
        }
    })
}

/// Adds a person who watches the dead letters and rebuilds the list when the list has missed an event.
fn on_call(stage: &Stage<Fact>, platform: &Rc<Platform>, died: Signal) {
    let person = stage.node(Role::outside("on call".into()), |_| {});
    let (person, platform) = (person.within(stage.entity("shift")), Rc::clone(platform));
    person.clone().spawn(async move {
        let mut poller = Poller::new(&person, &died, LOOKS);
        poller.turn(None).await;
        loop {
            poller.turn(None).await;
            while summaries::rebuild(&person, &platform).await.is_err() {
                person.sleep(LOOKS).await;
            }
        }
    });
}

/// Adds the workload: shoppers who follow the list, and an operator who may rebuild it.
fn add_workload(stage: &Stage<Fact>, edge: &Edge, platform: &Rc<Platform>) {
    let mut customers: Vec<(Shopper, Env)> = Vec::new();
    for number in 1..=stage.variant().number("shoppers") {
        let shopper = stage.node(Role::new("shopper".into(), &CrashProfile::NEVER), |_| {});
        let shopper = shopper.within(stage.entity("intent"));
        let person = Shopper::new(number, edge, stage.facts(), platform.tables.summaries.signal());
        customers.push((person.clone(), shopper.clone()));
        shopper.clone().spawn(async move { person.shop(&shopper, OFFER.0).await });
    }
    stage.at_rest(move || customers.iter().for_each(|(person, shopper)| person.show_reloaded(shopper)));

    let operator = stage.node(faults::OPERATOR, |_| {});
    let operator = operator.within(stage.entity("rebuild"));
    let platform = Rc::clone(platform);
    operator.clone().spawn(async move {
        let after = match operator.choose(REBUILD, &REBUILDS).index() {
            0 => return,
            1 => Duration::from_millis(350),
            3 => Duration::from_millis(10_125),
            _ => Duration::from_secs(20),
        };
        operator.sleep(after).await;
        let _ = summaries::rebuild(&operator, &platform).await;
    });
}
