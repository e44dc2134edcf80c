//! The number of attempts and retries.

use super::super::ledger::Ledger;
use shakedown_model::Fact;
use shakedown_model::backbone::audit::JobAttempt;
use shakedown_model::facts::{JobFact, RegistryFact};
use shakedown_model::settings::{MAX_ATTEMPTS, POOL, RETRIES_BANKED, RETRY_EVERY, RETRY_SHARE};
use shakedown_sim::{At, Duration, Findings, Invariant, Moment, NodeId};
use std::collections::BTreeMap;

/// The window over which retries are counted.
const MINUTE: Duration = Duration::from_secs(60);

/// Verifies that calls of a job and retries of a worker are bounded.
#[derive(Default)]
pub(super) struct AttemptsBounded {
    ledger: Ledger,
    /// The number of calls of each job since its last replay, by job and replay.
    calls: BTreeMap<(u32, u32), u32>,
    /// The replay in which each attempt began, by job and attempt: a call may be in flight while a person replays.
    began: BTreeMap<(u32, u32), u32>,
    /// Attempts: worker, time, and whether it was a retry.
    attempts: Vec<(NodeId, Moment, bool)>,
    /// Whether each violation was found. One per run is enough: endless retries would fill the findings.
    is_found: [bool; 2],
}

impl AttemptsBounded {
    fn replays(&self, job: u32) -> u32 {
        self.ledger.job(job).map_or(0, |job| job.replays)
    }

    fn count_call(&mut self, at: &At<'_>, (job, replays): (u32, u32), findings: &mut Findings) {
        let calls = self.calls.entry((job, replays)).or_default();
        *calls += 1;
        if *calls > MAX_ATTEMPTS && !std::mem::replace(&mut self.is_found[1], true) {
            findings.violated("too often", &[at.event], || {
                format!("job {job} made more than {MAX_ATTEMPTS} calls to the registry in one replay")
            });
        }
    }

    fn judge_budget(&mut self, at: &At<'_>, worker: NodeId, findings: &mut Findings) {
        let recent = self.attempts.iter().filter(|(by, when, _)| *by == worker && *when + MINUTE > at.time);
        let (calls, retries) =
            recent.fold((0, 0), |(calls, retries), (_, _, retry)| (calls + 1, retries + u32::from(*retry)));
        // One for the part of the budget that was left, and those whose claims were under way when the minute began: a
        // pause may have moved them into it.
        let rest = 1 + POOL;
        let most =
            RETRIES_BANKED + (MINUTE.as_secs() / RETRY_EVERY.as_secs()) as u32 + calls / RETRY_SHARE + rest;
        if retries > most && !std::mem::replace(&mut self.is_found[0], true) {
            findings.violated("over the budget", &[at.event], || {
                format!("a worker made {retries} retries among {calls} attempts within a minute")
            });
        }
    }
}

impl Invariant<Fact> for AttemptsBounded {
    fn name(&self) -> &'static str {
        "attempts-bounded"
    }
    fn about(&self) -> &'static str {
        "always: a job makes at most 8 calls to the registry in each replay, up or down, and in no minute \
         does a worker make more retries than its budget (10 a minute, 10 saved up, and a tenth of its \
         attempts), and 4 whose claims were under way before. Not judged: calls that are lost on the way"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.calls.clear();
        self.began.clear();
        self.attempts.clear();
        self.is_found = [false; 2];
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.ledger.observe(at, fact);
        match fact {
            Fact::Registry(RegistryFact::Asked { job, attempt, .. }) => {
                let began = self.began.get(&(*job, *attempt)).copied();
                let replays = began.unwrap_or_else(|| self.replays(*job));
                self.count_call(at, (*job, replays), findings);
            }
            Fact::Registry(RegistryFact::Knocked { job }) => {
                self.count_call(at, (*job, self.replays(*job)), findings);
            }
            Fact::Job(JobFact::Attempt(JobAttempt {
                job,
                attempt,
                worker,
                touched: None,
                ended: None,
                ..
            })) => {
                self.began.insert((*job, *attempt), self.replays(*job));
                let is_retry = self.ledger.job(*job).is_some_and(|job| job.attempts > 1);
                self.attempts.push((*worker, at.time, is_retry));
                self.judge_budget(at, *worker, findings);
            }
            _ => {}
        }
    }
}
