//! Mail: what happened is told to whom it concerns, once, and it is known what became of it.
//!
//! A business event is planned within its own transaction: one notification for each recipient, which is its
//! entry in the delivery queue as well. Mailers take what is due, put each attempt on record, send it, and
//! record the answer; what the provider tells later comes in beside. Nothing here knows a flow.
//!
//! Planned → Queued → Sending → Accepted → Delivered | Bounced; Sending → Rejected, if the provider refuses it
//! for good; Sending → Queued, if nothing went out for certain; Sending → Unknown. Unknown → Accepted by evidence;
//! Unknown → Queued by itself if it must reach its recipient, else by a person. Planned → Suppressed, if the
//! address is dead. What cannot be rendered, or was tried too often, is a DeadLetter, and a person's.
//!
//! Modules in reading order: [`rows`], [`templates`], [`service`] (from event to plan), [`provider`] (the words on the
//! wire), [`delivery`] (the mailers), [`evidence`] (what is learnt), [`review_queue`] (the way in for the provider's news and
//! for those who look after mail).

pub mod delivery;
pub mod evidence;
pub mod provider;
pub mod review_queue;
pub mod rows;
pub mod service;
pub mod templates;

use super::{Sequence, stating, telling};
use crate::facts::{Fact, MailFact};
use provider::ProviderApi;
use rows::{Contact, News, Notification, Send};
use shakedown_sim::{Facts, Signal, Table};
use templates::Template;

/// The part of the backbone that sends mail: its tables, and its way to the provider.
pub struct Mail {
    /// Who can be written to, and in which language.
    pub contacts: Table<Contact>,
    /// The texts, in every version that there was.
    pub templates: Table<Template>,
    /// What is to be told to whom: the plan, the delivery queue, and how it stands.
    pub notifications: Table<Notification>,
    /// The log of attempts.
    pub sends: Table<Send>,
    /// The log of what the provider told.
    pub news: Table<News>,
    /// The provider's operations.
    pub provider: ProviderApi,
    notification_numbers: Sequence,
    send_numbers: Sequence,
}

impl Mail {
    /// A part with empty tables. `news` is raised when it changes how a notification stands.
    pub fn new(provider: ProviderApi, news: &Signal, facts: &Facts<Fact>) -> Self {
        Self {
            contacts: Table::new(|_, _| {}),
            templates: stating(facts, |_, after| Fact::Mail(MailFact::Template(after))),
            notifications: telling(facts, news, |before, after| {
                Fact::Mail(MailFact::Notification { before, after })
            }),
            sends: stating(facts, |before, after| Fact::Mail(MailFact::Send { before, after })),
            news: stating(facts, |_, after| Fact::Mail(MailFact::News(after))),
            provider,
            notification_numbers: Sequence::default(),
            send_numbers: Sequence::default(),
        }
    }
}
