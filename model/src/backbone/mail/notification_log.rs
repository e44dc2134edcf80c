//! `notification-log`: a row for each attempt to send, written before the provider is called.

use crate::backbone::mail::rows::{MailState, Notification, Send};
use crate::guardrail::{Guardrail, Naive};
use crate::settings::LEASE;
use shakedown_sim::Moment;

/// The row of `notification-log` in the table of guardrails.
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

/// The seam: the content of the log while the provider is called.
pub trait NotificationLog {
    /// Returns the row to commit before the call; `None` if the log only records completed calls.
    fn before_send(&self, send: Send) -> Option<Send>;
    /// Returns the notification while its mailer holds it.
    fn held(&self, claimed: Notification, now: Moment) -> Notification;
}

/// Guarded: the log records that the mail may have been sent before it can be sent.
pub struct RowBeforeSend;

impl NotificationLog for RowBeforeSend {
    fn before_send(&self, send: Send) -> Option<Send> {
        Some(send)
    }

    fn held(&self, claimed: Notification, now: Moment) -> Notification {
        Notification { state: MailState::Sending, due: now + LEASE, ..claimed }
    }
}

/// Naive: the entry in the queue is hidden for a while, as queues do, and the row is written when the call returns.
pub struct RowAfterSend;

impl NotificationLog for RowAfterSend {
    fn before_send(&self, _: Send) -> Option<Send> {
        None
    }

    fn held(&self, claimed: Notification, now: Moment) -> Notification {
        Notification { state: MailState::Queued, due: now + LEASE, ..claimed }
    }
}
