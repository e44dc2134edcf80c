//! The booking flow's tables, and its way to the partner.

use super::connector::PartnerApi;
use super::rows::{Attempt, Booking, Holding, Letter, Offer, Quote, Review};
use super::summaries::Summary;
use crate::backbone::jobs::{Errand, Kind};
use crate::backbone::{Backbone, Sequence, stating};
use crate::facts::{BookingFact, Fact, OfferFact};
use crate::outside::cache::CacheApi;
use crate::terms::PartnerTerms;
use shakedown_sim::{Facts, Scope, Table};
use std::rc::Rc;

/// What the nodes of the booking flow share: durable state and settings, no memory.
pub struct Platform {
    /// What every flow stands on.
    pub backbone: Rc<Backbone>,
    /// The flow's tables.
    pub tables: Tables,
    /// The partner's operations.
    pub partner: PartnerApi,
    /// How the partner can be asked.
    pub terms: PartnerTerms,
    /// The cache for pages, if there is one.
    pub cache: Option<CacheApi<Offer>>,
    pub(crate) numbers: Numbers,
}

/// The tables of the booking flow.
pub struct Tables {
    /// What can be booked.
    pub offers: Table<Offer>,
    /// Prices offered.
    pub quotes: Table<Quote>,
    /// Errands.
    pub bookings: Table<Booking>,
    /// The execution log.
    pub attempts: Table<Attempt>,
    /// What is known of reservations.
    pub holdings: Table<Holding>,
    /// What lists show.
    pub summaries: Table<Summary>,
    /// Callbacks.
    pub inbox: Table<Letter>,
    /// What people found out.
    pub reviews: Table<Review>,
}

#[derive(Default)]
pub(crate) struct Numbers {
    pub(crate) quotes: Sequence,
    pub(crate) bookings: Sequence,
    pub(crate) attempts: Sequence,
}

impl Platform {
    /// A flow with empty tables and no cache.
    pub fn new(
        backbone: &Rc<Backbone>,
        partner: PartnerApi,
        terms: PartnerTerms,
        facts: &Facts<Fact>,
    ) -> Rc<Self> {
        Self::with_cache(backbone, partner, terms, None, facts)
    }

    /// A flow with empty tables, whose pages are read through this cache.
    pub fn with_cache(
        backbone: &Rc<Backbone>,
        partner: PartnerApi,
        terms: PartnerTerms,
        cache: Option<CacheApi<Offer>>,
        facts: &Facts<Fact>,
    ) -> Rc<Self> {
        let (backbone, tables) = (Rc::clone(backbone), Tables::stating(facts));
        Rc::new(Self { backbone, tables, partner, terms, cache, numbers: Numbers::default() })
    }

    /// Adds an offer that was there before the run began.
    pub fn plant_offer(&self, id: u32, price: u32) {
        let offer = Offer { id, price, open: true, version: 1 };
        self.backbone.store.plant(&self.tables.offers, offer);
    }
}

/// The job that carries this booking on.
pub(crate) fn errand(booking: u32, context: Scope) -> Errand {
    Errand { kind: Kind::Book, subject: booking, context }
}

impl Tables {
    /// Tables whose commits are stated as facts, one for each row.
    fn stating(facts: &Facts<Fact>) -> Self {
        Self {
            offers: stating(facts, |before, after| Fact::Offer(OfferFact::Offer { before, after })),
            quotes: stating(facts, |_, after| Fact::Booking(BookingFact::Quoted(after))),
            bookings: stating(facts, |before, after| Fact::Booking(BookingFact::Booking { before, after })),
            attempts: stating(facts, |before, after| Fact::Booking(BookingFact::Attempt { before, after })),
            holdings: stating(facts, |before, after| Fact::Booking(BookingFact::Holding { before, after })),
            summaries: Table::new(|_, _| ()),
            inbox: stating(facts, |_, after| Fact::Booking(BookingFact::Letter(after))),
            reviews: stating(facts, |_, after| Fact::Booking(BookingFact::Reviewed(after))),
        }
    }
}
