//! The releases scenario: one release follows another while guests order, look and arrive. Nodes, pages, messages and rows
//! of both releases exist at the same time.
//!
//! Reading order: this file builds the world, [`faults`] lists the possible faults, [`ledger`] is the state that
//! judges accumulate, [`invariants`] and [`goals`] judge.

pub mod faults;
pub mod goals;
pub mod invariants;
pub mod ledger;

use crate::ablation::{self, Ablation};
use crate::catalogue::Entry;
use shakedown_model::outside::balancer::Balancer;
use shakedown_model::outside::host::Host;
use shakedown_model::outside::hotel::Hotel;
use shakedown_model::outside::supervisor;
use shakedown_model::outside::traveller::Travellers;
use shakedown_model::releases::code::{Guest, Order};
use shakedown_model::releases::host::Orchestrator;
use shakedown_model::releases::machine::{Build, Tier};
use shakedown_model::releases::manager::{self, Manager};
use shakedown_model::releases::rollout::Step;
use shakedown_model::releases::{Code, Design, Shop, past};
use shakedown_model::{Backbone, Fact};
use shakedown_sim::{
    CrashProfile, Duration, Endpoint, Env, Goals, Horizon, Invariant, Link, LinkFaults, Moment, Op,
    Parameter, Role, Scenario, Stage, Store, Variant,
};
use std::rc::Rc;

/// Its entry in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "releases",
    about: "one release follows another, node by node, while guests order; it may be recalled or be bad",
    assumptions: ASSUMPTIONS,
    systems: &["releases"],
    needs: goals::NEEDS,
    rehearse: |without| ablation::rehearse(Releases::without(without)),
};

const ASSUMPTIONS: &[&str] = &[
    "neighbours only: a run takes one step, from a release to the next or to a dropped column, and rolls back one step at most",
    "each tier has four machines; one may be a release behind when the step begins and take 30 minutes to replace",
    "the host takes at most 30 minutes to replace a machine, stops machines on request, and loses none permanently",
    "a bad build rejects all orders or every second one, those of probes too",
    "telemetry may be lost and is never wrong; compatibility is judged by whether stored texts parse, not by what fields mean",
    "a page is reloaded for each look: none stays open across two releases",
    "the partner recognizes repeats by the booking's number, forever",
    "the database loses no commit and notices a dead client within 2 minutes",
    "all faults end after 2 hours; guests arrive after that",
];

/// The scenario, with or without guardrails.
pub struct Releases(Ablation);

impl Releases {
    /// Returns the scenario without these guardrails.
    ///
    /// # Errors
    /// Returns an error if a name is not that of a guardrail.
    pub fn without(names: &[String]) -> Result<Self, shakedown_model::UnknownGuardrail> {
        Ablation::of(names).map(Self)
    }
}

const STEPS: &[&str] = &["R1-R2", "R2-R3", "R3-R4", "R4-drop"];
const PARAMETERS: &[Parameter] = &[Parameter {
    name: "step",
    about: "the step from one release to the next; R4-drop: from R3 to R4, then the old column is dropped",
    values: STEPS,
    small: STEPS,
}];

fn step(variant: &Variant) -> Step {
    match variant.get("step") {
        Some("R2-R3") => Step { from: 2, to: 3, drops: false },
        Some("R3-R4") => Step { from: 3, to: 4, drops: false },
        Some("R4-drop") => Step { from: 3, to: 4, drops: true },
        _ => Step { from: 1, to: 2, drops: false },
    }
}

/// One-way network latency on the happy path.
const HOP: Duration = Duration::from_millis(20);
/// One-way latency within a data centre.
const SHORT_HOP: Duration = Duration::from_millis(1);

const fn minutes(minutes: u64) -> Moment {
    Moment::from_nanos(minutes * 60_000_000_000)
}

/// The time at which the rollout begins.
const BEGINS: Moment = minutes(1);
/// The times at which guests look at their bookings.
const LOOKS: [Moment; 2] = [minutes(16), minutes(26)];
/// The time at which the supervisor works on the dead letters.
const LOOKS_THROUGH: Moment = minutes(28);
/// The time at which guests arrive.
const ARRIVE: Moment = minutes(130);
/// The price of an order, in minor units.
const PRICE: u32 = 12_000;

impl Scenario for Releases {
    type Fact = Fact;

    fn name(&self) -> &str {
        "releases"
    }

    fn without(&self) -> Vec<String> {
        self.0.names()
    }

