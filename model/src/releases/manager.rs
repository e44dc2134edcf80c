//! The release manager: moves a rollout from phase to phase.
//!
//! Only the phase is stored; the remaining work of the phase is derived from the machines each time, so a manager
//! that has crashed continues where it was. Each turn does one thing.

use super::Design;
use super::code::{Change, Code};
use super::host::Orchestrator;
use super::machine::{Build, Machine, Tier};
use super::rollout::{Phase, Resting, Rollout, Step, Verdict, Watch, Why};
use super::rows::{Booking, Schema, lacks_names, without_guest};
use super::shop::Shop;
use super::telemetry::Counts;
use crate::backbone::jobs::JobState;
use crate::settings::{ROLLBACK_WINDOW, WATCH_PERIOD};
use shakedown_sim::{
    Alternatives, Duration, Env, Label, LockMode, LockWait, Moment, Poller, Side, Site, StoreError,
    Transaction,
};
use std::cell::Cell;
use std::rc::Rc;

const FILL_IN: Site = Site::new(Label::new("manager"), Label::new("fill in"));
const PACES: Alternatives = Alternatives::delays(&["swift", "10 min", "30 min"], (1_000, 1_800_000));

/// The period at which the manager polls while there is something to observe.
const PERIOD: Duration = Duration::from_secs(1);
/// The wait after the store failed.
const AGAIN: Duration = Duration::from_secs(5);
/// The timeout of a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// The rollout to perform.
#[derive(Clone, Copy)]
pub struct Assignment {
    /// The releases before and after.
    pub step: Step,
    /// The time at which it begins.
    pub begins: Moment,
    /// Whether the tiers are rolled out in reverse order.
    pub reversed: bool,
}

/// The manager.
pub struct Manager {
    /// The flow whose nodes are replaced.
    pub shop: Rc<Shop>,
    /// The orchestrator that runs them.
    pub host: Rc<dyn Orchestrator>,
    /// The host's own handle.
    pub hosting: Env,
    /// The rollout to perform.
    pub assignment: Assignment,
}

/// Returns the code of each release in this design, up to release `last`: of each the first variant without an objection,
/// or `None` if there is none.
pub fn codes(design: &Design, last: u32) -> Vec<Option<Code>> {
    let mut codes = Vec::new();
    for number in 1..=last {
        let running = codes.last().copied().flatten();
        let objection = |code: Code| design.compatibility_check.objection(code, running, &Resting::default());
        codes.push(Code::candidates(number).iter().copied().find(|code| objection(*code).is_none()));
    }
    codes
}

/// The memory of one incarnation.
#[derive(Default)]
struct Memory {
    looked: Cell<Moment>,
    last_telemetry: Cell<Moment>,
    probed: Cell<Counts>,
}

type Due = Result<Option<Moment>, StoreError>;

/// A turn that waits is woken by a signal.
const WOKEN: Due = Ok(None);

impl Manager {
    /// Boots the manager.
    pub fn boot(self: &Rc<Self>, env: &Env) {
        let (at, env) = (Rc::clone(self), env.clone());
        env.clone().spawn(async move {
            let memory = Memory::default();
            memory.last_telemetry.set(env.now());
            let (mut poller, mut due) = (Poller::new(&env, &at.shop.turn, PERIOD), None);
            loop {
                poller.turn(due).await;
                let turn = env.child("turn");
                due = at.turn(&turn, &memory).await.unwrap_or_else(|_| Some(env.now() + AGAIN));
            }
        });
    }

    fn design(&self) -> &Design {
        &self.shop.design
    }

    async fn turn(&self, env: &Env, memory: &Memory) -> Due {
        let key = self.assignment.step.to;
        let rollout = self.shop.backbone.store.begin(env).get(&self.shop.rollouts, &key).await?;
        let Some(rollout) = rollout else {
            return if env.now() < self.assignment.begins {
                Ok(Some(self.assignment.begins))
            } else {
                self.propose(env).await
            };
        };
        match rollout.phase {
            Phase::Preparing => self.prepare(env, rollout).await,
            Phase::Canary => self.canary(env, rollout, memory).await,
            Phase::Baking { since } => self.bake(env, rollout, since, memory).await,
            Phase::Rolling => self.roll(env, rollout).await,
            Phase::Finishing { since } => self.finish(env, rollout, since).await,
            Phase::Withdrawing(why) => self.withdraw(env, rollout, why).await,
            Phase::Done | Phase::Withdrawn(_) => WOKEN,
        }
    }

