//! The partner's operations as the platform calls them, and the words that it answers.

use super::rows::Standing;
use shakedown_sim::{Endpoint, Link, Op};

/// A request for a reservation.
#[derive(Clone, Copy, Debug)]
pub struct ReserveRequest {
    /// Our number for the attempt, for both sides' logs.
    pub attempt: u32,
    /// The key by which the partner may know a repeat.
    pub key: u64,
    /// Our reference: the booking.
    pub reference: u32,
    /// The price, in minor units.
    pub price: u32,
}

/// A request to end a reservation.
#[derive(Clone, Copy, Debug)]
pub struct CancelRequest {
    /// Our number for the attempt.
    pub attempt: u32,
    /// Which reservation.
    pub reservation: u32,
}

/// What the partner answers to a request for a reservation, in its own words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReserveResponse {
    /// 200: this reservation stands.
    Confirmed(u32),
    /// 202: this reservation is pending until the partner decides.
    Pending(u32),
    /// 409: not to be had.
    Refused,
    /// 429: not now. Documented to have no effect.
    TooMany,
    /// 5xx: something broke, before or after the effect.
    ServerError,
    /// 200 with a body that cannot be parsed.
    Malformed,
}

/// What the partner answers to a request to end a reservation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CancelResponse {
    /// It has ended, now or before.
    Ended,
    /// 409: the terms do not allow it.
    Refused,
    /// 5xx: before or after the effect.
    ServerError,
}

/// A reservation as the partner tells of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its number.
    pub reservation: u32,
    /// The reference under which it was made, if the partner keeps one.
    pub reference: Option<u32>,
    /// Where it stands.
    pub standing: Standing,
}

/// A callback.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Callback {
    /// The partner's number for the event; repeats share it.
    pub event: u32,
    /// What it tells.
    pub record: Record,
}

/// The partner's operations.
#[derive(Clone)]
pub struct PartnerApi {
    /// Asks for a reservation.
    pub reserve: Endpoint<ReserveRequest, ReserveResponse>,
    /// Asks to end a reservation.
    pub cancel: Endpoint<CancelRequest, CancelResponse>,
    /// Asks what there is under a reference.
    pub lookup: Endpoint<u32, Vec<Record>>,
    /// Asks where a reservation stands.
    pub read: Endpoint<u32, Option<Record>>,
    /// Asks for the list of all reservations.
    pub statement: Endpoint<(), Vec<Record>>,
}

impl PartnerApi {
    /// The operations over this link.
    pub fn over(link: &Link) -> Self {
        Self {
            reserve: Endpoint::new(Op::new("partner.reserve", "asks the partner to reserve"), link),
            cancel: Endpoint::new(Op::new("partner.cancel", "asks the partner to cancel"), link),
            lookup: Endpoint::new(
                Op::new("partner.lookup", "asks the partner what it has for the booking"),
                link,
            ),
            read: Endpoint::new(
                Op::new("partner.read", "asks the partner for the state of the reservation"),
                link,
            ),
            statement: Endpoint::new(
                Op::new("partner.statement", "asks the partner for its statement"),
                link,
            ),
        }
    }
}
