//! Calls to the partner.

use shakedown_model::Fact;
use shakedown_model::booking::rows::{Ask, Attempt};
use shakedown_model::facts::{BookingFact, PartnerFact};
use shakedown_model::settings::MAX_ATTEMPTS;
use shakedown_sim::{At, Findings, Invariant};

/// Verifies that the partner gets one call per attempt, and a bounded number of attempts.
#[derive(Default)]
pub(super) struct AttemptsBounded {
    /// Attempts on record.
    attempts: Vec<Attempt>,
    /// The attempt of each call.
    calls: Vec<u32>,
}

impl AttemptsBounded {
    /// Returns the number of calls for what this attempt asks: a reservation in one generation, or one cancellation.
    fn calls_like(&self, attempt: &Attempt) -> usize {
        let is_like = |other: &&Attempt| {
            (other.booking, other.ask) == (attempt.booking, attempt.ask)
                && (other.ask != Ask::Reserve || other.generation == attempt.generation)
        };
        let alike = || self.attempts.iter().filter(is_like);
        self.calls.iter().filter(|call| alike().any(|other| other.id == **call)).count()
    }
}

impl Invariant<Fact> for AttemptsBounded {
    fn name(&self) -> &'static str {
        "attempts-bounded"
    }
    fn about(&self) -> &'static str {
        "always: the partner receives one call per attempt, and at most 8 calls to reserve in one generation of a \
         booking and to cancel one reservation. Not judged: lookups, and calls that are not on record"
    }
    fn reset(&mut self) {
        self.attempts.clear();
        self.calls.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        match fact {
            Fact::Booking(BookingFact::Attempt { before: None, after }) => self.attempts.push(*after),
            Fact::Partner(PartnerFact::Asked { attempt }) => {
                if self.calls.contains(attempt) {
                    findings.violated("twice", &[at.event], || {
                        format!("attempt {attempt} called the partner more than once")
                    });
                }
                self.calls.push(*attempt);
                let Some(attempt) = self.attempts.iter().find(|other| other.id == *attempt) else { return };
                let calls = self.calls_like(attempt);
                if calls == MAX_ATTEMPTS as usize + 1 {
                    findings.violated("too often", &[at.event], || {
                        format!("B{} made {calls} calls of one kind to the partner", attempt.booking)
                    });
                }
            }
            _ => {}
        }
    }
}
