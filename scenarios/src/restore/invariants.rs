//! The invariants of a restore: how things stand once it has been found out what was lost. They read the
//! partner's ledger and committed rows.

use crate::booking::invariants::acceptance;
use crate::booking::invariants::reservations::{self, money};
use crate::booking::ledger::{Kept, Ledger};
use crate::judges::AtRest;
use shakedown_model::Fact;
use shakedown_model::booking::rows::Status;
use shakedown_sim::Invariant;

/// All of them, in the order in which reports list them.
pub fn all() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![
        charged_at_most_once(),
        reservations::no_orphan_reservation(),
        local_and_partner_agree(),
        acceptance::accepted_work_finishes(),
    ]
}

/// Nobody is charged twice or for nothing, unless a person is told.
fn charged_at_most_once() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: for an intent of which nothing is listed for a person, charges less refunds are the \
                 accepted price at most, and zero unless a booking is confirmed. What was charged before it was found \
                 out is not judged";
    AtRest::asking("charged-at-most-once", about, |ledger: &Ledger, findings| {
        let mut intents: Vec<u32> = ledger.reservations.iter().map(|reserved| reserved.intent).collect();
        intents.dedup();
        for intent in intents.into_iter().filter(|intent| !ledger.intent_is_listed(*intent)) {
            let confirmed = |kept: &&Kept| kept.intent == intent && kept.row.status == Status::Confirmed;
            let due: i64 =
                ledger.bookings.iter().filter(confirmed).map(|kept| i64::from(kept.row.price)).sum();
            let of_intent = || ledger.reservations.iter().filter(|reserved| reserved.intent == intent);
            let charged: i64 = of_intent().map(|reserved| reserved.charged).sum();
            if charged > due {
                let events: Vec<u32> = of_intent().map(|reserved| reserved.last).collect();
                findings.violated("charged too much", &events, || {
                    format!("intent-{intent} is charged {}, and owes {}", money(charged), money(due))
                });
            }
        }
    })
}

/// Both sides say the same of a confirmed booking.
fn local_and_partner_agree() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: the reservation of a confirmed booking that is not listed for a person is live in the \
                 partner's ledger. What is listed may have more than one: what was asked for may have been lost";
    AtRest::asking("local-and-partner-agree", about, |ledger: &Ledger, findings| {
        let confirmed = |kept: &&Kept| kept.row.status == Status::Confirmed && !ledger.is_listed(&kept.row);
        for kept in ledger.bookings.iter().filter(confirmed) {
            reservations::stands(ledger, kept, findings);
        }
    })
}
