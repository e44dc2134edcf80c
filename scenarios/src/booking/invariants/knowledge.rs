//! What is known about a booking: our record of the partner's ledger, and the questions that are left to a person.

use super::super::ledger::Ledger;
use crate::judges::{AtRest, Memory};
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::JobState;
use shakedown_model::booking::JOB;
use shakedown_model::booking::rows::{Ask, Attempt, Attention, Booking, Holding, Known};
use shakedown_model::facts::{BookingFact, PartnerFact};
use shakedown_model::settings::MAX_ATTEMPTS;
use shakedown_sim::{At, Invariant};

/// The partner's ledger, and our rows about it.
#[derive(Default)]
pub(super) struct Knowledge {
    ledger: Ledger,
    attempts: Vec<Attempt>,
    holdings: Vec<Holding>,
    /// Whether the partner's statement names the booking of a reservation.
    names_bookings: bool,
}

fn store<R>(rows: &mut Vec<R>, row: R, is_same: impl Fn(&R) -> bool) {
    match rows.iter_mut().find(|other| is_same(other)) {
        Some(other) => *other = row,
        None => rows.push(row),
    }
}

impl Memory for Knowledge {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        self.ledger.observe(at, fact);
        match fact {
            Fact::Booking(BookingFact::Attempt { after, .. }) => {
                store(&mut self.attempts, *after, |row| row.id == after.id);
            }
            Fact::Booking(BookingFact::Holding { after, .. }) => {
                store(&mut self.holdings, *after, |row| row.reservation == after.reservation);
            }
            Fact::Partner(PartnerFact::Terms { lookup, .. }) => self.names_bookings = *lookup,
            _ => {}
        }
    }
    fn reset(&mut self) {
        self.ledger.reset();
        self.attempts.clear();
        self.holdings.clear();
        self.names_bookings = false;
    }
}

impl Knowledge {
    /// Returns whether a job of this booking is a dead letter: then a person must replay it, whatever is known.
    fn is_parked(&self, booking: &Booking) -> bool {
        let is_dead = |state| state == JobState::DeadLetter;
        self.ledger.jobs.iter().any(|job| job.kind == JOB && job.subject == booking.id && is_dead(job.state))
    }

    /// Returns whether only a person can settle this booking: the outcome of an attempt is open, the partner contradicts
    /// itself, refuses a cancellation, or has not responded to any of the cancellations that may be sent.
    fn has_question(&self, booking: &Booking) -> bool {
        let attempts = || self.attempts.iter().filter(|attempt| attempt.booking == booking.id);
        let cancels = || attempts().filter(|attempt| attempt.ask != Ask::Reserve);
        let is_spent = |ask| cancels().filter(|attempt| attempt.ask == ask).count() >= MAX_ATTEMPTS as usize;
        attempts().any(|attempt| attempt.ask == Ask::Reserve && attempt.known.is_open())
            || self.holdings.iter().any(|holding| holding.booking == booking.id && holding.doubtful)
            || cancels().any(|attempt| attempt.known == Known::Refused || is_spent(attempt.ask))
    }
}

/// Verifies that all news of the partner's statement are taken in.
pub(super) fn ledger_is_on_record() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: each reservation in the partner's ledger is on record with its state, as the last statement \
         shows it. Not judged: a reservation that a contradicting callback has ended on our side; one that we never \
         learned of, if the statement does not name its booking";
    AtRest::boxed("ledger-is-on-record", about, |known: &Knowledge, findings| {
        for reserved in &known.ledger.reservations {
            let holding = known.holdings.iter().find(|holding| holding.reservation == reserved.id);
            let Some(holding) = holding else {
                if !known.names_bookings {
                    continue;
                }
                findings.violated("not on record", &[reserved.last], || {
                    format!("R{} is in the partner's ledger, and not on record", reserved.id)
                });
                continue;
            };
            if holding.standing < reserved.standing {
                findings.violated("old state on record", &[reserved.last], || {
                    let (ours, theirs) = (holding.standing, reserved.standing);
                    format!("R{} is {theirs:?} in the partner's ledger, and {ours:?} on record", reserved.id)
                });
            }
        }
    })
}

/// Verifies that a person is not asked about what is known.
pub(super) fn reviews_have_a_question() -> Box<dyn Invariant<Fact>> {
    let about = "once healed: a booking in review has an attempt or a reservation in doubt, or a cancellation that the \
         partner refuses or does not respond to. Not judged: bookings whose job is a dead letter";
    AtRest::boxed("reviews-have-a-question", about, |known: &Knowledge, findings| {
        for latest in &known.ledger.bookings {
            let row = &latest.row;
            let is_listed = row.attention == Attention::Review && !known.is_parked(row);
            if is_listed && !known.has_question(row) {
                findings.violated("nothing to ask", &[latest.last], || {
                    format!("B{} is in review, and nothing about it is unknown", row.id)
                });
            }
        }
    })
}
