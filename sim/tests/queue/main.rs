//! The properties of the queue: tables of claims (messages, actions of workers and faults in; results out), and laws,
//! of the broker alone against a short specification and of whole runs.

mod depot;
#[path = "../expectation/mod.rs"]
mod expectation;

mod batches;
mod broker_law;
mod channel;
mod crashes;
mod dead_letters;
mod fifo;
mod flavours;
mod known_bugs;
mod kv;
mod leases;
mod log;
mod places;
mod recorded;
mod rest;
mod run_laws;
mod sends;

use depot::{Depot, Did, LogEntry};
use shakedown_sim::queue::Counts;
use shakedown_sim::{Plan, Runner, Script};

/// Returns all events of a script, in order, each with its millisecond.
fn told(depot: &Depot, deviations: &str) -> Vec<(u64, LogEntry)> {
    let mut runner = Runner::new(depot.clone());
    let script: Script = format!("scenario depot\n{deviations}").parse().unwrap();
    let outcome = runner.run(Plan::Script(&script));
    assert_eq!(outcome.unapplied, [], "offered: {:#?}", runner.offers());
    assert_eq!(outcome.violations, [], "{deviations}");
    runner.scenario().record()
}

/// Checks the results of clients and workers, as lines `MILLISECOND NODE WHAT`.
fn check(depot: &Depot, deviations: &str, expected: &[&str]) {
    let lines = told(depot, deviations).into_iter().filter_map(|(ms, told)| match told.did {
        Did::Said(text) => Some(format!("{ms} {} {text}", told.who)),
        Did::Reached { .. } | Did::IsLeft(_) => None,
    });
    assert_eq!(lines.collect::<Vec<_>>(), expected, "{deviations}");
}

/// Checks the milestones of the messages at the broker, as lines `MILLISECOND MESSAGE WHAT`.
fn check_broker(depot: &Depot, deviations: &str, expected: &[&str]) {
    let lines = told(depot, deviations).into_iter().filter_map(|(ms, told)| match told.did {
        Did::Reached { reached, .. } => Some(format!("{ms} {} {reached:?}", told.who)),
        Did::Said(_) | Did::IsLeft(_) => None,
    });
    assert_eq!(lines.collect::<Vec<_>>(), expected, "{deviations}");
}

/// Checks the states of the messages at rest.
fn check_left(depot: &Depot, deviations: &str, expected: Counts) {
    let last = told(depot, deviations).pop().map(|(_, told)| told.did);
    assert_eq!(last, Some(Did::IsLeft(expected)), "{deviations}");
}
