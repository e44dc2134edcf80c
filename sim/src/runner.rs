//! Running a scenario: one script or seed after another, in a world whose memory is used again.

use crate::ambient::Running;
use crate::choice::{OfferedAlternatives, Site};
use crate::chooser::{ChoiceCounts, Profile, Turn, below};
use crate::coverage::{Coverage, Gauge};
use crate::digest::Digest;
use crate::hash::mix;
use crate::judge::{Bench, Facts, HARNESS_INVARIANTS, Violation};
use crate::observer::{Observer, ShowStep};
use crate::scenario::{Horizon, Parameter, Scenario, Stage};
use crate::script::{ChoiceId, Deviation, Script, Variant};
use crate::sites_met::SitesMet;
use crate::time::{Duration, Moment};
use crate::trace::{self, Trace};
use crate::tracing_capture;
use crate::world::{Limits, Panic, RunAbort, Unwound, World};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// What decides a run.
#[derive(Clone, Copy, Debug)]
pub enum Plan<'a> {
    /// The seed draws the variant and the deviations.
    Seed(u64),
    /// The same, with this fault-rate profile.
    Profiled(u64, Profile),
    /// The script names them. The order of tasks is offered if the script deviates in it.
    Script(&'a Script),
    /// The same, with the order of tasks offered in any case: to see where it ties. The run is the same.
    Ordered(&'a Script),
    /// The script names some; from the choice `from` on, counted from 0, a seed draws those that it does not
    /// name.
    Branch {
        /// The variant, and the deviations that hold throughout.
        script: &'a Script,
        /// The first choice that is drawn.
        from: u32,
        /// What draws.
        seed: u64,
        /// The fault-rate profile.
        profile: Profile,
        /// Whether the order of tasks is offered, and so counted among the choices.
        task_order: bool,
    },
    /// The turns are counted out: what an exhaustive search runs. The run also keeps its effects.
    Turns {
        /// What the run is built from.
        variant: &'a Variant,
        /// Where it leaves the happy path, in order.
        turns: &'a [Turn],
        /// Whether the order of tasks is offered, and so counted among the choices.
        task_order: bool,
    },
}

impl Plan<'_> {
    fn seed(&self) -> Option<u64> {
        match self {
            Plan::Seed(seed) | Plan::Profiled(seed, _) => Some(*seed),
            Plan::Script(_) | Plan::Ordered(_) | Plan::Branch { .. } | Plan::Turns { .. } => None,
        }
    }

    fn offers_task_order(&self) -> bool {
        match self {
            Plan::Seed(_) => false,
            Plan::Profiled(seed, profile) => profile.draws_task_order_of(*seed),
            Plan::Script(script) => script.has_task_order(),
            Plan::Ordered(_) => true,
            Plan::Branch { task_order, .. } | Plan::Turns { task_order, .. } => *task_order,
        }
    }
}

/// What a campaign keeps of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The run's digest.
    pub digest: Digest,
    /// Steps taken.
    pub events: u32,
    /// When it came to rest.
    pub ended: Moment,
    /// Every violation, in the order found.
    pub violations: Vec<Violation>,
    /// A bit for each goal reached, in the scenario's order.
    pub goals: u64,
    /// Deviations of the script that were never offered.
    pub unapplied: Vec<Deviation>,
    /// The choices that it met.
    pub choices: ChoiceCounts,
    /// Until when faults were possible.
    pub heals: Moment,
    /// How many of its events came before that.
    pub events_before_heal: u32,
    /// When the last thing happened that it waited for: a message, or the end of a sleep.
    pub last_activity: Moment,
}

impl Outcome {
    /// Whether more than half of the run's events came when faults were no longer possible. Of a happy path this says
    /// that the horizon is too short for the workload: most of it is never disturbed.
    pub fn is_mostly_undisturbed(&self) -> bool {
        self.events > 2 * self.events_before_heal
    }
}

/// A choice that a run offered.
#[derive(Clone, Debug)]
pub struct Offered {
    /// Its name.
    pub id: ChoiceId,
    /// Its site.
    pub site: Site,
    /// What it offered.
    pub alternatives: OfferedAlternatives,
    /// How many numbered events came before it.
    pub after: u32,
}

