//! The review queue: dead-letter jobs for a person, and the person's decisions.

use super::connector::Repeats;
use super::office::{JOB, Office};
use super::rows::{Filing, FilingState};
use crate::backbone::jobs::{self, JobState};
use crate::settings::QUARANTINE;
use shakedown_sim::{Env, Moment, StoreError};
use std::rc::Rc;

/// A dead letter, with what is known about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The job.
    pub job: u32,
    /// The filing of the job.
    pub filing: Filing,
    /// Whether it may have had an effect that a repeat would duplicate.
    pub is_doubtful: bool,
}

/// What a person saw on the registry's page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// They did not look, because it does not matter.
    NotNeeded,
    /// This document.
    Document(u32),
    /// No document.
    Nothing,
}

/// A person's decision about a dead letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decision {
    /// The job.
    pub job: u32,
    /// What they saw.
    pub seen: Seen,
    /// The reason for the replay.
    pub reason: &'static str,
}

/// The name of the person on call, as records show it.
const ON_CALL: &str = "the person on call";

/// Returns the dead letters; `None` if the database fails, which is not an empty list.
pub(super) async fn list(env: Env, office: Rc<Office>) -> Option<Vec<Listed>> {
    let listed = async {
        let mut tx = office.backbone.store.begin(&env);
        let dead = tx
            .scan(&office.backbone.jobs, |job| (job.kind, job.state) == (JOB, JobState::DeadLetter))
            .await?;
        let mut all = Vec::new();
        for job in dead {
            if let Some(filing) = tx.get(&office.filings, &job.subject).await? {
                all.push(Listed { job: job.id, filing, is_doubtful: is_doubtful(&office, &filing) });
            }
        }
        Ok::<_, StoreError>(all)
    };
    listed.await.ok()
}

/// Returns whether a request was sent whose effect a repeat would duplicate.
pub(super) fn is_doubtful(office: &Office, filing: &Filing) -> bool {
    office.repeats == Repeats::AreNew && matches!(filing.state, FilingState::Sending { .. })
}

/// Replays a dead letter; returns whether the job was queued again.
pub(super) async fn replay(env: Env, office: Rc<Office>, decision: Decision) -> bool {
    decide(&env, &office, decision).await.unwrap_or(false)
}

async fn decide(env: &Env, office: &Office, decision: Decision) -> Result<bool, StoreError> {
    let (backbone, now) = (&office.backbone, office.backbone.now(env));
    let mut tx = backbone.store.begin(env);
    let job = tx.get(&backbone.jobs, &decision.job).await?.filter(|job| job.kind == JOB);
    let Some(job) = job else { return Ok(false) };
    let Some(filing) = tx.lock(&office.filings, &job.subject).await? else { return Ok(false) };
    let Some(state) = after(office, &filing, decision.seen, now) else { return Ok(false) };
    let mut tx = tx.within(&env.within(job.context).child("replay"));
    if !jobs::replay(&mut tx, backbone, job.id, (ON_CALL, decision.reason), now).await? {
        return Ok(false);
    }
    tx.update(&office.filings, Filing { state, ..filing }).await?;
    tx.commit("replay").await.map(|()| true)
}

/// Returns the state of the filing according to what a person saw; `None` if that does not make a replay safe.
fn after(office: &Office, filing: &Filing, seen: Seen, now: Moment) -> Option<FilingState> {
    match (seen, filing.state) {
        (_, state @ (FilingState::Filed(_) | FilingState::Rejected)) => Some(state),
        (Seen::Document(document), _) => Some(FilingState::Filed(document)),
        (Seen::Nothing, FilingState::Sending { since, .. }) => {
            // An earlier request may still arrive.
            (now >= since + QUARANTINE).then_some(FilingState::Open)
        }
        (Seen::NotNeeded | Seen::Nothing, state) => (!is_doubtful(office, filing)).then_some(state),
    }
}
