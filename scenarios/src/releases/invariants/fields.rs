//! Screens while a field moves.

use super::super::ledger::{Ledger, names_somebody};
use shakedown_model::Fact;
use shakedown_model::facts::{OrderFact, Screen};
use shakedown_sim::{At, Findings, Invariant};

/// No screen lacks what its row holds.
#[derive(Default)]
pub(super) struct NoHalfRolledFieldShown(Ledger);

impl Invariant<Fact> for NoHalfRolledFieldShown {
    fn name(&self) -> &'static str {
        "no-half-rolled-field-shown"
    }
    fn about(&self) -> &'static str {
        "always: no screen shows a booking for nobody while its row says in any form, old or new, for whom it is. That \
         it is the right name is not judged"
    }
    fn reset(&mut self) {
        self.0 = Ledger::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        let Fact::Order(OrderFact::Shown { booking, screen: Screen::Nobody }) = fact else { return };
        let Some(kept) = self.0.bookings.get(booking) else { return };
        if names_somebody(&kept.row.text) {
            let pages = self.0.pages.as_ref().map(|kept| kept.last);
            let events: Vec<u32> = pages.into_iter().chain([kept.last, at.event]).collect();
            findings.violated("name", &events, || {
                format!("a screen shows booking B{booking} for nobody, and its row says {}", kept.row.text)
            });
        }
    }
}
