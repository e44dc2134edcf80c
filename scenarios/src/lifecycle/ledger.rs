//! What judges keep of the facts: our rows by report, and the registry's documents.

use crate::judges::Memory;
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Job, JobState};
use shakedown_model::facts::{FilingFact, JobFact, RegistryFact};
use shakedown_model::filing::JOB;
use shakedown_model::filing::rows::{Filing, FilingState};
use shakedown_sim::{At, Moment};

/// A clinic's report, by the numbers of the entity that it is: those of a crowd are counted apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Report(u32, u32);

/// The report that a fact concerns.
pub fn report(at: &At<'_>) -> Report {
    Report(at.number_of("crowd").unwrap_or(0), at.number_of("filing").unwrap_or(0))
}

/// A filing row as last committed.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// The row.
    pub row: Filing,
    /// Which report it carries.
    pub report: Report,
    /// When it came to a document, by our own row.
    pub filed: Option<Moment>,
    /// When its job was first given up.
    pub given_up: Option<Moment>,
    /// The fact that made it.
    pub made: u32,
    /// The last fact about it.
    pub last: u32,
}

/// A document at the registry.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    /// For which reference.
    pub reference: u32,
    /// From which job of ours.
    pub job: u32,
    /// From which of its attempts.
    pub attempt: u32,
    /// The fact that made it.
    pub made: u32,
}

/// The facts so far, in the order in which they became true.
#[derive(Default)]
pub struct Ledger {
    /// Our filings.
    pub filings: Vec<Kept>,
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
    /// Forgets everything.
    pub fn reset(&mut self) {
        self.filings.clear();
        self.jobs.clear();
        self.documents.clear();
        self.knows_repeats = false;
    }

    /// Takes one more fact.
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
        match self.filings.iter_mut().find(|kept| kept.row.id == row.id) {
            Some(kept) => {
                (kept.row, kept.last) = (row, at.event);
                kept.filed = kept.filed.or(filed);
            }
            None => {
                let (report, given_up) = (report(at), None);
                self.filings.push(Kept { row, report, filed, given_up, made: at.event, last: at.event });
            }
        }
    }

    fn keep_job(&mut self, at: &At<'_>, job: Job) {
        match self.jobs.iter_mut().find(|kept| kept.id == job.id) {
            Some(kept) => *kept = job,
            None => self.jobs.push(job),
        }
        if job.state == JobState::DeadLetter
            && let Some(kept) = self.filings.iter_mut().find(|kept| kept.row.id == job.subject)
        {
            kept.given_up = kept.given_up.or(Some(at.time));
        }
    }

    /// The job with this number, as last committed.
    pub fn job(&self, id: u32) -> Option<&Job> {
        self.jobs.iter().find(|job| job.id == id)
    }

    /// Whether a filing is in the list of dead letters.
    pub fn is_listed(&self, filing: &Filing) -> bool {
        let of_filing = |job: &&Job| job.kind == JOB && job.subject == filing.id;
        self.jobs.iter().filter(of_filing).any(|job| job.state == JobState::DeadLetter)
    }
}
