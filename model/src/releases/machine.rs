//! Machines: what runs a tier, with the build that is installed on it.

use super::api::{self, ShopApi};
use super::code::{Change, Code, Guest, Order, Status};
use super::facts::ReleaseFact;
use super::shop::{Shop, admitted};
use super::telemetry::Counts;
use super::worker;
use serde::Serialize;
use shakedown_sim::{Duration, Endpoint, Env, Fact, Facts, Link, NodeId, Op, Signal};
use std::cell::Cell;
use std::rc::Rc;

/// A part of the platform whose nodes are rolled together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Tier {
    /// Accepts orders and answers pages: writes jobs and rows, reads rows.
    Api,
    /// Works jobs: reads jobs, reads and writes rows.
    Worker,
}

/// What is wrong with a build, if something is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Defect {
    /// It turns down every order.
    TurnsAllDown,
    /// It turns down every other order.
    TurnsSomeDown,
}

/// A release as it was built.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Build {
    /// Its code.
    pub code: Code,
    /// What is wrong with it.
    pub defect: Option<Defect>,
}

/// How many orders a probe makes up.
const PROBES: u32 = 20;

impl Build {
    /// The code, built well.
    pub fn sound(code: Code) -> Self {
        Self { code, defect: None }
    }

    /// The release's number.
    pub fn number(&self) -> u32 {
        self.code.documents().number()
    }

    /// Whether it turns this order down, for no good reason.
    pub(crate) fn turns_down(&self, booking: u32) -> bool {
        match self.defect {
            None => false,
            Some(Defect::TurnsAllDown) => true,
            Some(Defect::TurnsSomeDown) => booking.is_multiple_of(2),
        }
    }

    /// Works orders that are made up, without any effect.
    fn probe(&self) -> Counts {
        let documents = self.code.documents();
        let mut counts = Counts::default();
        for booking in 0..PROBES {
            let guest = Guest { given: "Test", family: "Probe" };
            let order = Order { booking, partner: 1, guest, price_minor: 1 };
            let reads = documents.read_job(&documents.job(&order)).is_ok()
                && documents.rewrite(&documents.row(&order), Change::Status(Status::Confirmed)).is_ok();
            match (reads, self.turns_down(booking)) {
                (false, _) => counts.unreadable += 1,
                (true, true) => counts.bad += 1,
                (true, false) => counts.good += 1,
            }
        }
        counts
    }
}

/// A machine: what is installed on it outlives its process.
pub struct Machine {
    /// Its number.
    pub number: u32,
    /// What it is there for.
    pub tier: Tier,
    /// The tier's operations, if it is a machine of the API.
    pub api: ShopApi,
    /// Has it work orders that are made up.
    pub probe: Endpoint<(), Counts>,
    pub(crate) build: Cell<Option<Build>>,
    /// Whether its process is up and not refused.
    pub(crate) is_ready: Cell<bool>,
    /// Whether it takes nothing more on.
    pub(crate) is_draining: Cell<bool>,
    /// How many requests or jobs it is processing.
    pub(crate) in_hand: Cell<u32>,
    /// Whether the host has lost track of it.
    pub(crate) is_lost: Cell<bool>,
    /// Whether it takes long to be replaced.
    pub(crate) is_slow: Cell<bool>,
    pub(crate) node: Cell<Option<NodeId>>,
    /// Raised when one of the above changes.
    pub(crate) news: Signal,
}

/// How long a node waits after the store failed it.
const AGAIN: Duration = Duration::from_secs(1);

impl Machine {
    /// A machine on which nothing is installed.
    pub fn bare(number: u32, tier: Tier, inside: &Link, news: &Signal) -> Rc<Self> {
        Rc::new(Self {
            number,
            tier,
            api: ShopApi::over(inside),
            probe: Endpoint::new(Op::routine("machine.probe", "probes the node"), inside),
            build: Cell::default(),
            is_ready: Cell::default(),
            is_draining: Cell::default(),
            in_hand: Cell::default(),
            is_lost: Cell::default(),
            is_slow: Cell::default(),
            node: Cell::default(),
            news: news.clone(),
        })
    }

    /// Whether requests go to it.
    pub fn is_in_rotation(&self) -> bool {
        self.build.get().is_some() && self.is_ready.get() && !self.is_draining.get() && !self.is_lost.get()
    }

    /// Boots its process: if a build is installed, and the fence lets that one in, it serves its tier.
    pub fn boot<F>(self: &Rc<Self>, env: &Env, shop: &Rc<Shop>, facts: &Facts<F>)
    where
        F: Fact + From<ReleaseFact> + 'static,
    {
        self.node.set(Some(env.node()));
        self.is_ready.set(false);
        self.is_draining.set(false);
        self.in_hand.set(0);
        let Some(build) = self.build.get() else { return };
        let (machine, shop, facts, env) = (Rc::clone(self), Rc::clone(shop), facts.clone(), env.clone());
        env.clone().spawn(async move {
            loop {
                match admitted(&mut shop.backbone.store.begin(&env), &shop, build).await {
                    Ok(Some(_)) => break,
                    Ok(None) => {
                        let fact = ReleaseFact::Refused { machine: machine.number, build };
                        return facts.state(&env, &F::from(fact));
                    }
                    Err(_) => env.sleep(AGAIN).await,
                }
            }
            machine.serve(&env, &shop, build);
            facts.state(&env, &F::from(ReleaseFact::runs(&machine, Some(build))));
            machine.is_ready.set(true);
            machine.news.raise(&env);
        });
    }

    fn serve(self: &Rc<Self>, env: &Env, shop: &Rc<Shop>, build: Build) {
        self.probe.serve(env, move |_, ()| async move { build.probe() });
        match self.tier {
            Tier::Api => api::boot(env, shop, self, build),
            Tier::Worker => worker::boot(env, shop, self, build),
        }
    }

    /// Takes something into hand.
    pub(crate) fn begin(&self) {
        self.in_hand.set(self.in_hand.get() + 1);
    }

    /// Is done with something.
    pub(crate) fn end(&self, env: &Env) {
        if env.is_alive() {
            self.in_hand.set(self.in_hand.get().saturating_sub(1));
            self.news.raise(env);
        }
    }
}