    fn parameters(&self) -> &[Parameter] {
        PARAMETERS
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(2 * 3_600), settle: Duration::from_secs(4 * 3_600) }
    }

    fn build(&self, stage: &Stage<Fact>) {
        let (facts, step) = (stage.facts(), step(stage.variant()));
        let design = self.0.design();
        let codes = Codes::of(&design.releases, step);
        let server = stage.node(Role::outside("database".into()), |_| {});
        let backbone = Rc::new(Backbone::new(Store::new(&server, faults::STORE), design.backbone, facts));
        let to_partner = Link::new("partner", HOP, &faults::PARTNER);
        let reserve = Endpoint::new(Op::new("partner.reserve", "asks the partner to reserve"), &to_partner);
        let shop = Shop::new(&backbone, design.releases, reserve.clone(), facts);
        let inside = Link::new("inside", SHORT_HOP, &LinkFaults::NONE);
        let host = Host::new(Build::sound(codes.runs), &inside, &shop.turn, facts);
        let edge =
            Balancer::over(&Link::new("web", HOP, &faults::WEB), &Link::new("reads", HOP, &LinkFaults::NONE));

        let hotel = Hotel::new(facts);
        stage.node(Role::outside("partner".into()), move |env| hotel.boot(&env, &reserve));
        let (at, machines) = (edge.clone(), host.clone());
        stage.node(Role::outside("edge".into()), move |env| at.boot(&env, &machines));
        let rollout = stage.entity("rollout");
        let hosting = stage.node(Role::outside("host".into()), |_| {}).within(rollout);
        host.draw(&hosting, codes.before.map(Build::sound));
        for machine in host.machines() {
            let role = if machine.tier == Tier::Api { faults::API } else { faults::WORKER };
            let (machine, shop, facts) = (Rc::clone(machine), Rc::clone(&shop), facts.clone());
            stage.node(role, move |env| machine.boot(&env, &shop, &facts));
        }
        let supervisor = stage.node(Role::outside("supervisor".into()), |_| {}).within(rollout);
        let assignment = manager::Assignment {
            step,
            begins: BEGINS,
            reversed: !step.drops && supervisor::reverses(&supervisor),
        };
        let manager = Manager { shop: Rc::clone(&shop), host: Rc::new(host.clone()), hosting, assignment };
        let manager = Rc::new(manager);
        stage.node(faults::MANAGER, move |env| manager.boot(&env.within(rollout)));
        supervise(&supervisor, &shop, step);
        guests(stage, &Travellers { edge, host, facts: facts.clone() }, &shop, codes);
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        invariants::all()
    }

    fn goals(&self) -> Option<Box<dyn Goals<Fact>>> {
        Some(goals::all())
    }
}

/// The code that exists when a run begins.
#[derive(Clone, Copy)]
struct Codes {
    /// The running release.
    runs: Code,
    /// The release before it, which may still run on one machine.
    before: Option<Code>,
    /// The release that wrote the oldest rows.
    oldest: Code,
    /// The release whose backfill has filled in their names, if one has.
    filled_in: Option<Code>,
}

impl Codes {
    /// Returns the code that this design builds for the step.
    ///
    /// # Panics
    /// Panics if the design rejects every form of a release.
    fn of(design: &Design, step: Step) -> Self {
        let runs = if step.drops { step.to } else { step.from };
        let codes = manager::codes(design, runs);
        let code = |number: u32| codes[number as usize - 1].expect("some form of each release fits");
        let before = (runs > 1).then(|| code(runs - 1));
        Self { runs: code(runs), before, oldest: code(1), filled_in: (runs > 2).then(|| code(2)) }
    }
}

/// Adds the supervisor's actions after the roll-out has begun.
fn supervise(supervisor: &Env, shop: &Rc<Shop>, step: Step) {
    let (env, shop) = (supervisor.clone(), Rc::clone(shop));
    env.clone().spawn(async move {
        env.sleep_until(BEGINS).await;
        supervisor::think_again(&env, &shop, step.to);
        env.sleep_until(LOOKS_THROUGH).await;
        supervisor::look_through(&env, &shop).await;
    });
}

/// Adds the workload: one guest orders before the roll-out, one after it or during it, and two long before it.
fn guests(stage: &Stage<Fact>, guests: &Travellers, shop: &Rc<Shop>, codes: Codes) {
    let browser = stage.node(Role::new("guest".into(), &CrashProfile::NEVER), |_| {});
    let intents =
        [stage.entity("intent"), stage.entity("intent"), stage.entity("intent"), stage.entity("intent")];
    let [first, second, third, fourth] = intents;
    for (booking, scope) in [(1, first), (2, second)] {
        let (env, guests, order) = (browser.within(scope), guests.clone(), order(booking));
        env.clone().spawn(async move {
            env.sleep(Duration::from_secs(10)).await;
            if booking == 2 {
                env.sleep_until(moment(&env)).await;
            }
            guests.order(&env, order).await;
            env.sleep(Duration::from_secs(20)).await;
            guests.look(&env, booking).await;
            stay(&env, &guests, booking).await;
        });
    }
    let (env, guests) = (browser.within(third), guests.clone());
    env.clone().spawn(async move { stay(&env, &guests, 3).await });
    let past = stage.node(Role::outside("past".into()), |_| {}).within(third);
    let shop = Rc::clone(shop);
    past.clone().spawn(async move {
        let before = [(order(3), third), (order(4), fourth)];
        let writers = (codes.oldest, codes.filled_in);
        while past::remember(&past.child("memory"), &shop, writers, before).await.is_err() {
            past.sleep(Duration::from_secs(1)).await;
        }
    });
}

/// Returns the order of this booking.
fn order(booking: u32) -> Order {
    let guest = match booking {
        1 => Guest { given: "Ada", family: "Lovelace" },
        2 => Guest { given: "Grace", family: "Hopper" },
        3 => Guest { given: "Emmy", family: "Noether" },
        _ => Guest { given: "Alan", family: "Turing" },
    };
    Order { booking, partner: 1, guest, price_minor: PRICE }
}

/// Returns when the second guest orders.
fn moment(env: &Env) -> Moment {
    match env.choose(faults::MOMENT, &faults::MOMENTS).index() {
        1 => BEGINS + Duration::from_secs(15),
        2 => minutes(6),
        _ => minutes(25),
    }
}

/// Looks at the booking at fixed times, and arrives.
async fn stay(env: &Env, guests: &Travellers, booking: u32) {
    for moment in LOOKS {
        if env.now() < moment {
            env.sleep_until(moment).await;
            guests.look(env, booking).await;
        }
    }
    env.sleep_until(ARRIVE).await;
    guests.arrive(env, booking).await;
}
