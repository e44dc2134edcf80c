//! When reminders go out.

use super::super::ledger::fields;
use shakedown_model::Fact;
use shakedown_model::facts::{OrderFact, PartnerFact};
use shakedown_model::releases::worker::REMINDS_AFTER;
use shakedown_sim::{At, Findings, Invariant, Moment};

/// Verifies that no guest is reminded too early.
#[derive(Default)]
pub(super) struct NobodyRemindedEarly {
    /// When the partner first reserved, by intent, with the event.
    reserved: Vec<(u32, Moment, u32)>,
}

impl Invariant<Fact> for NobodyRemindedEarly {
    fn name(&self) -> &'static str {
        "nobody-judged-early-or-late"
    }
    fn about(&self) -> &'static str {
        "always: a reminder is taken up a minute after the reservation at the earliest; reminders-on-record judges that \
         it is. Not judged: reminders of reservations from before the run"
    }
    fn reset(&mut self) {
        self.reserved.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        let Some(intent) = at.number_of("intent") else { return };
        let first = self.reserved.iter().find(|(other, ..)| *other == intent);
        match fact {
            Fact::Partner(PartnerFact::Reserved { .. }) if first.is_none() => {
                self.reserved.push((intent, at.time, at.event));
            }
            Fact::Order(OrderFact::Message { before: Some(before), after })
                if before.taken_by.is_none() && after.taken_by.is_some() =>
            {
                let is_reminder = fields(&after.text).get("kind").is_some_and(|kind| kind == "remind");
                let Some((_, reserved, event)) = first.filter(|_| is_reminder) else { return };
                if at.time < *reserved + REMINDS_AFTER {
                    findings.violated("early", &[*event, at.event], || {
                        format!(
                            "the reminder of B{} went out less than a minute after its reservation",
                            after.booking
                        )
                    });
                }
            }
            _ => {}
        }
    }
}
