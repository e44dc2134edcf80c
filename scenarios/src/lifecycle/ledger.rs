//! The state that judges accumulate: our rows by report, and the registry's documents.

use crate::judges::Memory;
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Job, JobState};
use shakedown_model::facts::{FilingFact, JobFact, RegistryFact};
use shakedown_model::filing::JOB;
use shakedown_model::filing::rows::{Filing, FilingState};
use shakedown_sim::{At, Moment};

/// A clinic's report, by its burst (0 for none) and its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Report(u32, u32);

/// Returns the report that a fact concerns.
pub fn report(at: &At<'_>) -> Report {
    Report(at.number_of("crowd").unwrap_or(0), at.number_of("filing").unwrap_or(0))
}

/// A filing row as last committed.
#[derive(Clone, Copy, Debug)]
pub struct Latest {
    /// The row.
    pub row: Filing,
    /// The report that it carries.
    pub report: Report,
    /// The time at which our row first said that it is filed.
    pub filed: Option<Moment>,
    /// The time at which its job first became a dead letter.
    pub abandoned: Option<Moment>,
    /// The event that created it.
    pub made: u32,
    /// The last event about it.
    pub last: u32,
}

/// A document at the registry.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    /// The reference of its report.
    pub reference: u32,
    /// Our job that sent it.
    pub job: u32,
    /// The attempt of the job.
    pub attempt: u32,
    /// The event that created it.
    pub made: u32,
}

/// The state according to the facts so far.
#[derive(Default)]
pub struct Ledger {
    /// Our filings.
    pub filings: Vec<Latest>,
    /// Our jobs.
    pub jobs: Vec<Job>,
    /// The registry's documents.
    pub documents: Vec<Document>,
    /// Whether the registry keeps one document for a reference.
    pub knows_repeats: bool,
}

impl Memory for Ledger {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        Ledger::observe(self, at, fact);
    }
    fn reset(&mut self) {
        Ledger::reset(self);
    }
}

impl Ledger {
    /// Clears the state.
    pub fn reset(&mut self) {
        self.filings.clear();
        self.jobs.clear();
        self.documents.clear();
        self.knows_repeats = false;
    }

    /// Updates the state with one fact.
    pub fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        match fact {
            Fact::Filing(FilingFact::Filing { after, .. }) => self.keep(at, *after),
            Fact::Job(JobFact::Changed { after, .. }) => self.keep_job(at, *after),
            Fact::Registry(RegistryFact::Terms { knows_repeats }) => self.knows_repeats = *knows_repeats,
            Fact::Registry(RegistryFact::Made { reference, job, attempt, .. }) => {
                let (reference, job, attempt, made) = (*reference, *job, *attempt, at.event);
                self.documents.push(Document { reference, job, attempt, made });
            }
            _ => {}
        }
    }

    fn keep(&mut self, at: &At<'_>, row: Filing) {
        let filed = matches!(row.state, FilingState::Filed(_)).then_some(at.time);
        match self.filings.iter_mut().find(|latest| latest.row.id == row.id) {
            Some(latest) => {
                (latest.row, latest.last) = (row, at.event);
                latest.filed = latest.filed.or(filed);
            }
            None => {
                let (report, abandoned) = (report(at), None);
                self.filings.push(Latest { row, report, filed, abandoned, made: at.event, last: at.event });
            }
        }
    }

    fn keep_job(&mut self, at: &At<'_>, job: Job) {
        match self.jobs.iter_mut().find(|latest| latest.id == job.id) {
            Some(latest) => *latest = job,
            None => self.jobs.push(job),
        }
        if job.state == JobState::DeadLetter
            && let Some(latest) = self.filings.iter_mut().find(|latest| latest.row.id == job.subject)
        {
            latest.abandoned = latest.abandoned.or(Some(at.time));
        }
    }

    /// Returns the job with this number, as last committed.
    pub fn job(&self, id: u32) -> Option<&Job> {
        self.jobs.iter().find(|job| job.id == id)
    }

    /// Returns whether a filing has a dead letter.
    pub fn is_listed(&self, filing: &Filing) -> bool {
        let of_filing = |job: &&Job| job.kind == JOB && job.subject == filing.id;
        self.jobs.iter().filter(of_filing).any(|job| job.state == JobState::DeadLetter)
    }
}
