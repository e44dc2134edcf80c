//! Business events: what happened to a row that others act on, recorded by the transaction in which it happened.

use super::Backbone;
use serde::Serialize;
use shakedown_sim::{Env, Scope, StoreError, Transaction};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// Which row an event is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Subject {
    /// A booking, by its number.
    Booking(u32),
    /// An offer, by its number.
    Offer(u32),
    /// A visit, by the clinic's number.
    Visit(u32),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Booking(booking) => write!(f, "B{booking}"),
            Subject::Offer(offer) => write!(f, "offer {offer}"),
            Subject::Visit(visit) => write!(f, "V{visit}"),
        }
    }
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum What {
    /// An order was accepted.
    Accepted,
    /// The partner holds it and will decide.
    Requested,
    /// It stands.
    Confirmed,
    /// It could not be had.
    Failed,
    /// The partner ended it.
    Withdrawn,
    /// It is to be cancelled.
    Cancelling,
    /// It is cancelled.
    Cancelled,
    /// It cannot be booked any more.
    Ended,
    /// It costs something else.
    Repriced,
    /// A patient is expected.
    Scheduled,
    /// A patient is here.
    Arrived,
    /// A patient has been seen.
    Processed,
    /// A patient did not come.
    Missed,
    /// The report on a revision is in the document store; the revision stands for the version.
    Reported,
}

/// A business event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Event {
    /// The row that it is about.
    pub subject: Subject,
    /// The version of the row that it made.
    pub version: u32,
    /// What happened.
    pub what: What,
    /// Whom it concerns: the number of the customer or of the visit's patient, or 0 for nobody.
    pub party: u32,
    /// The trace context of the row.
    pub context: Scope,
}

/// The recording of an event by one listener.
pub type Recording<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'a>>;

/// A part of the platform that acts on events within the transactions that record them.
pub trait Listener {
    /// Records what follows from an event, within its transaction.
    fn record<'a>(&'a self, tx: &'a mut Transaction, event: &'a Event) -> Recording<'a>;
    /// Returns whether an event that is only claimed to have happened is recorded too.
    fn takes_hearsay(&self) -> bool;
    /// Does what is left to do once the event's transaction has committed. Returns whether that succeeded.
    fn follow_up(self: Rc<Self>, env: Env, event: Event) -> Pin<Box<dyn Future<Output = bool>>>;
}

/// Records an event within the transaction that makes it true, for every part of the backbone that acts on it.
///
/// # Errors
/// If the store fails; the transaction must not commit then.
pub(crate) async fn record(
    tx: &mut Transaction,
    backbone: &Backbone,
    event: Event,
) -> Result<(), StoreError> {
    if backbone.outbox.is_some() && backbone.design.outbox.is_posted() {
        backbone.design.atomic_write.before_commit(tx, backbone, event).await?;
    }
    match &backbone.listener {
        Some(listener) => listener.record(tx, &event).await,
        None => Ok(()),
    }
}

/// Passes on an event that is only claimed, before the row shows it. By design nothing acts on it: the event
/// is recorded when it is true.
///
/// # Errors
/// As [`record`].
pub(crate) async fn record_hearsay(
    tx: &mut Transaction,
    backbone: &Backbone,
    event: Event,
) -> Result<(), StoreError> {
    let takes_hearsay = backbone.listener.as_ref().is_some_and(|listener| listener.takes_hearsay());
    if takes_hearsay { record(tx, backbone, event).await } else { Ok(()) }
}

/// What the action that recorded an event still does about it once it has committed. Returns whether that came
/// off.
pub(crate) async fn follow_up(env: &Env, backbone: &Rc<Backbone>, event: Option<Event>) -> bool {
    let Some(event) = event else { return true };
    let (design, outbox) = (&backbone.design, backbone.outbox.is_some());
    if outbox
        && design.outbox.is_posted()
        && design.atomic_write.after_commit(env, backbone, event).await.is_err()
    {
        env.note(|| "logs that an event could not be written to the outbox".to_owned());
    }
    if outbox {
        design.outbox.after_commit(env.clone(), Rc::clone(backbone), event).await;
    }
    match &backbone.listener {
        Some(listener) => Rc::clone(listener).follow_up(env.clone(), event).await,
        None => true,
    }
}
