//! Going back.

use super::super::ledger::{Kept, Ledger, fields};
use shakedown_model::Fact;
use shakedown_model::facts::{OrderFact, ReleaseFact};
use shakedown_sim::{At, Findings, Invariant, Moment};

/// A release that was taken back has left nothing that the former one cannot live with.
#[derive(Default)]
pub(super) struct RollbackIsSafe(Ledger);

impl RollbackIsSafe {
    /// Has the release that runs again read all that rests.
    fn judge(&self, findings: &mut Findings) {
        let Some(Kept { row: rollout, last: since }) = self.0.withdrawn() else { return };
        let (code, documents) = (rollout.from.code, rollout.from.code.documents());
        for kept in self.0.bookings.values() {
            if let Err(error) = documents.read_row(&kept.row.text) {
                let events: Vec<u32> = [kept.last, *since].into_iter().chain(self.0.dropped).collect();
                findings.violated("row", &events, || {
                    format!("{code} runs again, and cannot read B{}: {error}", kept.row.id)
                });
            }
        }
        for kept in self.0.resting() {
            if let Err(error) = documents.read_job(&kept.row.text) {
                findings.violated("message", &[kept.last, *since], || {
                    format!("{code} runs again, and cannot read message {}: {error}", kept.row.id)
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
        "always, once a release is being taken back: no row loses a field that it had; when the former release runs \
         everywhere, and once healed, that one can read all that rests (rows, and messages of jobs that are not over), \
         and each order that was taken on has its row. What the fields mean is not judged"
    }
    fn reset(&mut self) {
        self.0 = Ledger::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        match fact {
            Fact::Order(OrderFact::Booking { before: Some(before), after })
                if self.0.rollout.as_ref().is_some_and(|kept| kept.row.is_withdrawn()) =>
            {
                let (had, has) = (fields(&before.text), fields(&after.text));
                if let Some(key) = had.keys().find(|key| !has.contains_key(*key)) {
                    let since = self.0.rollout.as_ref().map(|kept| kept.last);
                    let events: Vec<u32> = since.into_iter().chain([at.event]).collect();
                    findings.violated("field lost", &events, || {
                        format!("after the rollback B{} is rewritten without its `{key}`", after.id)
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
            for (booking, taken) in &self.0.taken {
                if !self.0.bookings.contains_key(booking) {
                    findings.violated("lost", &[*taken], || format!("order {booking} is lost"));
                }
            }
        }
    }
}
