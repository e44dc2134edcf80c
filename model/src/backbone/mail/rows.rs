//! Durable rows of mail, and their states.

use crate::backbone::events::{EventKind, Subject};
use serde::Serialize;
use shakedown_sim::{Moment, Row, Scope};
use std::fmt;

/// The recipient of mail.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Recipient {
    /// The party of the event, by number, from 1.
    Party(u32),
    /// Our own review queue, which must act on some events.
    ReviewQueue,
}

impl Recipient {
    /// Returns their number in the address book.
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

/// The means of communication.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Channel {
    /// Electronic mail.
    Email,
}

/// The language.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
}

/// The worse outcome: not arriving, or arriving twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Policy {
    /// Arriving twice is worse: after an unknown outcome only a person sends it again.
    Once,
    /// Not arriving is worse: after an unknown outcome it is sent again.
    MustReach,
}

/// A recipient's entry in the address book.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Contact {
    /// The recipient.
    pub recipient: Recipient,
    /// The recipient's language.
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

/// The state of a notification.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum MailState {
    /// The decision to send it is made.
    Planned,
    /// Waiting for a mailer.
    Queued,
    /// A mailer holds it, and may have sent it.
    Sending,
    /// The provider has it.
    Accepted,
    /// Arrived.
    Delivered,
    /// Returned.
    Bounced,
    /// The provider rejects it permanently.
    Rejected,
    /// The provider may have accepted it, or not.
    Unknown,
    /// Not sent: its address is dead.
    Suppressed,
    /// It cannot be sent as it is; a person must act.
    DeadLetter,
}

/// The announcement of one event to one recipient; also its entry in the delivery queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Notification {
    /// Its number.
    pub id: u32,
    /// The key that no other notification may share, if the design uses one.
    pub once: Option<u64>,
    /// The row of the event.
    pub subject: Subject,
    /// The version of that row that the event created.
    pub version: u32,
    /// The kind of event.
    pub what: EventKind,
    /// The recipient.
    pub recipient: Recipient,
    /// The means of communication.
    pub channel: Channel,
    /// The language.
    pub language: Language,
    /// The version of the template, if it is pinned.
    pub template: Option<u32>,
    /// The policy after an unknown outcome.
    pub policy: Policy,
    /// The state.
    pub state: MailState,
    /// When a mailer must act on it: while Queued to send it, while Sending because its holder has not reported back,
    /// while Accepted or Unknown because there was no news.
    pub due: Moment,
    /// The last or current attempt.
    pub send: Option<u32>,
    /// Attempts since it was queued, or since a person queued it again.
    pub tries: u32,
    /// Whether a person must determine its outcome.
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

/// The known outcome of an attempt to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Known {
    /// About to be made, in progress, or its mailer has crashed.
    Started,
    /// No response arrived, or an inconclusive one.
    Unknown,
    /// Certainly nothing was sent, and a later attempt may succeed.
    NoEffect,
    /// The provider rejected it permanently.
    Rejected,
    /// The provider accepted it under this number.
    Accepted(u32),
    /// Arrived.
    Delivered(u32),
    /// Returned.
    Bounced(u32),
}

impl Known {
    /// Returns whether the outcome of the attempt is still open.
    pub fn is_open(self) -> bool {
        matches!(self, Known::Started | Known::Unknown)
    }

    /// Returns the outcome after new evidence, in any order: a definite outcome stays, and a report about the message
    /// outweighs the response to the request.
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
    /// Its number, which is part of the message and of all reports about it.
    pub id: u32,
    /// The notification.
    pub notification: u32,
    /// The known outcome.
    pub known: Known,
    /// The time of the attempt.
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
    /// The attempt.
    pub send: u32,
    /// The outcome that it reports.
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
