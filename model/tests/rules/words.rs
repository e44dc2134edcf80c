//! The meaning of the partner's words, how far its callbacks are believed, and the text of a screen.

use crate::known::{EVERY_KIND, More, NEITHER, booking};
use shakedown_model::booking::booking_contract::{BookingContract, Rules};
use shakedown_model::booking::case::{CallbackEffect, Evidence};
use shakedown_model::booking::connector::ReserveResponse;
use shakedown_model::booking::rows::Standing::{Confirmed, Ended, Pending};
use shakedown_model::booking::rows::{Attention, Holding, Standing, Status};
use shakedown_model::booking::status_sync::{Recovery, StatusSync};
use shakedown_model::facts::Word;

#[test]
fn only_what_is_documented_to_have_no_effect_is_taken_for_none() {
    let table = [
        (ReserveResponse::Confirmed(3), Evidence::Standing(3, Confirmed)),
        (ReserveResponse::Pending(3), Evidence::Standing(3, Pending)),
        (ReserveResponse::Refused, Evidence::Refused),
        (ReserveResponse::TooMany, Evidence::NoEffect),
        (ReserveResponse::ServerError, Evidence::Unknown),
        (ReserveResponse::Malformed, Evidence::Unknown),
    ];
    for (answer, evidence) in table {
        assert_eq!(Rules.translate(answer), evidence, "{answer:?}");
    }
}

fn held(standing: Standing) -> Holding {
    booking(Status::Accepted).holds(1, standing).holdings[0]
}

#[test]
fn a_callback_is_a_hint_if_the_partner_has_a_lookup_and_believed_otherwise() {
    for terms in EVERY_KIND {
        let heard = if terms == NEITHER { CallbackEffect::Believed } else { CallbackEffect::Doubt };
        for says in [Pending, Confirmed, Ended] {
            assert_eq!(Recovery.on_callback(&terms, None, says), heard, "{terms:?}: {says:?} of what is new");
        }
        for (knows, says) in [(Pending, Confirmed), (Pending, Ended), (Confirmed, Ended)] {
            assert_eq!(
                Recovery.on_callback(&terms, Some(&held(knows)), says),
                heard,
                "{terms:?}: {says:?} after {knows:?}"
            );
        }
    }
}

#[test]
fn a_callback_older_than_known_evidence_changes_nothing() {
    for terms in EVERY_KIND {
        for (knows, says) in [(Pending, Pending), (Confirmed, Pending), (Confirmed, Confirmed)] {
            let heard = Recovery.on_callback(&terms, Some(&held(knows)), says);
            assert_eq!(heard, CallbackEffect::Ignored, "{terms:?}: {says:?} after {knows:?}");
        }
    }
}

#[test]
fn what_has_ended_is_never_heard_to_live() {
    for terms in EVERY_KIND {
        for says in [Pending, Confirmed, Ended] {
            for doubtful in [false, true] {
                let known = Holding { doubtful, ..held(Ended) };
                assert_eq!(Recovery.on_callback(&terms, Some(&known), says), CallbackEffect::Ignored);
            }
        }
    }
}

#[test]
fn a_doubt_remains_until_the_partner_has_responded() {
    for terms in EVERY_KIND.into_iter().filter(|terms| terms.lookup) {
        let known = Holding { doubtful: true, ..held(Confirmed) };
        assert_eq!(Recovery.on_callback(&terms, Some(&known), Confirmed), CallbackEffect::Doubt);
    }
}

#[test]
fn a_screen_shows_the_state_of_a_booking_unless_it_needs_review() {
    let table = [
        (Status::Accepted, Word::Received),
        (Status::OnRequest, Word::Requested),
        (Status::Confirmed, Word::Confirmed),
        (Status::Failed, Word::Failed),
        (Status::Withdrawn, Word::Withdrawn),
        (Status::Cancelling, Word::Cancelling),
        (Status::Cancelled, Word::Cancelled),
    ];
    for (status, word) in table {
        let mut row = booking(status).booking;
        assert_eq!(Rules.word(&row), word);
        for attention in [Attention::Checking, Attention::Review] {
            row.attention = attention;
            assert_eq!(Rules.word(&row), Word::BeingChecked, "{status:?}");
        }
    }
}

#[test]
fn a_move_takes_the_booking_off_the_list() {
    let mut case = booking(Status::Accepted).holds(1, Confirmed);
    case.booking.attention = Attention::Review;
    Rules.settle(&mut case);
    assert_eq!((case.booking.status, case.booking.attention), (Status::Confirmed, Attention::None));
    assert_eq!(case.booking.reservation, Some(1));
}
