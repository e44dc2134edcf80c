//! Replays of dead letters, and their effects.

use super::super::ledger::Ledger;
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{JobState, Replay};
use shakedown_model::facts::{FilingFact, JobFact, RegistryFact};
use shakedown_model::filing::rows::FilingState;
use shakedown_sim::{At, Findings, Invariant, Moment};

/// Verifies that only a person replays a dead letter or work with an unknown outcome.
#[derive(Default)]
pub(super) struct UnsafeWorkNeverReplaysByItself {
    ledger: Ledger,
    /// Jobs that left the dead letters: job, replay, event.
    returned: Vec<(u32, u32, u32)>,
    /// Recorded replays, with their times.
    recorded: Vec<(Replay, Moment)>,
    /// When each document was made: reference and time.
    made: Vec<(u32, Moment)>,
}

impl UnsafeWorkNeverReplaysByItself {
    /// Returns whether a person replayed a job at or after this time.
    fn replayed_since(&self, job: u32, since: Moment) -> bool {
        self.recorded.iter().any(|(replay, when)| replay.job == job && *when >= since)
    }
}

impl Invariant<Fact> for UnsafeWorkNeverReplaysByItself {
    fn name(&self) -> &'static str {
        "unsafe-work-never-replays-by-itself"
    }
    fn about(&self) -> &'static str {
        "always: a dead letter returns to the queue only as a further replay, with a record of who \
         requested it and why; where the registry would make another document, a report that is filed or \
         whose outcome is unknown is not sent again before such a replay. Not judged: whether the person \
         was right, see replay-is-safe"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.returned.clear();
        self.recorded.clear();
        self.made.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.ledger.observe(at, fact);
        let blind = !self.ledger.knows_repeats;
        match fact {
            Fact::Job(JobFact::Changed { before: Some(before), after })
                if before.state == JobState::DeadLetter && after.state != JobState::DeadLetter =>
            {
                self.returned.push((after.id, after.replays, at.event));
                if after.replays != before.replays + 1 {
                    findings.violated("replayed without a person", &[at.event], || {
                        format!("job {} left the dead letters, and no person replayed it", after.id)
                    });
                }
            }
            Fact::Job(JobFact::Replayed(replay)) => self.recorded.push((*replay, at.time)),
            Fact::Filing(FilingFact::Filing { before: Some(before), after }) if blind => {
                let again = matches!(
                    (before.state, after.state),
                    (FilingState::Sending { attempt: one, .. }, FilingState::Sending { attempt: other, .. })
                        if one != other
                );
                if again {
                    findings.violated("sent in doubt", &[at.event], || {
                        format!("F{} is sent again while its outcome is unknown", after.id)
                    });
                }
            }
            Fact::Registry(RegistryFact::Made { reference, .. }) => self.made.push((*reference, at.time)),
            Fact::Registry(RegistryFact::Asked { reference, job, .. }) if blind => {
                let made = self.made.iter().find(|(other, _)| other == reference);
                if made.is_some_and(|(_, when)| !self.replayed_since(*job, *when)) {
                    findings.violated("sent twice", &[at.event], || {
                        format!("the registry has a document for reference {reference} and gets it again")
                    });
                }
            }
            _ => {}
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for (job, number, event) in &self.returned {
            if !self.recorded.iter().any(|(replay, _)| (replay.job, replay.number) == (*job, *number)) {
                findings.violated("unrecorded", &[*event], || {
                    format!("replay {number} of job {job} is not on record")
                });
            }
        }
    }
}

/// Verifies that no report has two documents.
#[derive(Default)]
pub(super) struct ReplayIsSafe(Ledger);

impl Invariant<Fact> for ReplayIsSafe {
    fn name(&self) -> &'static str {
        "replay-is-safe"
    }
    fn about(&self) -> &'static str {
        "always: the registry has at most one document for a report, however it was sent again: a retry, the \
         rescue of a job, or a person. Not judged: documents that replace themselves; there are no \
         overrides here"
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        if let Fact::Registry(RegistryFact::Made { reference, .. }) = fact {
            let same = self.0.documents.iter().filter(|document| document.reference == *reference);
            let made: Vec<u32> = same.map(|document| document.made).collect();
            if made.len() > 1 {
                findings.violated("two documents", &made, || {
                    format!("the registry has {} documents for reference {reference}", made.len())
                });
            }
        }
    }
}
