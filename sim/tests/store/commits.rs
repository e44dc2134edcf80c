//! Commits: their durable effect, and the client's knowledge of it.

use crate::desk::Do::{Commit, Insert, Lock, Read, Rollback, Set, Triple, Wait};
use crate::{check, check_changes};
use shakedown_sim::*;

const WORK: [crate::desk::Do; 3] = [Set(1, 5), Insert(9, None), Commit];

#[test]
fn a_failed_commit_and_a_lost_response_look_the_same_to_the_client() {
    let broken = ["0 1: inserts", "10 1: connection lost during commit"];
    check(&[(0, &WORK)], "store/commit work @ client-1 = fails", &broken);
    check(&[(0, &WORK)], "store/commit work @ client-1 = response lost", &broken);
}

#[test]
fn a_commit_that_fails_has_no_effect_and_frees_its_locks() {
    check_changes(&[(0, &WORK)], "store/commit work @ client-1 = fails", &[]);
    let others: [(u64, &[_]); 2] = [(0, &WORK), (1, &[Lock(1)])];
    let expected = ["0 1: inserts", "5 2: holds 1 at Some(0)", "10 1: connection lost during commit"];
    check(&others, "store/commit work @ client-1 = fails", &expected);
}

#[test]
fn a_commit_whose_response_is_lost_has_its_effect() {
    let lost = "store/commit work @ client-1 = response lost";
    check_changes(&[(0, &WORK)], lost, &["5 1: 0 -> 5", "5 9: - -> 0"]);
    let others: [(u64, &[_]); 2] = [(0, &WORK), (1, &[Lock(1)])];
    let expected = ["0 1: inserts", "5 2: holds 1 at Some(5)", "10 1: connection lost during commit"];
    check(&others, lost, &expected);
}

#[test]
fn a_commit_whose_response_was_lost_is_found_by_a_repeat() {
    let again: [(u64, &[_]); 2] = [(0, &[Insert(9, None), Commit]), (20, &[Read(9), Insert(9, None)])];
    let broken = ["0 1: inserts", "10 1: connection lost during commit"];
    let there = [&broken[..], &["20 reads 9 at Some(0)", "20 2: duplicate key"]].concat();
    check(&again, "store/commit work @ client-1 = response lost", &there);
    let not_there = [&broken[..], &["20 reads 9 at None", "20 2: inserts"]].concat();
    check(&again, "store/commit work @ client-1 = fails", &not_there);
}

#[test]
fn the_hook_is_called_once_for_each_changed_row_with_its_former_value() {
    let busy = [Set(2, 1), Set(1, 1), Set(1, 2), Insert(9, None), Set(9, 4), Lock(3), Read(3), Commit];
    check_changes(&[(0, &busy)], "", &["5 2: 0 -> 1", "5 1: 0 -> 2", "5 9: - -> 4"]);
}

#[test]
fn the_hook_is_not_called_for_a_rollback() {
    check_changes(&[(0, &[Set(1, 1), Rollback, Insert(9, None)])], "", &[]);
}

#[test]
fn the_hook_is_called_in_the_order_of_commits_not_of_writes() {
    let clients: [(u64, &[_]); 3] =
        [(0, &[Set(1, 1), Wait(100), Commit]), (10, &[Set(2, 2), Commit]), (20, &[Triple(1, 4), Commit])];
    check_changes(&clients, "", &["15 2: 0 -> 2", "105 1: 0 -> 1", "110 1: 1 -> 7"]);
}

/// One client whose commit may be read late, and a judge that reports each disturbance.
struct Late;

#[derive(Default)]
struct TellsTrouble(Vec<String>);

#[derive(serde::Serialize)]
enum Nothing {}

impl Fact for Nothing {
    fn sentence(&self) -> String {
        match *self {}
    }
}

impl Invariant<Nothing> for TellsTrouble {
    fn name(&self) -> &'static str {
        "trouble"
    }
    fn about(&self) -> &'static str {
        "nothing is in trouble"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, _: &At<'_>, fact: &Nothing, _: &mut Findings) {
        match *fact {}
    }
    fn disturbed(&mut self, trouble: &Disturbance) {
        let millis = |moment: Moment| moment.since(Moment::START).as_millis();
        self.0.push(format!(
            "{} from {} to {} ms",
            trouble.owner,
            millis(trouble.from),
            millis(trouble.until)
        ));
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        self.0.iter().for_each(|trouble| findings.violated("trouble", &[], || trouble.clone()));
    }
}

impl Scenario for Late {
    type Fact = Nothing;
    fn name(&self) -> &str {
        "late"
    }
    fn build(&self, stage: &Stage<Nothing>) {
        let server = stage.node(Role::outside("database".into()), |_| {});
        let commit_faults = const { &[CommitFault::Late(Duration::from_secs(2))] };
        let store = Store::new(&server, StoreProfile { commit_faults, ..StoreProfile::CALM });
        let client = stage.node(Role::outside("client".into()), |_| {});
        client.clone().spawn(async move {
            client.sleep(Duration::from_secs(1)).await;
            let _ = store.begin(&client).commit("work").await;
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
        vec![Box::<TellsTrouble>::default()]
    }
}

#[test]
fn a_late_commit_is_a_disturbance_until_its_response() {
    let script: Script = "scenario late\nstore/commit work @ - = late 2 s".parse().expect("well formed");
    let outcome = Runner::new(Late).run(Plan::Script(&script));
    let told: Vec<&str> = outcome.violations.iter().map(|violation| violation.message.as_str()).collect();
    assert_eq!((told, outcome.unapplied), (vec!["store from 1000 to 3005 ms"], vec![]));
}
