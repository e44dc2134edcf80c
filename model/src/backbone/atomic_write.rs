//! `atomic-write`: a row and its event take effect together.

use crate::backbone::Backbone;
use crate::backbone::events::Event;
use crate::backbone::relay;
use crate::guardrail::{Guardrail, Naive};
use shakedown_sim::{Env, StoreError, Transaction};
use std::future::Future;
use std::pin::Pin;

/// The row of `atomic-write` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "atomic-write",
    system: "consistency",
    guarded: "a row and its event are written in one transaction",
    naive: &[
        Naive { what: "the row is committed, then the event", breaks: &["no-lost-event"], masked_by: &[] },
        Naive { what: "the event is committed, then the row", breaks: &["no-phantom-event"], masked_by: &[] },
    ],
};

/// The result of writing an event.
pub type Written<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'a>>;

/// The seam: the transaction in which an event is posted.
pub trait AtomicWrite {
    /// Acts while the row's transaction is open.
    fn before_commit<'a>(&self, tx: &'a mut Transaction, backbone: &'a Backbone, event: Event)
    -> Written<'a>;
    /// Acts once the row's transaction has committed.
    fn after_commit<'a>(&self, env: &'a Env, backbone: &'a Backbone, event: Event) -> Written<'a>;
}

/// Guarded: the event is posted by the transaction that writes the row.
pub struct OneTransaction;

impl AtomicWrite for OneTransaction {
    fn before_commit<'a>(
        &self,
        tx: &'a mut Transaction,
        backbone: &'a Backbone,
        event: Event,
    ) -> Written<'a> {
        Box::pin(relay::post(tx, backbone, event))
    }

    fn after_commit<'a>(&self, _: &'a Env, _: &'a Backbone, _: Event) -> Written<'a> {
        Box::pin(async { Ok(()) })
    }
}

/// Naive (a): the row is committed, then the event.
pub struct RowThenEvent;

impl AtomicWrite for RowThenEvent {
    fn before_commit<'a>(&self, _: &'a mut Transaction, _: &'a Backbone, _: Event) -> Written<'a> {
        Box::pin(async { Ok(()) })
    }

    fn after_commit<'a>(&self, env: &'a Env, backbone: &'a Backbone, event: Event) -> Written<'a> {
        Box::pin(relay::post_by_itself(env, backbone, event))
    }
}

/// Naive (b): the event is committed, then the row.
pub struct EventThenRow;

impl AtomicWrite for EventThenRow {
    fn before_commit<'a>(
        &self,
        tx: &'a mut Transaction,
        backbone: &'a Backbone,
        event: Event,
    ) -> Written<'a> {
        Box::pin(async move {
            let env = tx.client().clone();
            relay::post_by_itself(&env, backbone, event).await
        })
    }

    fn after_commit<'a>(&self, _: &'a Env, _: &'a Backbone, _: Event) -> Written<'a> {
        Box::pin(async { Ok(()) })
    }
}
