//! `notification-service`: one plan for each business event decides the recipients and the version of the text.

use crate::backbone::events::Event;
use crate::backbone::mail::provider::Letter;
use crate::backbone::mail::rows::{Channel, Recipient};
use crate::guardrail::{Guardrail, Naive};

/// The row of `notification-service` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "notification-service",
    system: "notifications",
    guarded: "each event has one plan: recipients, version of the text, policy",
    naive: &[Naive {
        what: "each caller sends mail when it sees a change, with the text of that moment",
        breaks: &["one-message-per-event-and-recipient", "right-template"],
        masked_by: &[],
    }],
};

/// The seam: the unique key of one event's mail to one recipient, its text, and the callers that may request mail.
pub trait NotificationService {
    /// Returns the key that no other notification may share; `None` if nothing is compared.
    fn once(&self, event: &Event, recipient: Recipient, channel: Channel) -> Option<u64>;
    /// Returns the version of the text to pin, given the current one; `None` if it is chosen when the mail is sent.
    fn pins(&self, current: u32) -> Option<u32>;
    /// Returns whether mail is also planned for a change that is only claimed.
    fn records_claims(&self) -> bool;
    /// Returns whether a letter may be sent as it is.
    fn may_go(&self, letter: &Letter) -> bool;
}

/// Guarded: the event is planned once, when it is recorded.
pub struct PlanOfEvent;

impl NotificationService for PlanOfEvent {
    fn once(&self, event: &Event, recipient: Recipient, channel: Channel) -> Option<u64> {
        let (kind, number) = (u64::from(event.subject.kind.number()), event.subject.row);
        let Channel::Email = channel;
        let row = u64::from(number) << 40 | u64::from(event.version) << 24;
        Some(row | u64::from(recipient.number()) << 9 | u64::from(event.what.number()) << 4 | kind)
    }

    fn pins(&self, current: u32) -> Option<u32> {
        Some(current)
    }

    fn records_claims(&self) -> bool {
        false
    }

    fn may_go(&self, letter: &Letter) -> bool {
        letter.empty == 0
    }
}

/// Naive: each caller (the API, the worker, the inbox) sends mail when it sees a change, with the current text.
pub struct EachCaller;

impl NotificationService for EachCaller {
    fn once(&self, _: &Event, _: Recipient, _: Channel) -> Option<u64> {
        None
    }

    fn pins(&self, _: u32) -> Option<u32> {
        None
    }

    fn records_claims(&self) -> bool {
        true
    }

    fn may_go(&self, _: &Letter) -> bool {
        true
    }
}
