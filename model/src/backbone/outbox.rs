//! `outbox`: events wait in the database until they are published.

use crate::backbone::Backbone;
use crate::backbone::events::Event;
use crate::guardrail::{Guardrail, Naive};
use shakedown_sim::Env;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// The row of `outbox` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "outbox",
    system: "consistency",
    guarded: "events wait in the database until a relay has published them",
    naive: &[Naive {
        what: "the process that committed the row publishes the event",
        breaks: &["no-lost-event"],
        masked_by: &[],
    }],
};

/// The seam: how an event reaches its consumers.
pub trait Outbox {
    /// Returns whether the event is posted, for the relay to publish.
    fn is_posted(&self) -> bool;
    /// Acts once the event's row has committed.
    fn after_commit(
        &self,
        env: Env,
        backbone: Rc<Backbone>,
        event: Event,
    ) -> Pin<Box<dyn Future<Output = ()>>>;
}

/// Guarded: the event is posted, and the relay publishes it until every consumer has taken it.
pub struct Relayed;

impl Outbox for Relayed {
    fn is_posted(&self) -> bool {
        true
    }

    fn after_commit(&self, _: Env, _: Rc<Backbone>, _: Event) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(async {})
    }
}

/// Naive: the process that committed the row publishes the event, once.
pub struct PublishedAfterCommit;

impl Outbox for PublishedAfterCommit {
    fn is_posted(&self) -> bool {
        false
    }

    fn after_commit(
        &self,
        env: Env,
        backbone: Rc<Backbone>,
        event: Event,
    ) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(async move {
            if let Some(topic) = &backbone.topic
                && topic.publish(&env, event).await.is_err()
            {
                env.note(|| "logs that an event could not be published".to_owned());
            }
        })
    }
}
