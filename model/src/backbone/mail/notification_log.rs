//! `notification-log`: a row for each attempt to send, written before the provider is called.

use crate::backbone::mail::rows::{MailState, Notification, Send};
use crate::guardrail::{Guardrail, Naive};
use crate::settings::LEASE;
use shakedown_sim::Moment;

/// Its row of the table.
pub const ROW: Guardrail = Guardrail {
    name: "notification-log",
    system: "notifications",
    guarded: "a row is written before each send; its response and the provider's events are added to it",
    naive: &[Naive {
        what: "the row is written when the send returns",
        breaks: &["one-message-per-event-and-recipient", "delivery-known-or-flagged"],
        masked_by: &[],
    }],
};

/// The seam: what stands in the log while the provider is called.
pub trait NotificationLog {
    /// The row to commit before the call; none if the log only learns of calls that return.
    fn before_send(&self, send: Send) -> Option<Send>;
    /// The notification while its mailer holds it.
    fn held(&self, claimed: Notification, now: Moment) -> Notification;
}

/// Guarded: that it may have gone out is on record before it can.
pub struct RowBeforeSend;

impl NotificationLog for RowBeforeSend {
    fn before_send(&self, send: Send) -> Option<Send> {
        Some(send)
    }

    fn held(&self, claimed: Notification, now: Moment) -> Notification {
        Notification { state: MailState::Sending, due: now + LEASE, ..claimed }
    }
}

/// Naive: the entry in the queue is hidden for a while, as queues do, and the row is written when the call
/// returns.
pub struct RowAfterSend;

impl NotificationLog for RowAfterSend {
    fn before_send(&self, _: Send) -> Option<Send> {
        None
    }

    fn held(&self, claimed: Notification, now: Moment) -> Notification {
        Notification { state: MailState::Queued, due: now + LEASE, ..claimed }
    }
}
