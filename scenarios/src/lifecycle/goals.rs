//! Rare states that a campaign must reach before its passing result means something.

use super::CAPACITY;
use super::ledger::Ledger;
use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Ending, Job, JobState};
use shakedown_model::facts::{Code, EdgeFact, FilingFact, JobFact};
use shakedown_model::filing::rows::FilingState;
use shakedown_model::settings::MAX_ATTEMPTS;
use shakedown_sim::Goals;

/// The rarest goals, each with the number of seeds after which missing it is a finding.
pub const NEEDS: &[(&str, u64)] = &[("worker that lost its job reports a document", 20_000)];

/// Returns whether a job makes this transition with the fact and the predicate holds for it.
fn job_moves(fact: &Fact, from: JobState, to: JobState, predicate: impl Fn(&Job) -> bool) -> bool {
    matches!(fact, Fact::Job(JobFact::Changed { before: Some(before), after })
        if before.state == from && after.state == to && predicate(after))
}

const GOALS: States<Ledger> = &[
    ("more jobs queued than workers can run", |ledger, _, fact| {
        let waiting = ledger.jobs.iter().filter(|job| job.state == JobState::Queued).count();
        matches!(fact, Fact::Job(JobFact::Changed { .. })) && waiting > 8
    }),
    ("report refused: the queue is full", |ledger, _, fact| {
        let waiting = ledger.jobs.iter().filter(|job| job.state == JobState::Queued).count();
        matches!(fact, Fact::Edge(EdgeFact::Answered { code: Code::Unavailable, .. }))
            && waiting >= CAPACITY.queue as usize
    }),
    ("job succeeded at a retry", |_, _, fact| {
        job_moves(fact, JobState::Running, JobState::Succeeded, |job| job.attempts > 1)
    }),
    ("job rescued with its document at the registry", |ledger, _, fact| {
        let made = |id| ledger.documents.iter().any(|document| document.job == id);
        job_moves(fact, JobState::Running, JobState::Failed, |job| {
            job.ended == Some(Ending::Lapsed) && made(job.id)
        })
    }),
    ("job returned at shutdown with its document at the registry", |ledger, _, fact| {
        let made = |id| ledger.documents.iter().any(|document| document.job == id);
        job_moves(fact, JobState::Running, JobState::Failed, |job| {
            job.ended == Some(Ending::Stopped) && made(job.id)
        })
    }),
    ("job became a dead letter after its last attempt", |_, _, fact| {
        job_moves(fact, JobState::Failed, JobState::DeadLetter, |job| {
            job.attempts >= MAX_ATTEMPTS && job.ended == Some(Ending::Retryable)
        })
    }),
    ("job became a dead letter with its document at the registry", |ledger, _, fact| {
        job_moves(fact, JobState::Failed, JobState::DeadLetter, |job| {
            ledger.documents.iter().any(|document| document.job == job.id)
        })
    }),
    (
        "report rejected permanently",
        |_, _, fact| matches!(fact, Fact::Filing(FilingFact::Filing { after, .. }) if after.state == FilingState::Rejected),
    ),
    ("job succeeded after a replay", |_, _, fact| {
        job_moves(fact, JobState::Running, JobState::Succeeded, |job| job.replays > 0)
    }),
    ("worker that lost its job reports a document", |ledger, at, fact| {
        let Fact::Filing(FilingFact::Filing { after, .. }) = fact else { return false };
        let filed = matches!(after.state, FilingState::Filed(_));
        let job = ledger.jobs.iter().find(|job| job.subject == after.id);
        let nobody_has = |job: &Job| matches!(job.state, JobState::Queued | JobState::Failed);
        filed && at.number_of("replay").is_none() && job.is_some_and(nobody_has)
    }),
];

/// Returns all goals.
pub fn all() -> Box<dyn Goals<Fact>> {
    judges::goals(GOALS)
}
