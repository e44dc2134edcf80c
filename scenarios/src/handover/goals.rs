//! Rare states that a campaign must reach before its passing result means something.

use crate::booking::ledger::{Ledger, intent};
use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::JobState;
use shakedown_model::booking::rows::{Attention, Status};
use shakedown_model::facts::{BookingFact, Code, EdgeFact, EventFact, JobFact, Request};
use shakedown_sim::{At, Goals};

/// The state that goals accumulate.
#[derive(Default)]
struct Memory {
    ledger: Ledger,
    /// The versions of bookings that a screen was notified of: booking, version.
    told: Vec<(u32, u32)>,
    submissions: Vec<u32>,
    /// Orders whose customer got "try again".
    put_off: Vec<Order>,
}

/// An order, by intent, click and request: each click and each retry is an order of its own.
type Order = [Option<u32>; 3];

fn order(at: &At<'_>) -> Order {
    ["intent", "click", "request"].map(|part| at.number_of(part))
}

impl judges::Memory for Memory {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        self.ledger.observe(at, fact);
        match fact {
            Fact::Event(EventFact::Received { booking, version, .. }) => self.told.push((*booking, *version)),
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
    /// Returns whether a booking of this intent has its result.
    fn has_result(&self, intent: u32) -> bool {
        let is_result = |status: Status| status.is_final() || status == Status::Confirmed;
        self.ledger.bookings.iter().any(|latest| latest.intent == intent && is_result(latest.row.status))
    }
}

const GOALS: States<Memory> = &[
    ("worker crashed between result and acknowledgement", |memory, at, fact| {
        matches!(fact, Fact::Job(JobFact::Changed { before: Some(before), after })
            if before.state == JobState::Running && after.state == JobState::Failed && at.time >= before.lease_until)
            && memory.has_result(intent(at))
    }),
    ("screen notified twice of one version", |memory, _, fact| {
        matches!(fact, Fact::Event(EventFact::Received { booking, version, .. })
            if memory.told.contains(&(*booking, *version)))
    }),
    ("screen found a result by polling", |memory, _, fact| {
        matches!(fact, Fact::Booking(BookingFact::Shown { booking, version, fresh: false, .. })
            if *version > 1 && !memory.told.contains(&(*booking, *version)))
            && memory.ledger.jobs.iter().any(|job| job.state == JobState::Succeeded)
    }),
    ("customer got 503 for a stored order", |memory, at, fact| {
        matches!(fact, Fact::Edge(EdgeFact::Answered { request, code: Code::Unavailable, .. })
            if memory.submissions.contains(request))
            && memory.ledger.bookings.iter().any(|latest| latest.intent == intent(at))
    }),
    ("order stored after its customer got 503", |memory, at, fact| {
        matches!(fact, Fact::Booking(BookingFact::Booking { before: None, .. }))
            && memory.put_off.contains(&order(at))
    }),
    (
        "acknowledged order refused",
        |_, _, fact| matches!(fact, Fact::Booking(BookingFact::Booking { after, .. }) if after.status == Status::Failed),
    ),
    ("acknowledged order took a minute", |_, at, fact| {
        matches!(fact, Fact::Booking(BookingFact::Booking { after, .. })
            if after.status == Status::Confirmed && at.time.since(after.accepted).as_secs() >= 60)
    }),
    (
        "booking listed for review",
        |_, _, fact| matches!(fact, Fact::Booking(BookingFact::Booking { after, .. }) if after.attention == Attention::Review),
    ),
];

/// Returns all goals, in the order of reports.
pub fn all() -> Box<dyn Goals<Fact>> {
    judges::goals(GOALS)
}