    /// Begins the rollout of the first variant of the release without an objection.
    async fn propose(&self, env: &Env) -> Due {
        let Step { from, to, drops } = self.assignment.step;
        let Some(Some(running)) = codes(self.design(), from).pop() else { return WOKEN };
        let mut tx = self.shop.backbone.store.begin(env);
        let resting = self.resting(&mut tx).await?;
        let mut turned_away = 0;
        let mut fitting = None;
        for candidate in Code::candidates(to) {
            match self.design().compatibility_check.objection(*candidate, Some(running), &resting) {
                None => {
                    fitting = Some(*candidate);
                    break;
                }
                Some(objection) => {
                    turned_away += 1;
                    env.note(|| format!("rejects a form of R{to}: {objection}"));
                }
            }
        }
        let Some(fitting) = fitting else { return WOKEN };
        let phase = if drops { Phase::Finishing { since: env.now() } } else { Phase::Preparing };
        let to = if drops { Build::sound(fitting) } else { self.host.built(fitting) };
        tx.insert(&self.shop.rollouts, Rollout { from: Build::sound(running), to, turned_away, phase })
            .await?;
        tx.commit("begin roll-out").await?;
        WOKEN
    }

    /// Returns all stored texts: rows, and messages of unfinished jobs.
    async fn resting(&self, tx: &mut Transaction) -> Result<Resting, StoreError> {
        let rows = tx.scan(&self.shop.bookings, |_| true).await?;
        let jobs = tx.scan(&self.shop.backbone.jobs, |job| job.state != JobState::Succeeded).await?;
        let rests = |id: u32| jobs.iter().any(|job| job.subject == id);
        let messages = tx.scan(&self.shop.messages, |message| rests(message.id)).await?;
        Ok(Resting {
            rows: rows.into_iter().map(|row| row.text).collect(),
            messages: messages.into_iter().map(|message| message.text).collect(),
        })
    }

    /// Establishes the preconditions of the new release: no node is older than its neighbour, and from the third
    /// release on the names are filled in.
    async fn prepare(&self, env: &Env, rollout: Rollout) -> Due {
        let next = if self.design().release_feedback.has_canary() { Phase::Canary } else { Phase::Rolling };
        let reads_names = rollout.to.number() == 3;
        if !self.design().staged_deploy.has_gates() {
            if reads_names {
                self.fill_in_meanwhile(env);
            }
            return self.move_on(env, rollout, next).await;
        }
        if self.replaces_any(env, rollout.from, |build| build.number() < rollout.from.number()).await {
            return WOKEN;
        }
        let pace = if reads_names { env.choose_delay(FILL_IN, &PACES) } else { Duration::ZERO };
        let mut tx = self.shop.backbone.store.begin(env);
        self.raise_fence(&mut tx, rollout.from.number()).await?;
        tx.commit("raise fence").await?;
        env.sleep(pace).await;
        let mut tx = self.shop.backbone.store.begin(env);
        if reads_names {
            self.fill_in(&mut tx).await?;
        }
        self.commit(tx, rollout, next, "prepared").await
    }

    /// Installs the new build on one machine of each tier.
    async fn canary(&self, env: &Env, rollout: Rollout, memory: &Memory) -> Due {
        for tier in self.tiers() {
            if !self.running(tier).any(|machine| machine.build.get() == Some(rollout.to)) {
                self.replace_one(env, tier, rollout.to, |build| build != rollout.to).await;
                return WOKEN;
            }
            if self.host.is_busy(tier) {
                return WOKEN;
            }
        }
        memory.last_telemetry.set(env.now());
        self.move_on(env, rollout, Phase::Baking { since: env.now() }).await
    }

    /// Observes the new build.
    async fn bake(&self, env: &Env, rollout: Rollout, since: Moment, memory: &Memory) -> Due {
        let next_look = memory.looked.get().max(since) + WATCH_PERIOD;
        if env.now() < next_look {
            return Ok(Some(next_look));
        }
        memory.looked.set(env.now());
        let telemetry = self.shop.telemetry.read(env, [rollout.from.code, rollout.to.code]);
        if telemetry.is_some() {
            memory.last_telemetry.set(env.now());
        }
        let [old, new] = telemetry.unwrap_or_default();
        let (baked, silent) = (env.now().since(since), env.now().since(memory.last_telemetry.get()));
        let watch = |new: Counts| Watch { baked, silent, old, new: new.and(memory.probed.get()) };
        let mut verdict = self.design().release_feedback.verdict(&watch(new));
        if verdict == Verdict::Probe {
            memory.probed.set(memory.probed.get().and(self.probe(env, rollout.to).await));
            verdict = self.design().release_feedback.verdict(&watch(new));
        }
        match verdict {
            Verdict::Wait | Verdict::Probe => Ok(Some(env.now() + WATCH_PERIOD)),
            Verdict::GoOn => self.move_on(env, rollout, Phase::Rolling).await,
            Verdict::Halt(why) => self.move_on(env, rollout, Phase::Withdrawing(why)).await,
        }
    }

