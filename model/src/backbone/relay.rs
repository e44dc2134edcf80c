//! The relay publishes the events of the outbox. An event waits in the database, written by the transaction that made it
//! true, until every consumer has taken it.
//!
//! The relay publishes events in the order of their transactions' ids, then of their own numbers, and stores its progress
//! in a row. It reads only below the horizon: the oldest transaction that is still open. Neither numbers nor ids are in the
//! order of commits, so events with smaller positions may still appear above the horizon. A cursor on the number alone
//! would skip events that commit late.
//!
//! Guaranteed: every committed event is published, and no other. Not guaranteed: that an event is published once (after a
//! crash it is published again, so consumers must tolerate repeats); or that an event which a consumer does not take is
//! skipped (all later events wait). An open transaction delays everything, so a database with an outbox must abort idle
//! transactions.

use super::Backbone;
use super::events::Event;
use super::tables::stating;
use crate::settings::backoff;
use serde::Serialize;
use shakedown_sim::{Duration, Env, Fact, Facts, Poller, Row, StoreError, Table, Transaction};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// A position in the order of publication: the transaction's id, then the event's number.
pub type Place = (u64, u32);

/// An event of the outbox. It never changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Posted {
    /// The id of the transaction that posted it.
    pub transaction: u64,
    /// Its number.
    pub id: u32,
    /// The event.
    pub event: Event,
}

impl Posted {
    /// Returns its position in the order of publication.
    pub fn place(&self) -> Place {
        (self.transaction, self.id)
    }
}

impl Row for Posted {
    type Key = Place;
    const TABLE: &'static str = "posted events";
    fn key(&self) -> Place {
        self.place()
    }
}

/// The progress of the relay: the one row of its table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
struct Cursor {
    /// The last event that every consumer has taken.
    published: Place,
}

impl Row for Cursor {
    type Key = u32;
    const TABLE: &'static str = "relay";
    fn key(&self) -> u32 {
        0
    }
}

/// The tables of the outbox.
pub struct Outbox {
    /// The events.
    pub posted: Table<Posted>,
    cursor: Table<Cursor>,
}

impl Outbox {
    /// Creates an empty outbox.
    pub(super) fn stating<F: Fact + From<Posted> + 'static>(facts: &Facts<F>) -> Self {
        Self { posted: stating(facts, |_, after: Posted| after), cursor: Table::new(|_, _| ()) }
    }
}

/// Posts an event within this transaction.
///
/// # Errors
/// If the store fails.
pub async fn post(tx: &mut Transaction, backbone: &Backbone, event: Event) -> Result<(), StoreError> {
    let Some(outbox) = &backbone.outbox else { return Ok(()) };
    let transaction = tx.id().await?;
    tx.insert(&outbox.posted, Posted { transaction, id: backbone.outbox_numbers.next(), event }).await
}

/// Posts an event in a transaction of its own.
pub(crate) async fn post_by_itself(env: &Env, backbone: &Backbone, event: Event) -> Result<(), StoreError> {
    let mut tx = backbone.store.begin(env);
    post(&mut tx, backbone, event).await?;
    tx.commit("event").await
}

/// A consumer of events. It tolerates repeats.
pub trait Consumer {
    /// Takes an event. Returns whether it was taken; if not, the event is published again.
    fn take(&self, env: Env, event: Event) -> Pin<Box<dyn Future<Output = bool>>>;
}

/// The period at which the relay polls for events; an event that was not taken is published again after the wait of a
/// failed attempt.
const PERIOD: Duration = Duration::from_millis(20);

/// Boots the relay, which publishes the events of the outbox to each of `consumers`. There must be only one relay.
///
/// # Panics
/// If the backbone has no outbox.
pub fn boot(env: &Env, backbone: &Rc<Backbone>, consumers: Rc<[Rc<dyn Consumer>]>) {
    let (env, backbone) = (env.clone(), Rc::clone(backbone));
    env.clone().spawn(async move {
        let outbox = backbone.outbox.as_ref().expect("a relay is booted where there is an outbox");
        let mut poller = Poller::new(&env, outbox.posted.signal(), PERIOD);
        let (mut due, mut failures) = (None, 0);
        loop {
            poller.turn(due).await;
            let published = publish_all(&env, &backbone, outbox, &consumers).await;
            failures = if published.is_ok() { 0 } else { failures + 1 };
            due = published.err().map(|NotTaken| env.now() + backoff(failures));
        }
    });
}

/// The store failed, or a consumer did not take an event: it is published again, before all others.
struct NotTaken;

impl From<StoreError> for NotTaken {
    fn from(_: StoreError) -> Self {
        Self
    }
}

/// Publishes every event above the cursor and below the horizon, in order. The end of a transaction moves the horizon, and
/// wakes the poller.
async fn publish_all(
    env: &Env,
    backbone: &Backbone,
    outbox: &Outbox,
    consumers: &[Rc<dyn Consumer>],
) -> Result<(), NotTaken> {
    let mut tx = backbone.store.begin(env);
    let horizon = tx.horizon().await?;
    let published = tx.get(&outbox.cursor, &0).await?.map_or((0, 0), |cursor| cursor.published);
    let waiting = tx.scan(&outbox.posted, |posted| posted.place() > published).await?;
    drop(tx);
    for posted in &waiting {
        if posted.transaction >= horizon {
            return Ok(());
        }
        let env = env.within(posted.event.context).child("relay");
        publish(&env, backbone, outbox, consumers, posted).await?;
    }
    Ok(())
}

/// Publishes one event to all consumers, and advances the cursor.
async fn publish(
    env: &Env,
    backbone: &Backbone,
    outbox: &Outbox,
    consumers: &[Rc<dyn Consumer>],
    posted: &Posted,
) -> Result<(), NotTaken> {
    for consumer in consumers {
        if !consumer.take(env.clone(), posted.event).await {
            return Err(NotTaken);
        }
    }
    let mut tx = backbone.store.begin(env);
    let cursor = tx.lock(&outbox.cursor, &0).await?;
    // A commit of unknown outcome may have advanced it already.
    if cursor.is_none_or(|cursor| cursor.published < posted.place()) {
        tx.update(&outbox.cursor, Cursor { published: posted.place() }).await?;
        tx.commit("told").await?;
    }
    Ok(())
}
