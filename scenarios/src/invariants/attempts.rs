//! Attempts of jobs: how many each replay has, and how retries of many jobs are spread.

use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Ending, Job, JobState};
use shakedown_model::facts::JobFact;
use shakedown_model::settings::{MAX_ATTEMPTS, MAX_WAITS};
use shakedown_sim::{At, Duration, Findings, Invariant};
use std::collections::BTreeMap;

/// The leases of a job since it was created or replayed.
#[derive(Clone, Copy, Default)]
struct Leases {
    /// Leases, without those that ended in a wait.
    attempts: u32,
    /// Leases that ended in a wait.
    waits: u32,
}

/// Verifies that each replay of a job has all its attempts and no more.
#[derive(Default)]
pub struct EveryReplayHasItsAttempts(BTreeMap<u32, Leases>);

impl Invariant<Fact> for EveryReplayHasItsAttempts {
    fn name(&self) -> &'static str {
        "every-replay-has-its-attempts"
    }
    fn about(&self) -> &'static str {
        "always: a job has at most 8 attempts, counted by its leases since it was created or replayed, without those \
         that ended in a wait; and it becomes a dead letter only after that many, after 64 waits, or because another \
         attempt is known to be useless or unsafe. Not judged: jobs that are deleted"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        let Fact::Job(JobFact::Changed { before, after }) = fact else { return };
        let Some(before) = before else {
            self.0.insert(after.id, Leases::default());
            return;
        };
        // What came before the run is not known of a job that was there when it began.
        let Some(leases) = self.0.get_mut(&after.id) else { return };
        match (before.state, after.state) {
            (JobState::Queued, JobState::Running) => {
                leases.attempts += 1;
                if leases.attempts == MAX_ATTEMPTS + 1 {
                    findings.violated("too many", &[at.event], || {
                        format!("job {} begins attempt {} of this replay", after.id, MAX_ATTEMPTS + 1)
                    });
                }
            }
            (JobState::Running, JobState::Failed) if after.ended == Some(Ending::Waits) => {
                *leases = Leases { attempts: leases.attempts.saturating_sub(1), waits: leases.waits + 1 };
            }
            (JobState::Failed, JobState::DeadLetter) => {
                let is_spent = leases.attempts >= MAX_ATTEMPTS || leases.waits >= MAX_WAITS;
                if !is_spent && before.ended != Some(Ending::Final) {
                    let attempts = leases.attempts;
                    findings.violated("too few", &[at.event], || {
                        format!(
                            "job {} became a dead letter after {attempts} attempts of this replay",
                            after.id
                        )
                    });
                }
            }
            (JobState::DeadLetter, JobState::Queued) => *leases = Leases::default(),
            _ => {}
        }
    }
}

/// From this many jobs on their waits must differ.
const MANY: usize = 8;

/// By how much at least. Workers poll at a shorter period.
const SPREAD: Duration = Duration::from_millis(50);

/// The waits that followed attempts of one number.
#[derive(Clone, Copy)]
struct Waits {
    jobs: usize,
    least: Duration,
    most: Duration,
}

/// Verifies that retries of many jobs do not coincide.
#[derive(Default)]
pub struct RetriesAreSpread(BTreeMap<u32, Waits>);

impl RetriesAreSpread {
    /// Takes a job's wait into those that followed an attempt of this number. Returns them.
    fn count(&mut self, job: &Job, wait: Duration) -> Waits {
        let waits = self.0.entry(job.attempts).or_insert(Waits { jobs: 0, least: wait, most: wait });
        waits.jobs += 1;
        waits.least = waits.least.min(wait);
        waits.most = waits.most.max(wait);
        *waits
    }
}

impl Invariant<Fact> for RetriesAreSpread {
    fn name(&self) -> &'static str {
        "retries-are-spread"
    }
    fn about(&self) -> &'static str {
        "always: the waits of 8 or more jobs after an attempt of the same number differ by 50 ms or more. Not judged: \
         jobs that are due at once, because of news or because another attempt would be useless"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        let Fact::Job(JobFact::Changed { before: Some(before), after }) = fact else { return };
        let is_retried = matches!(after.ended, Some(Ending::Retryable | Ending::Lapsed | Ending::Stopped));
        if (before.state, after.state) != (JobState::Running, JobState::Failed) || !is_retried {
            return;
        }
        let wait = after.due.since(at.time);
        if wait < SPREAD {
            return;
        }
        let waits = self.count(after, wait);
        if waits.jobs == MANY && waits.least + SPREAD > waits.most {
            findings.violated("retries coincide", &[at.event], || {
                format!("{MANY} jobs wait {} ms after attempt {}", wait.as_millis(), after.attempts)
            });
        }
    }
}