    /// Makes each machine of this build process synthetic orders.
    async fn probe(&self, env: &Env, build: Build) -> Counts {
        let mut all = Counts::default();
        for tier in self.tiers() {
            for machine in self.running(tier).filter(|machine| machine.build.get() == Some(build)) {
                let counts = env.child("probe").call(&machine.probe, (), PROBE_TIMEOUT).await;
                all = all.and(counts.unwrap_or_default());
            }
        }
        all
    }

    /// Installs the new build on the other machines, tier by tier, and publishes its pages in between.
    async fn roll(&self, env: &Env, rollout: Rollout) -> Due {
        let [first, second] = self.tiers();
        for tier in [first, second] {
            let others = |build: Build| build != rollout.to;
            if self.host.is_busy(tier) || self.replace_one(env, tier, rollout.to, others).await {
                return WOKEN;
            }
            self.host.publish(&self.hosting.within(env.scope()), rollout.to);
        }
        self.move_on(env, rollout, Phase::Finishing { since: env.now() }).await
    }

    /// Performs the steps that require that the new release runs everywhere.
    async fn finish(&self, env: &Env, rollout: Rollout, since: Moment) -> Due {
        if self.assignment.step.drops {
            return self.drop_column(env, rollout, since).await;
        }
        if rollout.to.number() != 2 {
            return self.move_on(env, rollout, Phase::Done).await;
        }
        let pace = env.choose_delay(FILL_IN, &PACES);
        env.sleep(pace).await;
        let mut tx = self.shop.backbone.store.begin(env);
        self.fill_in(&mut tx).await?;
        self.commit(tx, rollout, Phase::Done, "filled in").await
    }

    /// Drops the column that is no longer needed.
    async fn drop_column(&self, env: &Env, rollout: Rollout, since: Moment) -> Due {
        let has_gates = self.design().staged_deploy.has_gates();
        if has_gates {
            let older = |build: Build| build.number() < rollout.to.number();
            if self.replaces_any(env, rollout.to, older).await {
                return WOKEN;
            }
            if env.now() < since + ROLLBACK_WINDOW {
                return Ok(Some(since + ROLLBACK_WINDOW));
            }
        }
        let mut tx = self.shop.backbone.store.begin(env);
        let Some(schema) = tx.lock(&self.shop.schema, &0).await? else { return WOKEN };
        let fence = if has_gates { rollout.to.number() } else { schema.fence };
        tx.update(&self.shop.schema, Schema { fence, has_guest: false }).await?;
        for row in tx.scan(&self.shop.bookings, |_| true).await? {
            let Some(row) = tx.lock(&self.shop.bookings, &row.id).await? else { continue };
            tx.update(&self.shop.bookings, Booking { text: without_guest(&row.text), ..row }).await?;
        }
        self.commit(tx, rollout, Phase::Done, "drop column").await
    }

    /// Installs the former build on every machine again.
    async fn withdraw(&self, env: &Env, rollout: Rollout, why: Why) -> Due {
        self.host.publish(&self.hosting.within(env.scope()), rollout.from);
        if self.replaces_any(env, rollout.from, |build| build == rollout.to).await {
            return WOKEN;
        }
        self.move_on(env, rollout, Phase::Withdrawn(why)).await
    }

    /// Returns the machines of a tier with an installed build, as far as the host knows.
    fn running(&self, tier: Tier) -> impl Iterator<Item = &Rc<Machine>> {
        let runs = |machine: &&Rc<Machine>| machine.build.get().is_some() && !machine.is_lost.get();
        self.host.machines().iter().filter(move |machine| machine.tier == tier && runs(machine))
    }

    /// Returns the tiers in the order of the rollout.
    fn tiers(&self) -> [Tier; 2] {
        let [first, second] = self.design().staged_deploy.order();
        if self.assignment.reversed { [second, first] } else { [first, second] }
    }

