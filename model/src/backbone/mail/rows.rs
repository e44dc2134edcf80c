//! Durable rows of mail, and the words for their states.

use crate::backbone::events::{EventKind, Subject};
use serde::Serialize;
use shakedown_sim::{Moment, Row, Scope};
use std::fmt;

/// Whom mail is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Recipient {
    /// The one whom the event concerns, by their number, from 1.
    Party(u32),
    /// Our own review queue, which has to act on some events.
    ReviewQueue,
}

impl Recipient {
    /// Their number in the address book.
    pub fn number(self) -> u32 {
        match self {
            Recipient::Party(party) => party,
            Recipient::ReviewQueue => 0,
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Recipient::Party(party) => write!(f, "customer-{party}"),
            Recipient::ReviewQueue => f.write_str("our review queue"),
        }
    }
}

/// By what means.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Channel {
    /// Electronic mail.
    Email,
}

/// In which language.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
}

/// What is worse: that it does not arrive, or that it arrives twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Policy {
    /// That it arrives twice: after an unknown outcome only a person sends it again.
    Once,
    /// That it does not arrive: after an unknown outcome it is sent again.
    MustReach,
}

/// A recipient's entry in the address book.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Contact {
    /// Whose.
    pub recipient: Recipient,
    /// The language to write in.
    pub language: Language,
    /// Whether mail to the address has bounced: no more is sent there.
    pub bounced: bool,
}

impl Row for Contact {
    type Key = u32;
    const TABLE: &'static str = "contacts";
    fn key(&self) -> u32 {
        self.recipient.number()
    }
}

/// Where a notification stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum MailState {
    /// It is decided that it is to be sent.
    Planned,
    /// It waits for a mailer.
    Queued,
    /// A mailer holds it, and may have sent it.
    Sending,
    /// The provider has it.
    Accepted,
    /// It has arrived.
    Delivered,
    /// It was returned.
    Bounced,
    /// The provider will not take it.
    Rejected,
    /// It may have been taken by the provider, or not.
    Unknown,
    /// It is not sent: its address is dead.
    Suppressed,
    /// It cannot be sent as it is; a person must act.
    DeadLetter,
}

/// The announcement of one event to one recipient; also its entry in the delivery queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Notification {
    /// Its number.
    pub id: u32,
    /// What no other notification may share, if the design keeps such a thing.
    pub once: Option<u64>,
    /// Which row the event is about.
    pub subject: Subject,
    /// The version of that row that the event made.
    pub version: u32,
    /// What happened.
    pub what: EventKind,
    /// To whom.
    pub recipient: Recipient,
    /// By what means.
    pub channel: Channel,
    /// In which language.
    pub language: Language,
    /// The version of the template, if it is pinned.
    pub template: Option<u32>,
    /// What is worse.
    pub policy: Policy,
    /// Where it stands.
    pub state: MailState,
    /// When a mailer is to take it up: while Queued to send it, while Sending because its holder is silent, while
    /// Accepted or Unknown because nothing was heard of it.
    pub due: Moment,
    /// The attempt that was made last, or is under way.
    pub send: Option<u32>,
    /// Attempts since it was queued, or since a person queued it again.
    pub tries: u32,
    /// Whether a person must establish its outcome.
    pub flagged: bool,
    /// The trace context of the event.
    pub context: Scope,
}

impl Row for Notification {
    type Key = u32;
    const TABLE: &'static str = "notifications";
    fn key(&self) -> u32 {
        self.id
    }
    fn unique(&self) -> Option<u64> {
        self.once
    }
}

/// What is known of an attempt to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Known {
    /// It is about to be made, or under way, or its mailer is gone.
    Started,
    /// No answer came, or none that tells.
    Unknown,
    /// Nothing went out, but a later one may succeed.
    NoEffect,
    /// The provider rejected it permanently.
    Rejected,
    /// The provider took it, under this number.
    Accepted(u32),
    /// It has arrived.
    Delivered(u32),
    /// It was returned.
    Bounced(u32),
}

impl Known {
    /// Returns whether the outcome of the attempt is still open.
    pub fn is_open(self) -> bool {
        matches!(self, Known::Started | Known::Unknown)
    }

    /// What is known after one thing more was learnt, in whatever order: what is definite stays, and that
    /// something happened to the message outweighs what was answered.
    ///
    /// ```
    /// use shakedown_model::backbone::mail::rows::Known;
    /// assert_eq!(Known::Unknown.learnt(Known::Accepted(1)), Known::Accepted(1));
    /// assert_eq!(Known::Delivered(1).learnt(Known::Unknown), Known::Delivered(1));
    /// ```
    pub fn learnt(self, news: Known) -> Known {
        match (self, news) {
            (Known::Delivered(_) | Known::Bounced(_), _) => self,
            (_, Known::Delivered(_) | Known::Bounced(_)) => news,
            (Known::Unknown, Known::Started) => self,
            _ if self.is_open() => news,
            _ => self,
        }
    }
}

/// The notification log: one row for each attempt to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Send {
    /// Its number, which goes out with the message and comes back with all news of it.
    pub id: u32,
    /// Of which notification.
    pub notification: u32,
    /// What is known of it.
    pub known: Known,
    /// When it was made.
    pub made: Moment,
}

impl Row for Send {
    type Key = u32;
    const TABLE: &'static str = "sends";
    fn key(&self) -> u32 {
        self.id
    }
}

/// An event that the provider reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct News {
    /// The provider's number for it; repeats share it.
    pub event: u32,
    /// Of which attempt.
    pub send: u32,
    /// What it says.
    pub says: Known,
}

impl Row for News {
    type Key = u32;
    const TABLE: &'static str = "mail_news";
    fn key(&self) -> u32 {
        self.event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

    #[test]
    fn in_whatever_order_news_come_what_happened_is_known_in_the_end() {
        for end in [Known::Delivered(1), Known::Bounced(1)] {
            let news = [Known::Unknown, Known::Accepted(1), end];
            for order in ORDERS {
                let known = order.iter().fold(Known::Started, |known, at| known.learnt(news[*at]));
                assert_eq!(known, end, "{order:?}");
            }
        }
    }

    #[test]
    fn what_is_definite_is_final() {
        let open = [Known::Started, Known::Unknown];
        for definite in [Known::NoEffect, Known::Rejected, Known::Accepted(1), Known::Delivered(1)] {
            for news in open {
                assert_eq!(definite.learnt(news), definite);
                assert_eq!(news.learnt(definite), definite);
            }
            assert_eq!(definite.learnt(Known::NoEffect), definite);
        }
        assert_eq!(Known::Delivered(1).learnt(Known::Bounced(1)), Known::Delivered(1));
    }
}
