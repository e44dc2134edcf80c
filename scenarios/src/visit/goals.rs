//! Rare states that a campaign must reach before its passing result means something.

use super::ledger::{Latest, Ledger};
use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Job, JobState};
use shakedown_model::backbone::mail::rows::MailState;
use shakedown_model::facts::{
    Code, DocumentFact, EdgeFact, JobFact, MailFact, MailProviderFact, Request, VisitFact,
};
use shakedown_model::visit::connector::Document;
use shakedown_model::visit::rows::{Action, Actor, Report, ReportState, Status};
use shakedown_sim::{At, Goals};

/// The rarest goals, each with the number of seeds after which missing it is a finding.
pub const NEEDS: &[(&str, u64)] =
    &[("message in doubt sent again by an override and accepted twice", 20_000)];

/// The state that goals accumulate.
#[derive(Default)]
struct Memory {
    ledger: Ledger,
    /// Documents of which parts have arrived, by upload.
    begun: Vec<(u32, Document)>,
    /// Requests of clinics.
    imports: Vec<u32>,
    /// Requests of operators to replay.
    replays: Vec<u32>,
    /// Visits whose message was sent again by an override.
    overridden: Vec<u32>,
    /// The length of the day on which the run starts.
    hours_of_day: Option<u64>,
    /// Reports that were ever stuck.
    stuck: Vec<u32>,
}

impl judges::Memory for Memory {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        self.ledger.observe(at, fact);
        match fact {
            Fact::Visit(VisitFact::Calendar { zone, starts }) => {
                self.hours_of_day = Some(zone.zone().end_of_day(*starts).since(*starts).as_secs() / 3_600);
            }
            Fact::Documents(DocumentFact::Begun { upload, document }) => {
                self.begun.push((*upload, *document))
            }
            Fact::Documents(DocumentFact::Stored { upload, .. }) => {
                self.begun.retain(|(begun, _)| begun != upload);
            }
            Fact::Edge(EdgeFact::Entered { request, what: Request::Import }) => self.imports.push(*request),
            Fact::Edge(EdgeFact::Entered { request, what: Request::Replay }) => self.replays.push(*request),
            Fact::Visit(VisitFact::Entered(entry)) if matches!(entry.action, Action::Override(_)) => {
                self.overridden.push(entry.visit);
            }
            Fact::Job(JobFact::Changed { after, .. }) if after.state == JobState::DeadLetter => {
                self.stuck.push(after.subject)
            }
            _ => {}
        }
    }
}

impl Memory {
    /// Returns the report whose job is rescued from its worker with this fact.
    fn rescued(&self, at: &At<'_>, fact: &Fact) -> Option<&Report> {
        let Fact::Job(JobFact::Changed { before: Some(before), after }) = fact else { return None };
        let is_rescue = |job: &Job| job.state == JobState::Running && at.time >= job.lease_until;
        if !is_rescue(before) || after.state != JobState::Failed {
            return None;
        }
        self.ledger.reports.iter().map(|latest| &latest.row).find(|report| report.id == after.subject)
    }

    /// Returns whether the nightly close records a visit on a day of this length.
    fn is_closed_on_a_day_of(&self, hours: u64, fact: &Fact) -> bool {
        let is_closed =
            matches!(fact, Fact::Visit(VisitFact::Entered(entry)) if entry.by == Actor::NightlyClose);
        is_closed && self.hours_of_day == Some(hours)
    }

    fn pending(&self, visit: u32) -> bool {
        let of_visit = |report: &Report| report.visit == visit && report.state == ReportState::Pending;
        self.ledger.reports.iter().any(|latest| of_visit(&latest.row))
    }
}