    /// Starts to replace a machine of each tier that runs a build to be replaced. Returns whether there is one, or a
    /// replacement is in progress.
    async fn replaces_any(&self, env: &Env, by: Build, is_replaced: impl Fn(Build) -> bool) -> bool {
        let mut any = false;
        for tier in self.tiers() {
            any |= self.host.is_busy(tier) || self.replace_one(env, tier, by, &is_replaced).await;
        }
        any
    }

    /// Starts to replace the first machine of a tier that runs a build to be replaced. Returns whether there is one.
    async fn replace_one(
        &self,
        env: &Env,
        tier: Tier,
        by: Build,
        is_replaced: impl Fn(Build) -> bool,
    ) -> bool {
        let is_one = |machine: &&Rc<Machine>| machine.build.get().is_some_and(&is_replaced);
        let Some(machine) = self.running(tier).find(is_one) else { return false };
        if !self.host.is_busy(tier) {
            env.crash_point(Side::Before, "replace").await;
            env.note(|| format!("starts a machine with {} to replace machine {}", by.code, machine.number));
            let drains = self.design().staged_deploy.drains();
            self.host.replace(&self.hosting.within(env.scope()), machine, by, drains);
        }
        true
    }

    async fn raise_fence(&self, tx: &mut Transaction, fence: u32) -> Result<(), StoreError> {
        let Some(schema) = tx.lock(&self.shop.schema, &0).await? else { return Ok(()) };
        tx.update(&self.shop.schema, Schema { fence, ..schema }).await
    }

    /// Fills in the new columns of rows that have only the old one.
    async fn fill_in(&self, tx: &mut Transaction) -> Result<(), StoreError> {
        for row in tx.scan(&self.shop.bookings, |row| lacks_names(&row.text)).await? {
            let Some(row) = tx.lock(&self.shop.bookings, &row.id).await? else { continue };
            if let Ok(text) = Code::R2.documents().rewrite(&row.text, Change::Nothing) {
                tx.update(&self.shop.bookings, Booking { text, ..row }).await?;
            }
        }
        Ok(())
    }

    /// Fills in the new columns in the background, as long as this process lives.
    fn fill_in_meanwhile(&self, env: &Env) {
        let (env, shop) = (env.child("background"), Rc::clone(&self.shop));
        let (host, hosting, assignment) = (Rc::clone(&self.host), self.hosting.clone(), self.assignment);
        env.clone().spawn(async move {
            let pace = env.choose_delay(FILL_IN, &PACES);
            env.sleep(pace).await;
            let manager = Manager { shop, host, hosting, assignment };
            let filled = async {
                let mut tx = manager.shop.backbone.store.begin(&env);
                manager.fill_in(&mut tx).await?;
                tx.commit("filled in").await
            };
            if let Err(error) = filled.await {
                env.note(|| format!("ignores that the backfill failed: {error}"));
            }
        });
    }

    async fn move_on(&self, env: &Env, rollout: Rollout, phase: Phase) -> Due {
        self.commit(self.shop.backbone.store.begin(env), rollout, phase, "move on").await
    }

    /// Commits, with the next phase; does not commit if another manager has moved the rollout.
    async fn commit(&self, mut tx: Transaction, rollout: Rollout, phase: Phase, name: &'static str) -> Due {
        let row = tx.lock(&self.shop.rollouts, &rollout.to.number()).await?;
        if row == Some(rollout) {
            tx.update(&self.shop.rollouts, Rollout { phase, ..rollout }).await?;
            tx.commit(name).await?;
        }
        WOKEN
    }
}

/// Recalls a release. Returns whether that is possible. Releases below the fence stay out.
///
/// # Errors
/// If the store fails.
pub async fn recall(env: &Env, shop: &Shop, number: u32) -> Result<bool, StoreError> {
    let mut tx = shop.backbone.store.begin(env);
    let Some(rollout) = tx.lock(&shop.rollouts, &number).await? else { return Ok(false) };
    let schema = tx.lock_with(&shop.schema, &0, LockMode::Share, LockWait::Block).await?;
    let fence = schema.map_or(0, |schema| schema.fence);
    if rollout.is_withdrawn() || fence > rollout.from.number() {
        return Ok(false);
    }
    let phase = Phase::Withdrawing(Why::Recalled);
    tx.update(&shop.rollouts, Rollout { phase, ..rollout }).await?;
    tx.commit("recall").await.map(|()| true)
}
