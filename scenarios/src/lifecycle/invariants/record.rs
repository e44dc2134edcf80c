//! Documents at the registry, compared with our records of attempts.

use super::super::ledger::Ledger;
use shakedown_model::Fact;
use shakedown_model::backbone::audit::JobAttempt;
use shakedown_model::backbone::jobs::JobState;
use shakedown_model::facts::JobFact;
use shakedown_sim::{At, Findings, Invariant, Moment};

/// Verifies that each document has a record of the attempt that sent it.
#[derive(Default)]
pub(super) struct EverySideEffectAccounted {
    ledger: Ledger,
    records: Vec<JobAttempt>,
}

impl Invariant<Fact> for EverySideEffectAccounted {
    fn name(&self) -> &'static str {
        "every-side-effect-accounted"
    }
    fn about(&self) -> &'static str {
        "once healed: each document that the registry made has a record of the attempt that sent it, and \
         the record names what it touched; its end may be unknown. Not judged: requests that made no \
         document"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.records.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.ledger.observe(at, fact);
        if let Fact::Job(JobFact::Attempt(record)) = fact {
            self.records.retain(|other| (other.job, other.place) != (record.job, record.place));
            self.records.push(*record);
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for document in &self.ledger.documents {
            let accounts = |record: &JobAttempt| {
                let of_attempt = (record.job, record.attempt) == (document.job, document.attempt);
                of_attempt && record.touched.is_some()
            };
            if !self.records.iter().any(accounts) {
                findings.violated("no record", &[document.made], || {
                    format!(
                        "the registry has a document from job {}, attempt {}, and no record says so",
                        document.job, document.attempt
                    )
                });
            }
        }
    }
}

/// Verifies that the record of each finished attempt says how it ended.
#[derive(Default)]
pub(super) struct EveryAttemptHasItsEnd {
    ledger: Ledger,
    /// Records of attempts, each with its last event.
    records: Vec<(JobAttempt, u32)>,
}

impl Invariant<Fact> for EveryAttemptHasItsEnd {
    fn name(&self) -> &'static str {
        "every-attempt-has-its-end"
    }
    fn about(&self) -> &'static str {
        "once healed: the record of each attempt that no longer holds its job says how the attempt ended, also if its \
         lease lapsed or its worker was shut down. Not judged: attempts whose record was overwritten"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.records.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.ledger.observe(at, fact);
        if let Fact::Job(JobFact::Attempt(record)) = fact {
            self.records.retain(|(other, _)| (other.job, other.place) != (record.job, record.place));
            self.records.push((*record, at.event));
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for (record, event) in self.records.iter().filter(|(record, _)| record.ended.is_none()) {
            let job = self.ledger.job(record.job);
            if !job.is_some_and(|job| job.state == JobState::Running && job.token == record.attempt) {
                findings.violated("no end", &[*event], || {
                    format!(
                        "attempt {} of job {} is over, and its record has no end",
                        record.attempt, record.job
                    )
                });
            }
        }
    }
}
