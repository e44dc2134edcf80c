//! What judges keep of the facts: our rows of each visit, what the document store holds, and what the mail provider
//! has taken.

use shakedown_model::Fact;
use shakedown_model::backbone::events::{Subject, What};
use shakedown_model::backbone::jobs::{Job, JobState};
use shakedown_model::backbone::mail::rows::Notification;
use shakedown_model::facts::{DocumentFact, JobFact, MailFact, MailProviderFact, VisitFact};
use shakedown_model::visit::JOB;
use shakedown_model::visit::connector::Document;
use shakedown_model::visit::rows::{Report, ReportState, Visit};
use shakedown_sim::At;

/// A row as last committed.
#[derive(Clone, Copy, Debug)]
pub struct Kept<R> {
    /// The row.
    pub row: R,
    /// The fact that wrote it last.
    pub last: u32,
}

/// A document that came to stand under its name.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    /// Which.
    pub document: Document,
    /// The fact.
    pub event: u32,
}

/// The facts so far, in the order in which they became true.
#[derive(Default)]
pub struct Ledger {
    /// Our visits.
    pub visits: Vec<Kept<Visit>>,
    /// Our reports.
    pub reports: Vec<Kept<Report>>,
    /// What came to stand in the document store.
    pub documents: Vec<Stored>,
    /// Our jobs.
    pub jobs: Vec<Job>,
    /// Our messages.
    pub messages: Vec<Kept<Notification>>,
    /// Which message each of our attempts to send is of.
    sends: Vec<(u32, u32)>,
    /// Attempts that the mail provider has taken, with the fact that shows it.
    taken: Vec<(u32, u32)>,
}

impl Ledger {
    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Takes one more fact.
    pub fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        match fact {
            Fact::Visit(VisitFact::Visit { after, .. }) => {
                keep(&mut self.visits, *after, at.event, |row| row.id == after.id);
            }
            Fact::Visit(VisitFact::Report { after, .. }) => {
                keep(&mut self.reports, *after, at.event, |row| row.id == after.id);
            }
            Fact::Documents(DocumentFact::Stored { document, .. }) => {
                self.documents.push(Stored { document: *document, event: at.event });
            }
            Fact::Mail(MailFact::Notification { after, .. }) => {
                keep(&mut self.messages, *after, at.event, |row| row.id == after.id);
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

    /// The row of a visit.
    pub fn visit(&self, id: u32) -> Option<&Kept<Visit>> {
        self.visits.iter().find(|kept| kept.row.id == id)
    }

    /// The row of the report on this revision of a visit.
    pub fn report(&self, visit: u32, revision: u32) -> Option<&Kept<Report>> {
        self.reports.iter().find(|kept| (kept.row.visit, kept.row.revision) == (visit, revision))
    }

    /// Whether the document on this revision of a visit can be seen.
    pub fn has_document(&self, visit: u32, revision: u32) -> bool {
        self.documents.iter().any(|stored| stored.document == Document { visit, revision })
    }

    /// Our message that tells of the report on this revision of a visit.
    pub fn message(&self, visit: u32, revision: u32) -> Option<&Kept<Notification>> {
        let what = (Subject::Visit(visit), What::Reported, revision);
        self.messages.iter().find(|kept| (kept.row.subject, kept.row.what, kept.row.version) == what)
    }

    /// The facts by which the provider took a message that tells of the report on this revision of a visit.
    pub fn told(&self, visit: u32, revision: u32) -> Vec<u32> {
        let Some(message) = self.message(visit, revision) else { return Vec::new() };
        let is_of_it = |send: u32| self.sends.contains(&(send, message.row.id));
        self.taken.iter().filter(|(send, _)| is_of_it(*send)).map(|(_, event)| *event).collect()
    }

    /// Whether a person is told that this report is not made: the last job that was to make it is a dead letter.
    pub fn is_listed(&self, report: &Report) -> bool {
        let of_report = |job: &&Job| job.kind == JOB && job.subject == report.id;
        self.jobs.iter().rfind(of_report).is_some_and(|job| job.state == JobState::DeadLetter)
    }

    /// Whether the report is owed, and a person has to see to it.
    pub fn is_stuck(&self, report: &Report) -> bool {
        report.state == ReportState::Pending && self.is_listed(report)
    }
}

fn keep<R>(rows: &mut Vec<Kept<R>>, row: R, last: u32, is_same: impl Fn(&R) -> bool) {
    match rows.iter_mut().find(|kept| is_same(&kept.row)) {
        Some(kept) => (kept.row, kept.last) = (row, last),
        None => rows.push(Kept { row, last }),
    }
}
