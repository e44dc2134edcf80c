//! What the partner's ledger and request log hold.

use crate::booking::facts::{money, standing};
use crate::booking::rows::Standing;
use serde::Serialize;

/// A fact of the partner.
#[derive(Clone, Debug, Serialize)]
pub enum PartnerFact {
    /// The partner works in this way.
    Terms {
        /// For how long it remembers a key, in seconds; none if it takes none.
        key_life_s: Option<u64>,
        /// Whether it can be asked about a reference, and about a reservation.
        lookup: bool,
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
        /// Whether it stands already.
        standing: Standing,
    },
    /// A pending reservation stands now.
    Settled {
        /// Which.
        reservation: u32,
    },
    /// A reservation has ended.
    Ended {
        /// Which.
        reservation: u32,
        /// Whether we asked for it.
        asked: bool,
    },
    /// The partner does not give a reservation up.
    Held {
        /// Which.
        reservation: u32,
    },
    /// The partner charged the customer.
    Charged {
        /// For which reservation.
        reservation: u32,
        /// How much, in minor units.
        amount: u32,
    },
    /// The partner gave the charge back.
    Refunded {
        /// For which reservation.
        reservation: u32,
        /// How much, in minor units.
        amount: u32,
    },
    /// The partner dropped an idempotency key.
    KeyForgotten {
        /// For which reservation it stood.
        reservation: u32,
    },
    /// The partner sent a callback.
    CalledBack {
        /// About which reservation.
        reservation: u32,
        /// What it says.
        says: Standing,
    },
}

impl PartnerFact {
    pub(super) fn is_routine(&self) -> bool {
        matches!(self, PartnerFact::Terms { .. } | PartnerFact::Asked { .. })
    }

    pub(super) fn sentence(&self) -> String {
        match self {
            PartnerFact::Terms { key_life_s, lookup } => terms(*key_life_s, *lookup),
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
