//! Mail: each event is announced to its recipients once, and the outcome of each mail becomes known.
//!
//! The notifications of a business event are planned within the event's own transaction: one for each recipient,
//! which is also its entry in the delivery queue. Mailers take due notifications, record each attempt, send it, and
//! record the response; later reports of the provider arrive separately. This module knows no flow.
//!
//! Planned → Queued → Sending → Accepted → Delivered | Bounced; Sending → Rejected, if the provider refuses it
//! permanently; Sending → Queued, if certainly nothing was sent; Sending → Unknown. Unknown → Accepted by evidence;
//! Unknown → Queued automatically if it must reach its recipient, otherwise by a person. Planned → Suppressed, if the
//! address is dead. Mail that cannot be rendered, or was tried too often, becomes a DeadLetter for a person.
//!
//! Modules in reading order: [`rows`], [`templates`], [`service`] (from event to plan), [`provider`] (the wire format),
//! [`delivery`] (the mailers), [`evidence`] (updates from what was learned), [`review_queue`] (the API for the provider's
//! reports and for the people who handle mail).

pub mod delivery;
pub mod evidence;
pub mod facts;
pub mod provider;
pub mod review_queue;
pub mod rows;
pub mod service;
pub mod templates;

guardrails! {
    notification_service: NotificationService = PlanOfEvent | EachCaller;
    delivery_queue: DeliveryQueue = Queued | InTheAction;
    notification_log: NotificationLog = RowBeforeSend | RowAfterSend;
}

use super::events::{Event, Listener, Recording};
use super::tables::{raising, stating};
use super::{Backbone, RowNumbers};
use crate::guardrail::guardrails;
use facts::MailFact;
use provider::ProviderApi;
use rows::{Contact, News, Notification, Send};
use shakedown_sim::{Env, Fact, Facts, Store, Table, Transaction};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use templates::Template;

/// The part of the backbone that sends mail: its tables, and its connection to the provider.
pub struct Mail {
    /// The address book: recipients and their languages.
    pub contacts: Table<Contact>,
    /// The texts, in all versions.
    pub templates: Table<Template>,
    /// The notifications: the plan, the delivery queue, and the states.
    pub notifications: Table<Notification>,
    /// The log of attempts.
    pub sends: Table<Send>,
    /// The log of the provider's events.
    pub news: Table<News>,
    /// The provider's operations.
    pub provider: ProviderApi,
    store: Store,
    design: Design,
    notification_numbers: RowNumbers,
    send_numbers: RowNumbers,
}

impl Mail {
    /// Creates the part with empty tables, in the store of `backbone`. It raises the backbone's news when the state
    /// of a notification changes.
    pub fn new<F>(backbone: &Backbone, design: Design, provider: ProviderApi, facts: &Facts<F>) -> Rc<Self>
    where
        F: Fact + From<MailFact> + 'static,
    {
        let notification = |before, after| MailFact::Notification { before, after };
        Rc::new(Self {
            contacts: Table::new(|_, _| {}),
            templates: stating(facts, |_, after| MailFact::Template(after)),
            notifications: raising(facts, &backbone.news, notification),
            sends: stating(facts, |before, after| MailFact::Send { before, after }),
            news: stating(facts, |_, after| MailFact::News(after)),
            provider,
            store: backbone.store.clone(),
            design,
            notification_numbers: RowNumbers::default(),
            send_numbers: RowNumbers::default(),
        })
    }
}

impl Listener for Mail {
    fn record<'a>(&'a self, tx: &'a mut Transaction, event: &'a Event) -> Recording<'a> {
        Box::pin(service::plan(tx, self, event))
    }

    fn records_claims(&self) -> bool {
        self.design.notification_service.records_claims()
    }

    fn follow_up(self: Rc<Self>, env: Env, event: Event) -> Pin<Box<dyn Future<Output = bool>>> {
        let mail = Rc::clone(&self);
        mail.design.delivery_queue.follow_up(env, self, event)
    }
}
