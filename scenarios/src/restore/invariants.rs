//! The invariants of a restore, judged once the loss has been detected. They read the partner's ledger and committed rows.

use crate::booking::invariants::acceptance;
use crate::booking::invariants::reservations::{self, amount};
use crate::booking::ledger::{Latest, Ledger};
use crate::judges::AtRest;
use shakedown_model::Fact;
use shakedown_model::booking::rows::Status;
use shakedown_sim::Invariant;

/// Returns all invariants, the most specific first: the first one that a run violates names its failure.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![
        charged_at_most_once(),
        reservations::no_orphan_reservation(),
        local_and_partner_agree(),
        acceptance::accepted_work_finishes(),
    ]
}

/// Verifies that no intent is charged more than it owes, unless it is listed for a person.
fn charged_at_most_once() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: if nothing of an intent is listed for a person, its charges less refunds are at most \
         the accepted price, and zero unless a booking is confirmed. Not judged: charges before the loss \
         is detected";
    AtRest::boxed("charged-at-most-once", about, |ledger: &Ledger, findings| {
        let mut intents: Vec<u32> = ledger.reservations.iter().map(|reserved| reserved.intent).collect();
        intents.dedup();
        for intent in intents.into_iter().filter(|intent| !ledger.intent_is_listed(*intent)) {
            let confirmed =
                |latest: &&Latest| latest.intent == intent && latest.row.status == Status::Confirmed;
            let due: i64 =
                ledger.bookings.iter().filter(confirmed).map(|latest| i64::from(latest.row.price)).sum();
            let of_intent = || ledger.reservations.iter().filter(|reserved| reserved.intent == intent);
            let charged: i64 = of_intent().map(|reserved| reserved.charged).sum();
            if charged > due {
                let events: Vec<u32> = of_intent().map(|reserved| reserved.last).collect();
                findings.violated("charged too much", &events, || {
                    format!("intent-{intent} is charged {} and owes {}", amount(charged), amount(due))
                });
            }
        }
    })
}

/// Verifies that the partner holds the reservation of each confirmed booking.
fn local_and_partner_agree() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: the reservation of a confirmed booking that is not listed for a person is active in \
         the partner's ledger. Not judged: listed bookings, which may have more than one because a request \
         may have been lost";
    AtRest::boxed("local-and-partner-agree", about, |ledger: &Ledger, findings| {
        let confirmed =
            |latest: &&Latest| latest.row.status == Status::Confirmed && !ledger.is_listed(&latest.row);
        for latest in ledger.bookings.iter().filter(confirmed) {
            reservations::check_active(ledger, latest, findings);
        }
    })
}
