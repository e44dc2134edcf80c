//! What the outside world and durable storage hold: the only thing that judges read. Each part states facts of
//! its own; each fact brings its own sentence.

mod booking;
mod documents;
mod edge;
mod events;
mod filing;
mod mail;
mod mail_provider;
mod offers;
mod orders;
mod pager;
mod partner;
mod releases;
mod screens;
mod visit;

pub use booking::{BookingFact, Word, word};
pub use documents::DocumentFact;
pub use edge::{Code, EdgeFact, Request};
pub use events::EventFact;
pub use filing::{FilingFact, RegistryFact};
pub use mail::MailFact;
pub use mail_provider::MailProviderFact;
pub use offers::OfferFact;
pub use orders::{OrderFact, Screen};
pub use pager::PagerFact;
pub use partner::PartnerFact;
pub use releases::ReleaseFact;
pub use screens::{ScreenFact, client};
pub use visit::{VisitFact, VisitWord, visit_word};

use crate::backbone::audit::JobAttempt;
use crate::backbone::jobs::{Job, Kind, Replay};
use serde::Serialize;

/// A fact of the platform or of the world around it.
#[derive(Clone, Debug, Serialize)]
pub enum Fact {
    /// Of the edge's log.
    Edge(EdgeFact),
    /// Of the booking flow.
    Booking(BookingFact),
    /// Of events, and of lists built of them.
    Event(EventFact),
    /// Of offers: their rows, the cache, and pages.
    Offer(OfferFact),
    /// Of the order flow.
    Order(OrderFact),
    /// Of the partner.
    Partner(PartnerFact),
    /// Of the filing flow.
    Filing(FilingFact),
    /// Of releases: what runs where.
    Release(ReleaseFact),
    /// Of the registry.
    Registry(RegistryFact),
    /// Of the pager.
    Pager(PagerFact),
    /// Of customers' screens.
    Screen(ScreenFact),
    /// Of mail.
    Mail(MailFact),
    /// Of the mail provider and the mailboxes.
    MailProvider(MailProviderFact),
    /// Of the visit flow.
    Visit(VisitFact),
    /// Of the document store.
    Documents(DocumentFact),
    /// A job row changed.
    Job {
        /// As it was; none if it is new.
        before: Option<Job>,
        /// As it is.
        after: Job,
    },
    /// The broker handed a job out.
    HandedOut(Job),
    /// A person had a dead letter replayed.
    Replay(Replay),
    /// The record of a job's attempt changed.
    JobAttempt(JobAttempt),
}

impl shakedown_sim::Fact for Fact {
    fn is_routine(&self) -> bool {
        match self {
            Fact::Edge(fact) => fact.is_routine(),
            Fact::Booking(fact) => fact.is_routine(),
            Fact::Event(fact) => fact.is_routine(),
            Fact::Offer(fact) => fact.is_routine(),
            Fact::Order(fact) => fact.is_routine(),
            Fact::Partner(fact) => fact.is_routine(),
            Fact::Release(fact) => fact.is_routine(),
            Fact::Mail(fact) => fact.is_routine(),
            Fact::MailProvider(fact) => fact.is_routine(),
            Fact::Visit(fact) => fact.is_routine(),
            Fact::Documents(fact) => fact.is_routine(),
            Fact::Registry(fact) => fact.is_routine(),
            Fact::Job { .. } | Fact::JobAttempt(_) | Fact::Screen(_) => true,
            Fact::HandedOut(_) | Fact::Replay(_) | Fact::Filing(_) | Fact::Pager(_) => false,
        }
    }

    fn sentence(&self) -> String {
        match self {
            Fact::Edge(fact) => fact.sentence(),
            Fact::Booking(fact) => fact.sentence(),
            Fact::Event(fact) => fact.sentence(),
            Fact::Offer(fact) => fact.sentence(),
            Fact::Order(fact) => fact.sentence(),
            Fact::Partner(fact) => fact.sentence(),
            Fact::Release(fact) => fact.sentence(),
            Fact::Filing(fact) => fact.sentence(),
            Fact::Registry(fact) => fact.sentence(),
            Fact::Pager(fact) => fact.sentence(),
            Fact::Screen(fact) => fact.sentence(),
            Fact::JobAttempt(record) => attempt(record),
            Fact::Mail(fact) => fact.sentence(),
            Fact::MailProvider(fact) => fact.sentence(),
            Fact::Visit(fact) => fact.sentence(),
            Fact::Documents(fact) => fact.sentence(),
            Fact::Job { before, after } => job(before.as_ref(), after),
            Fact::HandedOut(job) => {
                format!("hands out job {} for {}", job.id, subject(job.kind, job.subject))
            }
            Fact::Replay(Replay { job, by, reason, .. }) => {
                format!("keeps that {by} had job {job} replayed: {reason}")
            }
        }
    }
}

fn money(minor: u32) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

fn job(before: Option<&Job>, after: &Job) -> String {
    match before {
        None => {
            format!("keeps job {} for {}: {:?}", after.id, subject(after.kind, after.subject), after.state)
        }
        Some(before) if before.state == after.state => format!("keeps job {} {:?}", after.id, after.state),
        Some(before) => format!("moves job {} from {:?} to {:?}", after.id, before.state, after.state),
    }
}

fn attempt(record: &JobAttempt) -> String {
    let JobAttempt { job, attempt, touched, ended, .. } = record;
    match (ended, touched) {
        (Some(ending), _) => format!("records of job {job}, attempt {attempt}, that it ended: {ending:?}"),
        (None, Some(touched)) => format!("records that attempt {attempt} of job {job} touches {touched:?}"),
        (None, None) => format!("records that attempt {attempt} of job {job} began"),
    }
}

fn subject(kind: Kind, number: u32) -> String {
    match kind {
        Kind::Book => format!("B{number}"),
        Kind::Report => format!("report {number}"),
        Kind::File => format!("F{number}"),
        Kind::Order => format!("message {number}"),
    }
}
