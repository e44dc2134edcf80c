//! What happened is told, and nothing else.

use shakedown_model::Fact;
use shakedown_model::backbone::events::Subject;
use shakedown_model::facts::{BookingFact, EventFact};
use shakedown_sim::{At, Findings, Invariant, Moment};

/// A committed change of status.
struct Change {
    booking: u32,
    version: u32,
    event: u32,
}

/// The committed changes of status so far.
#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        if let Fact::Booking(BookingFact::Booking { before, after }) = fact
            && before.is_none_or(|before| before.status != after.status)
        {
            self.0.push(Change { booking: after.id, version: after.version, event: at.event });
        }
    }

    fn has(&self, subject: Subject, version: u32) -> bool {
        self.0.iter().any(|change| subject == Subject::Booking(change.booking) && change.version == version)
    }
}

/// Nobody is told what is not so.
#[derive(Default)]
pub(super) struct NoPhantomEvent(Changes);

impl Invariant<Fact> for NoPhantomEvent {
    fn name(&self) -> &'static str {
        "no-phantom-event"
    }
    fn about(&self) -> &'static str {
        "always: each event that the feed takes names a change of status that is committed by then. How often it \
         comes is not judged"
    }
    fn reset(&mut self) {
        self.0.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        if let Fact::Event(EventFact::Took { subject, version, what }) = fact
            && !self.0.has(*subject, *version)
        {
            findings.violated("told too much", &[at.event], || {
                format!(
                    "the feed was told {what:?} of {subject:?}, version {version}, which is not committed"
                )
            });
        }
    }
}

/// Everybody is told what is so.
#[derive(Default)]
pub(super) struct NoLostEvent {
    changes: Changes,
    /// What the feed took, or somebody has in a list of dead letters.
    taken: Vec<(Subject, u32)>,
}

impl Invariant<Fact> for NoLostEvent {
    fn name(&self) -> &'static str {
        "no-lost-event"
    }
    fn about(&self) -> &'static str {
        "once healed: each committed change of status has come to the feed, or is a listed dead letter. That the list \
         of bookings has followed is judged by what it shows"
    }
    fn reset(&mut self) {
        self.changes.0.clear();
        self.taken.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.changes.observe(at, fact);
        if let Fact::Event(EventFact::Took { subject, version, .. } | EventFact::Died { subject, version }) =
            fact
        {
            self.taken.push((*subject, *version));
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for Change { booking, version, event } in &self.changes.0 {
            if !self.taken.contains(&(Subject::Booking(*booking), *version)) {
                findings.violated("never told", &[*event], || {
                    format!("the feed was never told of version {version} of B{booking}")
                });
            }
        }
    }
}
