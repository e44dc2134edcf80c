//! Events about bookings and jobs for them, compared with committed rows.

use shakedown_model::Fact;
use shakedown_model::backbone::events::Subject;
use shakedown_model::backbone::jobs::Job;
use shakedown_model::booking::JOB;
use shakedown_model::booking::events::BOOKING;
use shakedown_model::facts::{BookingFact, EventFact, JobFact};
use shakedown_sim::{At, Findings, Invariant};

/// A committed change of a booking's status.
pub struct Change {
    /// The booking's number.
    pub booking: u32,
    /// The version of its row.
    pub version: u32,
    /// The event that committed it.
    pub event: u32,
}

/// The committed changes of status, in commit order.
#[derive(Default)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// Removes all changes.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds the change that this fact commits, if it commits one.
    pub fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        if let Fact::Booking(BookingFact::Booking { before, after }) = fact
            && before.is_none_or(|before| before.status != after.status)
        {
            self.0.push(Change { booking: after.id, version: after.version, event: at.event });
        }
    }

    /// Returns the changes in commit order.
    pub fn all(&self) -> &[Change] {
        &self.0
    }

    fn has(&self, subject: Subject, version: u32) -> bool {
        self.0.iter().any(|change| subject == BOOKING.row(change.booking) && change.version == version)
    }

    fn has_booking(&self, booking: u32) -> bool {
        self.0.iter().any(|change| change.booking == booking)
    }
}

/// Verifies that events and jobs have a committed change behind them.
#[derive(Default)]
pub struct NoPhantomEvent(Changes);

impl NoPhantomEvent {
    fn judge_job(&self, at: &At<'_>, job: &Job, findings: &mut Findings) {
        if job.kind == JOB && !self.0.has_booking(job.subject) {
            findings.violated("job without booking", &[at.event], || {
                format!("job {} exists for B{}, which is not committed", job.id, job.subject)
            });
        }
    }
}

impl Invariant<Fact> for NoPhantomEvent {
    fn name(&self) -> &'static str {
        "no-phantom-event"
    }
    fn about(&self) -> &'static str {
        "always: an event that the feed receives names a committed change of a booking's status, and a job \
         row or a job that the broker delivers has its committed booking. Not judged: how often events and \
         jobs arrive"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        match fact {
            Fact::Event(EventFact::Took { subject, version, what }) if !self.0.has(*subject, *version) => {
                findings.violated("event without change", &[at.event], || {
                    format!(
                        "the feed received {what:?} of {subject}, version {version}, which is not committed"
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
