//! The facts of the outside world and of durable storage: the only input of invariants and goals.
//!
//! Each part of the platform states facts of its own type; [`Fact`] joins them with the facts of the outside world.
//! Each fact has its own sentence.

mod documents;
mod edge;
mod events;
mod mail_provider;
mod pager;
mod partner;
mod registry;
mod screens;

pub use documents::DocumentFact;
pub use edge::{EdgeFact, Request};
pub use events::EventFact;
pub use mail_provider::MailProviderFact;
pub use pager::PagerFact;
pub use partner::PartnerFact;
pub use registry::RegistryFact;
pub use screens::{ScreenFact, client};

pub use crate::backbone::Code;
pub use crate::backbone::facts::JobFact;
pub use crate::backbone::mail::facts::MailFact;
pub use crate::booking::facts::{BookingFact, Word, word};
pub use crate::booking::offer_facts::OfferFact;
pub use crate::filing::facts::FilingFact;
pub use crate::releases::facts::ReleaseFact;
pub use crate::releases::order_facts::{OrderFact, Screen};
pub use crate::visit::facts::{VisitFact, VisitWord, visit_word};

use crate::backbone::relay::Posted;
use serde::Serialize;
use shakedown_sim::access::Access;

/// A fact of the platform or of the world around it.
#[derive(Clone, Debug, Serialize)]
pub enum Fact {
    /// Of the edge's log.
    Edge(EdgeFact),
    /// Of the booking flow.
    Booking(BookingFact),
    /// Of events, and of lists built of them.
    Event(EventFact),
    /// Of offers: their rows, the cache, and pages.
    Offer(OfferFact),
    /// Of the order flow.
    Order(OrderFact),
    /// Of the partner.
    Partner(PartnerFact),
    /// Of the filing flow.
    Filing(FilingFact),
    /// Of releases: the releases that nodes run.
    Release(ReleaseFact),
    /// Of the registry.
    Registry(RegistryFact),
    /// Of the pager.
    Pager(PagerFact),
    /// Of customers' screens.
    Screen(ScreenFact),
    /// Of mail.
    Mail(MailFact),
    /// Of the mail provider and the mailboxes.
    MailProvider(MailProviderFact),
    /// Of the visit flow.
    Visit(VisitFact),
    /// Of the document store.
    Documents(DocumentFact),
    /// Of jobs.
    Job(JobFact),
}

impl shakedown_sim::Fact for Fact {
    fn is_routine(&self) -> bool {
        match self {
            Fact::Edge(fact) => fact.is_routine(),
            Fact::Booking(fact) => fact.is_routine(),
            Fact::Event(fact) => fact.is_routine(),
            Fact::Offer(fact) => fact.is_routine(),
            Fact::Order(fact) => fact.is_routine(),
            Fact::Partner(fact) => fact.is_routine(),
            Fact::Release(fact) => fact.is_routine(),
            Fact::Mail(fact) => fact.is_routine(),
            Fact::MailProvider(fact) => fact.is_routine(),
            Fact::Visit(fact) => fact.is_routine(),
            Fact::Documents(fact) => fact.is_routine(),
            Fact::Registry(fact) => fact.is_routine(),
            Fact::Job(fact) => fact.is_routine(),
            Fact::Screen(_) => true,
            Fact::Filing(_) | Fact::Pager(_) => false,
        }
    }

    fn accesses(&self) -> Vec<Access> {
        match self {
            Fact::Offer(fact) => fact.accesses(),
            _ => Vec::new(),
        }
    }

    fn sentence(&self) -> String {
        match self {
            Fact::Edge(fact) => fact.sentence(),
            Fact::Booking(fact) => fact.sentence(),
            Fact::Event(fact) => fact.sentence(),
            Fact::Offer(fact) => fact.sentence(),
            Fact::Order(fact) => fact.sentence(),
            Fact::Partner(fact) => fact.sentence(),
            Fact::Release(fact) => fact.sentence(),
            Fact::Filing(fact) => fact.sentence(),
            Fact::Registry(fact) => fact.sentence(),
            Fact::Pager(fact) => fact.sentence(),
            Fact::Screen(fact) => fact.sentence(),
            Fact::Job(fact) => fact.sentence(),
            Fact::Mail(fact) => fact.sentence(),
            Fact::MailProvider(fact) => fact.sentence(),
            Fact::Visit(fact) => fact.sentence(),
            Fact::Documents(fact) => fact.sentence(),
        }
    }
}

/// Converts the facts of a part into facts of the world.
macro_rules! joined {
    ($($part:ident => $variant:ident),+ $(,)?) => {
        $(impl From<$part> for Fact {
            fn from(fact: $part) -> Self {
                Fact::$variant(fact)
            }
        })+
    };
}

joined! {
    JobFact => Job,
    MailFact => Mail,
    BookingFact => Booking,
    OfferFact => Offer,
    VisitFact => Visit,
    FilingFact => Filing,
    OrderFact => Order,
    ReleaseFact => Release,
}

impl From<Posted> for Fact {
    fn from(posted: Posted) -> Self {
        Fact::Event(EventFact::Posted(posted))
    }
}
