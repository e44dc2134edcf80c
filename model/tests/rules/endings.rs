//! Cancellations, surplus reservations, completed bookings, and doubtful reservations.

use crate::known::Next::{Cancel, Done, Lookup, Read, Reserve, Review, Wait};
use crate::known::{EVERY_KIND, HOUR, KEYS, LOOKUP, More, NEITHER, SHORT_KEYS, at, booking, check};
use shakedown_model::booking::rows::Ask;
use shakedown_model::booking::rows::Known::{Effect, NoEffect, Refused, Unknown};
use shakedown_model::booking::rows::Standing::{Confirmed, Ended, Pending};
use shakedown_model::booking::rows::Status::{
    self, Accepted, Cancelled, Cancelling, Failed, OnRequest, Withdrawn,
};

const FINAL: [Status; 3] = [Failed, Withdrawn, Cancelled];

#[test]
fn a_cancellation_waits_until_it_is_known_what_there_is_to_cancel() {
    let open = booking(Cancelling).attempt(Unknown, 10);
    check(&[KEYS], open.clone(), Cancelling, Reserve);
    check(&[LOOKUP], open.clone(), Cancelling, Lookup);
    check(&[SHORT_KEYS, NEITHER], open, Cancelling, Review);
}

#[test]
fn a_cancelled_booking_has_nothing_that_lives() {
    check(&EVERY_KIND, booking(Cancelling), Cancelled, Done);
    check(&EVERY_KIND, booking(Cancelling).attempt(NoEffect, 1), Cancelled, Done);
    check(&EVERY_KIND, booking(Cancelling).attempt(Refused, 1), Cancelled, Done);
    check(&EVERY_KIND, booking(Cancelling).attempt(Effect(1), 1).holds(1, Ended), Cancelled, Done);
    for standing in [Confirmed, Pending] {
        let live = booking(Cancelling).attempt(Effect(1), 1).holds(1, standing);
        check(&EVERY_KIND, live.clone(), Cancelling, Cancel(1));
        check(&EVERY_KIND, live.attempt(Unknown, 1), Cancelling, Cancel(1));
    }
}

#[test]
fn a_cancellation_is_repeated_after_a_wait_until_a_person_has_to() {
    let live = booking(Cancelling).attempt(Effect(1), HOUR).holds(1, Confirmed);
    for known in [Unknown, NoEffect] {
        check(&EVERY_KIND, live.clone().asked(Ask::Cancel(1), known, 0), Cancelling, Wait(1_500));
        check(&EVERY_KIND, live.clone().asked(Ask::Cancel(1), known, 2), Cancelling, Cancel(1));
    }
    let often = (0..8).fold(live.clone(), |case, _| case.asked(Ask::Cancel(1), Unknown, HOUR));
    check(&EVERY_KIND, often, Cancelling, Review);
    let another = (0..8).fold(live, |case, _| case.asked(Ask::Cancel(2), Unknown, HOUR));
    check(&EVERY_KIND, another, Cancelling, Cancel(1));
}

#[test]
fn of_two_reservations_one_is_surplus() {
    for standing in [Confirmed, Pending] {
        let two = booking(Status::Confirmed).holds(1, Confirmed).holds(2, standing);
        check(&EVERY_KIND, two, Status::Confirmed, Cancel(2));
    }
    let first_stands = booking(Accepted).holds(1, Confirmed).holds(2, Confirmed);
    check(&EVERY_KIND, first_stands, Status::Confirmed, Cancel(2));
    let second_stands = booking(OnRequest).holds(1, Pending).holds(2, Confirmed);
    check(&EVERY_KIND, second_stands, Status::Confirmed, Cancel(1));
    check(&EVERY_KIND, booking(OnRequest).holds(1, Pending).holds(2, Pending), OnRequest, Cancel(2));
}

#[test]
fn what_lives_for_a_booking_that_is_over_is_cancelled_and_reopens_nothing() {
    for status in FINAL {
        check(&EVERY_KIND, booking(status), status, Done);
        check(&EVERY_KIND, booking(status).holds(1, Ended), status, Done);
        for standing in [Confirmed, Pending] {
            check(&EVERY_KIND, booking(status).holds(1, standing), status, Cancel(1));
        }
    }
}

#[test]
fn an_attempt_in_doubt_of_a_booking_that_is_over_is_found_out_all_the_same() {
    for status in FINAL {
        let open = booking(status).attempt(Unknown, 10);
        check(&[LOOKUP], open.clone(), status, Lookup);
        check(&[SHORT_KEYS, NEITHER], open, status, Review);
    }
}

#[test]
fn what_the_partner_ended_is_withdrawn() {
    check(&EVERY_KIND, booking(Status::Confirmed).holds(1, Ended), Withdrawn, Done);
    check(
        &EVERY_KIND,
        booking(Status::Confirmed).holds(1, Confirmed).holds(2, Ended),
        Status::Confirmed,
        Done,
    );
    check(&EVERY_KIND, booking(OnRequest).holds(1, Ended), Withdrawn, Done);
    check(&EVERY_KIND, booking(Accepted).holds(1, Ended).attempt(NoEffect, HOUR), Withdrawn, Done);
}

#[test]
fn a_booking_is_not_withdrawn_while_an_attempt_may_still_bring_it_a_reservation() {
    let open = booking(Accepted).holds(1, Ended).attempt(Unknown, 10);
    check(&[KEYS], open.clone(), Accepted, Reserve);
    check(&[LOOKUP], open, Accepted, Lookup);
}

#[test]
fn a_doubtful_reservation_is_checked_first() {
    let asked: [Status; 7] =
        [Accepted, OnRequest, Status::Confirmed, Cancelling, Failed, Withdrawn, Cancelled];
    for status in asked {
        let case = booking(status).attempt(Unknown, 10).holds(1, Confirmed).doubtful();
        check(&EVERY_KIND, case, status, Read(1));
        let other = booking(Status::Confirmed).holds(1, Confirmed).holds(2, Confirmed).doubtful();
        check(&EVERY_KIND, other, Status::Confirmed, Read(2));
    }
}

#[test]
fn what_is_doubtful_moves_nothing() {
    check(&EVERY_KIND, booking(Status::Confirmed).holds(1, Ended).doubtful(), Status::Confirmed, Read(1));
    check(&EVERY_KIND, booking(Accepted).holds(1, Confirmed).doubtful(), Accepted, Read(1));
    check(&EVERY_KIND, booking(Accepted).attempt(Refused, 1).holds(1, Pending).doubtful(), Accepted, Read(1));
}

#[test]
fn a_failed_lookup_is_repeated_two_minutes_later() {
    let since = |seconds| {
        let case = booking(Status::Confirmed).holds(1, Confirmed).doubtful().checked(1);
        case.with(|case| case.holdings[0].learnt = at(crate::known::NOW - seconds))
    };
    check(&EVERY_KIND, since(30), Status::Confirmed, Wait(90_000));
    check(&EVERY_KIND, since(120), Status::Confirmed, Read(1));
}
