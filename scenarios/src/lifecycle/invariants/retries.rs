//! How often work is tried.

use super::super::ledger::Ledger;
use shakedown_model::Fact;
use shakedown_model::backbone::audit::JobAttempt;
use shakedown_model::backbone::jobs::{Ending, JobState};
use shakedown_model::terms::{MAX_ATTEMPTS, RETRIES_BANKED, RETRY_EVERY, RETRY_SHARE};
use shakedown_sim::{At, Duration, Findings, Invariant, Moment, NodeId};
use std::collections::BTreeMap;

/// Over this long retries are counted.
const MINUTE: Duration = Duration::from_secs(60);

/// Nothing is tried for ever, and not all at once.
#[derive(Default)]
pub(super) struct AttemptsBounded {
    ledger: Ledger,
    /// How often each job was claimed since its last replay, by job and replay.
    claims: BTreeMap<(u32, u32), u32>,
    /// Who made an attempt when, and whether it was a retry.
    attempts: Vec<(NodeId, Moment, bool)>,
    /// What was found: once a run is enough, since what retries for ever would fill the findings.
    is_found: [bool; 2],
}

impl AttemptsBounded {
    fn judge_budget(&mut self, at: &At<'_>, worker: NodeId, findings: &mut Findings) {
        let recent = self.attempts.iter().filter(|(by, when, _)| *by == worker && *when + MINUTE > at.time);
        let (calls, retries) =
            recent.fold((0, 0), |(calls, retries), (_, _, retry)| (calls + 1, retries + u32::from(*retry)));
        let most =
            RETRIES_BANKED + (MINUTE.as_secs() / RETRY_EVERY.as_secs()) as u32 + calls / RETRY_SHARE + 1;
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
        "always: no job is tried more than 8 times before a person has looked (a look at what came in meanwhile is no try), and in no minute does a worker make more \
         retries than its budget has (10 a minute, 10 saved up, and a tenth of its attempts). By our own records, \
         since what a registry that is down was asked it cannot tell"
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.claims.clear();
        self.attempts.clear();
        self.is_found = [false; 2];
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.ledger.observe(at, fact);
        match fact {
            Fact::Job { before: Some(before), after }
                if before.state == JobState::Queued && after.state == JobState::Running =>
            {
                let claims = self.claims.entry((after.id, after.replays)).or_default();
                *claims += 1;
                if *claims > MAX_ATTEMPTS && !std::mem::replace(&mut self.is_found[1], true) {
                    findings.violated("too often", &[at.event], || {
                        format!("job {} is tried more than {MAX_ATTEMPTS} times", after.id)
                    });
                }
            }
            Fact::Job { before: Some(before), after }
                if before.state == JobState::Running && after.ended == Some(Ending::Waits) =>
            {
                if let Some(claims) = self.claims.get_mut(&(after.id, after.replays)) {
                    *claims -= 1;
                }
            }
            Fact::JobAttempt(JobAttempt { job, worker, touched: None, ended: None, .. }) => {
                let replays = self.ledger.job(*job).map_or(0, |job| job.replays);
                let is_retry = self.claims.get(&(*job, replays)).is_some_and(|claims| *claims > 1);
                self.attempts.push((*worker, at.time, is_retry));
                self.judge_budget(at, *worker, findings);
            }
            _ => {}
        }
    }
}
