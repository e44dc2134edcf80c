//! Durable rows of the booking platform, and the words for their states.

use serde::Serialize;
use shakedown_sim::{Moment, Row, Scope};

/// Something that can be booked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Offer {
    /// Its number.
    pub id: u32,
    /// What it costs, in minor units.
    pub price: u32,
    /// Whether it can be booked.
    pub open: bool,
    /// Counts changes of this row.
    pub version: u32,
}

impl Row for Offer {
    type Key = u32;
    const TABLE: &'static str = "offers";
    fn key(&self) -> u32 {
        self.id
    }
}

/// A price offered to a customer for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Quote {
    /// Its number.
    pub id: u32,
    /// To whom.
    pub customer: u32,
    /// For what.
    pub offer: u32,
    /// Its number among the quotes to this customer for this offer, from 1: of two made at once, one is stored.
    pub round: u32,
    /// The price, in minor units.
    pub price: u32,
    /// When it was made.
    pub made: Moment,
    /// Until when it may be accepted.
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

/// Where a booking stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Status {
    /// The customer's order is ours to carry out.
    Accepted,
    /// The partner has it and will answer later.
    OnRequest,
    /// A reservation stands for it.
    Confirmed,
    /// No attempt had an effect, and none will be made.
    Failed,
    /// Its reservation ended at the partner.
    Withdrawn,
    /// It is to be cancelled.
    Cancelling,
    /// Nothing stands for it any more.
    Cancelled,
}

impl Status {
    /// Whether it still waits for a reservation.
    pub fn is_open(self) -> bool {
        matches!(self, Status::Accepted | Status::OnRequest)
    }

    /// Whether nothing is left to do for it.
    pub fn is_final(self) -> bool {
        matches!(self, Status::Failed | Status::Withdrawn | Status::Cancelled)
    }
}

/// Whether a booking needs attention.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Attention {
    /// It does not.
    None,
    /// The platform is establishing the outcome of an attempt.
    Checking,
    /// A person has to: it is in the list of reviews.
    Review,
}

/// A customer's order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Booking {
    /// Its number.
    pub id: u32,
    /// The quote that was accepted.
    pub quote: u32,
    /// What no other booking may share, if the design keeps such a thing.
    pub once: Option<u64>,
    /// Whose it is.
    pub customer: u32,
    /// The accepted price, in minor units.
    pub price: u32,
    /// Where it stands.
    pub status: Status,
    /// Whether it needs attention.
    pub attention: Attention,
    /// Counts orders to the partner for this booking; moves on only when all of the former is over.
    pub generation: u32,
    /// The reservation that stands for it.
    pub reservation: Option<u32>,
    /// Counts changes of this row.
    pub version: u32,
    /// The newest version that an event tells of: a change of attention alone is not published.
    pub published: u32,
    /// When it was accepted.
    pub accepted: Moment,
    /// The trace context of the request that made it.
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

/// What an attempt asks the partner for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Ask {
    /// A reservation.
    Reserve,
    /// The end of this reservation.
    Cancel(u32),
}

/// What is known of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Known {
    /// It is about to be made, or under way, or its worker is gone.
    Started,
    /// No answer came, or none that tells.
    Unknown,
    /// It had this effect: the reservation exists, or has ended.
    Effect(u32),
    /// The partner refused it, and nothing came of it.
    Refused,
    /// Nothing came of it, but a later one may succeed.
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
    /// Its number, which the request carries.
    pub id: u32,
    /// For which booking.
    pub booking: u32,
    /// For which order to the partner.
    pub generation: u32,
    /// What it asks for.
    pub ask: Ask,
    /// The key by which the partner may know a repeat.
    pub key: u64,
    /// What is known of it.
    pub known: Known,
    /// When it was sent.
    pub sent: Moment,
    /// When it became definite, or was last in doubt.
    pub learnt: Moment,
    /// How often the partner was asked about it since.
    pub checks: u32,
    /// Whether its worker learnt of it only after it had lost the job.
    pub late: bool,
}

impl Row for Attempt {
    type Key = u32;
    const TABLE: &'static str = "attempts";
    fn key(&self) -> u32 {
        self.id
    }
}

/// Where a reservation stands at the partner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Standing {
    /// The partner holds it and will decide.
    Pending,
    /// It stands.
    Confirmed,
    /// It has ended: refused, cancelled or lapsed.
    Ended,
}

/// What we know of a reservation at the partner.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Holding {
    /// The partner's number for it.
    pub reservation: u32,
    /// For which booking.
    pub booking: u32,
    /// Where it stands, as last learnt. `Ended` is never taken back.
    pub standing: Standing,
    /// Whether a callback contradicts it, so that the partner must be asked.
    pub doubtful: bool,
    /// When it was last learnt.
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

/// What a person found out about a booking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Verdict {
    /// The partner's list shows nothing for it.
    Nothing,
    /// The partner's list shows what there is for it.
    Shown,
    /// The partner refuses to cancel what was to be cancelled.
    NotCancelled,
}

/// That a person looked at a booking: who, and what they found. Never changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Review {
    /// Which booking.
    pub booking: u32,
    /// Its number among the reviews of the booking, from 1.
    pub number: u32,
    /// Who looked.
    pub by: &'static str,
    /// What they found.
    pub verdict: Verdict,
}

impl Row for Review {
    type Key = (u32, u32);
    const TABLE: &'static str = "reviews";
    fn key(&self) -> (u32, u32) {
        (self.booking, self.number)
    }
}

/// A live reservation at the partner for a booking that we do not have. Never changed: a person handles it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Orphan {
    /// The partner's number for it.
    pub reservation: u32,
    /// For which booking, as the partner has it.
    pub booking: u32,
    /// When it was found.
    pub found: Moment,
}

impl Row for Orphan {
    type Key = u32;
    const TABLE: &'static str = "orphans";
    fn key(&self) -> u32 {
        self.reservation
    }
}

/// A callback as it came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Letter {
    /// The partner's number for the event; repeats share it.
    pub event: u32,
    /// Which reservation it speaks of.
    pub reservation: u32,
    /// For which booking, once we know.
    pub booking: Option<u32>,
    /// What it says.
    pub says: Standing,
}

impl Row for Letter {
    type Key = u32;
    const TABLE: &'static str = "inbox";
    fn key(&self) -> u32 {
        self.event
    }
}
