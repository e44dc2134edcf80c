//! Rare states that a campaign must have reached for its green to mean something.

use crate::booking::ledger::{Ledger, intent};
use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::JobState;
use shakedown_model::booking::rows::{Attention, Status};
use shakedown_model::facts::{BookingFact, Code, EdgeFact, EventFact, JobFact, Request};
use shakedown_sim::{At, Goals};

/// What goals keep of the facts.
#[derive(Default)]
struct Memory {
    ledger: Ledger,
    /// The versions of bookings that a screen was told of.
    told: Vec<(u32, u32)>,
    submissions: Vec<u32>,
    /// Orders whose customer was told to try again.
    put_off: Vec<Order>,
}

/// Which order a fact concerns: each press of a button and each try is one.
type Order = [Option<u32>; 3];

fn order(at: &At<'_>) -> Order {
    ["intent", "click", "request"].map(|part| at.number_of(part))
}

impl judges::Memory for Memory {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        self.ledger.observe(at, fact);
        match fact {
            Fact::Event(EventFact::Told { booking, version, .. }) => self.told.push((*booking, *version)),
            Fact::Edge(EdgeFact::Entered { request, what: Request::Submit }) => {
                self.submissions.push(*request)
            }
            Fact::Edge(EdgeFact::Answered { request, code: Code::Unavailable, .. })
                if self.submissions.contains(request) =>
            {
                self.put_off.push(order(at));
            }
            _ => {}
        }
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.told.clear();
        self.submissions.clear();
        self.put_off.clear();
    }
}

impl Memory {
    /// Whether a booking of this intent has come to its result.
    fn has_result(&self, intent: u32) -> bool {
        let is_result = |status: Status| status.is_final() || status == Status::Confirmed;
        self.ledger.bookings.iter().any(|kept| kept.intent == intent && is_result(kept.row.status))
    }
}

const GOALS: States<Memory> = &[
    ("a result was stored, and its worker died before the job was acknowledged", |memory, at, fact| {
        matches!(fact, Fact::Job(JobFact::Changed { before: Some(before), after })
            if before.state == JobState::Running && after.state == JobState::Failed && at.time >= before.lease_until)
            && memory.has_result(intent(at))
    }),
    ("a screen was told the same twice", |memory, _, fact| {
        matches!(fact, Fact::Event(EventFact::Told { booking, version, .. })
            if memory.told.contains(&(*booking, *version)))
    }),
    ("a screen found out a result that it was not told", |memory, _, fact| {
        matches!(fact, Fact::Booking(BookingFact::Shown { booking, version, fresh: false, .. })
            if *version > 1 && !memory.told.contains(&(*booking, *version)))
            && memory.ledger.jobs.iter().any(|job| job.state == JobState::Succeeded)
    }),
    ("an order was kept whose customer was told to try again", |memory, at, fact| {
        matches!(fact, Fact::Edge(EdgeFact::Answered { request, code: Code::Unavailable, .. })
            if memory.submissions.contains(request))
            && memory.ledger.bookings.iter().any(|kept| kept.intent == intent(at))
    }),
    ("an order was kept after its customer had been told to try again", |memory, at, fact| {
        matches!(fact, Fact::Booking(BookingFact::Booking { before: None, .. }))
            && memory.put_off.contains(&order(at))
    }),
    (
        "what was acknowledged was refused",
        |_, _, fact| matches!(fact, Fact::Booking(BookingFact::Booking { after, .. }) if after.status == Status::Failed),
    ),
    ("what was acknowledged took a minute", |_, at, fact| {
        matches!(fact, Fact::Booking(BookingFact::Booking { after, .. })
            if after.status == Status::Confirmed && at.time.since(after.accepted).as_secs() >= 60)
    }),
    (
        "parked for a person",
        |_, _, fact| matches!(fact, Fact::Booking(BookingFact::Booking { after, .. }) if after.attention == Attention::Review),
    ),
];

/// All of them, in the order in which reports list them.
pub fn all() -> Box<dyn Goals<Fact>> {
    judges::goals(GOALS)
}
