//! Locks: which transaction waits, for how long, and in which order.

use crate::check;
use crate::desk::Do::{Claim, Commit, Lock, Read, Rollback, Set, Triple, Wait};

#[test]
fn a_waiter_for_a_row_sees_its_last_version() {
    let writer = [Triple(1, 5), Wait(100), Commit];
    let expected = ["105 2: holds 1 at Some(5)", "110 1: commits"];
    check(&[(0, &writer), (50, &[Lock(1)])], "", &expected);
}

#[test]
fn locks_are_granted_in_the_order_of_the_requests() {
    let brief = [Lock(1), Wait(10), Rollback];
    let clients: [(u64, &[_]); 4] =
        [(0, &[Lock(1), Wait(100), Rollback]), (30, &brief), (10, &brief), (20, &brief)];
    let expected = [
        "0 1: holds 1 at Some(0)",
        "100 3: holds 1 at Some(0)",
        "110 4: holds 1 at Some(0)",
        "120 2: holds 1 at Some(0)",
    ];
    check(&clients, "", &expected);
}

#[test]
fn a_lock_is_held_from_a_write_to_the_end_and_by_its_transaction_only() {
    let writer = [Set(1, 1), Lock(1), Lock(1), Wait(100), Rollback, Lock(1)];
    let expected = [
        "0 1: holds 1 at Some(1)",
        "0 1: holds 1 at Some(1)",
        "100 2: holds 1 at Some(0)",
        "100 1: holds 1 at Some(0)",
    ];
    check(&[(0, &writer), (50, &[Lock(1)])], "", &expected);
}

#[test]
fn a_wait_ends_with_the_lock_timeout_and_frees_what_the_waiting_one_held() {
    let clients: [(u64, &[_]); 3] =
        [(0, &[Lock(1), Wait(5_000), Rollback]), (100, &[Lock(2), Lock(1)]), (500, &[Lock(2)])];
    let expected = [
        "0 1: holds 1 at Some(0)",
        "100 2: holds 2 at Some(0)",
        "1100 3: holds 2 at Some(0)",
        "1100 2: lock timeout",
    ];
    check(&clients, "", &expected);
}

#[test]
fn in_a_deadlock_the_first_waiter_is_aborted() {
    let clients: [(u64, &[_]); 2] =
        [(0, &[Lock(1), Wait(100), Lock(2)]), (50, &[Lock(2), Wait(100), Lock(1)])];
    let expected = [
        "0 1: holds 1 at Some(0)",
        "50 2: holds 2 at Some(0)",
        "1100 2: holds 1 at Some(0)",
        "1100 1: deadlock",
    ];
    check(&clients, "", &expected);
}

#[test]
fn a_claim_skips_locked_rows_and_never_waits() {
    let claim = [Claim, Wait(100), Rollback];
    let clients: [(u64, &[_]); 5] =
        [(0, &[Lock(2), Wait(100), Rollback]), (10, &claim), (20, &claim), (30, &claim), (105, &claim)];
    let expected = [
        "0 1: holds 2 at Some(0)",
        "10 2: claims Some(1)",
        "20 3: claims Some(3)",
        "30 4: claims None",
        "105 5: claims Some(2)",
    ];
    check(&clients, "", &expected);
}

#[test]
fn a_claimed_row_is_locked() {
    let clients: [(u64, &[_]); 3] = [(0, &[Claim, Wait(100), Rollback]), (50, &[Lock(1)]), (60, &[Read(1)])];
    check(&clients, "", &["0 1: claims Some(1)", "60 reads 1 at Some(0)", "100 2: holds 1 at Some(0)"]);
}
