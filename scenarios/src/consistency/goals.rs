//! Rare states that a campaign must have reached for its green to mean something.

use shakedown_model::Fact;
use shakedown_model::backbone::events::Subject;
use shakedown_model::facts::{BookingFact, Code, EdgeFact, EventFact};
use shakedown_sim::{At, Goal, Moment};

/// What goals keep of the facts.
#[derive(Default)]
struct Memory {
    /// What the feed took.
    taken: Vec<(Subject, u32)>,
    /// When each version of a booking was committed.
    committed: Vec<(u32, u32, Moment)>,
    listed: bool,
}

/// A goal told as a question about a fact and what came before it.
struct State {
    name: &'static str,
    memory: Memory,
    is_reached: fn(&Memory, &At<'_>, &Fact) -> bool,
}

impl Goal<Fact> for State {
    fn name(&self) -> &'static str {
        self.name
    }
    fn reset(&mut self) {
        self.memory = Memory::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact) -> bool {
        let reached = (self.is_reached)(&self.memory, at, fact);
        match fact {
            Fact::Event(EventFact::Took { subject, version, .. }) => {
                self.memory.taken.push((*subject, *version));
            }
            Fact::Booking(BookingFact::Booking { after, .. }) => {
                self.memory.committed.push((after.id, after.version, at.time));
            }
            Fact::Event(EventFact::Listed { .. }) => self.memory.listed = true,
            _ => {}
        }
        reached
    }
}

/// All of them, in the order in which reports list them.
pub fn all() -> Vec<Box<dyn Goal<Fact>>> {
    let goal = |name, is_reached| -> Box<dyn Goal<Fact>> {
        Box::new(State { name, memory: Memory::default(), is_reached })
    };
    vec![
        goal("an event came twice", |memory, _, fact| {
            matches!(fact, Fact::Event(EventFact::Took { subject, version, .. })
                if memory.taken.contains(&(*subject, *version)))
        }),
        goal("events came in another order", |memory, _, fact| {
            matches!(fact, Fact::Event(EventFact::Took { subject, version, .. })
                if memory.taken.iter().any(|(of, newer)| of == subject && newer > version))
        }),
        goal("an event came a minute late", |memory, at, fact| {
            let Fact::Event(EventFact::Took { subject, version, .. }) = fact else { return false };
            memory.committed.iter().any(|(booking, committed, since)| {
                *subject == Subject::Booking(*booking)
                    && committed == version
                    && at.time.since(*since).as_secs() >= 60
            })
        }),
        goal("a list showed an older version", |memory, _, fact| {
            let Fact::Event(EventFact::Listed { summary, .. }) = fact else { return false };
            memory
                .committed
                .iter()
                .any(|(id, version, _)| *id == summary.booking && *version > summary.version)
        }),
        goal("a list was refused until the read model has caught up", |memory, _, fact| {
            matches!(fact, Fact::Edge(EdgeFact::Answered { code: Code::Unavailable, took_ms, .. })
                if *took_ms >= 1_500 && !memory.listed)
        }),
    ]
}
