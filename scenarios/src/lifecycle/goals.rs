//! Rare states that a campaign must have reached for its green to mean something.

use super::CAPACITY;
use super::ledger::Ledger;
use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Ending, Job, JobState};
use shakedown_model::facts::{Code, EdgeFact, FilingFact, JobFact};
use shakedown_model::filing::rows::FilingState;
use shakedown_model::settings::MAX_ATTEMPTS;
use shakedown_sim::Goals;

/// For the rarest of them, how many seeds a campaign needs before not reaching one says anything.
pub const NEEDS: &[(&str, u64)] = &[("document of a worker that had lost its job", 20_000)];

/// Whether a job moves like this with the fact.
fn moves(fact: &Fact, from: JobState, to: JobState, asks: impl Fn(&Job) -> bool) -> bool {
    matches!(fact, Fact::Job(JobFact::Changed { before: Some(before), after })
        if before.state == from && after.state == to && asks(after))
}

const GOALS: States<Ledger> = &[
    ("more jobs waiting than workers can take", |ledger, _, fact| {
        let waiting = ledger.jobs.iter().filter(|job| job.state == JobState::Queued).count();
        matches!(fact, Fact::Job(JobFact::Changed { .. })) && waiting > 8
    }),
    ("refused, the queue being full", |ledger, _, fact| {
        let waiting = ledger.jobs.iter().filter(|job| job.state == JobState::Queued).count();
        matches!(fact, Fact::Edge(EdgeFact::Answered { code: Code::Unavailable, .. }))
            && waiting >= CAPACITY.queue as usize
    }),
    ("succeeded at a retry", |_, _, fact| {
        moves(fact, JobState::Running, JobState::Succeeded, |job| job.attempts > 1)
    }),
    ("rescued with its document at the registry", |ledger, _, fact| {
        let made = |id| ledger.documents.iter().any(|document| document.job == id);
        moves(fact, JobState::Running, JobState::Failed, |job| {
            job.ended == Some(Ending::Lapsed) && made(job.id)
        })
    }),
    ("handed back by a worker that stopped, its document at the registry", |ledger, _, fact| {
        let made = |id| ledger.documents.iter().any(|document| document.job == id);
        moves(fact, JobState::Running, JobState::Failed, |job| {
            job.ended == Some(Ending::Stopped) && made(job.id)
        })
    }),
    ("given up after its last attempt", |_, _, fact| {
        moves(fact, JobState::Failed, JobState::DeadLetter, |job| {
            job.attempts >= MAX_ATTEMPTS && job.ended == Some(Ending::Retryable)
        })
    }),
    ("given up with its document at the registry", |ledger, _, fact| {
        moves(fact, JobState::Failed, JobState::DeadLetter, |job| {
            ledger.documents.iter().any(|document| document.job == job.id)
        })
    }),
    (
        "given up for good reasons",
        |_, _, fact| matches!(fact, Fact::Filing(FilingFact::Filing { after, .. }) if after.state == FilingState::Rejected),
    ),
    ("succeeded after a replay", |_, _, fact| {
        moves(fact, JobState::Running, JobState::Succeeded, |job| job.replays > 0)
    }),
    ("document of a worker that had lost its job", |ledger, at, fact| {
        let Fact::Filing(FilingFact::Filing { after, .. }) = fact else { return false };
        let filed = matches!(after.state, FilingState::Filed(_));
        let job = ledger.jobs.iter().find(|job| job.subject == after.id);
        let nobody_has = |job: &Job| matches!(job.state, JobState::Queued | JobState::Failed);
        filed && at.number_of("replay").is_none() && job.is_some_and(nobody_has)
    }),
];

/// All goals.
pub fn all() -> Box<dyn Goals<Fact>> {
    judges::goals(GOALS)
}
