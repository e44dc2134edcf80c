//! Exported histories have the properties of their isolation level, and show an anomaly that the next level forbids.

use crate::elle::checker::{Anomalies, check};
use crate::elle::workload::{Kind, Outcome, run};
use shakedown_database::{EventType, History, Isolation, Mop};
use stateright::semantics::ConsistencyTester;
use stateright::semantics::LinearizabilityTester;
use stateright::semantics::register::{Register, RegisterOp, RegisterRet};

const SEEDS: std::ops::Range<u64> = 0..150;

fn judged(level: Isolation) -> Vec<Anomalies> {
    let workload = |seed| run(Kind::ListAppend, level, seed, 4, 40);
    SEEDS.map(|seed| check(&workload(seed).history)).collect()
}

#[test]
fn read_committed_holds_and_shows_what_a_snapshot_forbids() {
    let all = judged(Isolation::ReadCommitted);
    assert!(all.iter().all(Anomalies::is_read_committed));
    assert!(all.iter().any(|anomalies| anomalies.g_single), "the level below snapshot is below it");
}

#[test]
fn snapshot_isolation_holds_and_shows_what_serializable_forbids() {
    let all = judged(Isolation::RepeatableRead);
    assert!(all.iter().all(Anomalies::is_snapshot));
    assert!(all.iter().any(|anomalies| anomalies.g2), "write skew must appear");
}

#[test]
fn serializable_holds_and_makes_progress() {
    let all = judged(Isolation::Serializable);
    assert!(all.iter().all(Anomalies::is_serializable));
    let committed: usize =
        SEEDS.map(|seed| run(Kind::ListAppend, Isolation::Serializable, seed, 4, 40).committed).sum();
    assert!(committed * 3 > SEEDS.count() * 40, "more than a third commits: {committed}");
}

/// A canary: the checker must find this.
#[test]
fn the_checker_finds_a_planted_lost_update() {
    let mut outcome = run(Kind::ListAppend, Isolation::Serializable, 1, 2, 0);
    let lost = |value| vec![Mop::ReadList(9, Some(Vec::new())), Mop::Append(9, value)];
    outcome.history.push(0, EventType::Ok, 0, lost(1));
    outcome.history.push(1, EventType::Ok, 0, lost(2));
    outcome.history.push(0, EventType::Ok, 0, vec![Mop::ReadList(9, Some(vec![1, 2]))]);
    let found = check(&outcome.history);
    assert!(found.g2 && !found.is_serializable());
}

fn planted(transactions: Vec<Vec<Mop>>) -> Anomalies {
    let mut history = History::default();
    for (process, mops) in transactions.into_iter().enumerate() {
        history.push(process, EventType::Ok, 0, mops);
    }
    check(&history)
}

#[test]
fn the_checker_finds_a_planted_intermediate_read() {
    let found = planted(vec![
        vec![Mop::Append(1, 1), Mop::Append(1, 2)],
        vec![Mop::ReadList(1, Some(vec![1]))],
        vec![Mop::ReadList(1, Some(vec![1, 2]))],
    ]);
    assert!(found.intermediate_read && !found.is_read_committed());
}

#[test]
fn the_checker_finds_a_planted_loss_of_an_own_write() {
    let found = planted(vec![
        vec![Mop::Append(1, 1), Mop::ReadList(1, Some(vec![]))],
        vec![Mop::ReadList(1, Some(vec![1]))],
    ]);
    assert!(found.lost_own_write && !found.is_read_committed());
    let found = planted(vec![vec![Mop::ReadList(1, Some(vec![1])), Mop::Append(1, 1)]]);
    assert!(found.lost_own_write, "a read cannot see a later append of its own transaction");
}

#[test]
fn a_write_of_unknown_outcome_may_be_read_and_a_failed_one_may_not() {
    let read = |kind| {
        let mut history = History::default();
        history.push(0, kind, 0, vec![Mop::Append(1, 1)]);
        history.push(1, EventType::Ok, 1, vec![Mop::ReadList(1, Some(vec![1]))]);
        check(&history)
    };
    assert!(read(EventType::Info).is_serializable());
    assert!(read(EventType::Fail).aborted_read);
}

#[test]
fn workloads_have_commits_of_unknown_outcome() {
    let unknown: usize =
        SEEDS.map(|seed| run(Kind::ListAppend, Isolation::ReadCommitted, seed, 4, 40).unknown).sum();
    assert!(unknown > 100, "{unknown}");
}

/// Stateright's own search confirms that operations on a register are linearizable, reads included.
#[test]
fn register_histories_are_linearizable() {
    for seed in SEEDS {
        let Outcome { history, .. } = run(Kind::Register, Isolation::Serializable, seed, 3, 16);
        for key in 0..4 {
            let mut tester = LinearizabilityTester::new(Register(0_i64));
            for (at, event) in history.events().iter().enumerate() {
                let mut later = history.events()[at + 1..].iter();
                let happens = event.kind == EventType::Ok
                    || later
                        .find(|next| next.process == event.process)
                        .is_some_and(|end| end.kind == EventType::Ok);
                let (op, ret) = match event.value[..] {
                    [Mop::Write(of, value)] if of == key => (RegisterOp::Write(value), RegisterRet::WriteOk),
                    [Mop::Read(of, value)] if of == key => {
                        (RegisterOp::Read, RegisterRet::ReadOk(value.unwrap_or(0)))
                    }
                    _ => continue,
                };
                let accepted = match event.kind {
                    EventType::Invoke if happens => tester.on_invoke(event.process, op).is_ok(),
                    EventType::Ok => tester.on_return(event.process, ret).is_ok(),
                    _ => true,
                };
                assert!(accepted, "a well-formed history");
            }
            assert!(tester.is_consistent(), "seed {seed}, key {key}:\n{}", history.json_lines());
        }
    }
}
