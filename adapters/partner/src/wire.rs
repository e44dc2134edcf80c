//! The bodies of requests, responses and webhooks.

use serde::{Deserialize, Serialize};
use shakedown_model::booking::connector::{Callback, Record};
use shakedown_model::booking::rows::Standing;

/// The body of a request for a reservation.
///
/// ```
/// use shakedown_partner::NewReservation;
/// let body = r#"{"reference": 7, "price": 4000}"#;
/// assert_eq!(serde_json::from_str::<NewReservation>(body).unwrap().attempt, 0);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewReservation {
    /// The customer's number for the attempt, which the partner only logs.
    #[serde(default)]
    pub attempt: u32,
    /// The customer's reference for the reservation.
    pub reference: u32,
    /// The price, in minor units.
    pub price: u32,
}

/// A reservation, in responses and webhooks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reservation {
    /// The partner's number for it.
    pub id: u32,
    /// The customer's reference, if the partner keeps references.
    pub reference: Option<u32>,
    /// `pending`, `confirmed` or `ended`.
    pub standing: String,
}

impl From<Record> for Reservation {
    fn from(record: Record) -> Self {
        let standing = match record.standing {
            Standing::Pending => "pending",
            Standing::Confirmed => "confirmed",
            Standing::Ended => "ended",
        };
        Self { id: record.reservation, reference: record.reference, standing: standing.to_owned() }
    }
}

/// The body of a webhook: a reservation has changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Webhook {
    /// The partner's number for the event; repeats share it.
    pub event: u32,
    /// The reservation, as it is after the change.
    pub reservation: Reservation,
}

impl From<Callback> for Webhook {
    fn from(Callback { event, record }: Callback) -> Self {
        Self { event, reservation: record.into() }
    }
}
