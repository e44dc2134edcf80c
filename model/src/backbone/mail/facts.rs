//! Facts of the tables of mail.

use crate::backbone::mail::rows::{Known, MailState, News, Notification, Send};
use crate::backbone::mail::templates::Template;
use serde::Serialize;

/// A fact of mail: a committed row.
#[derive(Clone, Debug, Serialize)]
pub enum MailFact {
    /// A version of a text was published.
    Template(Template),
    /// A notification row changed.
    Notification {
        /// The notification before; `None` if it is new.
        before: Option<Notification>,
        /// The notification after.
        after: Notification,
    },
    /// A row of the notification log changed.
    Send {
        /// The row before; `None` if it is new.
        before: Option<Send>,
        /// The row after.
        after: Send,
    },
    /// An event of the provider was stored.
    News(News),
}

impl MailFact {
    pub(crate) fn is_routine(&self) -> bool {
        match self {
            MailFact::Template(_) | MailFact::News(_) => false,
            MailFact::Notification { after, .. } => {
                !after.flagged && after.state != MailState::DeadLetter && after.state != MailState::Unknown
            }
            MailFact::Send { after, .. } => matches!(after.known, Known::Accepted(_) | Known::Delivered(_)),
        }
    }

    pub(crate) fn sentence(&self) -> String {
        match self {
            MailFact::Template(template) => {
                format!("stores version {} of the text \"{}\"", template.version, template.what.title())
            }
            MailFact::Notification { before, after } => notification(before.as_ref(), after),
            MailFact::Send { before, after } => {
                let verb = if before.is_none() { "logs" } else { "updates in the log" };
                format!("{verb} send {} of mail {}: {}", after.id, after.notification, known(after.known))
            }
            MailFact::News(news) => format!("stores the news that send {} {}", news.send, known(news.says)),
        }
    }
}

fn notification(before: Option<&Notification>, after: &Notification) -> String {
    let (id, to) = (after.id, after.state);
    let flagged = if after.flagged { ", for a person to look at" } else { "" };
    match before {
        None => format!(
            "stores mail {id} to {} (\"{}\", {}): {to:?}{flagged}",
            after.recipient,
            after.what.title(),
            after.subject,
        ),
        Some(before) if before.state == to => format!("updates mail {id}, still {to:?}{flagged}"),
        Some(before) => format!("moves mail {id} from {:?} to {to:?}{flagged}", before.state),
    }
}

pub(crate) fn known(known: Known) -> String {
    match known {
        Known::Started => "is under way".to_owned(),
        Known::Unknown => "has an unknown outcome".to_owned(),
        Known::NoEffect => "had no effect".to_owned(),
        Known::Rejected => "was refused".to_owned(),
        Known::Accepted(message) => format!("was accepted as M{message}"),
        Known::Delivered(message) => format!("arrived as M{message}"),
        Known::Bounced(message) => format!("was returned as M{message}"),
    }
}
