//! Rare states that a campaign must reach before its passing result means something.

use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::backbone::events::Subject;
use shakedown_model::booking::events::BOOKING;
use shakedown_model::facts::{BookingFact, Code, EdgeFact, EventFact};
use shakedown_sim::{At, Goals, Moment};

/// The state that goals accumulate.
#[derive(Default)]
struct Memory {
    /// Events that the feed received.
    taken: Vec<(Subject, u32)>,
    /// The time at which each version of a booking was committed: booking, version, time.
    committed: Vec<(u32, u32, Moment)>,
    listed: bool,
    /// The youngest transaction that has posted an event.
    youngest: u64,
}

impl judges::Memory for Memory {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        match fact {
            Fact::Event(EventFact::Took { subject, version, .. }) => {
                self.taken.push((*subject, *version));
            }
            Fact::Booking(BookingFact::Booking { after, .. }) => {
                self.committed.push((after.id, after.version, at.time));
            }
            Fact::Event(EventFact::Listed { .. }) => self.listed = true,
            Fact::Event(EventFact::Posted(posted)) => self.youngest = self.youngest.max(posted.transaction),
            _ => {}
        }
    }
}

/// Returns all goals, in the order of reports.
pub fn all() -> Box<dyn Goals<Fact>> {
    const GOALS: States<Memory> = &[
        (
            "event committed after one of a younger transaction",
            |memory, _, fact| matches!(fact, Fact::Event(EventFact::Posted(posted)) if posted.transaction < memory.youngest),
        ),
        ("event delivered twice", |memory, _, fact| {
            matches!(fact, Fact::Event(EventFact::Took { subject, version, .. })
                if memory.taken.contains(&(*subject, *version)))
        }),
        ("events delivered out of order", |memory, _, fact| {
            matches!(fact, Fact::Event(EventFact::Took { subject, version, .. })
                if memory.taken.iter().any(|(of, newer)| of == subject && newer > version))
        }),
        ("event delivered a minute late", |memory, at, fact| {
            let Fact::Event(EventFact::Took { subject, version, .. }) = fact else { return false };
            memory.committed.iter().any(|(booking, committed, since)| {
                *subject == BOOKING.row(*booking)
                    && committed == version
                    && at.time.since(*since).as_secs() >= 60
            })
        }),
        ("list showed an older version", |memory, _, fact| {
            let Fact::Event(EventFact::Listed { summary, .. }) = fact else { return false };
            memory
                .committed
                .iter()
                .any(|(id, version, _)| *id == summary.booking && *version > summary.version)
        }),
        ("list refused until the projection had caught up", |memory, _, fact| {
            matches!(fact, Fact::Edge(EdgeFact::Answered { code: Code::Unavailable, took_ms, .. })
                if *took_ms >= 1_500 && !memory.listed)
        }),
    ];
    judges::goals(GOALS)
}
