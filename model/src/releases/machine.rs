//! Machines: they run the nodes of a tier, with the build that is installed on them.

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

/// A part of the platform whose nodes are replaced together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Tier {
    /// Accepts orders and serves pages: writes jobs and rows, reads rows.
    Api,
    /// Processes jobs: reads jobs, reads and writes rows.
    Worker,
}

/// A defect of a build.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Defect {
    /// It rejects every order.
    TurnsAllDown,
    /// It rejects every other order.
    TurnsSomeDown,
}

/// A release as it was built.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Build {
    /// Its code.
    pub code: Code,
    /// Its defect, if it has one.
    pub defect: Option<Defect>,
}

/// The number of synthetic orders of a probe.
const PROBES: u32 = 20;

impl Build {
    /// Returns a build without defects.
    pub fn sound(code: Code) -> Self {
        Self { code, defect: None }
    }

    /// Returns the release's number.
    pub fn number(&self) -> u32 {
        self.code.documents().number()
    }

    /// Returns whether a defect rejects this order.
    pub(crate) fn turns_down(&self, booking: u32) -> bool {
        match self.defect {
            None => false,
            Some(Defect::TurnsAllDown) => true,
            Some(Defect::TurnsSomeDown) => booking.is_multiple_of(2),
        }
    }

    /// Processes synthetic orders, without any effect.
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

/// A machine; its installed build outlives its process.
pub struct Machine {
    /// Its number.
    pub number: u32,
    /// Its tier.
    pub tier: Tier,
    /// The tier's operations, if it is a machine of the API.
    pub api: ShopApi,
    /// Processes synthetic orders.
    pub probe: Endpoint<(), Counts>,
    pub(crate) build: Cell<Option<Build>>,
    /// Whether its process is up and not below the fence.
    pub(crate) is_ready: Cell<bool>,
    /// Whether it accepts no more work.
    pub(crate) is_draining: Cell<bool>,
    /// The number of requests or jobs in progress.
    pub(crate) in_hand: Cell<u32>,
    /// Whether the host has lost track of it.
    pub(crate) is_lost: Cell<bool>,
    /// Whether its replacement takes long.
    pub(crate) is_slow: Cell<bool>,
    pub(crate) node: Cell<Option<NodeId>>,
    /// Raised when one of the above changes.
    pub(crate) news: Signal,
}

/// The wait of a node after the store failed.
const AGAIN: Duration = Duration::from_secs(1);

impl Machine {
    /// Creates a machine without a build.
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

    /// Returns whether requests go to it.
    pub fn is_in_rotation(&self) -> bool {
        self.build.get().is_some() && self.is_ready.get() && !self.is_draining.get() && !self.is_lost.get()
    }

    /// Boots its process: if a build is installed, and not below the fence, it serves its tier.
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

    /// Counts a request or job as in progress.
    pub(crate) fn begin(&self) {
        self.in_hand.set(self.in_hand.get() + 1);
    }

    /// Counts a request or job as finished.
    pub(crate) fn end(&self, env: &Env) {
        if env.is_alive() {
            self.in_hand.set(self.in_hand.get().saturating_sub(1));
            self.news.raise(env);
        }
    }
}
