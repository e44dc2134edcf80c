//! The host: runs machines, replaces the software that is installed on them, and serves pages.
//!
//! Behaviour, as of orchestrators: each tier has one machine more than it needs. To replace a machine, the new build
//! is installed on the spare machine and started. Once that one is ready, requests go to it, and only then is the old
//! one taken out of rotation. The old one may finish its work in progress, for a minute at most; then it is stopped,
//! whatever it still does, and becomes the spare. One machine of a tier is replaced at a time, and that may take long
//! (an image that is slow to load, a host without capacity). A machine whose process ends restarts it with the
//! installed build. Pages are replaced at once; an open page stays as it is.
//!
//! It may lose track of a machine that it should stop: that machine restarts with the installed build, and is only
//! found and stopped ten minutes later; until then its tier has no spare.
//!
//! It never loses a machine permanently, runs two builds on one machine, or forgets a request.
//!
//! Sources: the Kubernetes documentation on Deployments (`maxSurge`, `maxUnavailable`) and on the termination of Pods.

use crate::facts::{Fact, ReleaseFact};
use crate::releases::code::Code;
use crate::releases::host::Orchestrator;
use crate::releases::machine::{Build, Defect, Machine, Tier};
use crate::settings::DRAIN;
use shakedown_sim::{Alternatives, Duration, Env, Facts, Label, Link, Poller, Signal, Site};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

const HOST: Label = Label::new("host");
const QUALITY: Site = Site::new(HOST, Label::new("build"));
const QUALITIES: Alternatives = Alternatives::new(&["sound", "turns orders down", "turns some orders down"]);
const LAST_ROLL: Site = Site::new(HOST, Label::new("last roll"));
const LAST_ROLLS: Alternatives = Alternatives::new(&["done", "slow at a worker", "slow at the API"]);
const REPLACE: Site = Site::new(HOST, Label::new("replace"));
const PACES: Alternatives = Alternatives::delays(&["swift", "10 min", "30 min"], (1_000, 1_800_000));
const STOP: Site = Site::new(HOST, Label::new("stop"));
const STOPS: Alternatives = Alternatives::new(&["stops it", "loses track of it"]);

/// The number of machines that a tier needs.
pub const MACHINES: u32 = 4;
/// The time that a machine takes to start the installed build.
const BOOT: Duration = Duration::from_secs(5);
/// The time that replacing a slow machine takes.
const SLOW: Duration = Duration::from_secs(1_800);
/// The time after which a machine that the host has lost track of is found.
const FOUND_AFTER: Duration = Duration::from_secs(600);
/// The time after which a machine that does not become ready is abandoned.
const READY_WITHIN: Duration = Duration::from_secs(900);

/// The host, with its machines.
#[derive(Clone)]
pub struct Host(Rc<Inner>);

struct Inner {
    machines: Vec<Rc<Machine>>,
    pages: Cell<Build>,
    /// Tiers in which a machine is being replaced.
    busy: RefCell<Vec<Tier>>,
    /// The defect of the next build.
    defect: Cell<Option<Defect>>,
    /// Raised when a machine changes.
    news: Signal,
    /// Raised when a machine has been replaced.
    turn: Signal,
    facts: Facts<Fact>,
}

impl Host {
    /// Creates machines of both tiers that run `build`, and a spare one for each; their processes have yet to be
    /// booted. `turn` is raised when a machine has been replaced.
    pub fn new(build: Build, inside: &Link, turn: &Signal, facts: &Facts<Fact>) -> Self {
        let news = Signal::new();
        let of_tier = |(tier, first)| {
            let news = &news;
            (0..=MACHINES).map(move |number| Machine::bare(first + number, tier, inside, news))
        };
        let machines: Vec<_> = [(Tier::Api, 1), (Tier::Worker, 11)].into_iter().flat_map(of_tier).collect();
        for (at, machine) in machines.iter().enumerate() {
            let is_spare = at as u32 % (MACHINES + 1) == MACHINES;
            machine.build.set((!is_spare).then_some(build));
        }
        Self(Rc::new(Inner {
            machines,
            pages: Cell::new(build),
            busy: RefCell::default(),
            defect: Cell::new(None),
            news,
            turn: turn.clone(),
            facts: facts.clone(),
        }))
    }

    /// Draws the quality of the next release, and whether a machine still runs `older` because its last replacement
    /// was slow.
    pub fn draw(&self, env: &Env, older: Option<Build>) {
        self.0.defect.set(match QUALITIES.names()[env.choose(QUALITY, &QUALITIES).index()] {
            "turns orders down" => Some(Defect::TurnsAllDown),
            "turns some orders down" => Some(Defect::TurnsSomeDown),
            _ => None,
        });
        let Some(older) = older else { return };
        let slow = match LAST_ROLLS.names()[env.choose(LAST_ROLL, &LAST_ROLLS).index()] {
            "slow at a worker" => Tier::Worker,
            "slow at the API" => Tier::Api,
            _ => return,
        };
        env.lasts(SLOW);
        if let Some(machine) = self.running(slow).nth(1) {
            machine.build.set(Some(older));
            machine.is_slow.set(true);
        }
    }

