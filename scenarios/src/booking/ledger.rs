//! What judges keep of the facts: the partner's ledger and our rows, by intent.

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
    /// For which intent it was made.
    pub intent: u32,
    /// Where it stands.
    pub standing: Standing,
    /// Whether it ever stood.
    pub stood: bool,
    /// Charges less refunds, in minor units.
    pub charged: i64,
    /// The fact that made it.
    pub made: u32,
    /// The last fact about it.
    pub last: u32,
}

impl Reserved {
    /// Whether it stands or may come to stand.
    pub fn is_live(&self) -> bool {
        self.standing != Standing::Ended
    }
}

/// A booking row as last committed.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// The row.
    pub row: Booking,
    /// Whose intent it carries.
    pub intent: u32,
    /// The fact that wrote it last.
    pub last: u32,
    /// The fact that made it.
    pub made: u32,
}

/// The facts so far, in the order in which they became true.
#[derive(Default)]
pub struct Ledger {
    /// The partner's reservations.
    pub reservations: Vec<Reserved>,
    /// Our bookings.
    pub bookings: Vec<Kept>,
    /// Bookings that were lost with the database, as they were; `last` is the fact that says so.
    pub lost: Vec<Kept>,
    /// Our jobs.
    pub jobs: Vec<Job>,
    /// For each booking whose job was kept, moved or handed out, the last fact of it.
    work: Vec<(u32, u32)>,
    /// Reservations without a booking that are listed for a person.
    pub orphans: Vec<u32>,
}

/// The intent that a fact concerns; 0 for none.
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
    /// Forgets everything.
    pub fn reset(&mut self) {
        self.reservations.clear();
        self.bookings.clear();
        self.lost.clear();
        self.jobs.clear();
        self.work.clear();
        self.orphans.clear();
    }

    /// Takes one more fact.
    pub fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        match fact {
            Fact::Partner(PartnerFact::Reserved { reservation, standing }) => {
                self.reservations.push(Reserved {
                    id: *reservation,
                    intent: intent(at),
                    standing: *standing,
                    stood: *standing == Standing::Confirmed,
                    charged: 0,
                    made: at.event,
                    last: at.event,
                })
            }
            Fact::Partner(PartnerFact::Settled { reservation }) => {
                self.change(at, *reservation, |reserved| {
                    reserved.standing = Standing::Confirmed;
                    reserved.stood = true;
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
            Fact::Booking(BookingFact::Booking { after, .. }) => self.keep(at, *after),
            Fact::Job(JobFact::Changed { after, .. }) => {
                self.work_on(at, after.subject);
                match self.jobs.iter_mut().find(|job| job.id == after.id) {
                    Some(job) => *job = *after,
                    None => self.jobs.push(*after),
                }
            }
            Fact::Job(JobFact::Delivered(job)) => self.work_on(at, job.subject),
            Fact::Booking(BookingFact::Lost(row)) => self.lose(at, row.id),
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

    fn work_on(&mut self, at: &At<'_>, booking: u32) {
        match self.work.iter_mut().find(|(of, _)| *of == booking) {
            Some((_, last)) => *last = at.event,
            None => self.work.push((booking, at.event)),
        }
    }

    /// The last fact about the job of a booking, if there is one.
    pub fn last_work_on(&self, booking: u32) -> Option<u32> {
        self.work.iter().find(|(of, _)| *of == booking).map(|(_, last)| *last)
    }

    fn keep(&mut self, at: &At<'_>, row: Booking) {
        match self.bookings.iter_mut().find(|kept| kept.row.id == row.id) {
            Some(kept) => (kept.row, kept.last) = (row, at.event),
            None => self.bookings.push(Kept { row, intent: intent(at), last: at.event, made: at.event }),
        }
    }

    fn lose(&mut self, at: &At<'_>, booking: u32) {
        let lost = self.bookings.extract_if(.., |kept| kept.row.id == booking);
        self.lost.extend(lost.map(|kept| Kept { last: at.event, ..kept }));
    }

    /// An intent's live reservations.
    pub fn live(&self, intent: u32) -> impl Iterator<Item = &Reserved> {
        self.reservations.iter().filter(move |reserved| reserved.intent == intent && reserved.is_live())
    }

    /// Whether a booking is on a list that a person works through: its own review, or a dead letter.
    pub fn is_listed(&self, booking: &Booking) -> bool {
        booking.attention == Attention::Review
            || self.jobs.iter().any(|job| job.subject == booking.id && job.state == JobState::DeadLetter)
    }

    /// Whether a booking of this intent is on such a list, or a reservation that has none.
    pub fn intent_is_listed(&self, intent: u32) -> bool {
        let is_orphan =
            |reserved: &Reserved| reserved.intent == intent && self.orphans.contains(&reserved.id);
        self.bookings.iter().any(|kept| kept.intent == intent && self.is_listed(&kept.row))
            || self.reservations.iter().any(is_orphan)
    }
}
