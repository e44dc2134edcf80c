//! The booking flow's tables, and its connection to the partner.

use super::Design;
use super::cache::CacheApi;
use super::connector::PartnerApi;
use super::facts::BookingFact;
use super::offer_facts::OfferFact;
use super::rows::{Attempt, Booking, Holding, Letter, Offer, Orphan, Quote, Review};
use super::screens::Screens;
use super::summaries::Summary;
use crate::backbone::jobs::{Job, JobKind, JobKindWords, Request, WorkItem};
use crate::backbone::tables::stating;
use crate::backbone::{Backbone, RowNumbers};
use crate::settings::PartnerTerms;
use shakedown_sim::{Fact, Facts, Queue, Scope, Table};
use std::rc::Rc;

/// The state that the nodes of the booking flow share: durable data and settings, no memory.
pub struct Platform {
    /// The base of every flow.
    pub backbone: Rc<Backbone>,
    /// The flow's tables.
    pub tables: Tables,
    /// The partner's operations.
    pub partner: PartnerApi,
    /// The partner's terms.
    pub terms: PartnerTerms,
    /// The cache for pages, if there is one.
    pub cache: Option<CacheApi<Offer>>,
    /// The connections to screens, if there are any.
    pub screens: Option<Screens>,
    /// The broker's queue for jobs, if there is one. In the guarded design jobs are rows, and the queue stays empty.
    pub broker: Option<Queue<Job>>,
    pub(crate) design: Design,
    pub(crate) numbers: Numbers,
}

/// Optional services beside a platform.
#[derive(Default)]
pub struct Beside {
    /// A cache for pages.
    pub cache: Option<CacheApi<Offer>>,
    /// Connections to screens.
    pub screens: Option<Screens>,
    /// A broker's queue for jobs.
    pub broker: Option<Queue<Job>>,
}

/// The tables of the booking flow.
pub struct Tables {
    /// What can be booked.
    pub offers: Table<Offer>,
    /// Quoted prices.
    pub quotes: Table<Quote>,
    /// Bookings.
    pub bookings: Table<Booking>,
    /// The execution log.
    pub attempts: Table<Attempt>,
    /// What is known about reservations.
    pub holdings: Table<Holding>,
    /// Reservations that, according to the partner, belong to a booking that does not exist here: listed for a
    /// person.
    pub orphans: Table<Orphan>,
    /// The entries of lists.
    pub summaries: Table<Summary>,
    /// Callbacks.
    pub inbox: Table<Letter>,
    /// The findings of people.
    pub reviews: Table<Review>,
}

#[derive(Default)]
pub(crate) struct Numbers {
    pub(crate) quotes: RowNumbers,
    pub(crate) bookings: RowNumbers,
    pub(crate) attempts: RowNumbers,
}

impl Platform {
    /// Creates a flow with empty tables and no services beside it.
    pub fn new<F>(
        backbone: &Rc<Backbone>,
        design: Design,
        partner: PartnerApi,
        terms: PartnerTerms,
        facts: &Facts<F>,
    ) -> Rc<Self>
    where
        F: Fact + From<BookingFact> + From<OfferFact> + 'static,
    {
        Self::beside(Beside::default(), backbone, design, partner, terms, facts)
    }

    /// Creates a flow with empty tables and these services beside it.
    pub fn beside<F>(
        beside: Beside,
        backbone: &Rc<Backbone>,
        design: Design,
        partner: PartnerApi,
        terms: PartnerTerms,
        facts: &Facts<F>,
    ) -> Rc<Self>
    where
        F: Fact + From<BookingFact> + From<OfferFact> + 'static,
    {
        let Beside { cache, screens, broker } = beside;
        let (backbone, tables, numbers) = (Rc::clone(backbone), Tables::stating(facts), Numbers::default());
        Rc::new(Self { backbone, tables, partner, terms, cache, screens, broker, design, numbers })
    }

    /// Adds an offer that existed before the run began.
    pub fn plant_offer(&self, id: u32, price: u32) {
        let offer = Offer { id, price, open: true, version: 1 };
        self.backbone.store.plant(&self.tables.offers, offer);
    }
}

/// The jobs that process bookings.
pub const JOB: JobKind = JobKind::new(&JobKindWords { name: "book", row: "B" });

/// Returns the request for a job that processes this booking.
pub(crate) fn job_for(booking: u32, context: Scope) -> Request {
    Request { item: WorkItem { kind: JOB, row: booking }, context }
}

impl Tables {
    /// Creates tables whose commits are stated as facts, one for each row.
    fn stating<F: Fact + From<BookingFact> + From<OfferFact> + 'static>(facts: &Facts<F>) -> Self {
        Self {
            offers: stating(facts, |before, after| OfferFact::Offer { before, after }),
            quotes: stating(facts, |_, after| BookingFact::Quoted(after)),
            bookings: bookings(facts),
            attempts: stating(facts, |before, after| BookingFact::Attempt { before, after }),
            holdings: stating(facts, |before, after| BookingFact::Holding { before, after }),
            orphans: stating(facts, |_, after| BookingFact::Orphan(after)),
            summaries: Table::new(|_, _| ()),
            inbox: stating(facts, |_, after| BookingFact::Letter(after)),
            reviews: stating(facts, |_, after| BookingFact::Reviewed(after)),
        }
    }
}

/// Creates the table of bookings. No code deletes a booking: a missing row was lost with the database.
fn bookings<F: Fact + From<BookingFact> + 'static>(facts: &Facts<F>) -> Table<Booking> {
    let facts = facts.clone();
    Table::new(move |env, change| {
        let fact = match (change.before, change.after) {
            (before, Some(after)) => BookingFact::Booking { before, after },
            (Some(row), None) => BookingFact::Lost(row),
            (None, None) => return,
        };
        facts.state(env, &F::from(fact));
    })
}
