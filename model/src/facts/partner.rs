//! Facts of the partner's ledger and request log.

use crate::booking::facts::{money, standing};
use crate::booking::rows::Standing;
use serde::Serialize;

/// A fact of the partner.
#[derive(Clone, Debug, Serialize)]
pub enum PartnerFact {
    /// The terms of the partner.
    Terms {
        /// How long it remembers an idempotency key, in seconds; `None` if it accepts none.
        key_life_s: Option<u64>,
        /// Whether it offers lookups of a reference and of a reservation.
        lookup: bool,
        /// The period of its statement, in seconds.
        statement_s: u64,
    },
    /// A request that may have an effect reached the partner.
    Asked {
        /// Our number for the attempt, as the request carries it.
        attempt: u32,
    },
    /// The partner's ledger has a new reservation.
    Reserved {
        /// The partner's number for it.
        reservation: u32,
        /// Whether it is confirmed already.
        standing: Standing,
    },
    /// A pending reservation was settled.
    Settled {
        /// The reservation.
        reservation: u32,
    },
    /// A reservation has ended.
    Ended {
        /// The reservation.
        reservation: u32,
        /// Whether we requested it.
        asked: bool,
    },
    /// The partner refused to cancel a reservation.
    Held {
        /// The reservation.
        reservation: u32,
    },
    /// The partner charged the customer.
    Charged {
        /// The reservation.
        reservation: u32,
        /// The amount, in minor units.
        amount: u32,
    },
    /// The partner refunded the charge.
    Refunded {
        /// The reservation.
        reservation: u32,
        /// The amount, in minor units.
        amount: u32,
    },
    /// The partner dropped an idempotency key.
    KeyForgotten {
        /// The reservation that was made under the key.
        reservation: u32,
    },
    /// The partner sent a callback.
    CalledBack {
        /// The reservation.
        reservation: u32,
        /// The state that it reports.
        says: Standing,
    },
    /// The partner received the acknowledgement of a callback.
    CallbackTaken {
        /// The partner's number for the callback.
        event: u32,
        /// About which reservation.
        reservation: u32,
    },
}

impl shakedown_sim::Fact for PartnerFact {
    fn is_routine(&self) -> bool {
        use PartnerFact::{Asked, CallbackTaken, Terms};
        matches!(self, Terms { .. } | Asked { .. } | CallbackTaken { .. })
    }

    fn sentence(&self) -> String {
        match self {
            PartnerFact::Terms { key_life_s, lookup, .. } => terms(*key_life_s, *lookup),
            PartnerFact::Asked { attempt } => format!("receives the request of attempt {attempt}"),
            PartnerFact::Reserved { reservation, standing: Standing::Confirmed } => {
                format!("creates reservation R{reservation}")
            }
            PartnerFact::Reserved { reservation, .. } => {
                format!("creates reservation R{reservation} as pending")
            }
            PartnerFact::Settled { reservation } => format!("confirms R{reservation}"),
            PartnerFact::Ended { reservation, asked: true } => format!("cancels R{reservation} on request"),
            PartnerFact::Ended { reservation, .. } => format!("ends R{reservation} on its own"),
            PartnerFact::Held { reservation } => format!("refuses to cancel R{reservation}"),
            PartnerFact::Charged { reservation, amount } => {
                format!("charges {} for R{reservation}", money(*amount))
            }
            PartnerFact::Refunded { reservation, amount } => {
                format!("refunds {} for R{reservation}", money(*amount))
            }
            PartnerFact::KeyForgotten { reservation } => {
                format!("forgets the key under which it made R{reservation}")
            }
            PartnerFact::CalledBack { reservation, says } => {
                format!("calls back: R{reservation} {}", standing(*says))
            }
            PartnerFact::CallbackTaken { reservation, .. } => {
                format!("receives the acknowledgement of its callback about R{reservation}")
            }
        }
    }
}

fn terms(key_life_s: Option<u64>, lookup: bool) -> String {
    match (key_life_s, lookup) {
        (Some(life), _) => format!("remembers an idempotency key for {} min", life / 60),
        (None, true) => "has no idempotency keys, but a lookup".to_owned(),
        (None, false) => "has neither idempotency keys nor a lookup".to_owned(),
    }
}
