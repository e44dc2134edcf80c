//! The content of screens while a field is renamed.

use super::super::ledger::{Ledger, has_guest_name};
use shakedown_model::Fact;
use shakedown_model::facts::{OrderFact, Screen};
use shakedown_sim::{At, Findings, Invariant};

/// Verifies that a screen shows the guest whom its row names.
#[derive(Default)]
pub(super) struct NoHalfRolledFieldShown(Ledger);

impl Invariant<Fact> for NoHalfRolledFieldShown {
    fn name(&self) -> &'static str {
        "no-half-rolled-field-shown"
    }
    fn about(&self) -> &'static str {
        "always: no screen shows a booking without a guest while its row names one in any form, old or \
         new. Not judged: whether the name is right"
    }
    fn reset(&mut self) {
        self.0 = Ledger::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        let Fact::Order(OrderFact::Shown { booking, screen: Screen::Nobody }) = fact else { return };
        let Some(latest) = self.0.bookings.get(booking) else { return };
        if has_guest_name(&latest.row.text) {
            let pages = self.0.pages.as_ref().map(|latest| latest.last);
            let events: Vec<u32> = pages.into_iter().chain([latest.last, at.event]).collect();
            findings.violated("name", &events, || {
                format!("a screen shows B{booking} without a guest, and its row is {}", latest.row.text)
            });
        }
    }
}
