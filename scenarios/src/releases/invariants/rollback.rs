//! The data after a rollback.

use super::super::ledger::{Latest, Ledger, fields};
use shakedown_model::Fact;
use shakedown_model::facts::{OrderFact, ReleaseFact};
use shakedown_sim::{At, Findings, Invariant, Moment};

/// Verifies that the former release can read all that a withdrawn release has written.
#[derive(Default)]
pub(super) struct RollbackIsSafe(Ledger);

impl RollbackIsSafe {
    /// Parses all stored rows and unfinished messages with the release that runs again.
    fn judge(&self, findings: &mut Findings) {
        let Some(Latest { row: rollout, last: since }) = self.0.withdrawn() else { return };
        let (code, documents) = (rollout.from.code, rollout.from.code.documents());
        for latest in self.0.bookings.values() {
            if let Err(error) = documents.read_row(&latest.row.text) {
                let events: Vec<u32> = [latest.last, *since].into_iter().chain(self.0.dropped).collect();
                findings.violated("row", &events, || {
                    format!("{code} runs again and cannot read B{}: {error}", latest.row.id)
                });
            }
        }
        for latest in self.0.unfinished_messages() {
            if let Err(error) = documents.read_job(&latest.row.text) {
                findings.violated("message", &[latest.last, *since], || {
                    format!("{code} runs again and cannot read message {}: {error}", latest.row.id)
                });
            }
        }
    }
}

impl Invariant<Fact> for RollbackIsSafe {
    fn name(&self) -> &'static str {
        "rollback-is-safe"
    }
    fn about(&self) -> &'static str {
        "always, once a release is being withdrawn: no row loses a field; when the former release runs \
         everywhere, and once healed, it can read all stored rows and the messages of unfinished jobs, and \
         each accepted order has its row. Not judged: what the fields mean"
    }
    fn reset(&mut self) {
        self.0 = Ledger::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        match fact {
            Fact::Order(OrderFact::Booking { before: Some(before), after })
                if self.0.rollout.as_ref().is_some_and(|latest| latest.row.is_withdrawn()) =>
            {
                let (had, has) = (fields(&before.text), fields(&after.text));
                if let Some(key) = had.keys().find(|key| !has.contains_key(*key)) {
                    let since = self.0.rollout.as_ref().map(|latest| latest.last);
                    let events: Vec<u32> = since.into_iter().chain([at.event]).collect();
                    findings.violated("field lost", &events, || {
                        format!("after the rollback B{} was rewritten without its `{key}`", after.id)
                    });
                }
            }
            Fact::Release(ReleaseFact::Rollout { .. }) => self.judge(findings),
            _ => {}
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        self.judge(findings);
        if self.0.withdrawn().is_some() {
            for (booking, accepted) in &self.0.accepted {
                if !self.0.bookings.contains_key(booking) {
                    findings.violated("lost", &[*accepted], || {
                        format!("order {booking} was accepted and has no row after the rollback")
                    });
                }
            }
        }
    }
}
