//! What we did at the partner is on record.

use super::super::ledger::intent;
use shakedown_model::Fact;
use shakedown_model::booking::rows::Attempt;
use shakedown_model::facts::{BookingFact, PartnerFact};
use shakedown_sim::{At, Findings, Invariant, Moment};

/// Each request that reached the partner has its row in the execution log.
#[derive(Default)]
pub(super) struct EverySideEffectAccounted {
    asked: Vec<(u32, u32, u32)>,
    attempts: Vec<Attempt>,
}

impl Invariant<Fact> for EverySideEffectAccounted {
    fn name(&self) -> &'static str {
        "every-side-effect-accounted"
    }
    fn about(&self) -> &'static str {
        "once healed: each request to reserve or cancel that reached the partner has its attempt on record, with its \
         answer or as unknown. Questions that change nothing need none"
    }
    fn reset(&mut self) {
        self.asked.clear();
        self.attempts.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        match fact {
            Fact::Partner(PartnerFact::Asked { attempt }) => {
                self.asked.push((*attempt, intent(at), at.event))
            }
            Fact::Booking(BookingFact::Attempt { after, .. }) => {
                self.attempts.retain(|attempt| attempt.id != after.id);
                self.attempts.push(*after);
            }
            _ => {}
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for (id, intent, event) in &self.asked {
            if !self.attempts.iter().any(|attempt| attempt.id == *id) {
                findings.violated("no record", &[*event], || {
                    format!("the partner was asked for intent-{intent}, and our log has no attempt {id}")
                });
            }
        }
    }
}
