//! Every recorded case of a real PostgreSQL 15, played on the core step by step: rows, blocking sessions and the
//! reason, SQLSTATEs, command tags, final rows.
//!
//! `SHAKEDOWN_CONFORMANCE=FILE cargo test -p shakedown-database --test database conformance` plays a further file of the same
//! formats.

use crate::sql::case::{Case, read_cases};
use crate::sql::player::Player;

/// Recorded cases that are not played, each with its reason.
const EXCEPTIONS: [(&str, &str); 3] = [
    ("now() fixed at tx start", "wall-clock functions: the core keeps no clock of its own"),
    ("long xact blocks nothing else: DDL", "the lock queue of DDL is not modelled"),
    ("commit outcomes", "recorded as prose about a proxy; told by the tests of known bugs instead"),
];

fn exception(case: &Case) -> Option<&'static str> {
    EXCEPTIONS.iter().find(|(title, _)| case.title.starts_with(title)).map(|(_, reason)| *reason)
}

fn play_all(text: &str) -> usize {
    play_all_on(text, Player::default)
}

fn play_all_on(text: &str, new_player: impl Fn() -> Player) -> usize {
    let cases = read_cases(text).expect("the file has a known form");
    let mut failures = Vec::new();
    let mut played = 0;
    for case in &cases {
        if let Some(reason) = exception(case) {
            println!("left out: {} ({reason})", case.title);
            continue;
        }
        played += 1;
        if let Err(difference) = case.play(new_player()) {
            failures.push(format!("{}\n  {difference}", case.title));
        }
    }
    assert!(failures.is_empty(), "{} of {played} cases differ:\n\n{}", failures.len(), failures.join("\n\n"));
    played
}

#[test]
fn isolation_anomalies_are_those_of_postgresql() {
    assert_eq!(play_all(include_str!("fixtures/isolation.jsonl")), 60);
}

#[test]
fn recorded_facts_hold() {
    assert_eq!(play_all(include_str!("fixtures/facts.jsonl")), 61);
}

/// Random histories of parents, children and grandchildren with `ON DELETE`, recorded by `.ci/record-postgres`.
#[test]
fn referential_actions_are_those_of_postgresql() {
    assert_eq!(play_all(include_str!("fixtures/actions.jsonl")), 150);
}

/// Random histories of `LOCK TABLE` among other statements, recorded by `.ci/record-postgres`.
#[test]
fn locks_of_tables_are_those_of_postgresql() {
    assert_eq!(play_all(include_str!("fixtures/tables.jsonl")), 150);
}

/// Random histories of exact numbers and timestamps, recorded by `.ci/record-postgres`.
#[test]
fn numbers_and_timestamps_are_those_of_postgresql() {
    assert_eq!(play_all(include_str!("fixtures/amounts.jsonl")), 150);
}

/// Minimal histories in which the core once differed from PostgreSQL 15.18.
#[test]
fn former_differences_stay_fixed() {
    assert_eq!(play_all(include_str!("fixtures/differences.jsonl")), 21);
}

/// The same at serializable, where reads mark pages.
#[test]
fn former_differences_at_serializable_stay_fixed() {
    let new_player = || {
        let mut player = Player::default();
        player.db.mark_pages(true);
        player
    };
    assert_eq!(play_all_on(include_str!("fixtures/serializable.jsonl"), new_player), 5);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "which further file to play is for the caller to say")]
fn a_further_file_holds_too() {
    match std::env::var("SHAKEDOWN_CONFORMANCE") {
        Ok(path) => {
            let text = std::fs::read_to_string(&path).expect("SHAKEDOWN_CONFORMANCE names a readable file");
            println!("{} cases of {path} hold", play_all(&text));
        }
        Err(_) => println!("SKIPPED: name a file of further cases in SHAKEDOWN_CONFORMANCE"),
    }
}

/// A statement that the player does not understand is reported as unsupported, instead of an error that the server
/// would not return.
#[test]
fn what_the_core_does_not_hold_is_unsupported() {
    for sql in [
        "select ctid from t",
        "select * from t where xmin = 1",
        "select relname from pg_class",
        "select * from information_schema.tables",
        "select a from t as x(a, b)",
        "create unique index on t(v)",
    ] {
        let mut player = Player::default();
        player.step("T1", "create table t(id int primary key, v int)", 0).expect("a known form");
        player.step("T1", "create index t_v on t(v)", 0).expect("a plain index changes no result");
        player.step("T1", "insert into t values (1, 1)", 0).expect("a known form");
        let refused = player.step("T1", sql, 0).expect_err("not understood");
        assert!(refused.contains("unsupported"), "{sql}: {refused}");
    }
}
