//! What screens show, compared with the partner's ledger and our rows.

use super::super::ledger::{Ledger, intent};
use crate::invariants::claims::Claims;
use shakedown_model::Fact;
use shakedown_model::booking::rows::{Attention, Booking, Status};
use shakedown_model::facts::{BookingFact, Word, word};
use shakedown_sim::{At, Findings, Invariant, Moment};

/// Verifies that a screen says "confirmed" only when the partner has confirmed.
#[derive(Default)]
pub(super) struct NoPrematureSuccess {
    ledger: Ledger,
    claims: Claims<u32>,
}

impl NoPrematureSuccess {
    fn judge(&mut self, now: Moment, findings: &mut Findings) {
        let ledger = &self.ledger;
        let was_confirmed = |intent: &u32| {
            ledger.reservations.iter().any(|reserved| reserved.intent == *intent && reserved.was_confirmed)
        };
        self.claims.judge(now, was_confirmed, |intent, event| {
            findings.violated("confirmed too early", &[event], || {
                format!("a screen of intent-{intent} says \"confirmed\", and the partner has confirmed no reservation")
            });
        });
    }
}

impl Invariant<Fact> for NoPrematureSuccess {
    fn name(&self) -> &'static str {
        "no-premature-success"
    }
    fn about(&self) -> &'static str {
        "always: when a screen says \"confirmed\", the partner has confirmed a reservation of the intent \
         by then or does within 5 s. Not judged: whether the reservation is still active"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.claims.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.judge(at.time, findings);
        self.ledger.observe(at, fact);
        if let Fact::Booking(BookingFact::Shown { word: Word::Confirmed, .. }) = fact {
            self.claims.make(intent(at), at.time, at.event);
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        self.judge(Moment::NEVER, findings);
    }
}

/// Returns the word that a screen must show for this row.
fn right_word(row: &Booking) -> Word {
    match (row.attention, row.status) {
        (Attention::Checking | Attention::Review, _) => Word::BeingChecked,
        (_, Status::Accepted) => Word::Received,
        (_, Status::OnRequest) => Word::Requested,
        (_, Status::Confirmed) => Word::Confirmed,
        (_, Status::Failed) => Word::Failed,
        (_, Status::Withdrawn) => Word::Withdrawn,
        (_, Status::Cancelling) => Word::Cancelling,
        (_, Status::Cancelled) => Word::Cancelled,
    }
}

/// What one screen last showed of a booking.
struct Showing {
    customer: u32,
    fresh: bool,
    booking: u32,
    version: u32,
    word: Word,
    event: u32,
}

/// Verifies that every screen shows the final row.
#[derive(Default)]
pub(super) struct ScreensAgreeAtRest {
    ledger: Ledger,
    shown: Vec<Showing>,
}

impl Invariant<Fact> for ScreensAgreeAtRest {
    fn name(&self) -> &'static str {
        "screens-agree-at-rest"
    }
    fn about(&self) -> &'static str {
        "once healed: each open screen and each reloaded screen shows the booking's row: its last \
         version, with the word for its status and attention. Not judged: what screens show before that"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.shown.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.ledger.observe(at, fact);
        if let Fact::Booking(BookingFact::Shown { customer, fresh, booking, version, word }) = *fact {
            self.shown
                .retain(|shown| (shown.customer, shown.fresh, shown.booking) != (customer, fresh, booking));
            self.shown.push(Showing { customer, fresh, booking, version, word, event: at.event });
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for shown in &self.shown {
            let Some(latest) = self.ledger.bookings.iter().find(|latest| latest.row.id == shown.booking)
            else {
                continue;
            };
            let right = right_word(&latest.row);
            if shown.word != right {
                let roles = format!("{:?} for {right:?}", shown.word);
                findings.violated(&roles, &[latest.last, shown.event], || {
                    format!(
                        "a screen shows B{} as \"{}\", and its row says {right:?}",
                        shown.booking,
                        word(shown.word)
                    )
                });
            } else if shown.version != latest.row.version {
                findings.violated("old version", &[latest.last, shown.event], || {
                    format!("a screen still shows version {} of B{}", shown.version, shown.booking)
                });
            }
        }
    }
}
