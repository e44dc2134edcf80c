//! The properties of the store, as tables of claims: clients with their statements in; their results and the durable
//! changes out.

mod desk;
#[path = "../expectation/mod.rs"]
mod expectation;
mod workshop;

mod bad_use;
mod commits;
mod constraints;
mod crashes;
mod known_bugs;
mod locks;
mod pollers;
mod pools;
mod recorded_pooler;
mod serial;
mod servers;
mod statements;
mod visibility;

use desk::{Desk, Do, LogEntry};
use shakedown_sim::{Plan, Runner, Script};

/// The start time of each client (in milliseconds), and its statements.
type Clients<'a> = &'a [(u64, &'a [Do])];

/// Returns all events of a script, in order, each with its millisecond.
fn told(clients: Clients<'_>, deviations: &str) -> Vec<(u64, LogEntry)> {
    let clients = clients.iter().map(|(begins, does)| (*begins, does.to_vec())).collect();
    let mut runner = Runner::new(Desk::new(clients));
    let script: Script = format!("scenario desk\n{deviations}").parse().unwrap();
    let outcome = runner.run(Plan::Script(&script));
    assert_eq!(outcome.unapplied, [], "offered: {:#?}", runner.offers());
    assert_eq!(outcome.violations, [], "{deviations}");
    runner.scenario().record()
}

/// Checks the results of the clients, as lines `MILLISECOND CLIENT: WHAT`.
fn check(clients: Clients<'_>, deviations: &str, expected: &[&str]) {
    let lines = told(clients, deviations).into_iter().filter_map(|(ms, told)| match told {
        LogEntry::Said { client, text } => Some(format!("{ms} {client}: {text}")),
        LogEntry::Read { key, value } => Some(format!("{ms} reads {key} at {value:?}")),
        LogEntry::Changed(..) => None,
    });
    assert_eq!(lines.collect::<Vec<_>>(), expected, "{deviations}");
}

/// Checks the calls of the hook, as lines `MILLISECOND KEY: VALUE BEFORE -> VALUE AFTER`.
fn check_changes(clients: Clients<'_>, deviations: &str, expected: &[&str]) {
    let lines = told(clients, deviations).into_iter().filter_map(|(ms, told)| match told {
        LogEntry::Changed(before, after) => {
            let key = after.or(before).map_or(0, |row| row.id);
            let value = |row: Option<desk::Account>| row.map_or("-".to_owned(), |row| row.value.to_string());
            Some(format!("{ms} {key}: {} -> {}", value(before), value(after)))
        }
        _ => None,
    });
    assert_eq!(lines.collect::<Vec<_>>(), expected, "{deviations}");
}
