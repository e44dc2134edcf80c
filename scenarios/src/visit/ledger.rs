//! The state that judges accumulate: our rows of each visit, the document store's documents, and the messages that the
//! mail provider has accepted.

use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Job, JobState};
use shakedown_model::backbone::mail::rows::Notification;
use shakedown_model::facts::{DocumentFact, JobFact, MailFact, MailProviderFact, VisitFact};
use shakedown_model::visit::JOB;
use shakedown_model::visit::connector::Document;
use shakedown_model::visit::events::{REPORTED, VISIT};
use shakedown_model::visit::rows::{Report, ReportState, Visit};
use shakedown_sim::At;

/// A row as last committed.
#[derive(Clone, Copy, Debug)]
pub struct Latest<R> {
    /// The row.
    pub row: R,
    /// The event that wrote it last.
    pub last: u32,
}

/// A document that is visible in the document store.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    /// The document.
    pub document: Document,
    /// The event.
    pub event: u32,
}

/// The state according to the facts so far.
#[derive(Default)]
pub struct Ledger {
    /// Our visits.
    pub visits: Vec<Latest<Visit>>,
    /// Our reports.
    pub reports: Vec<Latest<Report>>,
    /// The visible documents.
    pub documents: Vec<Stored>,
    /// Our jobs.
    pub jobs: Vec<Job>,
    /// Our messages.
    pub messages: Vec<Latest<Notification>>,
    /// Our attempts to send: attempt and message.
    sends: Vec<(u32, u32)>,
    /// Attempts that the mail provider has accepted, each with its event.
    taken: Vec<(u32, u32)>,
}

impl Ledger {
    /// Clears the state.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Updates the state with one fact.
    pub fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        match fact {
            Fact::Visit(VisitFact::Visit { after, .. }) => {
                store_row(&mut self.visits, *after, at.event, |row| row.id == after.id);
            }
            Fact::Visit(VisitFact::Report { after, .. }) => {
                store_row(&mut self.reports, *after, at.event, |row| row.id == after.id);
            }
            Fact::Documents(DocumentFact::Stored { document, .. }) => {
                self.documents.push(Stored { document: *document, event: at.event });
            }
            Fact::Mail(MailFact::Notification { after, .. }) => {
                store_row(&mut self.messages, *after, at.event, |row| row.id == after.id);
            }
            Fact::Mail(MailFact::Send { before: None, after }) => {
                self.sends.push((after.id, after.notification));
            }
            Fact::MailProvider(MailProviderFact::Took { send, .. }) => self.taken.push((*send, at.event)),
            Fact::Job(JobFact::Changed { after, .. }) => {
                match self.jobs.iter_mut().find(|job| job.id == after.id) {
                    Some(job) => *job = *after,
                    None => self.jobs.push(*after),
                }
            }
            _ => {}
        }
    }

    /// Returns the row of a visit.
    pub fn visit(&self, id: u32) -> Option<&Latest<Visit>> {
        self.visits.iter().find(|latest| latest.row.id == id)
    }

    /// Returns the row of the report on this revision of a visit.
    pub fn report(&self, visit: u32, revision: u32) -> Option<&Latest<Report>> {
        self.reports.iter().find(|latest| (latest.row.visit, latest.row.revision) == (visit, revision))
    }

    /// Returns whether the document on this revision of a visit is visible.
    pub fn has_document(&self, visit: u32, revision: u32) -> bool {
        self.documents.iter().any(|stored| stored.document == Document { visit, revision })
    }

    /// Returns our message about the report on this revision of a visit.
    pub fn message(&self, visit: u32, revision: u32) -> Option<&Latest<Notification>> {
        let what = (VISIT.row(visit), REPORTED, revision);
        self.messages.iter().find(|latest| (latest.row.subject, latest.row.what, latest.row.version) == what)
    }

    /// Returns the events by which the provider accepted a message about the report on this revision of a visit.
    pub fn mails_taken(&self, visit: u32, revision: u32) -> Vec<u32> {
        let Some(message) = self.message(visit, revision) else { return Vec::new() };
        let is_of_it = |send: u32| self.sends.contains(&(send, message.row.id));
        self.taken.iter().filter(|(send, _)| is_of_it(*send)).map(|(_, event)| *event).collect()
    }

    /// Returns whether this report is listed for a person: its last job is a dead letter.
    pub fn is_listed(&self, report: &Report) -> bool {
        let of_report = |job: &&Job| job.kind == JOB && job.subject == report.id;
        self.jobs.iter().rfind(of_report).is_some_and(|job| job.state == JobState::DeadLetter)
    }

    /// Returns whether the report is pending and listed for a person.
    pub fn is_stuck(&self, report: &Report) -> bool {
        report.state == ReportState::Pending && self.is_listed(report)
    }
}

fn store_row<R>(rows: &mut Vec<Latest<R>>, row: R, last: u32, is_same: impl Fn(&R) -> bool) {
    match rows.iter_mut().find(|latest| is_same(&latest.row)) {
        Some(latest) => (latest.row, latest.last) = (row, last),
        None => rows.push(Latest { row, last }),
    }
}
