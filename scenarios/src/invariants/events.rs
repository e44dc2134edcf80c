//! What is told of bookings, and what work is given out for them, against what is committed.

use shakedown_model::Fact;
use shakedown_model::backbone::events::Subject;
use shakedown_model::backbone::jobs::Job;
use shakedown_model::booking::JOB;
use shakedown_model::facts::{BookingFact, EventFact, JobFact};
use shakedown_sim::{At, Findings, Invariant};

/// A committed change of a booking's status.
pub struct Change {
    /// Which booking.
    pub booking: u32,
    /// Which version of its row.
    pub version: u32,
    /// The fact that it is.
    pub event: u32,
}

/// The committed changes of status so far.
#[derive(Default)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes one more fact.
    pub fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        if let Fact::Booking(BookingFact::Booking { before, after }) = fact
            && before.is_none_or(|before| before.status != after.status)
        {
            self.0.push(Change { booking: after.id, version: after.version, event: at.event });
        }
    }

    /// All of them, in the order in which they were committed.
    pub fn all(&self) -> &[Change] {
        &self.0
    }

    fn has(&self, subject: Subject, version: u32) -> bool {
        self.0.iter().any(|change| subject == Subject::Booking(change.booking) && change.version == version)
    }

    fn has_booking(&self, booking: u32) -> bool {
        self.0.iter().any(|change| change.booking == booking)
    }
}

/// Nobody is told what is not so, and nobody is set to work on it.
#[derive(Default)]
pub struct NoPhantomEvent(Changes);

impl NoPhantomEvent {
    fn judge_job(&self, at: &At<'_>, job: &Job, findings: &mut Findings) {
        if job.kind == JOB && !self.0.has_booking(job.subject) {
            findings.violated("work for nothing", &[at.event], || {
                format!("job {} was given out for B{}, which is not committed", job.id, job.subject)
            });
        }
    }
}

impl Invariant<Fact> for NoPhantomEvent {
    fn name(&self) -> &'static str {
        "no-phantom-event"
    }
    fn about(&self) -> &'static str {
        "always: each event that the feed takes names a change of a booking's status that is committed by then, and \
         each booking's job that is kept or handed out has its booking committed by then. How often they come is not \
         judged"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        match fact {
            Fact::Event(EventFact::Took { subject, version, what }) if !self.0.has(*subject, *version) => {
                findings.violated("told too much", &[at.event], || {
                    format!(
                        "the feed was told {what:?} of {subject}, version {version}, which is not committed"
                    )
                });
            }
            Fact::Job(JobFact::Delivered(job)) | Fact::Job(JobFact::Changed { before: None, after: job }) => {
                self.judge_job(at, job, findings);
            }
            _ => {}
        }
    }
}