const GOALS: States<Memory> = &[
    ("crash with the PDF half-written", |memory, at, fact| {
        let document = |report: &Report| Document { visit: report.visit, revision: report.revision };
        let half = |report: &Report| memory.begun.iter().any(|(_, begun)| *begun == document(report));
        memory.rescued(at, fact).is_some_and(half)
    }),
    ("crash between the document and its record", |memory, at, fact| {
        let latest = |report: &Report| memory.ledger.has_document(report.visit, report.revision);
        memory.rescued(at, fact).is_some_and(|report| latest(report) && report.state == ReportState::Pending)
    }),
    (
        "late cancellation refused",
        |memory, _, fact| matches!(fact, Fact::Edge(EdgeFact::Answered { request, code: Code::Rejected, .. }) if memory.imports.contains(request)),
    ),
    ("repeated row of a clinic", |memory, at, fact| {
        let again = at.number_of("copy") == Some(2);
        again
            && matches!(fact, Fact::Edge(EdgeFact::Answered { request, code: Code::Accepted, .. }) if memory.imports.contains(request))
    }),
    (
        "report stuck",
        |_, _, fact| matches!(fact, Fact::Job(JobFact::Changed { after, .. }) if after.state == JobState::DeadLetter),
    ),
    ("stuck report replayed, then ready", |memory, _, fact| {
        matches!(fact, Fact::Visit(VisitFact::Report { after, .. })
            if after.state == ReportState::Ready && memory.stuck.contains(&after.id))
    }),
    ("replay while the report is pending", |memory, at, fact| {
        matches!(fact, Fact::Edge(EdgeFact::Entered { what: Request::Replay, .. }))
            && memory.pending(at.number_of("visit").unwrap_or(0))
    }),
    ("replay after the message was sent", |memory, at, fact| {
        let visit = at.number_of("visit").unwrap_or(0);
        let is_notified = |latest: &Latest<Report>| {
            latest.row.visit == visit && !memory.ledger.mails_taken(visit, latest.row.revision).is_empty()
        };
        matches!(fact, Fact::Edge(EdgeFact::Entered { what: Request::Replay, .. }))
            && memory.ledger.reports.iter().any(is_notified)
    }),
    (
        "replay in a stale tab refused",
        |memory, _, fact| matches!(fact, Fact::Edge(EdgeFact::Answered { request, code: Code::Rejected, .. }) if memory.replays.contains(request)),
    ),
    (
        "message in doubt",
        |_, _, fact| matches!(fact, Fact::Mail(MailFact::Notification { after, .. }) if after.state == MailState::Unknown),
    ),
    (
        "message in doubt sent again by an override",
        |_, _, fact| matches!(fact, Fact::Visit(VisitFact::Entered(entry)) if matches!(entry.action, Action::Override(_))),
    ),
    ("message in doubt sent again by an override and accepted twice", |memory, at, fact| {
        let visit = at.number_of("visit").unwrap_or(0);
        let is_notified =
            |latest: &Latest<Report>| !memory.ledger.mails_taken(visit, latest.row.revision).is_empty();
        let of_visit = |latest: &&Latest<Report>| latest.row.visit == visit;
        matches!(fact, Fact::MailProvider(MailProviderFact::Took { .. }))
            && memory.overridden.contains(&visit)
            && memory.ledger.reports.iter().filter(of_visit).any(is_notified)
    }),
    ("message became a dead letter, then replayed", |_, _, fact| {
        matches!(fact, Fact::Mail(MailFact::Notification { before: Some(before), after })
            if before.state == MailState::DeadLetter && after.state == MailState::Queued)
    }),
    (
        "amended while the former report is pending",
        |memory, _, fact| matches!(fact, Fact::Visit(VisitFact::Visit { after, .. }) if after.revision > 1 && memory.pending(after.id)),
    ),
    (
        "visit closed by the nightly close",
        |_, _, fact| matches!(fact, Fact::Visit(VisitFact::Entered(entry)) if entry.by == Actor::NightlyClose),
    ),
    (
        "patient reminded",
        |_, _, fact| matches!(fact, Fact::Visit(VisitFact::Entered(entry)) if entry.by == Actor::Reminder),
    ),
    ("visit closed on a day of 23 hours", |memory, _, fact| memory.is_closed_on_a_day_of(23, fact)),
    ("visit closed on a day of 25 hours", |memory, _, fact| memory.is_closed_on_a_day_of(25, fact)),
    ("cancelled after the patient arrived", |_, _, fact| {
        matches!(fact, Fact::Visit(VisitFact::Visit { before: Some(before), after })
            if before.status == Status::Arrived && after.status == Status::Cancelled)
    }),
];

/// Returns all goals.
pub fn all() -> Box<dyn Goals<Fact>> {
    judges::goals(GOALS)
}
