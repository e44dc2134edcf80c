//! The partner's operations as the platform calls them, and the wire format.

use super::rows::Standing;
use shakedown_sim::{Endpoint, Link, Op};

/// A request for a reservation.
#[derive(Clone, Copy, Debug)]
pub struct ReserveRequest {
    /// Our number for the attempt, for the logs of both sides.
    pub attempt: u32,
    /// The idempotency key, by which the partner may recognize a repeat.
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
    /// The reservation.
    pub reservation: u32,
}

/// The partner's response to a request for a reservation, in its own words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReserveResponse {
    /// 200: this reservation is confirmed.
    Confirmed(u32),
    /// 202: this reservation is pending until the partner decides.
    Pending(u32),
    /// 409: not available.
    Refused,
    /// 429: not now. Documented to have no effect.
    TooMany,
    /// 5xx: an error, before or after the effect.
    ServerError,
    /// 200 with a body that cannot be parsed.
    Malformed,
}

/// The partner's response to a request to end a reservation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CancelResponse {
    /// It has ended, now or before.
    Ended,
    /// 409: the terms do not allow it.
    Refused,
    /// 5xx: an error, before or after the effect.
    ServerError,
}

/// A reservation as the partner reports it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its number.
    pub reservation: u32,
    /// The reference under which it was made, if the partner keeps references.
    pub reference: Option<u32>,
    /// Its state.
    pub standing: Standing,
}

/// A callback.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Callback {
    /// The partner's number for the event; repeats share it.
    pub event: u32,
    /// The reported reservation.
    pub record: Record,
}

/// The partner's operations.
#[derive(Clone)]
pub struct PartnerApi {
    /// Requests a reservation.
    pub reserve: Endpoint<ReserveRequest, ReserveResponse>,
    /// Requests the end of a reservation.
    pub cancel: Endpoint<CancelRequest, CancelResponse>,
    /// Looks up the reservations under a reference.
    pub lookup: Endpoint<u32, Vec<Record>>,
    /// Reads the state of a reservation.
    pub read: Endpoint<u32, Option<Record>>,
    /// Lists all reservations.
    pub statement: Endpoint<(), Vec<Record>>,
}

impl PartnerApi {
    /// Creates the operations over this link.
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
