//! A scenario of one key-value store whose clients write down what they learn.

use shakedown_sim::kv::{Kv, KvProfile};
use shakedown_sim::node::CrashProfile;
use shakedown_sim::*;
use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;

#[derive(serde::Serialize)]
pub(crate) struct Nothing;

impl Fact for Nothing {
    fn sentence(&self) -> String {
        String::new()
    }
}

/// The lines that clients write, in order.
#[derive(Clone, Default)]
pub(crate) struct Lines(Rc<RefCell<Vec<String>>>);

impl Lines {
    pub(crate) fn say(&self, line: impl Display) {
        self.0.borrow_mut().push(line.to_string());
    }

    /// Writes a value, or the error in place of it.
    pub(crate) fn result<T: std::fmt::Debug, E: Display>(&self, result: Result<T, E>) {
        match result {
            Ok(value) => self.say(format!("{value:?}")),
            Err(error) => self.say(error),
        }
    }
}

/// The scenario: a store with a replica, whose nodes have clocks of these roles, and what `build` adds.
pub(crate) struct Bench<B> {
    pub(crate) profile: KvProfile,
    pub(crate) clock: &'static ClockProfile,
    pub(crate) build: B,
    lines: Lines,
}

impl<B: Fn(&Stage<Nothing>, Kv, Lines) + 'static> Scenario for Bench<B> {
    type Fact = Nothing;
    fn name(&self) -> &str {
        "bench"
    }
    fn build(&self, stage: &Stage<Nothing>) {
        self.lines.0.borrow_mut().clear();
        let server =
            |name: &'static str| stage.node(Role { clock: self.clock, ..Role::outside(name.into()) }, |_| {});
        let kv = Kv::with_replica(&server("redis-a"), &server("redis-b"), "kv", self.profile);
        (self.build)(stage, kv, self.lines.clone());
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
        Vec::new()
    }
}

/// Runs a script on a store with this profile and clock; returns the lines.
pub(crate) fn lines_of(
    profile: KvProfile,
    clock: &'static ClockProfile,
    deviations: &str,
    build: impl Fn(&Stage<Nothing>, Kv, Lines) + 'static,
) -> Vec<String> {
    let lines = Lines::default();
    let mut runner = Runner::new(Bench { profile, clock, build, lines: lines.clone() });
    let script: Script = format!("scenario bench\n{deviations}").parse().unwrap();
    let outcome = runner.run(Plan::Script(&script));
    assert_eq!(outcome.unapplied, [], "offered: {:#?}", runner.offers());
    assert_eq!(outcome.violations, [], "{deviations}");
    lines.0.take()
}

/// Returns a client node within a new entity of this name.
pub(crate) fn client(stage: &Stage<Nothing>, entity: &'static str) -> Env {
    stage.node(Role::new("client".into(), &CrashProfile::NEVER), |_| {}).within(stage.entity(entity))
}
