//! The partner's responses to lookups.

use crate::Case;
use crate::counter::Ask::{Cancel, Lookup, Read, Reserve, Statement, Wait};
use crate::counter::REFERENCE;
use shakedown_model::PartnerTerms;

const CAN_BE_ASKED: [PartnerTerms; 3] = [PartnerTerms::KEYS, PartnerTerms::SHORT_KEYS, PartnerTerms::LOOKUP];
const REFUSED: &str = "connection refused";

#[test]
fn a_lookup_returns_the_reservations_of_a_reference_and_their_states() {
    let asks = [Lookup(REFERENCE), Reserve(1), Reserve(2), Cancel(2), Lookup(REFERENCE), Lookup(8)];
    let found = "R1 Confirmed for 7, R2 Ended for 7";
    for terms in CAN_BE_ASKED {
        let answers = ["", "Confirmed(1)", "Confirmed(2)", "Ended", found, ""];
        Case::new(terms, &asks, "").answers(&answers);
    }
}

#[test]
fn a_lookup_that_lags_hides_what_was_made_of_late() {
    let found = "R1 Confirmed for 7";
    let lag = "partner.lookup/lag @ ask-3 = 30 min";
    let after = |seconds| [Reserve(1), Wait(seconds), Lookup(REFERENCE), Lookup(REFERENCE)];
    Case::new(PartnerTerms::LOOKUP, &after(1_790), lag).answers(&["Confirmed(1)", "", found]);
    Case::new(PartnerTerms::LOOKUP, &after(1_800), lag).answers(&["Confirmed(1)", found, found]);
}

#[test]
fn a_reservation_can_be_read_by_its_number_at_once() {
    let asks = [Read(1), Reserve(1), Read(1), Cancel(1), Read(1), Read(2)];
    let answers = ["nothing", "Confirmed(1)", "R1 Confirmed for 7", "Ended", "R1 Ended for 7", "nothing"];
    for terms in CAN_BE_ASKED {
        Case::new(terms, &asks, "").answers(&answers);
    }
    let pending = "partner.reserve/outcome @ ask-2 = pending";
    let asks = [Read(1), Reserve(1), Read(1), Wait(600), Read(1)];
    let answers = ["nothing", "Pending(1)", "R1 Pending for 7", "R1 Confirmed for 7"];
    for terms in CAN_BE_ASKED {
        Case::new(terms, &asks, pending).answers(&answers);
    }
}

#[test]
fn a_partner_of_neither_kind_has_no_lookup() {
    let asks = [Reserve(1), Lookup(REFERENCE), Read(1)];
    Case::new(PartnerTerms::NEITHER, &asks, "").answers(&["Confirmed(1)", REFUSED, REFUSED]);
}

#[test]
fn the_statement_is_complete_and_up_to_date_and_has_references_where_the_partner_keeps_them() {
    let asks = [Reserve(1), Reserve(2), Reserve(3), Cancel(2), Statement];
    let pending = "partner.reserve/outcome @ ask-3 = pending";
    let answers = |statement| ["Confirmed(1)", "Confirmed(2)", "Pending(3)", "Ended", statement];
    for terms in CAN_BE_ASKED {
        let statement = "R1 Confirmed for 7, R2 Ended for 7, R3 Pending for 7";
        Case::new(terms, &asks, pending).answers(&answers(statement));
    }
    let statement = "R1 Confirmed, R2 Ended, R3 Pending";
    Case::new(PartnerTerms::NEITHER, &asks, pending).answers(&answers(statement));
}
