//! Runs a scenario: one script or seed after another, in a world whose memory is reused.

mod workload;

use crate::ambient::Running;
use crate::choice::{OfferedAlternatives, Site};
use crate::chooser::{ChoiceCounts, Turn};
use crate::coverage::{Coverage, Gauge};
use crate::digest::Digest;
use crate::draws::{Profile, below};
use crate::hash::mix;
use crate::judge::{Bench, Facts, HARNESS_INVARIANTS, Violation};
use crate::observer::{Observer, ShowStep};
use crate::scenario::{Horizon, Parameter, Scenario, Stage};
use crate::script::{ChoiceId, Deviation, Script, Variant};
use crate::sites_met::SitesMet;
use crate::time::{Duration, Moment, WallTime};
use crate::trace::{self, Trace};
use crate::tracing_capture;
use crate::world::{Limits, Panic, RunAbort, Unwound, World};
use shakedown_database::Transcript;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// The source of a run's decisions.
#[derive(Clone, Copy, Debug)]
pub enum Plan<'a> {
    /// The seed draws the variant and the deviations.
    Seed(u64),
    /// Like `Seed`, with this fault-rate profile.
    Profiled(u64, Profile),
    /// The script names the deviations. Task order is offered if the script deviates in it.
    Script(&'a Script),
    /// Like `Script`, with task order always offered, to see its ties. The run is the same.
    Ordered(&'a Script),
    /// The script names some deviations. From the choice `from` on, counted from 0, a seed draws the choices that the
    /// script does not name.
    Branch {
        /// The variant, and the deviations that always apply.
        script: &'a Script,
        /// The position of the first drawn choice.
        from: u32,
        /// The seed of the draws.
        seed: u64,
        /// The fault-rate profile.
        profile: Profile,
        /// Whether task order is offered, and so counted among the choices.
        task_order: bool,
    },
    /// The turns are given by position, as an exhaustive search uses them. The run also computes its effects.
    Turns {
        /// The variant of the run.
        variant: &'a Variant,
        /// The deviations from the happy path, in order.
        turns: &'a [Turn],
        /// Whether task order is offered, and so counted among the choices.
        task_order: bool,
    },
}

impl<'a> Plan<'a> {
    /// Returns the plan of the run that `seed` draws from `script`, which gives the variant and the deviations that
    /// always apply. What is drawn beside faults is as in the run of the seed alone.
    pub fn drawn_from(script: &'a Script, seed: u64, profile: Profile) -> Self {
        let task_order = profile.draws_task_order_of(seed);
        let profile = profile.of_seed(seed);
        Plan::Branch { script, from: 0, seed, profile, task_order }
    }

    fn seed(&self) -> Option<u64> {
        match self {
            Plan::Seed(seed) | Plan::Profiled(seed, _) => Some(*seed),
            Plan::Script(_) | Plan::Ordered(_) | Plan::Branch { .. } | Plan::Turns { .. } => None,
        }
    }

    /// Returns whether pauses before statements are offered; `in_turns` says whether plans of turns offer them.
    fn offers_statements(&self, in_turns: bool) -> bool {
        match self {
            Plan::Seed(_) => false,
            Plan::Profiled(seed, profile) => profile.draws_statements_of(*seed),
            Plan::Script(script) => script.has_statements(),
            Plan::Ordered(_) => true,
            Plan::Branch { script, profile, .. } => profile.draws_statements() || script.has_statements(),
            Plan::Turns { .. } => in_turns,
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

/// The result of a run that a campaign keeps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The run's digest.
    pub digest: Digest,
    /// The number of events.
    pub events: u32,
    /// The time at which it came to rest.
    pub ended: Moment,
    /// All violations, in the order of the scenario's invariants; those of the harness come last.
    pub violations: Vec<Violation>,
    /// A bit for each reached goal, in the scenario's order.
    pub goals: u64,
    /// The deviations of the script that were never offered.
    pub unapplied: Vec<Deviation>,
    /// The counts of its choices.
    pub choices: ChoiceCounts,
    /// The time until which faults were possible.
    pub heals: Moment,
    /// The number of its events before that time.
    pub events_before_heal: u32,
    /// The time of the last activity that it waited for: a message, or the end of a sleep.
    pub last_activity: Moment,
}

impl Outcome {
    /// Returns whether more than half of the run's events came when faults were no longer possible. If this is so for
    /// a happy path, the horizon is too short for the workload: most of the workload is never disturbed.
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
    /// The alternatives that it offered.
    pub alternatives: OfferedAlternatives,
    /// The number of numbered events before it.
    pub after: u32,
}

/// Runs a scenario repeatedly.
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
/// assert_eq!(once.violations[0].message, "still at work 1 s after healing: sleeper waits until 24:00:00");
/// ```
pub struct Runner<S: Scenario> {
    scenario: S,
    /// The ablated guardrails, for scripts.
    without: Vec<String>,
    world: Rc<World>,
    facts: Facts<S::Fact>,
    variant: Variant,
    /// The variant in its written form.
    variant_text: String,
    /// The variant as the key of random numbers.
    entropy: u64,
    limits: Limits,
    /// Whether plans of turns offer pauses before statements.
    turns_pause: bool,
    /// Whether the last run was unwound; its world is then not reused.
    spoilt: bool,
    /// The time to heal of each variant whose scenario derives it from its workload.
    heals: BTreeMap<String, Duration>,
    /// The activity of the last run.
    activity: Activity,
}

/// The activity of a run.
#[derive(Clone, Copy, Default)]
struct Activity {
    events_before_heal: u32,
    last: Moment,
}

/// The longest time that the epilogue of a run may take.
const EPILOGUE: Duration = Duration::from_secs(3_600);

/// A runner of any scenario: the interface for search, replay and reports.
pub trait Rehearse {
    /// Executes a run.
    fn run(&mut self, plan: Plan<'_>) -> Outcome;
    /// Executes a run with recording on.
    fn record(&mut self, plan: Plan<'_>) -> (Outcome, Trace);
    /// Executes a run, and returns its coverage.
    fn cover(&mut self, plan: Plan<'_>) -> (Outcome, Coverage);
    /// Returns the last run as a script: its variant and the deviations that it took, in order.
    fn script(&self) -> Script;
    /// Returns the run of a seed as a script.
    fn script_of(&mut self, seed: u64) -> Script {
        self.run(Plan::Seed(seed));
        self.script()
    }
    /// Returns the choices that the last run offered, in order.
    fn offers(&self) -> Vec<Offered>;
    /// Calls `take` for each choice that the last run offered, in order, without building its name.
    fn each_offer(&self, take: &mut dyn FnMut(Site, OfferedAlternatives));
    /// Returns the effects of the last run, if it was one of [`Plan::Turns`]. If two runs of a variant have equal
    /// effects, any deviation added after the last deviation of either has the same results in both.
    fn effects(&self) -> Option<Digest>;
    /// Returns the happy path of the variant that a seed draws.
    fn happy(&self, seed: u64) -> Script;
    /// Returns the parameters of runs.
    fn parameters(&self) -> &[Parameter];
    /// Returns the names of the invariants with what each verifies, the harness's own included.
    fn invariants(&self) -> Vec<(&'static str, &'static str)>;
    /// Returns the names of the goals; bit `n` of [`Outcome::goals`] is the `n`th.
    fn goals(&self) -> Vec<&'static str>;
    /// Returns the limits of each run.
    fn limits(&self) -> Limits;
    /// Takes the counts of the runs since the last call: each site with its numbers of choices offered and taken.
    fn take_sites_met(&mut self) -> SitesMet;
    /// Passes each step of recorded runs to `show` as it is recorded, from now on; `None` stops this.
    fn observe(&mut self, show: Option<ShowStep>);
    /// Sets whether runs of [`Plan::Turns`] offer pauses before the statements of transactions, and so count them among
    /// the choices. At first they do not.
    fn offer_statements(&mut self, are_offered: bool);
}

impl<S: Scenario> Rehearse for Runner<S> {
    fn offer_statements(&mut self, are_offered: bool) {
        self.turns_pause = are_offered;
    }
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
    /// Creates a runner of this scenario with the default [`Limits`].
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
            turns_pause: false,
            spoilt: false,
            heals: BTreeMap::new(),
            activity: Activity::default(),
        }
    }

    /// Sets the ablated guardrails, instead of [`Scenario::without`].
    pub fn without(mut self, guardrails: Vec<String>) -> Self {
        self.without = guardrails;
        self
    }

    /// Sets the limits of runs.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Returns the scenario.
    pub fn scenario(&self) -> &S {
        &self.scenario
    }

    /// Returns the limits of each run.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Executes a run.
    pub fn run(&mut self, plan: Plan<'_>) -> Outcome {
        self.execute(plan);
        self.outcome()
    }

    /// Executes a run with recording on.
    pub fn record(&mut self, plan: Plan<'_>) -> (Outcome, Trace) {
        let buffer = self.world.core.borrow().log.clone();
        self.world.core.borrow_mut().recording = Some(Vec::new());
        self.world.core.borrow_mut().recorded_bytes = 0;
        tracing_capture::capture(&buffer, || self.execute(plan));
        let outcome = self.outcome();
        let seed = plan.seed();
        let script = self.script();
        let mut core = self.world.core.borrow_mut();
        let events = core.recording.take().unwrap_or_default();
        let trace = trace::of_run(&core, events, &outcome, script, seed);
        (outcome, trace)
    }

    /// Executes a run, and returns its coverage.
    pub fn cover(&mut self, plan: Plan<'_>) -> (Outcome, Coverage) {
        self.world.core.borrow_mut().gauge = Some(Gauge::default());
        self.execute(plan);
        let gauge = self.world.core.borrow_mut().gauge.take();
        (self.outcome(), gauge.map(|gauge| gauge.coverage).unwrap_or_default())
    }

    /// Executes a run, and returns what the sessions of each store did, as SQL to be played on a PostgreSQL server.
    pub fn transcribe(&mut self, plan: Plan<'_>) -> (Outcome, Vec<Transcript>) {
        self.world.core.borrow_mut().transcripts = Some(Vec::new());
        self.execute(plan);
        let transcripts = self.world.core.borrow_mut().transcripts.take();
        (self.outcome(), transcripts.unwrap_or_default())
    }

    /// Returns the last run as a script.
    pub fn script(&self) -> Script {
        let core = self.world.core.borrow();
        Script {
            scenario: self.scenario.name().to_owned(),
            without: self.without.clone(),
            variant: self.variant.clone(),
            deviations: core.chooser.deviations(&core.scopes),
        }
    }

    /// Returns the choices that the last run offered, in order.
    pub fn offers(&self) -> Vec<Offered> {
        let core = self.world.core.borrow();
        let offered = |offer| {
            let (id, met) = (core.chooser.id(offer, &core.scopes), core.chooser.met(offer));
            Offered { id, site: met.site, alternatives: met.alternatives, after: offer.after }
        };
        core.chooser.offers().iter().map(offered).collect()
    }

    /// Returns how many slots the world has allocated so far: for tasks, timers, deliveries, scopes and counters. The
    /// numbers grow with the largest run, not with the number of runs.
    pub fn footprint(&self) -> [usize; 5] {
        self.world.core.borrow().footprint()
    }

    /// Returns the variant that a seed draws.
    pub fn variant_of(&self, seed: u64) -> Variant {
        let values = self.scenario.parameters().iter().enumerate().map(|(at, parameter)| {
            let draw = below(mix(seed ^ 0x7A61, at as u64), parameter.values.len() as u32);
            (parameter.name.to_owned(), parameter.values[draw as usize].to_owned())
        });
        Variant(values.collect())
    }

    /// Sets the variant of the next run, which is usually that of the last one.
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

    fn execute_within(&mut self, plan: Plan<'_>, horizon: Horizon) {
        let heal = Moment::START + horizon.heal;
        self.facts.reset();
        {
            let mut core = self.world.reset(heal, self.limits);
            core.starts_at = WallTime::AT_START;
            core.schedule.begin_run(plan.offers_task_order(), plan.offers_statements(self.turns_pause));
            core.entropy = self.entropy;
            core.effects = matches!(plan, Plan::Turns { .. }).then(Digest::default);
            core.watched_from = if core.effects.is_some() { 0 } else { self.limits.events };
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
        // The objects of a run refer to its world, and the world refers to them.
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
        let (pending, now) = {
            let core = self.world.core.borrow();
            if core.run_abort.is_some() {
                return activity;
            }
            ((!core.has_programs).then(|| core.pending()).flatten(), core.now)
        };
        self.world.note_waits();
        self.facts.judge_at_rest(&self.world);
        if let Some(pending) = pending {
            let settle = crate::time::text(settle);
            let message = format!("still at work {settle} after healing: {pending}");
            self.facts.report(now, "comes-to-rest", "", message);
        }
        activity
    }

    /// Replaces the world: one in which something panicked is not reused.
    fn replace_world(&mut self) {
        let world = World::new();
        world.core.borrow_mut().recording = self.world.core.borrow_mut().recording.take();
        world.core.borrow_mut().observer = self.world.core.borrow_mut().observer.take();
        world.core.borrow_mut().gauge = self.world.core.borrow_mut().gauge.take();
        world.core.borrow_mut().transcripts = self.world.core.borrow_mut().transcripts.take();
        world.core.borrow_mut().log = self.world.core.borrow().log.clone();
        // With what it has counted.
        std::mem::swap(&mut world.core.borrow_mut().chooser, &mut self.world.core.borrow_mut().chooser);
        self.world = world;
    }

    /// Records a panic as the reason of the abort, unless the run was aborted before.
    fn note_panic(&mut self, source: String, panic: Panic) {
        self.spoilt = true;
        let mut core = self.world.core.borrow_mut();
        if panic.is::<Unwound>() || core.run_abort.is_some() {
            return;
        }
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let message = message.unwrap_or_else(|| "a panic without message".to_owned());
        core.run_abort = Some(RunAbort::Panicked { who: source, message });
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
            RunAbort::Ambiguous { choice, users: [one, other] } => {
                let message = format!(
                    "`{choice}` names two choices: one of {one}, one of {other}. This is an error of the scenario, not of the design: give each a scope of its own with `env.child(\"turn\")`"
                );
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
