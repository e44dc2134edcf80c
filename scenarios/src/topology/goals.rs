//! Rare states that a campaign must have reached for its green to mean something.

use super::ledger::Ledger;
use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Job, JobKind, JobState, WorkItem};
use shakedown_model::backbone::monitor::Alert;
use shakedown_model::booking::clients::Client;
use shakedown_model::facts::{Code, EdgeFact, FilingFact, JobFact, PagerFact, ScreenFact, Word};
use shakedown_model::filing::rows::FilingState;
use shakedown_model::{booking, filing};
use shakedown_sim::{At, Goals, Moment};

/// What goals keep of the facts.
#[derive(Default)]
struct Memory {
    ledger: Ledger,
    alerts: Vec<Alert>,
    jobs: Vec<(Job, Moment)>,
}

impl judges::Memory for Memory {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        self.ledger.observe(at, fact);
        match fact {
            Fact::Pager(PagerFact::Alerted(alert)) => self.alerts.push(*alert),
            Fact::Job(JobFact::Changed { after, .. }) => {
                self.jobs.retain(|(job, _)| job.id != after.id);
                self.jobs.push((*after, at.time));
            }
            _ => {}
        }
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.alerts.clear();
        self.jobs.clear();
    }
}

impl Memory {
    fn told(&self, alert: Alert) -> usize {
        self.alerts.iter().filter(|other| **other == alert).count()
    }
}

/// Whether a fact is an alert of late work of this kind.
fn is_late(fact: &Fact, wanted: JobKind) -> bool {
    matches!(fact, Fact::Pager(PagerFact::Alerted(Alert::Late(WorkItem { kind, .. }))) if *kind == wanted)
}

const GOALS: States<Memory> = &[
    (
        "a state that the old app has never heard of",
        |_, _, fact| matches!(fact, Fact::Screen(ScreenFact::Shown { client: Client::OldApp, screen }) if screen.word == Word::BeingChecked),
    ),
    ("answered while three jobs were stuck at the registry", |memory, at, fact| {
        let stuck = |(job, since): &&(Job, Moment)| {
            (job.kind, job.state) == (filing::JOB, JobState::Running) && at.time.since(*since).as_secs() >= 3
        };
        matches!(fact, Fact::Edge(EdgeFact::Answered { code: Code::Ok | Code::Accepted, .. }))
            && memory.jobs.iter().filter(stuck).count() >= 3
    }),
    ("a report in an alert", |_, _, fact| is_late(fact, filing::JOB)),
    ("a booking in an alert", |_, _, fact| is_late(fact, booking::JOB)),
    (
        "told again, nobody having taken it",
        |memory, _, fact| matches!(fact, Fact::Pager(PagerFact::Alerted(alert)) if memory.told(*alert) >= 5),
    ),
    ("filed after somebody was told", |memory, _, fact| {
        let told = |id| memory.told(Alert::Late(WorkItem { kind: filing::JOB, row: id })) > 0;
        matches!(fact, Fact::Filing(FilingFact::Filing { after, .. })
            if matches!(after.state, FilingState::Filed(_)) && told(after.id))
    }),
    ("done in the nick of time, in no alert", |memory, at, fact| {
        let late = |id| {
            let of_filing =
                |work: &&super::ledger::Work| work.item == WorkItem { kind: filing::JOB, row: id };
            let work = memory.ledger.works.iter().find(of_filing);
            work.is_some_and(|work| at.time.since(work.accepted).as_secs() > 300 && !work.was_late)
        };
        matches!(fact, Fact::Filing(FilingFact::Filing { after, .. })
                if matches!(after.state, FilingState::Filed(_)) && late(after.id))
    }),
    ("rang", |_, _, fact| matches!(fact, Fact::Pager(PagerFact::Rang { .. }))),
    ("rang while work was late and in no alert", |memory, at, fact| {
        let in_none = memory.ledger.works.iter().any(|work| {
            let until = work.promise.map(|promise| work.accepted + promise);
            let is_late = until.is_some_and(|until| until <= at.time);
            is_late && memory.told(Alert::Late(work.item)) == 0
        });
        matches!(fact, Fact::Pager(PagerFact::Rang { .. })) && in_none
    }),
];

/// All goals.
pub fn all() -> Box<dyn Goals<Fact>> {
    judges::goals(GOALS)
}
