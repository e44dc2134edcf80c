//! The provider's operations as the platform calls them, and the wire format.

use super::rows::{Known, Language, Recipient};
use crate::backbone::events::{EventKind, Subject};
use serde::Serialize;
use shakedown_sim::{Endpoint, Link, Op};

/// A rendered mail, as its recipient reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Letter {
    /// The kind of event.
    pub what: EventKind,
    /// The row of the event.
    pub subject: Subject,
    /// The version of that row.
    pub version: u32,
    /// The version of the text.
    pub template: u32,
    /// The language.
    pub language: Language,
    /// The number of variables in the text that were empty.
    pub empty: u32,
}

/// A message to one recipient.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// Our number for the attempt: the provider stores it and repeats it in all its reports, and does not interpret
    /// it.
    pub send: u32,
    /// The recipient.
    pub recipient: Recipient,
    /// The letter.
    pub letter: Letter,
}

/// The provider's response to a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// 202: accepted under this number. It is not sent yet, nor delivered.
    Accepted(u32),
    /// 400: this message is rejected permanently.
    Rejected,
    /// 429: not now. Documented to have no effect.
    TooMany,
    /// 5xx: an error, before or after the message was accepted.
    ServerError,
}

/// A report of the provider about a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProviderEvent {
    /// Its number for the report; repeats share it.
    pub event: u32,
    /// Our number for the attempt.
    pub send: u32,
    /// The event: arrived or returned.
    pub says: Known,
}

/// A line of the provider's activity page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Activity {
    /// Our number for the attempt.
    pub send: u32,
    /// Its outcome; `None` if the provider dropped it without sending it.
    pub became: Option<Known>,
}

/// The provider's operations.
#[derive(Clone)]
pub struct ProviderApi {
    /// Sends a message.
    pub send: Endpoint<Message, Answer>,
    /// Reads the activity page, as in a person's browser: the state of these attempts.
    pub activity: Endpoint<Vec<u32>, Vec<Activity>>,
}

impl ProviderApi {
    /// Creates the operations: sending over `link`, the activity page over `pages`.
    pub fn over(link: &Link, pages: &Link) -> Self {
        Self {
            send: Endpoint::new(Op::new("mail.send", "sends the mail to the provider"), link),
            activity: Endpoint::new(Op::routine("mail.activity", "looks at the provider's page"), pages),
        }
    }
}