/// Runs a scenario again and again.
///
/// ```
/// # use shakedown_sim::*;
/// # struct Calm;
/// # #[derive(serde::Serialize)] struct Nothing;
/// # impl Fact for Nothing { fn sentence(&self) -> String { String::new() } }
/// # impl Scenario for Calm {
/// #     type Fact = Nothing;
/// #     fn name(&self) -> &str { "calm" }
/// #     fn horizon(&self, _: &Variant) -> Horizon { Horizon { heal: Duration::from_secs(1), settle: Duration::from_secs(1) } }
/// #     fn build(&self, stage: &Stage<Nothing>) {
/// #         let node = stage.node(Role::outside("sleeper".into()), |_| {});
/// #         node.clone().spawn(async move { node.sleep(Duration::from_secs(86_400)).await });
/// #     }
/// #     fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> { Vec::new() }
/// # }
/// let mut runner = Runner::new(Calm);
/// let once = runner.run(Plan::Seed(7));
/// assert_eq!(runner.run(Plan::Seed(7)), once);
/// assert_eq!(once.violations[0].invariant, "comes-to-rest"); // it sleeps past its time to settle
/// ```
pub struct Runner<S: Scenario> {
    scenario: S,
    /// What the design lacks, for scripts.
    without: Vec<String>,
    world: Rc<World>,
    facts: Facts<S::Fact>,
    variant: Variant,
    /// The variant in its written form.
    variant_text: String,
    /// The variant as what random numbers are keyed by.
    entropy: u64,
    limits: Limits,
    /// Whether the last run was unwound, so that its world is not used again.
    spoilt: bool,
    /// When each variant heals whose scenario leaves that to its workload.
    heals: BTreeMap<String, Duration>,
    /// How busy the last run was, and until when.
    activity: Activity,
}

/// How busy a run was.
#[derive(Clone, Copy, Default)]
struct Activity {
    events_before_heal: u32,
    last: Moment,
}

/// The least time to heal of a scenario that leaves it to its workload.
const HEAL_LEAST: Duration = Duration::from_secs(60);
/// A workload of which more is still to come after this time counts as endless.
const WORKLOAD_MAX: Duration = Duration::from_secs(24 * 3_600);
/// What may be spent on finding the end of a workload.
const MEASURED: Limits = Limits { events: 100_000, choices: 500_000, polls: 200_000 };

/// How long the epilogue of a run may take.
const EPILOGUE: Duration = Duration::from_secs(3_600);

