//! Committed changes, compared with the events that the feed received.

use crate::invariants::events::{Change, Changes};
use shakedown_model::Fact;
use shakedown_model::backbone::events::Subject;
use shakedown_model::booking::events::BOOKING;
use shakedown_model::facts::EventFact;
use shakedown_sim::{At, Findings, Invariant, Moment};

/// Verifies that each committed change reaches the feed.
#[derive(Default)]
pub(super) struct NoLostEvent {
    changes: Changes,
    /// Events that the feed received or that are listed as dead letters.
    taken: Vec<(Subject, u32)>,
}

impl Invariant<Fact> for NoLostEvent {
    fn name(&self) -> &'static str {
        "no-lost-event"
    }
    fn about(&self) -> &'static str {
        "once healed: the event of each committed change of status has reached the feed or is a listed \
         dead letter. Not judged: the list of bookings, which is judged by what it shows"
    }
    fn reset(&mut self) {
        self.changes.clear();
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
        for Change { booking, version, event } in self.changes.all() {
            if !self.taken.contains(&(BOOKING.row(*booking), *version)) {
                findings.violated("event lost", &[*event], || {
                    format!("the feed never received the event of version {version} of B{booking}")
                });
            }
        }
    }
}
