//! A world that a function builds, run by a script, and the facts that it states.

use shakedown_clock::FreshThread;
use shakedown_sim::ambient::Shared;
use shakedown_sim::*;

/// A fact: a text.
#[derive(Clone, serde::Serialize)]
pub(crate) struct Said(String);

impl Fact for Said {
    fn sentence(&self) -> String {
        self.0.clone()
    }
}

/// States what happens, on behalf of the node whose code runs.
#[derive(Clone, Copy)]
pub(crate) struct Voice(Shared<Facts<Said>>);

impl Voice {
    pub(crate) fn says(self, text: impl Into<String>) {
        self.0.state(&Said(text.into()));
    }
}

pub(crate) type Build = fn(&Stage<Said>, Voice);

struct World(Build);

impl Scenario for World {
    type Fact = Said;
    fn name(&self) -> &str {
        "world"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(60), settle: Duration::from_secs(60) }
    }
    fn build(&self, stage: &Stage<Said>) {
        (self.0)(stage, Voice(Shared::new(stage.facts().clone())));
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Said>>> {
        Vec::new()
    }
}

/// A role whose only node may crash or shut down.
pub(crate) fn crashing(name: &'static str) -> Role {
    const CRASHES: CrashProfile = CrashProfile {
        before: &[CrashFault::Crash, CrashFault::ShutDown],
        after: &[CrashFault::Crash],
        restart: Duration::from_secs(5),
        ..CrashProfile::NEVER
    };
    Role { single: true, ..Role::new(name.into(), &CRASHES) }
}

/// Writes a moment in seconds and tenths.
fn tenths(moment: Moment) -> String {
    let tenths = moment.nanos() / 100_000_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Expects that the run of a script states these facts, each after its time in seconds.
#[track_caller]
pub(crate) fn check(build: Build, deviations: &str, expected: &[&str]) {
    let script: Script = format!("scenario world\n{deviations}").parse().unwrap();
    let mut runner = FreshThread::new(move || World(build));
    let (outcome, trace) = runner.record(Plan::Script(&script));
    let offered: Vec<_> = runner.offers().iter().map(|offer| offer.id.to_string()).collect();
    assert_eq!(outcome.unapplied, [], "offered: {offered:#?}");
    assert_eq!(outcome.violations, [], "{:#?}", trace.steps);
    let facts = trace.steps.iter().filter(|step| step.kind == trace::Kind::Fact);
    let said: Vec<_> = facts.map(|step| format!("{} {}", tenths(step.time), step.text)).collect();
    assert_eq!(said, expected);
}

/// Expects that equal seeds give equal runs.
#[track_caller]
pub(crate) fn check_that_runs_repeat(build: Build) {
    for seed in 0..5 {
        self_check(&mut FreshThread::new(move || World(build)), Plan::Seed(seed)).unwrap();
    }
}

/// Returns how two runs of one plan differ.
#[track_caller]
pub(crate) fn divergence(build: Build) -> String {
    let script: Script = "scenario world".parse().unwrap();
    self_check(&mut FreshThread::new(move || World(build)), Plan::Script(&script)).unwrap_err().to_string()
}
