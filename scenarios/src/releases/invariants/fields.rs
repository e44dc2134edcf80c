//! The content of screens while a field is renamed.

use super::super::ledger::{Ledger, fields, has_guest_name};
use crate::judges::AtRest;
use shakedown_model::Fact;
use shakedown_model::facts::{OrderFact, Screen};
use shakedown_model::releases::rollout::Phase;
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

/// Verifies that the backfill has reached every row.
pub(super) fn backfill_is_complete() -> Box<dyn Invariant<Fact>> {
    const ABOUT: &str = "once healed: if a release is rolled out that writes the new names, every booking row has them. \
                         Not judged: whether they are right";
    AtRest::<Ledger>::boxed("backfill-is-complete", ABOUT, |ledger, findings| {
        let Some(rollout) = &ledger.rollout else { return };
        if rollout.row.phase != Phase::Done || rollout.row.to.number() < 2 {
            return;
        }
        for latest in ledger.bookings.values() {
            let row = fields(&latest.row.text);
            let has = |name| row.get(name).is_some_and(|value| !value.is_null());
            if !(has("given") && has("family")) {
                findings.violated("left out", &[rollout.last, latest.last], || {
                    format!(
                        "{} is rolled out, and B{} lacks the new names",
                        rollout.row.to.code, latest.row.id
                    )
                });
            }
        }
    })
}
