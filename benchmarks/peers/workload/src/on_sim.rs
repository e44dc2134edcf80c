//! The port to `sim`, through its public interface: nodes, calls over a link, choices, digest.
//!
//! Differences from the definition: a worker crashes at crash points, beside its calls, so three crashes per run are
//! an average and not three fixed times. A delay is drawn from its range in half of the cases, and otherwise from
//! corners spread evenly over the range. A call to a worker that is down is refused rather than lost; the caller waits
//! all the same. Beyond the other ports, each choice that deviates is an event of its own with a duration, and
//! everything can be replayed by name.

use crate::ledger::Ledger;
use crate::tally::Tally;
use crate::{AWAY, BETWEEN_INTENTS, INTENTS, LINK, RETRIES, TIMEOUT, backoff};
use shakedown_sim::{
    Alternatives, CallError, CrashFault, CrashProfile, Duration, Endpoint, Env, Fact, Horizon, Invariant,
    Label, Link, LinkFaults, Op, Plan, Profile, Role, Runner, Scenario, Scope, Site, Stage, Variant,
};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

const CRASH: &[CrashFault] = &[CrashFault::Crash];
const FAULTS: LinkFaults = LinkFaults::LOSSY;
const FRAIL: CrashProfile =
    CrashProfile { before: CRASH, after: CRASH, restart: AWAY, ..CrashProfile::NEVER };
const LATENCY: Alternatives = Alternatives::delays(
    &["none", "176 ms", "508 ms", "841 ms", "1173 ms", "1505 ms", "1837 ms", "2169 ms", "2502 ms", "2834 ms"],
    (10, 3_000),
);
const LATENESS: Alternatives = Alternatives::delays(
    &[
        "none", "500 ms", "1500 ms", "2500 ms", "3500 ms", "4500 ms", "5500 ms", "6500 ms", "7500 ms",
        "8500 ms", "9500 ms",
    ],
    (1, 10_000),
);
const ATTEMPT: Label = Label::new("attempt");
const REPORT: Label = Label::new("report");
const TAKES: Site = site("partner", "latency");
const LATE: Site = site("partner", "lateness");

const fn site(owner: &'static str, point: &'static str) -> Site {
    Site::new(Label::new(owner), Label::new(point))
}

const fn crash(point: &'static str) -> Site {
    Site::of(Label::new("worker"), Label::new(point), Label::new("step"))
}

/// The rates at which choices deviate; crash points deviate so that about three of some 185 points are crashes.
const ODDS: Profile = Profile::measured(
    "booking-lite",
    "losses, delays and crashes as the workload has them",
    &[
        (site("step", "request"), 100),
        (site("step", "response"), 100),
        (TAKES, 1_000),
        (crash("before"), 17),
        (crash("after"), 17),
        (site("notify", "request"), 100),
        (site("notify", "response"), 100),
        (LATE, 1_000),
        (site("submit", "request"), 100),
        (site("submit", "response"), 100),
    ],
);

/// No fact is stated: the workload has no judge.
#[derive(serde::Serialize)]
pub enum Nothing {}

impl Fact for Nothing {
    fn sentence(&self) -> String {
        match *self {}
    }
}

/// The counts beside those of the engine.
#[derive(Default)]
struct Counts {
    called: Cell<u64>,
    arrived: Cell<u64>,
    answered: Cell<u64>,
    ended: Cell<u64>,
    boots: Cell<u64>,
    finished: Cell<u64>,
}

