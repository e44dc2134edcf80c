//! Who writes, and what they leave on record.

use super::super::ledger::{Ledger, fields, version};
use crate::judges::AtRest;
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::JobState;
use shakedown_model::facts::OrderFact;
use shakedown_model::releases::rollout::Phase;
use shakedown_sim::{At, Findings, Invariant};

/// Beside a new release only the one before it writes.
#[derive(Default)]
pub(super) struct TwoReleasesAtMost(Ledger);

impl Invariant<Fact> for TwoReleasesAtMost {
    fn name(&self) -> &'static str {
        "two-releases-at-most"
    }
    fn about(&self) -> &'static str {
        "always: once machines get a new release, and until it is taken back, no row is written by a release older than its \
         neighbour. What older machines read is not judged, nor a row that only loses a column"
    }
    fn reset(&mut self) {
        self.0 = Ledger::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        if let Fact::Order(OrderFact::Booking { before, after }) = fact
            && !before.as_ref().is_some_and(|before| only_loses(&before.text, &after.text))
            && let Some(rollout) = self.0.rollout.as_ref().filter(|kept| goes_ahead(kept.row.phase))
            && version(&after.text) < u64::from(rollout.row.from.number())
        {
            findings.violated("older writer", &[rollout.last, at.event], || {
                let (by, from) = (version(&after.text), rollout.row.from.code);
                format!("B{} is written by R{by}, which is older than {from}", after.id)
            });
        }
        self.0.observe(at, fact);
    }
}

/// Whether machines may run the new release, and it is not being taken back: one that was taken back while it was
/// prepared has shut nobody out.
fn goes_ahead(phase: Phase) -> bool {
    !matches!(phase, Phase::Preparing | Phase::Withdrawing(_) | Phase::Withdrawn(_))
}

/// Whether nothing happened to a document but that it lost fields: that is how a column is dropped, by the database.
fn only_loses(before: &str, after: &str) -> bool {
    let had = fields(before);
    fields(after).iter().all(|(key, value)| had.get(key) == Some(value))
}

/// What was done for a guest can be read in their booking's row.
pub(super) fn reminders_on_record() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: the row of each booking whose reminder was worked to its end says that it was";
    AtRest::asking("reminders-on-record", about, |ledger: &Ledger, findings| {
        let worked = ledger.jobs.values().filter(|job| job.state == JobState::Succeeded);
        let reminders = worked
            .filter_map(|job| ledger.messages.get(&job.subject))
            .filter(|message| fields(&message.row.text).get("kind").is_some_and(|kind| kind == "remind"));
        for message in reminders {
            let Some(kept) = ledger.bookings.get(&message.row.booking) else { continue };
            if fields(&kept.row.text).get("reminded").is_none_or(|reminded| reminded != true) {
                findings.violated("forgotten", &[message.last, kept.last], || {
                    format!("the guest of B{} was reminded, and its row does not say so", kept.row.id)
                });
            }
        }
    })
}