/// A runner of whatever scenario: what search, replay and reports need of it.
pub trait Rehearse {
    /// Runs once.
    fn run(&mut self, plan: Plan<'_>) -> Outcome;
    /// Runs once with recording on.
    fn record(&mut self, plan: Plan<'_>) -> (Outcome, Trace);
    /// Runs once, and says what the run reached.
    fn cover(&mut self, plan: Plan<'_>) -> (Outcome, Coverage);
    /// The last run as a script: its variant and the deviations it took, in the order taken.
    fn script(&self) -> Script;
    /// The run of a seed as a script.
    fn script_of(&mut self, seed: u64) -> Script {
        self.run(Plan::Seed(seed));
        self.script()
    }
    /// The choices that the last run offered, in order.
    fn offers(&self) -> Vec<Offered>;
    /// Shows the choices that the last run offered, in order, without making their names.
    fn each_offer(&self, take: &mut dyn FnMut(Site, OfferedAlternatives));
    /// What came of the choices of the last run, if it was one of [`Plan::Turns`]: if two runs of a variant
    /// have equal effects, whatever is added after the last deviation of either does the same to both.
    fn effects(&self) -> Option<Digest>;
    /// The happy path of the variant that a seed draws.
    fn happy(&self, seed: u64) -> Script;
    /// What runs are built from.
    fn parameters(&self) -> &[Parameter];
    /// Names of the invariants with what each verifies, the harness's own included.
    fn invariants(&self) -> Vec<(&'static str, &'static str)>;
    /// Names of the goals; bit `n` of [`Outcome::goals`] is the `n`th.
    fn goals(&self) -> Vec<&'static str>;
    /// The limits of each run.
    fn limits(&self) -> Limits;
    /// Takes what the runs since the last call met: each site with what was offered and taken.
    fn take_sites_met(&mut self) -> SitesMet;
    /// Shows each step of recorded runs to `show` as it is recorded, from now on; to nobody if it is none.
    fn observe(&mut self, show: Option<ShowStep>);
}

impl<S: Scenario> Rehearse for Runner<S> {
    fn run(&mut self, plan: Plan<'_>) -> Outcome {
        Runner::run(self, plan)
    }
    fn record(&mut self, plan: Plan<'_>) -> (Outcome, Trace) {
        Runner::record(self, plan)
    }
    fn cover(&mut self, plan: Plan<'_>) -> (Outcome, Coverage) {
        Runner::cover(self, plan)
    }
    fn script(&self) -> Script {
        Runner::script(self)
    }
    fn offers(&self) -> Vec<Offered> {
        Runner::offers(self)
    }
    fn each_offer(&self, take: &mut dyn FnMut(Site, OfferedAlternatives)) {
        let core = self.world.core.borrow();
        for offer in core.chooser.offers() {
            let met = core.chooser.met(offer);
            take(met.site, met.alternatives);
        }
    }
    fn effects(&self) -> Option<Digest> {
        self.world.core.borrow().effects
    }
    fn happy(&self, seed: u64) -> Script {
        let (scenario, without) = (self.scenario.name().to_owned(), self.without.clone());
        Script { scenario, without, variant: self.variant_of(seed), deviations: Vec::new() }
    }
    fn parameters(&self) -> &[Parameter] {
        self.scenario.parameters()
    }
    fn invariants(&self) -> Vec<(&'static str, &'static str)> {
        let own = self.scenario.invariants();
        let own = own.iter().map(|invariant| (invariant.name(), invariant.about()));
        own.chain(HARNESS_INVARIANTS).collect()
    }
    fn goals(&self) -> Vec<&'static str> {
        self.scenario.goals().map_or_else(Vec::new, |goals| goals.names())
    }
    fn limits(&self) -> Limits {
        self.limits
    }
    fn take_sites_met(&mut self) -> SitesMet {
        self.world.core.borrow_mut().chooser.take_counts()
    }
    fn observe(&mut self, show: Option<ShowStep>) {
        self.world.core.borrow_mut().observer = show.map(Observer::new);
    }
}

impl<S: Scenario> Runner<S> {
    /// A runner of this scenario with the default [`Limits`].
    pub fn new(scenario: S) -> Self {
        let facts = Facts::new(Bench::new(scenario.invariants(), scenario.goals()));
        Self {
            without: scenario.without(),
            scenario,
            world: World::new(),
            facts,
            variant: Variant::default(),
            variant_text: String::new(),
            entropy: 0,
            limits: Limits::default(),
            spoilt: false,
            heals: BTreeMap::new(),
            activity: Activity::default(),
        }
    }

    /// Says which guardrails the design lacks, instead of [`Scenario::without`].
    pub fn without(mut self, guardrails: Vec<String>) -> Self {
        self.without = guardrails;
        self
    }

    /// Runs within other limits.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The scenario.
    pub fn scenario(&self) -> &S {
        &self.scenario
    }

    /// The limits of each run.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Runs once.
    pub fn run(&mut self, plan: Plan<'_>) -> Outcome {
        self.execute(plan);
        self.outcome()
    }

    /// Runs once with recording on.
    pub fn record(&mut self, plan: Plan<'_>) -> (Outcome, Trace) {
        let buffer = self.world.core.borrow().log.clone();
        self.world.core.borrow_mut().recording = Some(Vec::new());
        tracing_capture::capture(&buffer, || self.execute(plan));
        let outcome = self.outcome();
        let seed = plan.seed();
        let script = self.script();
        let mut core = self.world.core.borrow_mut();
        let events = core.recording.take().unwrap_or_default();
        let trace = trace::of_run(&core, events, &outcome, script, seed);
        (outcome, trace)
    }

    /// Runs once, and says what the run reached.
    pub fn cover(&mut self, plan: Plan<'_>) -> (Outcome, Coverage) {
        self.world.core.borrow_mut().gauge = Some(Gauge::default());
        self.execute(plan);
        let gauge = self.world.core.borrow_mut().gauge.take();
        (self.outcome(), gauge.map(|gauge| gauge.coverage).unwrap_or_default())
    }

    /// The last run as a script.
    pub fn script(&self) -> Script {
        let core = self.world.core.borrow();
        Script {
            scenario: self.scenario.name().to_owned(),
            without: self.without.clone(),
            variant: self.variant.clone(),
            deviations: core.chooser.deviations(&core.scopes),
        }
    }

    /// The choices that the last run offered, in order.
    pub fn offers(&self) -> Vec<Offered> {
        let core = self.world.core.borrow();
        let offered = |offer| {
            let (id, met) = (core.chooser.id(offer, &core.scopes), core.chooser.met(offer));
            Offered { id, site: met.site, alternatives: met.alternatives, after: offer.after }
        };
        core.chooser.offers().iter().map(offered).collect()
    }

    /// How many slots the world has made so far: for tasks, timers, deliveries, scopes and counters. It
    /// grows with the greatest run, not with the number of runs.
    pub fn footprint(&self) -> [usize; 5] {
        self.world.core.borrow().footprint()
    }

    /// The variant that a seed draws.
    pub fn variant_of(&self, seed: u64) -> Variant {
        let values = self.scenario.parameters().iter().enumerate().map(|(at, parameter)| {
            let draw = below(mix(seed ^ 0x7A61, at as u64), parameter.values.len() as u32);
            (parameter.name.to_owned(), parameter.values[draw as usize].to_owned())
        });
        Variant(values.collect())
    }

    /// Sets the variant of the next run; mostly it is that of the last one.
    fn build_from(&mut self, variant: &Variant) {
        if self.variant != *variant {
            self.variant = variant.clone();
            self.variant_text = variant.to_string();
            let mut digest = Digest::default();
            digest.text(&self.variant_text);
            self.entropy = digest.bits();
        }
    }

    fn execute(&mut self, plan: Plan<'_>) {
        if std::mem::take(&mut self.spoilt) {
            self.replace_world();
        }
        match plan {
            Plan::Seed(seed) | Plan::Profiled(seed, _) => self.build_from(&self.variant_of(seed)),
            Plan::Script(script) | Plan::Ordered(script) | Plan::Branch { script, .. } => {
                self.build_from(&script.variant);
            }
            Plan::Turns { variant, .. } => self.build_from(variant),
        }
        let horizon = self.horizon();
        self.execute_within(plan, horizon);
    }

    /// The horizon of the variant at hand.
    fn horizon(&mut self) -> Horizon {
        let given = self.scenario.horizon(&self.variant);
        if given.heal < Horizon::AFTER_WORKLOAD.heal {
            return given;
        }
        let heal = match self.heals.get(&self.variant_text) {
            Some(known) => *known,
            None => {
                let heal = self.measure_workload();
                self.heals.insert(self.variant_text.clone(), heal);
                heal
            }
        };
        Horizon { heal, ..given }
    }

    /// When the workload of the happy path has ended, but not before the least time to heal.
    fn measure_workload(&mut self) -> Duration {
        let taken = {
            let mut core = self.world.core.borrow_mut();
            let taken = (core.recording.take(), core.gauge.take());
            // An observer sees these runs, too: one may end the process.
            core.recording = core.observer.is_some().then(Vec::new);
            taken
        };
        let (limits, variant) = (self.limits, self.variant.clone());
        self.limits = MEASURED;
        let horizon = Horizon { heal: WORKLOAD_MAX, settle: Duration::ZERO };
        self.execute_within(Plan::Turns { variant: &variant, turns: &[], task_order: false }, horizon);
        self.limits = limits;
        let has_ended = self.facts.take_violations().iter().all(|one| one.invariant != "comes-to-rest")
            && self.world.core.borrow().run_abort.is_none();
        let activity = self.activity.last;
        if std::mem::take(&mut self.spoilt) {
            self.replace_world();
        }
        let mut core = self.world.core.borrow_mut();
        (core.recording, core.gauge) = taken;
        drop(core.log.take());
        if has_ended {
            HEAL_LEAST.max(activity.since(Moment::START) + Duration::from_secs(1))
        } else {
            HEAL_LEAST
        }
    }

    fn execute_within(&mut self, plan: Plan<'_>, horizon: Horizon) {
        let heal = Moment::START + horizon.heal;
        self.facts.reset();
        {
            let mut core = self.world.reset(heal, self.limits);
            core.schedule.begin_run(plan.offers_task_order());
            core.entropy = self.entropy;
            core.effects = matches!(plan, Plan::Turns { .. }).then(Digest::default);
            let chooser = &mut core.chooser;
            match plan {
                Plan::Seed(seed) => chooser.draw_from(seed, Profile::MIXED),
                Plan::Profiled(seed, profile) => chooser.draw_from(seed, profile),
                Plan::Script(script) | Plan::Ordered(script) => chooser.follow(script),
                Plan::Branch { script, from, seed, profile, .. } => {
                    chooser.branch(script, from, seed, profile)
                }
                Plan::Turns { turns, .. } => chooser.take(turns),
            }
        }
        let _running = Running::begin(&self.world);
        let driven = catch_unwind(AssertUnwindSafe(|| self.drive(heal, horizon.settle)));
        self.activity = match driven {
            Ok(activity) => activity,
            Err(panic) => {
                let (node, events, now) = {
                    let core = self.world.core.borrow();
                    (core.current_node_name(), core.events, core.now)
                };
                self.note_panic(node, panic);
                Activity { events_before_heal: events, last: now }
            }
        };
        // What a run has built refers to its world, and the world to it.
        if let Some(panic) = self.world.drop_run() {
            self.note_panic("once the run was over, a destructor".to_owned(), panic);
        }
        self.report_abort();
    }

    fn drive(&self, heal: Moment, settle: Duration) -> Activity {
        let stage = Stage {
            world: &self.world,
            facts: &self.facts,
            variant: &self.variant,
            epilogue: RefCell::new(None),
        };
        self.scenario.build(&stage);
        self.world.run(heal);
        let (deadline, mut activity) = {
            let mut core = self.world.core.borrow_mut();
            let activity = Activity { events_before_heal: core.events, last: core.now };
            core.now = core.now.max(heal);
            core.heal_if_time();
            (heal.max(core.disturbed_until()) + settle, activity)
        };
        self.world.run(deadline);
        let now = self.world.core.borrow().now;
        if now > heal {
            activity.last = now;
        }
        if let Some(epilogue) = stage.epilogue.borrow_mut().take() {
            epilogue();
            self.world.run(deadline + EPILOGUE);
        }
        let (busy, now) = {
            let core = self.world.core.borrow_mut();
            if core.run_abort.is_some() {
                return activity;
            }
            (core.is_busy() && !core.has_programs, core.now)
        };
        if busy {
            let message = format!("still at work {} after healing", crate::time::text(settle));
            self.facts.report(now, "comes-to-rest", "", message);
        }
        self.world.note_waits();
        self.facts.judge_at_rest(&self.world);
        activity
    }

    /// A world in which something panicked is not used again.
    fn replace_world(&mut self) {
        let world = World::new();
        world.core.borrow_mut().recording = self.world.core.borrow_mut().recording.take();
        world.core.borrow_mut().observer = self.world.core.borrow_mut().observer.take();
        world.core.borrow_mut().gauge = self.world.core.borrow_mut().gauge.take();
        world.core.borrow_mut().log = self.world.core.borrow().log.clone();
        self.world = world;
    }

    /// The first run_abort of a run is the one that counts.
    fn note_panic(&mut self, who: String, panic: Panic) {
        self.spoilt = true;
        let mut core = self.world.core.borrow_mut();
        if panic.is::<Unwound>() || core.run_abort.is_some() {
            return;
        }
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let message = message.unwrap_or_else(|| "a panic without message".to_owned());
        core.run_abort = Some(RunAbort::Panicked { who, message });
    }

    fn report_abort(&self) {
        let core = self.world.core.borrow();
        let (Some(run_abort), now) = (&core.run_abort, core.now) else { return };
        match run_abort {
            RunAbort::Panicked { who, message } => {
                self.facts.report(now, "no-panic", message, format!("{who} panicked: {message}"));
            }
            RunAbort::LimitExceeded { limit, most } => {
                self.facts.report(now, "within-limits", limit, format!("more than {most} {limit}"));
            }
            RunAbort::Ambiguous { choice } => {
                let message = format!("`{choice}` was drawn by two tasks, or at two places in the source");
                self.facts.report(now, "choices-named-once", "", message);
            }
        }
    }

    fn outcome(&mut self) -> Outcome {
        let mut core = self.world.core.borrow_mut();
        let mut digest = core.digest;
        digest.text(&self.variant_text);
        let outcome = Outcome {
            choices: core.chooser.count(),
            heals: core.heal_at,
            events_before_heal: self.activity.events_before_heal,
            last_activity: self.activity.last,
            digest,
            events: core.events,
            ended: core.now,
            violations: self.facts.take_violations(),
            goals: self.facts.goals_reached(),
            unapplied: core.chooser.unapplied(),
        };
        drop(core);
        outcome
    }
}
