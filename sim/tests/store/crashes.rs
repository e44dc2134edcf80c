//! The fate of a client's transaction when the client crashes.

use crate::desk::Do::{Commit, Lock, Set, Think, Wait};
use crate::{check, check_changes};

const HOLDS: [crate::desk::Do; 5] = [Set(1, 5), Lock(2), Think, Wait(10), Commit];
const FIRST: &str = "0 1: holds 2 at Some(0)";

#[test]
fn the_locks_of_a_client_that_crashed_live_until_the_server_notices() {
    let crash = "client/before thought @ client-1 = crash";
    check(&[(0, &HOLDS), (50, &[Lock(1)])], crash, &[FIRST, "50 2: holds 1 at Some(0)"]);
    let late = format!("{crash}\nstore/notices a dead client @ client-1 = 2 min");
    let clients: [(u64, &[_]); 3] = [(0, &HOLDS), (50, &[Lock(1)]), (119_500, &[Lock(1), Lock(2)])];
    let expected =
        [FIRST, "1050 2: lock timeout", "120000 3: holds 1 at Some(0)", "120000 3: holds 2 at Some(0)"];
    check(&clients, &late, &expected);
    check_changes(&clients, &late, &[]);
}

#[test]
fn the_locks_of_a_client_that_shuts_down_are_free_at_once() {
    let stop = "client/before thought @ client-1 = shutdown";
    let clients: [(u64, &[_]); 2] = [(0, &HOLDS), (0, &[Lock(1)])];
    check(&clients, stop, &[FIRST, "0 2: holds 1 at Some(0)"]);
    check_changes(&clients, stop, &[]);
}

#[test]
fn a_paused_client_holds_its_locks_and_commits_afterwards() {
    let pause = "client/before thought @ client-1 = pause 3 s";
    let clients: [(u64, &[_]); 3] = [(0, &HOLDS), (50, &[Lock(1)]), (2_500, &[Lock(1)])];
    let expected = [FIRST, "1050 2: lock timeout", "3015 3: holds 1 at Some(5)", "3020 1: commits"];
    check(&clients, pause, &expected);
}

#[test]
fn a_commit_that_was_sent_takes_effect_though_its_client_is_gone() {
    for way in ["crash", "shutdown"] {
        let after = format!("client/after work @ client-1 = {way}");
        check(&[(0, &HOLDS)], &after, &[FIRST]);
        check_changes(&[(0, &HOLDS)], &after, &["15 1: 0 -> 5"]);
        let before = format!("client/before work @ client-1 = {way}");
        check_changes(&[(0, &HOLDS)], &before, &[]);
    }
}
