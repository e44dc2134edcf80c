//! Durable rows of the booking platform, and their states.

use serde::Serialize;
use shakedown_sim::{Moment, Row, Scope};

/// An item that can be booked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Offer {
    /// Its number.
    pub id: u32,
    /// Its price, in minor units.
    pub price: u32,
    /// Whether it can be booked.
    pub open: bool,
    /// The number of changes of this row.
    pub version: u32,
}

impl Row for Offer {
    type Key = u32;
    const TABLE: &'static str = "offers";
    fn key(&self) -> u32 {
        self.id
    }
}

/// A price offered to a customer for a limited time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Quote {
    /// Its number.
    pub id: u32,
    /// The customer.
    pub customer: u32,
    /// The offer.
    pub offer: u32,
    /// Its number among the quotes to this customer for this offer, from 1: of two concurrent quotes, one is stored.
    pub round: u32,
    /// The price, in minor units.
    pub price: u32,
    /// The time at which it was made.
    pub made: Moment,
    /// The time until which it may be accepted.
    pub open_until: Moment,
}

impl Row for Quote {
    type Key = u32;
    const TABLE: &'static str = "quotes";
    fn key(&self) -> u32 {
        self.id
    }
    fn unique(&self) -> Option<u64> {
        Some(u64::from(self.customer) << 40 | u64::from(self.offer) << 16 | u64::from(self.round))
    }
}

/// The state of a booking.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Status {
    /// The customer's order is accepted, and must be executed.
    Accepted,
    /// The partner has it and will decide later.
    OnRequest,
    /// A reservation is confirmed for it.
    Confirmed,
    /// No attempt had an effect, and none will be made.
    Failed,
    /// Its reservation ended at the partner.
    Withdrawn,
    /// A cancellation was requested.
    Cancelling,
    /// No reservation is left for it.
    Cancelled,
}

impl Status {
    /// Returns whether it still waits for a reservation.
    pub fn is_open(self) -> bool {
        matches!(self, Status::Accepted | Status::OnRequest)
    }

    /// Returns whether nothing is left to do for it.
    pub fn is_final(self) -> bool {
        matches!(self, Status::Failed | Status::Withdrawn | Status::Cancelled)
    }
}

/// Whether a booking needs attention.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Attention {
    /// It needs none.
    None,
    /// The platform is determining the outcome of an attempt.
    Checking,
    /// A person must review it: it is in the list of reviews.
    Review,
}

/// A customer's order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Booking {
    /// Its number.
    pub id: u32,
    /// The accepted quote.
    pub quote: u32,
    /// The key that no other booking may share, if the design uses one.
    pub once: Option<u64>,
    /// The customer.
    pub customer: u32,
    /// The accepted price, in minor units.
    pub price: u32,
    /// Its state.
    pub status: Status,
    /// Whether it needs attention.
    pub attention: Attention,
    /// The number of orders to the partner for this booking; it increases only when all attempts of the previous one
    /// are over.
    pub generation: u32,
    /// The confirmed reservation.
    pub reservation: Option<u32>,
    /// The number of changes of this row.
    pub version: u32,
    /// The newest version with an event: a change of attention alone is not published.
    pub published: u32,
    /// The time at which it was accepted.
    pub accepted: Moment,
    /// The trace context of the request for it.
    pub context: Scope,
}

impl Row for Booking {
    type Key = u32;
    const TABLE: &'static str = "bookings";
    fn key(&self) -> u32 {
        self.id
    }
    fn unique(&self) -> Option<u64> {
        self.once
    }
}

/// The request of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Ask {
    /// A reservation.
    Reserve,
    /// The end of this reservation.
    Cancel(u32),
}

/// The known outcome of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Known {
    /// About to be made, in progress, or its worker has crashed.
    Started,
    /// No response arrived, or an inconclusive one.
    Unknown,
    /// It had this effect: the reservation exists, or has ended.
    Effect(u32),
    /// The partner refused it; it had no effect.
    Refused,
    /// It had no effect, but a later attempt may succeed.
    NoEffect,
}

impl Known {
    /// Returns whether the outcome of the attempt is still open.
    pub fn is_open(self) -> bool {
        matches!(self, Known::Started | Known::Unknown)
    }
}

/// The execution log: one row for each call that may have an effect at the partner.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Attempt {
    /// Its number, which is part of the request.
    pub id: u32,
    /// The booking.
    pub booking: u32,
    /// The generation of the booking.
    pub generation: u32,
    /// Its request.
    pub ask: Ask,
    /// The idempotency key, by which the partner may recognize a repeat.
    pub key: u64,
    /// The known outcome.
    pub known: Known,
    /// The time at which it was sent.
    pub sent: Moment,
    /// The time at which it became definite, or was last in doubt.
    pub learnt: Moment,
    /// How often the partner was asked about it since then.
    pub checks: u32,
    /// Whether its worker learned the outcome only after it had lost the job.
    pub late: bool,
}

impl Row for Attempt {
    type Key = u32;
    const TABLE: &'static str = "attempts";
    fn key(&self) -> u32 {
        self.id
    }
}

/// The state of a reservation at the partner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Standing {
    /// The partner holds it and will decide.
    Pending,
    /// Confirmed.
    Confirmed,
    /// It has ended: refused, cancelled or lapsed.
    Ended,
}

/// Our knowledge of a reservation at the partner.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Holding {
    /// The partner's number for it.
    pub reservation: u32,
    /// The booking.
    pub booking: u32,
    /// Its last known state. `Ended` is final.
    pub standing: Standing,
    /// Whether a callback contradicts it, so that the partner must be asked.
    pub doubtful: bool,
    /// The time of the last evidence.
    pub learnt: Moment,
    /// How often the partner was asked while it was pending.
    pub checks: u32,
}

impl Row for Holding {
    type Key = u32;
    const TABLE: &'static str = "holdings";
    fn key(&self) -> u32 {
        self.reservation
    }
}

/// A person's verdict about a booking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Verdict {
    /// The partner's list shows nothing for it.
    Nothing,
    /// The partner's list shows these reservations for it.
    Shown,
    /// The partner refuses the requested cancellation.
    NotCancelled,
}

/// The record of a person's review of a booking: the person and their verdict. It never changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Review {
    /// The booking.
    pub booking: u32,
    /// Its number among the reviews of the booking, from 1.
    pub number: u32,
    /// The person.
    pub by: &'static str,
    /// The verdict.
    pub verdict: Verdict,
}

impl Row for Review {
    type Key = (u32, u32);
    const TABLE: &'static str = "reviews";
    fn key(&self) -> (u32, u32) {
        (self.booking, self.number)
    }
}

/// A live reservation at the partner for a booking that does not exist here. It never changes: a person handles it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Orphan {
    /// The partner's number for it.
    pub reservation: u32,
    /// The booking, according to the partner.
    pub booking: u32,
    /// The time at which it was found.
    pub found: Moment,
}

impl Row for Orphan {
    type Key = u32;
    const TABLE: &'static str = "orphans";
    fn key(&self) -> u32 {
        self.reservation
    }
}

/// A callback as it was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Letter {
    /// The partner's number for the event; repeats share it.
    pub event: u32,
    /// The reservation.
    pub reservation: u32,
    /// The booking, once it is known.
    pub booking: Option<u32>,
    /// The reported state.
    pub says: Standing,
}

impl Row for Letter {
    type Key = u32;
    const TABLE: &'static str = "inbox";
    fn key(&self) -> u32 {
        self.event
    }
}
