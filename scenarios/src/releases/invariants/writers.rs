//! The releases that write rows, and the content of the rows.

use super::super::ledger::{Ledger, fields, version};
use crate::judges::AtRest;
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::JobState;
use shakedown_model::facts::OrderFact;
use shakedown_model::releases::rollout::Phase;
use shakedown_sim::{At, Findings, Invariant};

/// Verifies that beside a new release only the one before it writes rows.
#[derive(Default)]
pub(super) struct TwoReleasesAtMost(Ledger);

impl Invariant<Fact> for TwoReleasesAtMost {
    fn name(&self) -> &'static str {
        "two-releases-at-most"
    }
    fn about(&self) -> &'static str {
        "always: from the first machine of a new release until it is withdrawn, no row is written by a \
         release older than its neighbour. Not judged: what older machines read; rows that only lose a \
         column"
    }
    fn reset(&mut self) {
        self.0 = Ledger::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        if let Fact::Order(OrderFact::Booking { before, after }) = fact
            && !before.as_ref().is_some_and(|before| only_loses(&before.text, &after.text))
            && let Some(rollout) = self.0.rollout.as_ref().filter(|latest| is_rolling_out(latest.row.phase))
            && version(&after.text) < u64::from(rollout.row.from.number())
        {
            findings.violated("older writer", &[rollout.last, at.event], || {
                let (by, from) = (version(&after.text), rollout.row.from.code);
                format!("R{by}, which is older than {from}, wrote B{}", after.id)
            });
        }
        self.0.observe(at, fact);
    }
}

/// Returns whether machines may run the new release and it is not being withdrawn. A release that was withdrawn during its
/// preparation has fenced no older machine.
fn is_rolling_out(phase: Phase) -> bool {
    !matches!(phase, Phase::Preparing | Phase::Withdrawing(_) | Phase::Withdrawn(_))
}

/// Returns whether a document only lost fields. The database drops a column that way.
fn only_loses(before: &str, after: &str) -> bool {
    let had = fields(before);
    fields(after).iter().all(|(key, value)| had.get(key) == Some(value))
}

/// Verifies that a booking's row records its reminder.
pub(super) fn reminders_on_record() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: the row of each booking whose reminder job succeeded records the reminder. Not \
         judged: whether the guest got it";
    AtRest::boxed("reminders-on-record", about, |ledger: &Ledger, findings| {
        let worked = ledger.jobs.values().filter(|job| job.state == JobState::Succeeded);
        let reminders = worked
            .filter_map(|job| ledger.messages.get(&job.subject))
            .filter(|message| fields(&message.row.text).get("kind").is_some_and(|kind| kind == "remind"));
        for message in reminders {
            let Some(latest) = ledger.bookings.get(&message.row.booking) else { continue };
            if fields(&latest.row.text).get("reminded").is_none_or(|reminded| reminded != true) {
                findings.violated("not recorded", &[message.last, latest.last], || {
                    format!("the reminder of B{} was sent, and its row does not record it", latest.row.id)
                });
            }
        }
    })
}
