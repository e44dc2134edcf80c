//! Attempts: first ones, repeated ones, and those in doubt.

use crate::known::Next::{Done, Lookup, Read, Reserve, Review, Wait};
use crate::known::{EVERY_KIND, HOUR, KEYS, LOOKUP, MINUTE, More, NEITHER, SHORT_KEYS, at, booking, check};
use shakedown_model::booking::rows::Known::{Effect, NoEffect, Refused, Started, Unknown};
use shakedown_model::booking::rows::Standing::{Confirmed, Ended, Pending};
use shakedown_model::booking::rows::Status::{self, Accepted, Failed, OnRequest};

#[test]
fn a_new_booking_is_reserved() {
    check(&EVERY_KIND, booking(Accepted), Accepted, Reserve);
}

#[test]
fn what_had_no_effect_is_tried_again_after_a_wait_until_the_attempts_are_spent() {
    check(&EVERY_KIND, booking(Accepted).attempt(NoEffect, 0), Accepted, Wait(1_500));
    check(&EVERY_KIND, booking(Accepted).attempt(NoEffect, 1), Accepted, Wait(500));
    check(&EVERY_KIND, booking(Accepted).attempt(NoEffect, 2), Accepted, Reserve);
    check(&EVERY_KIND, booking(Accepted).attempts(7, NoEffect), Accepted, Reserve);
    check(&EVERY_KIND, booking(Accepted).attempts(8, NoEffect), Failed, Done);
}

#[test]
fn a_refusal_fails_the_booking_if_nothing_else_is_open() {
    check(&EVERY_KIND, booking(Accepted).attempt(Refused, 0), Failed, Done);
    check(&EVERY_KIND, booking(Accepted).attempt(NoEffect, 10).attempt(Refused, 0), Failed, Done);
}

#[test]
fn what_is_unknown_is_found_out_in_the_way_that_the_partner_allows() {
    for known in [Started, Unknown] {
        let in_doubt = booking(Accepted).attempt(known, 10);
        check(&[KEYS], in_doubt.clone(), Accepted, Reserve);
        check(&[LOOKUP], in_doubt.clone(), Accepted, Lookup);
        check(&[SHORT_KEYS, NEITHER], in_doubt, Accepted, Review);
    }
}

#[test]
fn a_refusal_beside_an_open_attempt_settles_nothing() {
    let resent = booking(Accepted).attempt(Unknown, 20).attempt(Refused, 10);
    check(&[KEYS], resent.clone(), Accepted, Reserve);
    check(&[LOOKUP], resent.clone(), Accepted, Lookup);
    check(&[SHORT_KEYS, NEITHER], resent, Accepted, Review);
}

#[test]
fn what_is_unknown_is_never_failed_however_often_it_was_tried() {
    let spent = booking(Accepted).attempts(8, Unknown);
    check(&[KEYS, SHORT_KEYS, NEITHER], spent.clone(), Accepted, Review);
    check(&[LOOKUP], spent, Accepted, Lookup);
    let one_open = booking(Accepted).attempt(Unknown, 10 * HOUR).attempts(7, NoEffect);
    check(&[KEYS, SHORT_KEYS, NEITHER], one_open.clone(), Accepted, Review);
    check(&[LOOKUP], one_open, Accepted, Lookup);
}

#[test]
fn a_key_is_sent_again_from_its_first_use_until_an_hour_before_it_lapses() {
    check(&[KEYS], booking(Accepted).attempt(Unknown, 23 * HOUR - 1), Accepted, Reserve);
    check(&[KEYS], booking(Accepted).attempt(Unknown, 23 * HOUR), Accepted, Review);
    let first_counts = booking(Accepted).attempt(NoEffect, 23 * HOUR).attempt(Unknown, MINUTE);
    check(&[KEYS], first_counts, Accepted, Review);
    check(&[KEYS], booking(Accepted).attempt(Unknown, 1), Accepted, Wait(500));
}

#[test]
fn the_partner_is_asked_soon_then_rarely_and_after_the_quarantine_until_it_responds() {
    let asked = |checks, seconds_ago| booking(Accepted).attempt(Unknown, seconds_ago).checked(checks);
    let table = [
        (0, 0, Wait(500)),
        (0, 1, Lookup),
        (1, 1, Wait(1_000)),
        (1, 2, Lookup),
        (2, 2, Wait(298_000)),
        (2, 5 * MINUTE, Lookup),
        (3, 5 * MINUTE, Wait(600_000)),
        (4, 15 * MINUTE, Wait(900_000)),
        (5, 30 * MINUTE, Wait(1_800_000)),
        (5, 60 * MINUTE, Lookup),
        (9, 60 * MINUTE, Lookup),
    ];
    for (checks, seconds_ago, then) in table {
        check(&[LOOKUP], asked(checks, seconds_ago), Accepted, then);
    }
    let just_asked = asked(5, 2 * HOUR).with(|case| case.attempts[0].learnt = at(crate::known::NOW - 60));
    check(&[LOOKUP], just_asked, Accepted, Wait(60_000));
}

#[test]
fn while_two_are_in_doubt_the_later_one_sets_the_time() {
    let two =
        booking(Accepted).attempt(Unknown, 2 * HOUR).checked(5).attempt(Unknown, 30 * MINUTE).checked(5);
    check(&[LOOKUP], two, Accepted, Wait(1_800_000));
}

#[test]
fn a_reservation_that_stands_confirms_and_one_that_is_held_waits() {
    for status in [Accepted, OnRequest] {
        check(
            &EVERY_KIND,
            booking(status).attempt(Effect(1), 0).holds(1, Confirmed),
            Status::Confirmed,
            Done,
        );
        let pending = booking(status).attempt(Effect(1), HOUR).holds(1, Pending);
        check(&[KEYS, SHORT_KEYS, LOOKUP], pending.clone(), OnRequest, Read(1));
        check(&[NEITHER], pending, OnRequest, Done);
        check(&EVERY_KIND, booking(status).attempt(Effect(1), 0).holds(1, Ended), Status::Withdrawn, Done);
    }
}

#[test]
fn a_held_reservation_is_checked_less_and_less_often() {
    let asked = |checks, seconds| {
        let held = booking(OnRequest).attempt(Effect(1), HOUR).holds(1, Pending).checked(checks);
        held.with(|case| case.holdings[0].learnt = at(crate::known::NOW - seconds))
    };
    let table = [
        (0, 0, Wait(500)),
        (1, 2, Read(1)),
        (2, 2, Wait(298_000)),
        (5, HOUR, Read(1)),
        (6, HOUR, Wait(3_600_000)),
    ];
    for (checks, seconds, then) in table {
        check(&[KEYS, SHORT_KEYS, LOOKUP], asked(checks, seconds), OnRequest, then);
    }
}
