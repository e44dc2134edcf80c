//! Requests to the partner, compared with our record of attempts.

use super::super::ledger::intent;
use shakedown_model::Fact;
use shakedown_model::booking::rows::Attempt;
use shakedown_model::facts::{BookingFact, PartnerFact};
use shakedown_sim::{At, Findings, Invariant, Moment};

/// Verifies that each request that reached the partner has an attempt on record.
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
        "once healed: each request to reserve or cancel that reached the partner has its attempt on \
         record, with its result or as unknown. Not judged: lookups, which change nothing"
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
                    format!(
                        "the partner got request {id} of intent-{intent}, and no attempt {id} is on record"
                    )
                });
            }
        }
    }
}

/// Verifies that an acknowledged callback is stored.
#[derive(Default)]
pub(super) struct AcknowledgedCallbackIsStored {
    /// The partner's numbers of stored callbacks.
    stored: Vec<u32>,
}

impl Invariant<Fact> for AcknowledgedCallbackIsStored {
    fn name(&self) -> &'static str {
        "acknowledged-callback-is-stored"
    }
    fn about(&self) -> &'static str {
        "always: when the partner receives the acknowledgement of a callback, the callback is on record. Not judged: \
         what the platform makes of it"
    }
    fn reset(&mut self) {
        self.stored.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        match fact {
            Fact::Booking(BookingFact::Letter(letter)) => self.stored.push(letter.event),
            Fact::Partner(PartnerFact::CallbackTaken { event, reservation })
                if !self.stored.contains(event) =>
            {
                findings.violated("callback lost", &[at.event], || {
                    format!("a callback about R{reservation} was acknowledged and is not on record")
                });
            }
            _ => {}
        }
    }
}
