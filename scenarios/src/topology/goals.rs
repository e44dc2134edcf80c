//! Rare states that a campaign must reach before its passing result means something.

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

/// The state that goals accumulate.
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
    fn alert_count(&self, alert: Alert) -> usize {
        self.alerts.iter().filter(|other| **other == alert).count()
    }
}

/// Returns whether a fact is an alert about late work of this kind.
fn is_late(fact: &Fact, wanted: JobKind) -> bool {
    matches!(fact, Fact::Pager(PagerFact::Alerted(Alert::Late(WorkItem { kind, .. }))) if *kind == wanted)
}

const GOALS: States<Memory> = &[
    (
        "state that the old app does not know",
        |_, _, fact| matches!(fact, Fact::Screen(ScreenFact::Shown { client: Client::OldApp, screen }) if screen.word == Word::BeingChecked),
    ),
    ("response while three jobs hang at the registry", |memory, at, fact| {
        let stuck = |(job, since): &&(Job, Moment)| {
            (job.kind, job.state) == (filing::JOB, JobState::Running) && at.time.since(*since).as_secs() >= 3
        };
        matches!(fact, Fact::Edge(EdgeFact::Answered { code: Code::Ok | Code::Accepted, .. }))
            && memory.jobs.iter().filter(stuck).count() >= 3
    }),
    ("late report in an alert", |_, _, fact| is_late(fact, filing::JOB)),
    ("late booking in an alert", |_, _, fact| is_late(fact, booking::JOB)),
    (
        "alert repeated four times",
        |memory, _, fact| matches!(fact, Fact::Pager(PagerFact::Alerted(alert)) if memory.alert_count(*alert) >= 5),
    ),
    ("report filed after its alert", |memory, _, fact| {
        let alert_count = |id| memory.alert_count(Alert::Late(WorkItem { kind: filing::JOB, row: id })) > 0;
        matches!(fact, Fact::Filing(FilingFact::Filing { after, .. })
            if matches!(after.state, FilingState::Filed(_)) && alert_count(after.id))
    }),
    ("report filed shortly before its promise", |memory, at, fact| {
        let late = |id| {
            let of_filing = |promised: &&super::ledger::PromisedWork| {
                promised.item == WorkItem { kind: filing::JOB, row: id }
            };
            let promised = memory.ledger.items.iter().find(of_filing);
            promised.is_some_and(|promised| {
                at.time.since(promised.accepted).as_secs() > 300 && !promised.was_late
            })
        };
        matches!(fact, Fact::Filing(FilingFact::Filing { after, .. })
                if matches!(after.state, FilingState::Filed(_)) && late(after.id))
    }),
    ("pager rang", |_, _, fact| matches!(fact, Fact::Pager(PagerFact::Rang { .. }))),
    ("pager rang while late work was in no alert", |memory, at, fact| {
        let in_none = memory.ledger.items.iter().any(|promised| {
            let until = promised.promise.map(|promise| promised.accepted + promise);
            let is_late = until.is_some_and(|until| until <= at.time);
            is_late && memory.alert_count(Alert::Late(promised.item)) == 0
        });
        matches!(fact, Fact::Pager(PagerFact::Rang { .. })) && in_none
    }),
];

/// Returns all goals.
pub fn all() -> Box<dyn Goals<Fact>> {
    judges::goals(GOALS)
}
