//! `delivery-queue`: mail waits for a mailer, and no action waits for mail.

use crate::backbone::events::Event;
use crate::backbone::mail::rows::{MailState, Notification};
use crate::backbone::mail::{Mail, delivery};
use crate::guardrail::{Guardrail, Naive};
use shakedown_sim::{Env, Moment};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// The row of `delivery-queue` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "delivery-queue",
    system: "notifications",
    guarded: "mail is queued with its event, and mailers send it",
    naive: &[Naive {
        what: "mail is sent within the action",
        breaks: &["requests-answer-in-time", "no-dependency-failure-shown"],
        masked_by: &[],
    }],
};

/// The seam: how a planned notification is stored, and what the action does after its commit.
pub trait DeliveryQueue {
    /// Returns the notification as it is stored with the event.
    fn queue(&self, planned: Notification) -> Notification;
    /// Completes the action that recorded the event. Returns whether that succeeded.
    fn follow_up(&self, env: Env, mail: Rc<Mail>, event: Event) -> Pin<Box<dyn Future<Output = bool>>>;
}

/// Guarded: the notification is queued with the event; mailers do the rest.
pub struct Queued;

impl DeliveryQueue for Queued {
    fn queue(&self, planned: Notification) -> Notification {
        Notification { state: MailState::Queued, ..planned }
    }

    fn follow_up(&self, _: Env, _: Rc<Mail>, _: Event) -> Pin<Box<dyn Future<Output = bool>>> {
        Box::pin(async { true })
    }
}

/// Naive: the action itself sends its mail, and fails if the mail does.
pub struct InTheAction;

impl DeliveryQueue for InTheAction {
    fn queue(&self, planned: Notification) -> Notification {
        Notification { state: MailState::Queued, due: Moment::NEVER, ..planned }
    }

    fn follow_up(&self, env: Env, mail: Rc<Mail>, event: Event) -> Pin<Box<dyn Future<Output = bool>>> {
        Box::pin(async move { delivery::send_at_once(&env, &mail, &event).await })
    }
}