fn count(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

type Asked = Endpoint<(u8, u8), ()>;

struct System {
    submit: Asked,
    step: Asked,
    notify: Asked,
    ledger: RefCell<Ledger>,
    intents: [Scope; INTENTS],
    counts: Rc<Counts>,
}

impl System {
    async fn submission(self: Rc<Self>, env: Env, intent: u8) {
        env.sleep(BETWEEN_INTENTS * u32::from(intent)).await;
        self.call(&env, &self.submit, (intent, 0)).await;
    }

    async fn job(self: Rc<Self>, env: Env, intent: u8) {
        loop {
            let Some(step) = self.ledger.borrow().next_step(intent) else { break };
            if !self.call(&env, &self.step, (intent, step)).await {
                break;
            }
            self.ledger.borrow_mut().finish(intent, step);
        }
        self.ledger.borrow_mut().close(intent);
    }

    async fn report(self: Rc<Self>, env: Env, about: (u8, u8)) {
        env.sleep(env.choose_delay(LATE, &LATENESS)).await;
        self.call(&env, &self.notify, about).await;
    }

    async fn call(&self, env: &Env, endpoint: &Asked, about: (u8, u8)) -> bool {
        let is_step = std::ptr::eq(endpoint, &self.step);
        for tried in 0..=RETRIES {
            if is_step && self.ledger.borrow().is_finished(about.0, about.1) {
                return true;
            }
            count(&self.counts.called);
            let answer = env.child(ATTEMPT).call(endpoint, about, TIMEOUT).await;
            count(&self.counts.ended);
            match answer {
                Ok(()) => return true,
                // In this workload a worker that is down does not respond.
                Err(CallError::Refused) => env.sleep(TIMEOUT - 2 * LINK).await,
                Err(CallError::TimedOut) => {}
            }
            if tried < RETRIES {
                env.sleep(backoff(tried)).await;
            }
        }
        false
    }

    fn start_worker(self: &Rc<Self>, env: &Env) {
        count(&self.counts.boots);
        let system = Rc::clone(self);
        self.submit.serve(env, move |env, (intent, _)| {
            count(&system.counts.arrived);
            if system.ledger.borrow_mut().accept(intent) {
                system.start_job(&env, intent);
            }
            count(&system.counts.answered);
            std::future::ready(())
        });
        let system = Rc::clone(self);
        self.notify.serve(env, move |_, (intent, step)| {
            count(&system.counts.arrived);
            system.ledger.borrow_mut().finish(intent, step);
            count(&system.counts.answered);
            std::future::ready(())
        });
        let open = self.ledger.borrow().open();
        open.for_each(|intent| self.start_job(env, intent));
    }

    fn start_job(self: &Rc<Self>, env: &Env, intent: u8) {
        let env = env.within(self.intents[usize::from(intent)]);
        env.clone().spawn(Rc::clone(self).job(env, intent));
    }

    fn start_partner(self: &Rc<Self>, env: &Env) {
        let system = Rc::clone(self);
        self.step.serve(env, move |env, about| {
            let system = Rc::clone(&system);
            async move {
                count(&system.counts.arrived);
                env.sleep(env.choose_delay(TAKES, &LATENCY)).await;
                if system.ledger.borrow_mut().execute(about.0, about.1) {
                    let reporting = env.child(REPORT);
                    reporting.clone().spawn(Rc::clone(&system).report(reporting, about));
                }
                count(&system.counts.answered);
            }
        });
    }
}

/// The workload as a scenario.
#[derive(Default)]
pub struct BookingLite {
    counts: Rc<Counts>,
}

impl Scenario for BookingLite {
    type Fact = Nothing;

    fn name(&self) -> &str {
        "booking-lite"
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(600), settle: Duration::from_secs(60) }
    }

    fn build(&self, stage: &Stage<Nothing>) {
        let link = Link::new("link", LINK, &FAULTS);
        let asked = |name, says| Asked::new(Op::new(name, says), &link);
        let system = Rc::new(System {
            submit: asked("submit", "submits its intent"),
            step: asked("step", "asks for a step"),
            notify: asked("notify", "reports a step"),
            ledger: RefCell::default(),
            intents: std::array::from_fn(|_| stage.entity("intent")),
            counts: Rc::clone(&self.counts),
        });
        let own = Rc::clone(&system);
        stage.node(Role::outside("partner".into()), move |env| own.start_partner(&env));
        let own = Rc::clone(&system);
        stage.node(Role { crash: &FRAIL, ..Role::outside("worker".into()) }, move |env| {
            own.start_worker(&env)
        });
        let client = stage.node(Role::outside("client".into()), |_| {});
        for intent in 0..INTENTS as u8 {
            let env = client.within(system.intents[usize::from(intent)]).child("submission");
            env.clone().spawn(Rc::clone(&system).submission(env, intent));
        }
        let finished = Rc::clone(&system);
        stage.at_rest(move || finished.counts.finished.set(finished.ledger.borrow().finished()));
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
        Vec::new()
    }
}

/// Runs the workload on `sim`.
pub struct OnSim {
    runner: Runner<BookingLite>,
    counts: Rc<Counts>,
}

impl Default for OnSim {
    fn default() -> Self {
        let scenario = BookingLite::default();
        let counts = Rc::clone(&scenario.counts);
        Self { runner: Runner::new(scenario), counts }
    }
}

impl OnSim {
    /// Runs a seed.
    ///
    /// # Panics
    /// If the run violates a rule of the engine: it does not come to rest, or a choice is ambiguous.
    pub fn run(&mut self, seed: u64) -> Tally {
        let Counts { called, arrived, answered, ended, boots, finished } = &*self.counts;
        [called, arrived, answered, ended, boots].iter().for_each(|counter| counter.set(0));
        let outcome = self.runner.run(Plan::Profiled(seed, ODDS));
        assert_eq!(outcome.violations, [], "seed {seed}");
        let crashes = boots.get() - 1;
        Tally {
            messages: called.get() + answered.get(),
            attempts: called.get(),
            events: called.get() + arrived.get() + answered.get() + ended.get() + 2 * crashes,
            finished: finished.get(),
            digest: outcome.digest.bits(),
        }
    }
}
