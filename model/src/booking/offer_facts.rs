//! Facts about offers: their rows, reads at the primary, the cache's own log, and screens that show them.

use super::facts::money;
use super::rows::Offer;
use serde::Serialize;
use shakedown_sim::Moment;
use shakedown_sim::Row;
use shakedown_sim::access::{Access, Verb};

/// A fact about offers.
#[derive(Clone, Debug, Serialize)]
pub enum OfferFact {
    /// An offer's row changed.
    Offer {
        /// The row before; `None` if it is new.
        before: Option<Offer>,
        /// The row after.
        after: Offer,
    },
    /// The database was read for an offer, to show it.
    Read {
        /// The offer.
        offer: u32,
    },
    /// The cache received an offer.
    Filled {
        /// The offer.
        offer: u32,
        /// Whether the cache stored it.
        kept: bool,
    },
    /// The cache deleted an offer on request.
    Forgotten {
        /// The offer.
        offer: u32,
    },
    /// A screen shows an offer.
    Shown {
        /// The offer.
        offer: u32,
        /// The version of its row.
        version: u32,
        /// Whether the screen shows that it can be booked.
        open: bool,
        /// The time of the request for the screen.
        asked: Moment,
    },
}

impl OfferFact {
    pub(crate) fn is_routine(&self) -> bool {
        matches!(self, OfferFact::Read { .. } | OfferFact::Filled { kept: true, .. })
    }

    /// Returns the entries of the cache and the rows that the fact is about. The row of a change is that of its commit.
    pub(crate) fn accesses(&self) -> Vec<Access> {
        let entry = |verb, offer: &u32| Access::new(verb, "cache", format!("O{offer}"));
        match self {
            OfferFact::Filled { offer, kept: true } => vec![entry(Verb::Write, offer)],
            OfferFact::Forgotten { offer } => vec![entry(Verb::Release, offer)],
            OfferFact::Shown { offer, .. } => {
                vec![entry(Verb::Read, offer), Access::new(Verb::Read, Offer::TABLE, format!("({offer})"))]
            }
            OfferFact::Offer { .. } | OfferFact::Read { .. } | OfferFact::Filled { .. } => Vec::new(),
        }
    }

    pub(crate) fn sentence(&self) -> String {
        match self {
            OfferFact::Offer { after, .. } => format!(
                "stores offer O{} at {}, {} (version {})",
                after.id,
                money(after.price),
                can_be(after.open),
                after.version
            ),
            OfferFact::Read { offer } => format!("reads O{offer} for a page"),
            OfferFact::Filled { offer, kept: true } => format!("stores O{offer}"),
            OfferFact::Filled { offer, .. } => {
                format!("rejects the fill of O{offer}: its lease is void")
            }
            OfferFact::Forgotten { offer } => format!("deletes O{offer}"),
            OfferFact::Shown { offer, version, open, .. } => {
                format!("sees offer O{offer}: {} (version {version})", can_be(*open))
            }
        }
    }
}

fn can_be(open: bool) -> &'static str {
    if open { "can be booked" } else { "can no longer be booked" }
}
