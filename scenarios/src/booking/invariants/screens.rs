//! What screens show, against the ledger and the rows.

use super::super::ledger::{Ledger, intent};
use crate::invariants::claims::Claims;
use shakedown_model::Fact;
use shakedown_model::booking::rows::{Attention, Booking, Status};
use shakedown_model::facts::{BookingFact, Word, word};
use shakedown_sim::{At, Findings, Invariant, Moment};

/// A screen that says "confirmed" is right.
#[derive(Default)]
pub(super) struct NoPrematureSuccess {
    ledger: Ledger,
    claims: Claims<u32>,
}

impl NoPrematureSuccess {
    fn judge(&mut self, now: Moment, findings: &mut Findings) {
        let ledger = &self.ledger;
        let has_stood = |intent: &u32| {
            ledger.reservations.iter().any(|reserved| reserved.intent == *intent && reserved.stood)
        };
        self.claims.judge(now, has_stood, |intent, event| {
            findings.violated("confirmed too early", &[event], || {
                format!("a screen told intent-{intent} \"confirmed\", and no reservation stood for it")
            });
        });
    }
}

impl Invariant<Fact> for NoPrematureSuccess {
    fn name(&self) -> &'static str {
        "no-premature-success"
    }
    fn about(&self) -> &'static str {
        "always: when a screen says \"confirmed\", a reservation has stood at the partner by then, or does within \
         5 s. That it still stands is not judged here"
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

/// What a row of this kind is to be called.
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

/// One screen's last showing of a booking.
struct Showing {
    customer: u32,
    fresh: bool,
    booking: u32,
    version: u32,
    word: Word,
    event: u32,
}

/// In the end, every screen shows the row.
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
        "once healed: each screen that is still open, and each loaded afresh, shows the booking's row: its last \
         version, in the word for its status and attention"
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
            let Some(kept) = self.ledger.bookings.iter().find(|kept| kept.row.id == shown.booking) else {
                continue;
            };
            let right = right_word(&kept.row);
            if shown.word != right {
                let roles = format!("{:?} for {right:?}", shown.word);
                findings.violated(&roles, &[kept.last, shown.event], || {
                    format!(
                        "a screen shows B{} as \"{}\", and it is {right:?}",
                        shown.booking,
                        word(shown.word)
                    )
                });
            } else if shown.version != kept.row.version {
                findings.violated("old version", &[kept.last, shown.event], || {
                    format!("a screen still shows B{} in version {}", shown.booking, shown.version)
                });
            }
        }
    }
}
