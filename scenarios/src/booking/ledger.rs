//! The state that judges accumulate: the partner's ledger and our rows, by intent.

use crate::judges::Memory;
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Job, JobState};
use shakedown_model::booking::rows::{Attention, Booking, Standing};
use shakedown_model::facts::{BookingFact, JobFact, PartnerFact};
use shakedown_sim::At;

/// A reservation at the partner, as its ledger holds it.
#[derive(Clone, Copy, Debug)]
pub struct Reserved {
    /// Its number.
    pub id: u32,
    /// The intent for which it was made.
    pub intent: u32,
    /// Its status at the partner.
    pub standing: Standing,
    /// Whether it was ever confirmed.
    pub was_confirmed: bool,
    /// Charges less refunds, in minor units.
    pub charged: i64,
    /// The event that created it.
    pub made: u32,
    /// The last event about it.
    pub last: u32,
}

impl Reserved {
    /// Returns whether it is confirmed or may still be.
    pub fn is_active(&self) -> bool {
        self.standing != Standing::Ended
    }
}

/// A booking row as last committed.
#[derive(Clone, Copy, Debug)]
pub struct Latest {
    /// The row.
    pub row: Booking,
    /// The intent that it carries.
    pub intent: u32,
    /// The event that wrote it last.
    pub last: u32,
    /// The event that created it.
    pub made: u32,
}

/// The state according to the facts so far.
#[derive(Default)]
pub struct Ledger {
    /// The partner's reservations.
    pub reservations: Vec<Reserved>,
    /// Our bookings.
    pub bookings: Vec<Latest>,
    /// Bookings that were lost with the database, as they were last; `last` is the event that lost them.
    pub lost: Vec<Latest>,
    /// Our jobs.
    pub jobs: Vec<Job>,
    /// The last event of each booking's job: a change of its row, or a delivery by the broker.
    job_events: Vec<(u32, u32)>,
    /// Reservations without a booking that are listed for a person.
    pub orphans: Vec<u32>,
}

/// Returns the number of the intent that a fact concerns, or 0 if it concerns none.
pub fn intent(at: &At<'_>) -> u32 {
    at.number_of("intent").unwrap_or(0)
}

impl Memory for Ledger {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        Ledger::observe(self, at, fact);
    }
    fn reset(&mut self) {
        Ledger::reset(self);
    }
}

impl Ledger {
    /// Clears the state and keeps its memory.
    pub fn reset(&mut self) {
        self.reservations.clear();
        self.bookings.clear();
        self.lost.clear();
        self.jobs.clear();
        self.job_events.clear();
        self.orphans.clear();
    }

    /// Updates the state with one fact.
    pub fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        match fact {
            Fact::Partner(PartnerFact::Reserved { reservation, standing }) => {
                self.reservations.push(Reserved {
                    id: *reservation,
                    intent: intent(at),
                    standing: *standing,
                    was_confirmed: *standing == Standing::Confirmed,
                    charged: 0,
                    made: at.event,
                    last: at.event,
                })
            }
            Fact::Partner(PartnerFact::Settled { reservation }) => {
                self.change(at, *reservation, |reserved| {
                    reserved.standing = Standing::Confirmed;
                    reserved.was_confirmed = true;
                })
            }
            Fact::Partner(PartnerFact::Ended { reservation, .. }) => {
                self.change(at, *reservation, |reserved| reserved.standing = Standing::Ended);
            }
            Fact::Partner(PartnerFact::Charged { reservation, amount }) => {
                self.change(at, *reservation, |reserved| reserved.charged += i64::from(*amount));
            }
            Fact::Partner(PartnerFact::Refunded { reservation, amount }) => {
                self.change(at, *reservation, |reserved| reserved.charged -= i64::from(*amount));
            }
            Fact::Booking(BookingFact::Booking { after, .. }) => self.store_row(at, *after),
            Fact::Job(JobFact::Changed { after, .. }) => {
                self.note_job(at, after.subject);
                match self.jobs.iter_mut().find(|job| job.id == after.id) {
                    Some(job) => *job = *after,
                    None => self.jobs.push(*after),
                }
            }
            Fact::Job(JobFact::Delivered(job)) => self.note_job(at, job.subject),
            Fact::Booking(BookingFact::Lost(row)) => self.remove_lost(at, row.id),
            Fact::Booking(BookingFact::Orphan(orphan)) => self.orphans.push(orphan.reservation),
            _ => {}
        }
    }

    fn change(&mut self, at: &At<'_>, id: u32, change: impl FnOnce(&mut Reserved)) {
        if let Some(reserved) = self.reservations.iter_mut().find(|reserved| reserved.id == id) {
            reserved.last = at.event;
            change(reserved);
        }
    }

    fn note_job(&mut self, at: &At<'_>, booking: u32) {
        match self.job_events.iter_mut().find(|(of, _)| *of == booking) {
            Some((_, last)) => *last = at.event,
            None => self.job_events.push((booking, at.event)),
        }
    }

    /// Returns the last event about the job of a booking, if there is one.
    pub fn last_job_event(&self, booking: u32) -> Option<u32> {
        self.job_events.iter().find(|(of, _)| *of == booking).map(|(_, last)| *last)
    }

    fn store_row(&mut self, at: &At<'_>, row: Booking) {
        match self.bookings.iter_mut().find(|latest| latest.row.id == row.id) {
            Some(latest) => (latest.row, latest.last) = (row, at.event),
            None => self.bookings.push(Latest { row, intent: intent(at), last: at.event, made: at.event }),
        }
    }

    fn remove_lost(&mut self, at: &At<'_>, booking: u32) {
        let lost = self.bookings.extract_if(.., |latest| latest.row.id == booking);
        self.lost.extend(lost.map(|latest| Latest { last: at.event, ..latest }));
    }

    /// Returns the active reservations of an intent.
    pub fn active(&self, intent: u32) -> impl Iterator<Item = &Reserved> {
        self.reservations.iter().filter(move |reserved| reserved.intent == intent && reserved.is_active())
    }

    /// Returns whether a booking is listed for a person: in review, or as a dead letter.
    pub fn is_listed(&self, booking: &Booking) -> bool {
        booking.attention == Attention::Review
            || self.jobs.iter().any(|job| job.subject == booking.id && job.state == JobState::DeadLetter)
    }

    /// Returns whether a booking of this intent is listed for a person, or a reservation that has no booking.
    pub fn intent_is_listed(&self, intent: u32) -> bool {
        let is_orphan =
            |reserved: &Reserved| reserved.intent == intent && self.orphans.contains(&reserved.id);
        self.bookings.iter().any(|latest| latest.intent == intent && self.is_listed(&latest.row))
            || self.reservations.iter().any(is_orphan)
    }
}
