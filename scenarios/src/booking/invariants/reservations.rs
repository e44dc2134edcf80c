//! What the partner holds and charges, against what was wanted.

use super::super::ledger::{Kept, Ledger, Reserved, intent};
use crate::judges::AtRest;
use shakedown_model::Fact;
use shakedown_model::booking::rows::Status;
use shakedown_model::facts::PartnerFact;
use shakedown_sim::{At, Findings, Invariant, Moment};

fn names(reservations: &[&Reserved]) -> String {
    reservations.iter().map(|reserved| format!("R{}", reserved.id)).collect::<Vec<_>>().join(", ")
}

/// An amount in minor units as people write it.
pub(crate) fn money(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

fn made(reservations: &[&Reserved]) -> Vec<u32> {
    reservations.iter().map(|reserved| reserved.made).collect()
}

/// No intent has two live reservations; a confirmed booking has one.
#[derive(Default)]
pub(crate) struct ExactlyOneReservation(Ledger);

impl Invariant<Fact> for ExactlyOneReservation {
    fn name(&self) -> &'static str {
        "exactly-one-reservation-per-intent"
    }
    fn about(&self) -> &'static str {
        "always: the partner's ledger has at most one live reservation for an intent; once healed: exactly one for \
         an intent with a confirmed booking that is not listed for a person. Not judged: whether an intent should \
         have been confirmed"
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        if matches!(fact, Fact::Partner(PartnerFact::Reserved { .. })) {
            let intent = intent(at);
            let live: Vec<_> = self.0.live(intent).collect();
            if live.len() > 1 {
                findings.violated("two live reservations", &made(&live), || {
                    format!("intent-{intent} holds {} live reservations ({})", live.len(), names(&live))
                });
            }
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for kept in self.0.bookings.iter().filter(|kept| kept.row.status == Status::Confirmed) {
            if self.0.live(kept.intent).next().is_none() && !self.0.is_listed(&kept.row) {
                findings.violated("confirmed without reservation", &[kept.last], || {
                    format!(
                        "B{} is confirmed, but intent-{} holds no live reservation",
                        kept.row.id, kept.intent
                    )
                });
            }
        }
    }
}

/// Nobody pays twice, nor for nothing.
#[derive(Default)]
pub(super) struct ChargedAtMostOnce(Ledger);

impl ChargedAtMostOnce {
    fn charged(&self, intent: u32) -> (i64, Vec<u32>) {
        let of_intent = || self.0.reservations.iter().filter(|reserved| reserved.intent == intent);
        let sum = of_intent().map(|reserved| reserved.charged).sum();
        (sum, of_intent().filter(|reserved| reserved.charged > 0).map(|reserved| reserved.last).collect())
    }
}

impl Invariant<Fact> for ChargedAtMostOnce {
    fn name(&self) -> &'static str {
        "charged-at-most-once"
    }
    fn about(&self) -> &'static str {
        "always: for an intent, charges less refunds never exceed the accepted price; once healed: they are zero \
         unless a booking is confirmed or listed for a person"
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        if matches!(fact, Fact::Partner(PartnerFact::Charged { .. })) {
            let intent = intent(at);
            let (sum, events) = self.charged(intent);
            let accepted = self.0.bookings.iter().filter(|kept| kept.intent == intent);
            let price = accepted.map(|kept| i64::from(kept.row.price)).max().unwrap_or(0);
            if sum > price {
                findings.violated("charged twice", &events, || {
                    format!("intent-{intent} was accepted at {} and is charged {}", money(price), money(sum))
                });
            }
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        let intents: Vec<u32> = self.0.bookings.iter().map(|kept| kept.intent).collect();
        for intent in intents {
            let (sum, events) = self.charged(intent);
            let mut bookings = self.0.bookings.iter().filter(|kept| kept.intent == intent);
            let due =
                bookings.any(|kept| kept.row.status == Status::Confirmed) || self.0.intent_is_listed(intent);
            if sum > 0 && !due {
                findings.violated("charged for nothing", &events, || {
                    format!("intent-{intent} has no confirmed booking and is still charged {}", money(sum))
                });
            }
        }
    }
}

/// What lives at the partner is ours to know.
pub(crate) fn no_orphan_reservation() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: each live reservation is that of a confirmed booking, or its intent is listed for a person";
    AtRest::asking("no-orphan-reservation", about, |ledger: &Ledger, findings| {
        for reserved in ledger.reservations.iter().filter(|reserved| reserved.is_live()) {
            let owns = |kept: &Kept| {
                kept.row.status == Status::Confirmed && kept.row.reservation == Some(reserved.id)
            };
            if !ledger.bookings.iter().any(owns) && !ledger.intent_is_listed(reserved.intent) {
                let lost = ledger.lost.iter().filter(|kept| kept.intent == reserved.intent);
                let events: Vec<u32> =
                    [reserved.made].into_iter().chain(lost.map(|kept| kept.last)).collect();
                findings.violated("orphan", &events, || {
                    format!("R{} lives at the partner, and no booking owns it", reserved.id)
                });
            }
        }
    })
}

/// Both sides say the same of a booking.
pub(super) fn local_and_partner_agree() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: the reservation of a confirmed booking is live in the partner's ledger, and one that \
                 is listed for a person has at most one live reservation";
    AtRest::asking("local-and-partner-agree", about, |ledger: &Ledger, findings| {
        for kept in &ledger.bookings {
            if ledger.is_listed(&kept.row) {
                at_most_one(ledger, kept, findings);
            } else if kept.row.status == Status::Confirmed {
                stands(ledger, kept, findings);
            }
        }
    })
}

fn at_most_one(ledger: &Ledger, kept: &Kept, findings: &mut Findings) {
    let live: Vec<_> = ledger.live(kept.intent).collect();
    if live.len() > 1 {
        findings.violated("review with two", &made(&live), || {
            format!("B{} is listed for a person with several reservations: {}", kept.row.id, names(&live))
        });
    }
}

pub(crate) fn stands(ledger: &Ledger, kept: &Kept, findings: &mut Findings) {
    let own = |reserved: &&Reserved| Some(reserved.id) == kept.row.reservation;
    if ledger.live(kept.intent).any(|reserved| own(&reserved)) {
        return;
    }
    let ended = ledger.reservations.iter().find(own).map(|reserved| reserved.last);
    let events: Vec<u32> = ended.into_iter().chain([kept.last]).collect();
    findings.violated("confirmed, not live", &events, || {
        format!("B{} is confirmed here, but not at the partner", kept.row.id)
    });
}
