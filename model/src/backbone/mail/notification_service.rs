//! `notification-service`: one plan for each business event decides the recipients and the version of the text.

use crate::backbone::events::Event;
use crate::backbone::mail::provider::Letter;
use crate::backbone::mail::rows::{Channel, Recipient};
use crate::guardrail::{Guardrail, Naive};

/// Its row of the table.
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

/// The seam: what one event's mail to one recipient is known by, which text it has, and who may ask for mail.
pub trait NotificationService {
    /// What no other notification may share; none if nothing is compared.
    fn once(&self, event: &Event, recipient: Recipient, channel: Channel) -> Option<u64>;
    /// The version of the text to keep to, given the present one; none if it is chosen when the mail is sent.
    fn pins(&self, current: u32) -> Option<u32>;
    /// Whether mail is also planned for a change that is only claimed.
    fn takes_hearsay(&self) -> bool;
    /// Whether a letter may go out as it is.
    fn may_go(&self, letter: &Letter) -> bool;
}

/// Guarded: the event is planned once, where it is recorded.
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

    fn takes_hearsay(&self) -> bool {
        false
    }

    fn may_go(&self, letter: &Letter) -> bool {
        letter.empty == 0
    }
}

/// Naive: each caller (the API, the worker, the inbox) has mail sent when it sees a change, in the text of the
/// moment.
pub struct EachCaller;

impl NotificationService for EachCaller {
    fn once(&self, _: &Event, _: Recipient, _: Channel) -> Option<u64> {
        None
    }

    fn pins(&self, _: u32) -> Option<u32> {
        None
    }

    fn takes_hearsay(&self) -> bool {
        true
    }

    fn may_go(&self, _: &Letter) -> bool {
        true
    }
}
