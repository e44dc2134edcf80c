//! The law: under any faults, transactions that lock what they read are equivalent to a serial execution.

use crate::desk::{Client, Desk, Do, LogEntry, tripled};
use proptest::collection::vec;
use proptest::prelude::*;
use shakedown_sim::{Plan, Runner};
use std::collections::BTreeMap;

type State = BTreeMap<u32, i64>;

/// The specification: one transaction at a time.
fn alone(state: &mut State, does: &[Do]) {
    for step in does {
        match step {
            Do::Triple(key, more) => {
                let value = state.entry(*key).or_default();
                *value = tripled(*value, *more);
            }
            Do::Insert(key, _) => drop(state.insert(*key, 0)),
            _ => {}
        }
    }
}

fn step() -> impl Strategy<Value = Do> {
    prop_oneof![
        3 => (1u32..=3, 1i64..9).prop_map(|(key, more)| Do::Triple(key, more)),
        1 => (0u64..30).prop_map(Do::Wait),
        1 => Just(Do::Think),
    ]
}

/// Clients of one transaction each, which leaves a row behind that identifies it.
fn clients() -> impl Strategy<Value = Vec<Client>> {
    let one = (0u64..60, vec(step(), 1..5), prop::bool::weighted(0.8));
    vec(one, 2..7).prop_map(|clients| {
        let numbered = (101..).zip(clients);
        let whole = numbered.map(|(mark, (begins, mut does, commits))| {
            does.push(Do::Insert(mark, None));
            does.push(if commits { Do::Commit } else { Do::Rollback });
            (begins, does)
        });
        whole.collect()
    })
}

/// A client that only reads.
fn observer() -> Client {
    let looks = (1..=3).flat_map(|key| [Do::Read(key), Do::Wait(3)]).cycle();
    (0, looks.take(400).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn committed_transactions_are_equivalent_to_a_serial_execution(clients in clients(), seed in 0u64..1_000) {
        let mut all = clients.clone();
        all.push(observer());
        let mut runner = Runner::new(Desk::new(all));
        let outcome = runner.run(Plan::Seed(seed));
        prop_assert_eq!(&outcome.violations, &[]);

        let (mut durable, mut order) = (State::from([(1, 0), (2, 0), (3, 0)]), Vec::new());
        let mut told_so = Vec::new();
        for (_, told) in runner.scenario().record() {
            match told {
                LogEntry::Changed(before, after) => {
                    let after = after.expect("nothing is deleted");
                    prop_assert_eq!(durable.insert(after.id, after.value), before.map(|row| row.value));
                    order.extend(after.id.checked_sub(101));
                }
                LogEntry::Read { key, value } => prop_assert_eq!(durable.get(&key).copied(), value, "not committed"),
                LogEntry::Said { client, text } if text == "commits" => told_so.push(client - 1),
                LogEntry::Said { .. } => {}
            }
        }
        let mut serial = State::from([(1, 0), (2, 0), (3, 0)]);
        order.iter().for_each(|client| alone(&mut serial, &clients[*client as usize].1));
        prop_assert_eq!(durable, serial);
        prop_assert!(told_so.iter().all(|client| order.contains(client)), "told of a commit that is not there");
        let rolled_back = |client: &u32| matches!(clients[*client as usize].1.last(), Some(Do::Rollback));
        prop_assert!(!order.iter().any(rolled_back), "a rollback left something behind");
    }
}
