//! The outbox: an event waits in the database, put there by the transaction that made it true, until everybody
//! who acts on it has taken it.
//!
//! What it does: nothing that committed is lost, and nothing that did not is told. What it does not do: tell
//! once. A relay that crashes tells again, so whoever takes an event must bear repeats; and events of different
//! rows come in any order. Rows are marked when they are told and not read past a cursor, since the order of
//! numbers is not the order of commits.

use super::Backbone;
use super::events::Event;
use crate::terms::backoff;
use serde::Serialize;
use shakedown_sim::{Duration, Env, Poller, Row, StoreError, Transaction};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// An event that waits to be told, or has been.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Posted {
    /// Its number.
    pub id: u32,
    /// What happened.
    pub event: Event,
    /// Whether everybody has taken it.
    pub told: bool,
}

impl Row for Posted {
    type Key = u32;
    const TABLE: &'static str = "posted events";
    fn key(&self) -> u32 {
        self.id
    }
}

/// Posts an event within this transaction.
pub(crate) async fn post(tx: &mut Transaction, backbone: &Backbone, event: Event) -> Result<(), StoreError> {
    let Some(outbox) = &backbone.outbox else { return Ok(()) };
    tx.insert(outbox, Posted { id: backbone.outbox_numbers.next(), event, told: false }).await
}

/// Posts an event in a transaction of its own.
pub(crate) async fn post_by_itself(env: &Env, backbone: &Backbone, event: Event) -> Result<(), StoreError> {
    let mut tx = backbone.store.begin(env);
    post(&mut tx, backbone, event).await?;
    tx.commit("event").await
}

/// Somebody who acts on events. It bears repeats.
pub trait Consumer {
    /// Takes an event; answers whether it has taken it. If not, the event comes again.
    fn take(&self, env: Env, event: Event) -> Pin<Box<dyn Future<Output = bool>>>;
}

/// How often the relay looks for events that nobody told it of; what was not taken is told again after the wait
/// of a failed attempt.
const PERIOD: Duration = Duration::from_millis(20);

/// Boots the relay: it tells the events of the outbox to each of `consumers`.
///
/// # Panics
/// If the backbone has no outbox.
pub fn boot(env: &Env, backbone: &Rc<Backbone>, consumers: Rc<[Rc<dyn Consumer>]>) {
    let (env, backbone) = (env.clone(), Rc::clone(backbone));
    env.clone().spawn(async move {
        let outbox = backbone.outbox.as_ref().expect("a relay is booted where there is an outbox");
        let mut poller = Poller::new(&env, outbox.signal(), PERIOD);
        let (mut due, mut in_vain) = (None, 0);
        loop {
            poller.turn(due).await;
            let all_told = tell_all(&env, &backbone, &consumers).await;
            in_vain = if all_told { 0 } else { in_vain + 1 };
            due = (!all_told).then(|| env.now() + backoff(in_vain));
        }
    });
}

/// Tells every event that waits, oldest first; answers whether all were taken.
async fn tell_all(env: &Env, backbone: &Backbone, consumers: &[Rc<dyn Consumer>]) -> bool {
    let Some(outbox) = &backbone.outbox else { return true };
    let waiting = backbone.store.begin(env).scan(outbox, |posted| !posted.told).await;
    let Ok(waiting) = waiting else { return false };
    let mut all_told = true;
    for posted in waiting {
        let env = env.within(posted.event.context).child("relay");
        all_told &= tell(&env, backbone, consumers, posted).await.unwrap_or(false);
    }
    all_told
}

/// Tells one event to everybody; answers whether all have taken it.
async fn tell(
    env: &Env,
    backbone: &Backbone,
    consumers: &[Rc<dyn Consumer>],
    posted: Posted,
) -> Result<bool, StoreError> {
    for consumer in consumers {
        if !consumer.take(env.clone(), posted.event).await {
            return Ok(false);
        }
    }
    let Some(outbox) = &backbone.outbox else { return Ok(false) };
    let mut tx = backbone.store.begin(env);
    tx.update(outbox, Posted { told: true, ..posted }).await?;
    tx.commit("told").await?;
    Ok(true)
}
