//! Reservations and charges at the partner, compared with intents and bookings.

use super::super::ledger::{Latest, Ledger, Reserved, intent};
use crate::judges::AtRest;
use shakedown_model::Fact;
use shakedown_model::booking::rows::Status;
use shakedown_model::facts::PartnerFact;
use shakedown_sim::{At, Findings, Invariant, Moment};

fn numbers(reservations: &[&Reserved]) -> String {
    reservations.iter().map(|reserved| format!("R{}", reserved.id)).collect::<Vec<_>>().join(", ")
}

/// Formats an amount in minor units: 12000 as `120.00`.
pub(crate) fn amount(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

fn made(reservations: &[&Reserved]) -> Vec<u32> {
    reservations.iter().map(|reserved| reserved.made).collect()
}

/// Verifies that no intent has two active reservations and that a confirmed booking has one.
#[derive(Default)]
pub(crate) struct ExactlyOneReservation(Ledger);

impl Invariant<Fact> for ExactlyOneReservation {
    fn name(&self) -> &'static str {
        "exactly-one-reservation-per-intent"
    }
    fn about(&self) -> &'static str {
        "always: an intent has at most one active reservation at the partner; once healed: exactly one if \
         its booking is confirmed and not listed for a person. Not judged: whether the intent should have \
         been confirmed"
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        if matches!(fact, Fact::Partner(PartnerFact::Reserved { .. })) {
            let intent = intent(at);
            let active: Vec<_> = self.0.active(intent).collect();
            if active.len() > 1 {
                findings.violated("two active reservations", &made(&active), || {
                    format!(
                        "intent-{intent} holds {} active reservations ({})",
                        active.len(),
                        numbers(&active)
                    )
                });
            }
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for latest in self.0.bookings.iter().filter(|latest| latest.row.status == Status::Confirmed) {
            if self.0.active(latest.intent).next().is_none() && !self.0.is_listed(&latest.row) {
                findings.violated("confirmed without reservation", &[latest.last], || {
                    format!(
                        "B{} is confirmed, and intent-{} holds no active reservation",
                        latest.row.id, latest.intent
                    )
                });
            }
        }
    }
}

/// Verifies that an intent is charged at most its price, and nothing without a confirmed booking.
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
        "always: charges less refunds of an intent never exceed the accepted price; once healed: they are \
         zero unless a booking is confirmed or listed for a person. Not judged: when a refund comes"
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        if matches!(fact, Fact::Partner(PartnerFact::Charged { .. })) {
            let intent = intent(at);
            let (sum, events) = self.charged(intent);
            let accepted = self.0.bookings.iter().filter(|latest| latest.intent == intent);
            let price = accepted.map(|latest| i64::from(latest.row.price)).max().unwrap_or(0);
            if sum > price {
                findings.violated("charged twice", &events, || {
                    format!(
                        "intent-{intent} was accepted at {} and is charged {}",
                        amount(price),
                        amount(sum)
                    )
                });
            }
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        let intents: Vec<u32> = self.0.bookings.iter().map(|latest| latest.intent).collect();
        for intent in intents {
            let (sum, events) = self.charged(intent);
            let mut bookings = self.0.bookings.iter().filter(|latest| latest.intent == intent);
            let due = bookings.any(|latest| latest.row.status == Status::Confirmed)
                || self.0.intent_is_listed(intent);
            if sum > 0 && !due {
                findings.violated("charged without booking", &events, || {
                    format!("intent-{intent} has no confirmed booking and is charged {}", amount(sum))
                });
            }
        }
    }
}

/// Verifies that each active reservation has a booking or is listed for a person.
pub(crate) fn no_orphan_reservation() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: each active reservation belongs to a confirmed booking, or its intent is listed for \
         a person. Not judged: reservations that end before that";
    AtRest::boxed("no-orphan-reservation", about, |ledger: &Ledger, findings| {
        for reserved in ledger.reservations.iter().filter(|reserved| reserved.is_active()) {
            let owns = |latest: &Latest| {
                latest.row.status == Status::Confirmed && latest.row.reservation == Some(reserved.id)
            };
            if !ledger.bookings.iter().any(owns) && !ledger.intent_is_listed(reserved.intent) {
                let lost = ledger.lost.iter().filter(|latest| latest.intent == reserved.intent);
                let events: Vec<u32> =
                    [reserved.made].into_iter().chain(lost.map(|latest| latest.last)).collect();
                findings.violated("orphan", &events, || {
                    format!("R{} is active at the partner, and no confirmed booking owns it", reserved.id)
                });
            }
        }
    })
}

/// Verifies that our row and the partner's ledger agree.
pub(super) fn local_and_partner_agree() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: the reservation of a confirmed booking is active in the partner's ledger, and a \
         booking that is listed for a person has at most one active reservation. Not judged: bookings in \
         any other status";
    AtRest::boxed("local-and-partner-agree", about, |ledger: &Ledger, findings| {
        for latest in &ledger.bookings {
            if ledger.is_listed(&latest.row) {
                check_at_most_one(ledger, latest, findings);
            } else if latest.row.status == Status::Confirmed {
                check_active(ledger, latest, findings);
            }
        }
    })
}

fn check_at_most_one(ledger: &Ledger, latest: &Latest, findings: &mut Findings) {
    let active: Vec<_> = ledger.active(latest.intent).collect();
    if active.len() > 1 {
        findings.violated("listed with two reservations", &made(&active), || {
            format!(
                "B{} is listed for a person and holds several active reservations: {}",
                latest.row.id,
                numbers(&active)
            )
        });
    }
}

pub(crate) fn check_active(ledger: &Ledger, latest: &Latest, findings: &mut Findings) {
    let own = |reserved: &&Reserved| Some(reserved.id) == latest.row.reservation;
    if ledger.active(latest.intent).any(|reserved| own(&reserved)) {
        return;
    }
    let ended = ledger.reservations.iter().find(own).map(|reserved| reserved.last);
    let events: Vec<u32> = ended.into_iter().chain([latest.last]).collect();
    findings.violated("confirmed, not active", &events, || {
        format!("B{} is confirmed in our row and not active at the partner", latest.row.id)
    });
}
