//! The provider's operations as the platform calls them, and the words on the wire.

use super::rows::{Known, Language, Recipient};
use crate::backbone::events::{EventKind, Subject};
use serde::Serialize;
use shakedown_sim::{Endpoint, Link, Op};

/// A rendered mail: what its recipient reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Letter {
    /// What it tells.
    pub what: EventKind,
    /// Of which row.
    pub subject: Subject,
    /// Of which version of that row.
    pub version: u32,
    /// In which version of the text.
    pub template: u32,
    /// In which language.
    pub language: Language,
    /// How many places in the text were filled with nothing.
    pub empty: u32,
}

/// A message to one recipient.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// Our number for the attempt: the provider keeps it and repeats it in all that it tells, and makes
    /// nothing else of it.
    pub send: u32,
    /// To whom.
    pub recipient: Recipient,
    /// What.
    pub letter: Letter,
}

/// What the provider answers to a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// 202: taken, under this number. It is not sent yet, let alone delivered.
    Accepted(u32),
    /// 400: this will not be taken, now or later.
    Rejected,
    /// 429: not now. Documented to have no effect.
    TooMany,
    /// 5xx: something broke, before or after the message was taken.
    ServerError,
}

/// What the provider tells of a message by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProviderEvent {
    /// Its number for the event; repeats share it.
    pub event: u32,
    /// Our number for the attempt.
    pub send: u32,
    /// What happened: arrived or returned.
    pub says: Known,
}

/// A line of the provider's activity page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Activity {
    /// Our number for the attempt.
    pub send: u32,
    /// Its outcome; none if the provider dropped it without sending it.
    pub became: Option<Known>,
}

/// The provider's operations.
#[derive(Clone)]
pub struct ProviderApi {
    /// Hands a message over.
    pub send: Endpoint<Message, Answer>,
    /// Asks a person's browser for the activity page: what is known there of these attempts.
    pub activity: Endpoint<Vec<u32>, Vec<Activity>>,
}

impl ProviderApi {
    /// The operations: sending over `link`, the page for people over `pages`.
    pub fn over(link: &Link, pages: &Link) -> Self {
        Self {
            send: Endpoint::new(Op::new("mail.send", "sends the mail to the provider"), link),
            activity: Endpoint::new(Op::routine("mail.activity", "looks at the provider's page"), pages),
        }
    }
}
