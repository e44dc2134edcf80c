//! Visibility: which transaction sees which versions, and when.

use crate::check;
use crate::desk::Do::{
    Claim, Commit, Find, Insert, InsertOrIgnore, Read, Rename, Rollback, Set, TripleUnlocked, Wait,
};

#[test]
fn own_writes_are_seen_at_once_and_those_of_others_once_committed() {
    let writer = [Set(1, 5), Read(1), Wait(100), Commit];
    let reader = [Read(1), Wait(100), Read(1)];
    let expected =
        ["0 reads 1 at Some(5)", "50 reads 1 at Some(0)", "110 1: commits", "150 reads 1 at Some(5)"];
    check(&[(0, &writer), (50, &reader)], "", &expected);
}

#[test]
fn an_insert_is_seen_by_others_once_committed_also_by_its_code() {
    let writer = [Insert(9, Some(90)), Find(90), Wait(100), Commit];
    let reader = [Find(90), Read(9), Wait(100), Find(90), Read(9)];
    let expected = [
        "0 1: inserts",
        "0 1: finds Some(9)",
        "50 2: finds None",
        "50 reads 9 at None",
        "110 1: commits",
        "150 2: finds Some(9)",
        "150 reads 9 at Some(0)",
    ];
    check(&[(0, &writer), (50, &reader)], "", &expected);
}

#[test]
fn what_was_rolled_back_was_never_there() {
    let writer = [Set(1, 5), Insert(9, Some(90)), Wait(100), Rollback, Read(1), Read(9), Find(90)];
    let expected = ["0 1: inserts", "100 reads 1 at Some(0)", "100 reads 9 at None", "100 1: finds None"];
    check(&[(0, &writer)], "", &expected);
}

#[test]
fn each_statement_sees_what_is_committed_when_it_runs() {
    let reader = [Read(1), Wait(20), Read(1), Wait(20), Read(1), Commit];
    let expected = [
        "0 reads 1 at Some(0)",
        "15 2: commits",
        "20 reads 1 at Some(7)",
        "35 3: commits",
        "40 reads 1 at Some(8)",
        "50 1: commits",
    ];
    check(&[(0, &reader), (5, &[Set(1, 7), Commit]), (25, &[Set(1, 8), Commit])], "", &expected);
}

#[test]
fn a_plain_read_never_waits() {
    check(&[(0, &[Set(1, 5), Wait(500), Rollback]), (50, &[Read(1)])], "", &["50 reads 1 at Some(0)"]);
}

#[test]
fn a_write_on_an_old_read_loses_what_came_between() {
    let forgetful = [TripleUnlocked(1, 1), Commit, Read(1)];
    let expected = ["10 1: commits", "10 reads 1 at Some(1)", "15 2: commits", "15 reads 1 at Some(1)"];
    check(&[(0, &forgetful), (2, &forgetful)], "", &expected);
}

#[test]
fn a_second_insert_of_a_key_waits_for_the_first_and_fails() {
    let first = [Insert(9, None), Wait(100), Commit];
    let second = [Insert(9, None), Commit];
    check(&[(0, &first), (50, &second)], "", &["0 1: inserts", "105 2: duplicate key", "110 1: commits"]);
}

#[test]
fn a_second_insert_of_a_code_waits_for_the_first_and_fails() {
    let first = [Insert(8, Some(80)), Wait(100), Commit];
    let second = [Insert(9, Some(80)), Commit];
    check(&[(0, &first), (50, &second)], "", &["0 1: inserts", "105 2: duplicate key", "110 1: commits"]);
}

#[test]
fn a_second_insert_succeeds_if_the_first_is_rolled_back() {
    for second in [[Insert(9, Some(80)), Commit], [Insert(8, None), Commit]] {
        let first = [Insert(8, Some(80)), Wait(100), Rollback];
        check(&[(0, &first), (50, &second)], "", &["0 1: inserts", "100 2: inserts", "110 2: commits"]);
    }
}

#[test]
fn a_late_insert_waits_and_then_sees_the_row_of_the_other() {
    let first = [Insert(8, Some(80)), Wait(100), Commit];
    let second = [InsertOrIgnore(9, Some(80)), Find(80), Read(9)];
    let expected = [
        "0 1: inserts",
        "105 2: is too late",
        "105 2: finds Some(8)",
        "105 reads 9 at None",
        "110 1: commits",
    ];
    check(&[(0, &first), (50, &second)], "", &expected);
}

#[test]
fn a_late_insert_delays_no_other() {
    let late = [InsertOrIgnore(1, None), InsertOrIgnore(9, Some(2)), Wait(500), Rollback];
    let other = [Set(1, 5), InsertOrIgnore(8, Some(2)), Claim, Commit];
    let expected = [
        "0 1: is too late",
        "0 1: is too late",
        "50 2: is too late",
        "50 2: claims Some(1)",
        "60 2: commits",
    ];
    check(&[(0, &late), (50, &other)], "", &expected);
}

#[test]
fn a_released_code_can_be_used_and_a_held_one_cannot() {
    let renames = [Rename(1, 70), Commit, Find(1), Insert(9, Some(1)), Commit, Find(1), Find(70)];
    let expected = [
        "10 1: commits",
        "10 1: finds None",
        "10 1: inserts",
        "20 1: commits",
        "20 1: finds Some(9)",
        "20 1: finds Some(1)",
    ];
    check(&[(0, &renames)], "", &expected);
    check(&[(0, &[Rename(1, 2), Commit])], "", &["0 1: duplicate key"]);
    let (first, second) = ([Rename(1, 70), Wait(100), Commit], [Rename(2, 70), Commit]);
    check(&[(0, &first), (50, &second)], "", &["105 2: duplicate key", "110 1: commits"]);
}
