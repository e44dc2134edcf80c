//! The outcomes of a request, and of a repeated one.

use crate::counter::Ask::{Cancel, Reserve, Wait};
use crate::{Case, EVERY_KIND};
use shakedown_model::PartnerTerms;

const STANDS: [&str; 3] = ["asked 1", "reserved 1 Confirmed", "charged 1 100"];

fn outcome(name: &str) -> String {
    format!("partner.reserve/outcome @ ask-1 = {name}")
}

#[test]
fn every_outcome_has_its_effect_and_its_response() {
    let table: [(&str, &str, &[&str]); 6] = [
        ("pending", "Pending(1)", &["asked 1", "reserved 1 Pending", "settled 1", "charged 1 100"]),
        ("refuses", "Refused", &["asked 1"]),
        ("429", "TooMany", &["asked 1"]),
        ("5xx before", "ServerError", &["asked 1"]),
        ("5xx after", "ServerError", &STANDS),
        ("malformed", "Malformed", &STANDS),
    ];
    for terms in EVERY_KIND {
        Case::new(terms, &[Reserve(1)], "").answers(&["Confirmed(1)"]).ledger(&STANDS);
        for (name, answer, ledger) in table {
            Case::new(terms, &[Reserve(1)], &outcome(name)).answers(&[answer]).ledger(ledger);
        }
    }
}

#[test]
fn what_is_pending_may_end_without_a_charge() {
    let ends = format!("{}\npartner/decision @ ask-1 = ends it", outcome("pending"));
    let ledger = ["asked 1", "reserved 1 Pending", "ended 1 by itself"];
    for terms in EVERY_KIND {
        Case::new(terms, &[Reserve(1)], &ends).ledger(&ledger);
    }
}

#[test]
fn a_reservation_may_end_by_itself_and_is_paid_back_once() {
    let ends = "partner/later @ ask-1 = ends it";
    let ledger = [&STANDS[..], &["ended 1 by itself", "refunded 1 100", "asked 3"]].concat();
    for terms in EVERY_KIND {
        let asks = [Reserve(1), Wait(2_000), Cancel(1)];
        Case::new(terms, &asks, ends).answers(&["Confirmed(1)", "Ended"]).ledger(&ledger);
    }
}

#[test]
fn a_repeat_under_a_valid_key_gets_the_first_response_and_has_no_effect() {
    let twice = [Reserve(1), Wait(600), Reserve(1)];
    let once_more = [&STANDS[..], &["asked 3"]].concat();
    for terms in [PartnerTerms::KEYS, PartnerTerms::SHORT_KEYS] {
        Case::new(terms, &twice, "").answers(&["Confirmed(1)", "Confirmed(1)"]).ledger(&once_more);
        for (name, first) in [("5xx after", "ServerError"), ("malformed", "Malformed")] {
            Case::new(terms, &twice, &outcome(name)).answers(&[first, "Confirmed(1)"]).ledger(&once_more);
        }
        let decided = ["asked 1", "reserved 1 Pending", "settled 1", "charged 1 100", "asked 3"];
        let case = Case::new(terms, &twice, "partner.reserve/outcome @ ask-1 = pending");
        case.answers(&["Pending(1)", "Pending(1)"]).ledger(&decided);
    }
}

#[test]
fn what_had_no_effect_is_not_stored_under_the_key() {
    for (name, first) in [("refuses", "Refused"), ("429", "TooMany"), ("5xx before", "ServerError")] {
        let case = Case::new(PartnerTerms::KEYS, &[Reserve(1), Reserve(1)], "");
        let ledger = ["asked 1", "asked 2", "reserved 1 Confirmed", "charged 1 100"];
        Case { deviations: &outcome(name), ..case }.answers(&[first, "Confirmed(1)"]).ledger(&ledger);
    }
}

#[test]
fn another_key_or_none_makes_another_reservation() {
    let second = [&STANDS[..], &["asked 2", "reserved 2 Confirmed", "charged 2 100"]].concat();
    Case::new(PartnerTerms::KEYS, &[Reserve(1), Reserve(2)], "").ledger(&second);
    for terms in [PartnerTerms::LOOKUP, PartnerTerms::NEITHER] {
        Case::new(terms, &[Reserve(1), Reserve(1)], "").ledger(&second);
    }
}

#[test]
fn an_expired_key_makes_another_reservation() {
    let after = |seconds| [Reserve(1), Wait(seconds), Reserve(1)];
    let alive = [&STANDS[..], &["asked 3"]].concat();
    Case::new(PartnerTerms::SHORT_KEYS, &after(1_799), "").ledger(&alive);
    let expired = [&STANDS[..], &["asked 3", "forgot 1", "reserved 2 Confirmed", "charged 2 100"]].concat();
    Case::new(PartnerTerms::SHORT_KEYS, &after(1_801), "").ledger(&expired);
    Case::new(PartnerTerms::KEYS, &after(1_801), "").ledger(&alive);
}

#[test]
fn a_cancellation_may_be_repeated_and_pays_back_once() {
    let asks = [Reserve(1), Cancel(1), Cancel(1)];
    let ledger = [&STANDS[..], &["asked 2", "ended 1 as asked", "refunded 1 100", "asked 3"]].concat();
    for terms in EVERY_KIND {
        Case::new(terms, &asks, "").answers(&["Confirmed(1)", "Ended", "Ended"]).ledger(&ledger);
        let after = "partner.cancel/outcome @ ask-2 = 5xx after";
        Case::new(terms, &asks, after).answers(&["Confirmed(1)", "ServerError", "Ended"]).ledger(&ledger);
        let before = "partner.cancel/outcome @ ask-2 = 5xx before";
        let later = [&STANDS[..], &["asked 2", "asked 3", "ended 1 as asked", "refunded 1 100"]].concat();
        Case::new(terms, &asks, before).answers(&["Confirmed(1)", "ServerError", "Ended"]).ledger(&later);
    }
}

#[test]
fn what_was_cancelled_while_pending_is_never_charged() {
    let ledger = ["asked 1", "reserved 1 Pending", "asked 2", "ended 1 as asked"];
    Case::new(PartnerTerms::KEYS, &[Reserve(1), Cancel(1)], &outcome("pending")).ledger(&ledger);
}

#[test]
fn a_reservation_that_it_once_refused_to_cancel_it_refuses_to_cancel_ever_after() {
    let asks = [Reserve(1), Cancel(1), Cancel(1)];
    let refuses = "partner.cancel/outcome @ ask-2 #1 = refuses";
    let case = Case::new(PartnerTerms::KEYS, &asks, refuses);
    case.answers(&["Confirmed(1)", "Refused", "Refused"]).ledger(&[
        "asked 1",
        "reserved 1 Confirmed",
        "charged 1 100",
        "asked 2",
        "held 1",
        "asked 3",
    ]);
    let pending = "partner.reserve/outcome @ ask-1 #1 = pending\npartner.cancel/outcome @ ask-2 #1 = refuses";
    Case::new(PartnerTerms::KEYS, &asks[..2], pending).answers(&["Pending(1)", "Ended"]);
}
