//! Rare states that a campaign must reach before its passing result means something.

use super::ledger::{Ledger, intent};
use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Ending, JobState};
use shakedown_model::booking::rows::{Ask, Attempt, Attention, Known, Standing, Status, Verdict};
use shakedown_model::facts::{BookingFact, EdgeFact, JobFact, PartnerFact, Request};
use shakedown_sim::{At, Goals};

/// The rarest goals, each with the number of seeds after which missing it is a finding.
pub const NEEDS: &[(&str, u64)] = &[
    ("worker past its lease reports a result", 20_000),
    ("key expired at the partner", 20_000),
    ("confirmed again because the partner refuses to cancel", 20_000),
];

/// The state that goals accumulate.
#[derive(Default)]
struct Memory {
    ledger: Ledger,
    attempts: Vec<(Attempt, u32)>,
    asked: Vec<u32>,
    /// Bookings for which a person found no reservation at the partner.
    found_nothing: Vec<u32>,
}

impl judges::Memory for Memory {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        self.ledger.observe(at, fact);
        match fact {
            Fact::Booking(BookingFact::Attempt { after, .. }) => {
                self.attempts.retain(|(attempt, _)| attempt.id != after.id);
                self.attempts.push((*after, intent(at)));
            }
            Fact::Partner(PartnerFact::Asked { attempt }) => self.asked.push(*attempt),
            Fact::Booking(BookingFact::Reviewed(review)) if review.verdict == Verdict::Nothing => {
                self.found_nothing.push(review.booking);
            }
            _ => {}
        }
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.attempts.clear();
        self.asked.clear();
        self.found_nothing.clear();
    }
}

impl Memory {
    fn open_attempts(&self, intent: u32) -> impl Iterator<Item = &Attempt> {
        let of_intent = self.attempts.iter().filter(move |(_, of)| *of == intent);
        of_intent.map(|(attempt, _)| attempt).filter(|attempt| attempt.known.is_open())
    }
}

const GOALS: States<Memory> = &[
    ("partner created behind a timeout", |memory, at, fact| {
        let created = memory.ledger.reservations.iter().any(|reserved| reserved.intent == intent(at));
        matches!(fact, Fact::Booking(BookingFact::Attempt { after, .. }) if after.known == Known::Unknown && after.ask == Ask::Reserve)
            && created
    }),
    ("callback before response", |memory, at, fact| {
        matches!(fact, Fact::Booking(BookingFact::Letter(_)))
            && memory.open_attempts(intent(at)).any(|attempt| attempt.ask == Ask::Reserve)
    }),
    ("callback after a later status", |memory, _, fact| {
        let later = |reservation, says| {
            let reserved = memory.ledger.reservations.iter().find(|reserved| reserved.id == reservation);
            says == Standing::Confirmed
                && reserved.is_some_and(|reserved| reserved.standing == Standing::Ended)
        };
        matches!(fact, Fact::Partner(PartnerFact::CalledBack { reservation, says }) if later(*reservation, *says))
    }),
    ("callback that contradicts the partner's ledger", |memory, _, fact| {
        let wrong = |reservation| {
            memory
                .ledger
                .reservations
                .iter()
                .any(|reserved| reserved.id == reservation && reserved.is_active())
        };
        matches!(fact, Fact::Partner(PartnerFact::CalledBack { reservation, says: Standing::Ended }) if wrong(*reservation))
    }),
    ("crash between partner call and log", |memory, at, fact| {
        let rescued = matches!(fact, Fact::Job(JobFact::Changed { before: Some(before), after })
            if before.state == JobState::Running && after.state == JobState::Failed && at.time >= before.lease_until);
        rescued
            && memory
                .open_attempts(intent(at))
                .any(|attempt| attempt.known == Known::Started && memory.asked.contains(&attempt.id))
    }),
    ("worker shut down with an attempt open", |memory, at, fact| {
        matches!(fact, Fact::Job(JobFact::Changed { after, .. }) if after.ended == Some(Ending::Stopped))
            && memory.open_attempts(intent(at)).next().is_some()
    }),
    ("double click during an open attempt", |memory, at, fact| {
        matches!(fact, Fact::Edge(EdgeFact::Entered { what: Request::Submit, .. }))
            && memory.open_attempts(intent(at)).next().is_some()
    }),
    ("key expired at the partner", |memory, _, fact| {
        let made_for = |reservation| {
            let reserved = memory.ledger.reservations.iter().find(|reserved| reserved.id == reservation);
            reserved.map_or(0, |reserved| reserved.intent)
        };
        matches!(fact, Fact::Partner(PartnerFact::KeyForgotten { reservation }) if memory.open_attempts(made_for(*reservation)).next().is_some())
    }),
    (
        "worker past its lease reports a result",
        |_, _, fact| matches!(fact, Fact::Booking(BookingFact::Attempt { after, .. }) if after.late),
    ),
    ("cancelled with an attempt open", |memory, at, fact| {
        matches!(fact, Fact::Booking(BookingFact::Booking { after, .. }) if after.status == Status::Cancelling)
            && memory.open_attempts(intent(at)).next().is_some()
    }),
    (
        "booking listed for review",
        |_, _, fact| matches!(fact, Fact::Booking(BookingFact::Booking { after, .. }) if after.attention == Attention::Review),
    ),
    ("retried after a review", |memory, _, fact| {
        matches!(fact, Fact::Booking(BookingFact::Attempt { before: None, after })
            if after.ask == Ask::Reserve && memory.found_nothing.contains(&after.booking))
    }),
    (
        "review resolved from the partner's list",
        |_, _, fact| matches!(fact, Fact::Booking(BookingFact::Reviewed(review)) if review.verdict == Verdict::Shown),
    ),
    (
        "confirmed again because the partner refuses to cancel",
        |_, _, fact| matches!(fact, Fact::Booking(BookingFact::Reviewed(review)) if review.verdict == Verdict::NotCancelled),
    ),
    ("hold lapsed before the partner decided", |memory, _, fact| {
        let held = |id| {
            memory
                .ledger
                .reservations
                .iter()
                .any(|reserved| reserved.id == id && reserved.standing == Standing::Pending)
        };
        matches!(fact, Fact::Partner(PartnerFact::Ended { reservation, asked: false }) if held(*reservation))
    }),
    (
        "reservation ended by the partner",
        |_, _, fact| matches!(fact, Fact::Booking(BookingFact::Booking { after, .. }) if after.status == Status::Withdrawn),
    ),
];

/// Returns all goals.
pub fn all() -> Box<dyn Goals<Fact>> {
    judges::goals(GOALS)
}