    /// Returns the machines of a tier with an installed build, as far as the host knows.
    pub fn running(&self, tier: Tier) -> impl Iterator<Item = &Rc<Machine>> {
        let runs = |machine: &&Rc<Machine>| machine.build.get().is_some() && !machine.is_lost.get();
        self.0.machines.iter().filter(move |machine| machine.tier == tier && runs(machine))
    }

    fn spare(&self, tier: Tier) -> Option<&Rc<Machine>> {
        self.0.machines.iter().find(|machine| machine.tier == tier && machine.build.get().is_none())
    }

    /// Returns the build of the pages.
    pub fn pages(&self) -> Build {
        self.0.pages.get()
    }

    /// Starts a build on the spare machine of a tier. Returns whether it became ready.
    async fn start(&self, env: &Env, tier: Tier, build: Build) -> bool {
        self.wait_until(env, READY_WITHIN, || self.spare(tier).is_some()).await;
        let Some(spare) = self.spare(tier) else { return false };
        spare.build.set(Some(build));
        self.restart(env, spare);
        if self.wait_until(env, READY_WITHIN, || spare.is_ready.get()).await {
            return true;
        }
        spare.build.set(None);
        self.restart(env, spare);
        false
    }

    /// Takes a machine out of rotation, lets it finish its work if it may, and stops it.
    async fn stop(&self, env: &Env, machine: &Rc<Machine>, drains: bool) {
        machine.is_draining.set(true);
        if drains {
            self.wait_until(env, DRAIN, || machine.in_hand.get() == 0).await;
        }
        machine.is_slow.set(false);
        if env.choose(STOP, &STOPS).is_benign() {
            return self.empty(env, machine);
        }
        env.lasts(FOUND_AFTER);
        machine.is_lost.set(true);
        self.restart(env, machine);
        let (at, env, machine) = (self.clone(), env.clone(), Rc::clone(machine));
        env.clone().spawn(async move {
            env.sleep(FOUND_AFTER).await;
            machine.is_lost.set(false);
            at.empty(&env, &machine);
        });
    }

    /// Stops a machine and makes it the spare one.
    fn empty(&self, env: &Env, machine: &Rc<Machine>) {
        machine.build.set(None);
        self.0.facts.state(env, &Fact::Release(ReleaseFact::runs(machine, None)));
        self.restart(env, machine);
        self.0.news.raise(env);
    }

    fn restart(&self, env: &Env, machine: &Machine) {
        machine.is_ready.set(false);
        if let Some(node) = machine.node.get() {
            env.restart(node, BOOT);
        }
    }

    /// Waits until a condition holds, for a limited time. Returns whether it holds.
    async fn wait_until(&self, env: &Env, timeout: Duration, is_so: impl Fn() -> bool) -> bool {
        let (mut poller, until) =
            (Poller::new(env, &self.0.news, Duration::from_secs(1)), env.now() + timeout);
        while !is_so() && env.now() < until {
            poller.turn(Some(until)).await;
        }
        is_so()
    }
}

impl Orchestrator for Host {
    fn machines(&self) -> &[Rc<Machine>] {
        &self.0.machines
    }

    fn built(&self, code: Code) -> Build {
        Build { code, defect: self.0.defect.get() }
    }

    fn publish(&self, env: &Env, build: Build) {
        if env.is_alive() && self.pages() != build {
            self.0.pages.set(build);
            self.0.facts.state(env, &Fact::Release(ReleaseFact::Pages { build }));
        }
    }

    fn is_busy(&self, tier: Tier) -> bool {
        self.0.busy.borrow().contains(&tier)
    }

    fn replace(&self, env: &Env, old: &Rc<Machine>, build: Build, drains: bool) {
        self.0.busy.borrow_mut().push(old.tier);
        let (at, env, old) = (self.clone(), env.child("replace"), Rc::clone(old));
        env.clone().spawn(async move {
            let pace = if old.is_slow.get() { SLOW } else { env.choose_delay(REPLACE, &PACES) };
            env.sleep(pace).await;
            if at.start(&env, old.tier, build).await {
                at.stop(&env, &old, drains).await;
            }
            at.0.busy.borrow_mut().retain(|tier| *tier != old.tier);
            at.0.turn.raise(&env);
        });
    }
}
