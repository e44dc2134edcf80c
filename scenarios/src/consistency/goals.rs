//! Rare states that a campaign must have reached for its green to mean something.

use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::backbone::events::Subject;
use shakedown_model::facts::{BookingFact, Code, EdgeFact, EventFact};
use shakedown_sim::{At, Goals, Moment};

/// What goals keep of the facts.
#[derive(Default)]
struct Memory {
    /// What the feed took.
    taken: Vec<(Subject, u32)>,
    /// When each version of a booking was committed.
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

/// All of them, in the order in which reports list them.
pub fn all() -> Box<dyn Goals<Fact>> {
    const GOALS: States<Memory> = &[
        (
            "an event committed after one of a younger transaction",
            |memory, _, fact| matches!(fact, Fact::Event(EventFact::Posted(posted)) if posted.transaction < memory.youngest),
        ),
        ("an event came twice", |memory, _, fact| {
            matches!(fact, Fact::Event(EventFact::Took { subject, version, .. })
                if memory.taken.contains(&(*subject, *version)))
        }),
        ("events came in another order", |memory, _, fact| {
            matches!(fact, Fact::Event(EventFact::Took { subject, version, .. })
                if memory.taken.iter().any(|(of, newer)| of == subject && newer > version))
        }),
        ("an event came a minute late", |memory, at, fact| {
            let Fact::Event(EventFact::Took { subject, version, .. }) = fact else { return false };
            memory.committed.iter().any(|(booking, committed, since)| {
                *subject == Subject::Booking(*booking)
                    && committed == version
                    && at.time.since(*since).as_secs() >= 60
            })
        }),
        ("a list showed an older version", |memory, _, fact| {
            let Fact::Event(EventFact::Listed { summary, .. }) = fact else { return false };
            memory
                .committed
                .iter()
                .any(|(id, version, _)| *id == summary.booking && *version > summary.version)
        }),
        ("a list was refused until the read model has caught up", |memory, _, fact| {
            matches!(fact, Fact::Edge(EdgeFact::Answered { code: Code::Unavailable, took_ms, .. })
                if *took_ms >= 1_500 && !memory.listed)
        }),
    ];
    judges::goals(GOALS)
}
