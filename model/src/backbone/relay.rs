//! The outbox: an event waits in the database, put there by the transaction that made it true, until everybody
//! who acts on it has taken it.
//!
//! The relay tells events in the order of their transactions' ids, then of their own numbers, and keeps how far
//! it has come in a row. It reads only below the horizon: the oldest transaction that is still open. Neither
//! numbers nor ids are in the order of commits, so what lies above that may still get neighbours that come
//! before it. A cursor on the number alone would pass over whatever commits late.
//!
//! What it does: nothing that committed is lost, and nothing that did not is told. What it does not do: tell
//! once, for a relay that crashes tells again, so whoever takes an event must bear repeats; and go round what
//! nobody takes, for that would lose it: all that comes after waits. A transaction that stays open holds up
//! everything, so a database with an outbox ends those that sit idle.

use super::Backbone;
use super::events::Event;
use super::tables::stating;
use crate::settings::backoff;
use serde::Serialize;
use shakedown_sim::{Duration, Env, Fact, Facts, Poller, Row, StoreError, Table, Transaction};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// A place in the order in which events are told: the transaction's id, then the event's number.
pub type Place = (u64, u32);

/// An event that waits to be told, or has been. Never changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Posted {
    /// The id of the transaction that posted it.
    pub transaction: u64,
    /// Its number.
    pub id: u32,
    /// What happened.
    pub event: Event,
}

impl Posted {
    /// Its place in the order in which events are told.
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

/// How far the relay has come: the one row of its table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
struct Cursor {
    /// The last event that everybody has taken.
    told: Place,
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
    /// An empty one.
    pub(super) fn stating<F: Fact + From<Posted> + 'static>(facts: &Facts<F>) -> Self {
        Self { posted: stating(facts, |_, after: Posted| after), cursor: Table::new(|_, _| ()) }
    }
}

/// Posts an event within this transaction.
///
/// # Errors
/// As the store reports them.
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

/// Somebody who acts on events. It bears repeats.
pub trait Consumer {
    /// Takes an event; answers whether it has taken it. If not, the event comes again.
    fn take(&self, env: Env, event: Event) -> Pin<Box<dyn Future<Output = bool>>>;
}

/// How often the relay looks for events that nobody told it of; what was not taken is told again after the wait
/// of a failed attempt.
const PERIOD: Duration = Duration::from_millis(20);
/// How soon it looks again for what an open transaction holds up: the end of that tells nobody.
const HELD_UP: Duration = Duration::from_millis(50);

/// Boots the relay: it tells the events of the outbox to each of `consumers`. There must not be two.
///
/// # Panics
/// If the backbone has no outbox.
pub fn boot(env: &Env, backbone: &Rc<Backbone>, consumers: Rc<[Rc<dyn Consumer>]>) {
    let (env, backbone) = (env.clone(), Rc::clone(backbone));
    env.clone().spawn(async move {
        let outbox = backbone.outbox.as_ref().expect("a relay is booted where there is an outbox");
        let mut poller = Poller::new(&env, outbox.posted.signal(), PERIOD);
        let (mut due, mut in_vain) = (None, 0);
        loop {
            poller.turn(due).await;
            let told = tell_all(&env, &backbone, outbox, &consumers).await;
            in_vain = if told.is_ok() { 0 } else { in_vain + 1 };
            due = match told {
                Ok(Told::All) => None,
                Ok(Told::ToTheHorizon) => Some(env.now() + HELD_UP),
                Err(NotTaken) => Some(env.now() + backoff(in_vain)),
            };
        }
    });
}

/// How far the relay came in one turn.
enum Told {
    /// To the end.
    All,
    /// As far as events can be told by now; more wait.
    ToTheHorizon,
}

/// The store failed, or somebody did not take an event: it comes again, before all others.
struct NotTaken;

impl From<StoreError> for NotTaken {
    fn from(_: StoreError) -> Self {
        Self
    }
}

/// Tells every event above the cursor and below the horizon, in order.
async fn tell_all(
    env: &Env,
    backbone: &Backbone,
    outbox: &Outbox,
    consumers: &[Rc<dyn Consumer>],
) -> Result<Told, NotTaken> {
    let mut tx = backbone.store.begin(env);
    let horizon = tx.horizon().await?;
    let told = tx.get(&outbox.cursor, &0).await?.map_or((0, 0), |cursor| cursor.told);
    let waiting = tx.scan(&outbox.posted, |posted| posted.place() > told).await?;
    drop(tx);
    for posted in &waiting {
        if posted.transaction >= horizon {
            return Ok(Told::ToTheHorizon);
        }
        let env = env.within(posted.event.context).child("relay");
        tell(&env, backbone, outbox, consumers, posted).await?;
    }
    Ok(Told::All)
}

/// Tells one event to everybody, and moves the cursor on.
async fn tell(
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
    // A commit of unknown outcome may have moved it already.
    if cursor.is_none_or(|cursor| cursor.told < posted.place()) {
        tx.update(&outbox.cursor, Cursor { told: posted.place() }).await?;
        tx.commit("told").await?;
    }
    Ok(())
}
