//! Business events: changes of a row that others act on, recorded by the transaction in which they happen.

use super::Backbone;
use serde::{Serialize, Serializer};
use shakedown_sim::{Env, Scope, StoreError, Transaction};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// A kind of row that events are about. Each flow declares its own kinds.
///
/// ```
/// use shakedown_model::backbone::events::{SubjectKind, SubjectKindSpec};
/// const PARCEL: SubjectKind = SubjectKind::new(&SubjectKindSpec { number: 9, name: "Parcel", prefix: "P" });
/// assert_eq!(PARCEL.row(7).to_string(), "P7");
/// assert_eq!(PARCEL.row(7).row_of(PARCEL), Some(7));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubjectKind(&'static SubjectKindSpec);

/// The declaration of a kind of row.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct SubjectKindSpec {
    /// Its number, from 0 to 15, which is unique.
    pub number: u32,
    /// Its name.
    pub name: &'static str,
    /// The text that stories put before the number of the row.
    pub prefix: &'static str,
}

impl SubjectKind {
    /// Declares a kind.
    pub const fn new(spec: &'static SubjectKindSpec) -> Self {
        assert!(spec.number < 16, "once-only values of mail have four bits for the number");
        Self(spec)
    }

    /// Returns the row of this kind with this number.
    pub const fn row(self, row: u32) -> Subject {
        Subject { kind: self, row }
    }

    /// Returns the number of the kind.
    pub(crate) fn number(self) -> u32 {
        self.0.number
    }
}

impl fmt::Debug for SubjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl Serialize for SubjectKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name)
    }
}

/// The row that an event is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Subject {
    /// The kind of row.
    pub kind: SubjectKind,
    /// The number of the row.
    pub row: u32,
}

impl Subject {
    /// Returns the number of the row if it is of this kind.
    pub fn row_of(self, kind: SubjectKind) -> Option<u32> {
        (self.kind == kind).then_some(self.row)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.0.prefix, self.row)
    }
}

/// A kind of event: what happened. Each flow declares its own kinds.
///
/// ```
/// use shakedown_model::backbone::events::{EventKind, EventKindSpec, Notify};
/// const SHIPPED: EventKind = EventKind::new(&EventKindSpec {
///     number: 30,
///     name: "Shipped",
///     title: "is on its way",
///     notify: Notify::Party,
/// });
/// assert_eq!(format!("{SHIPPED:?}"), "Shipped");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventKind(&'static EventKindSpec);

/// The declaration of a kind of event.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct EventKindSpec {
    /// Its number, from 0 to 31, which is unique. Kinds are ordered by it.
    pub number: u32,
    /// Its name.
    pub name: &'static str,
    /// The title of mail about such an event.
    pub title: &'static str,
    /// The recipients of mail about such an event.
    pub notify: Notify,
}

/// The recipients of mail about an event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Notify {
    /// No recipient.
    Nobody,
    /// The party that it concerns. Mail with an unknown outcome is sent again by a person only.
    Party,
    /// The party that it concerns, and our own review queue. Mail with an unknown outcome is sent again.
    PartyAndReviewQueue,
}

impl EventKind {
    /// Declares a kind.
    pub const fn new(spec: &'static EventKindSpec) -> Self {
        assert!(spec.number < 32, "once-only values of mail have five bits for the number");
        Self(spec)
    }

    /// Returns the number of the kind.
    pub(crate) fn number(self) -> u32 {
        self.0.number
    }

    /// Returns the title of mail about such an event.
    pub(crate) fn title(self) -> &'static str {
        self.0.title
    }

    /// Returns the recipients of mail about such an event.
    pub(crate) fn notify(self) -> Notify {
        self.0.notify
    }
}

impl fmt::Debug for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name)
    }
}

/// A business event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Event {
    /// The row of the event.
    pub subject: Subject,
    /// The version of the row that the event created.
    pub version: u32,
    /// What happened.
    pub what: EventKind,
    /// The party concerned: its number, or 0 for none.
    pub party: u32,
    /// The trace context of the row.
    pub context: Scope,
}

/// The recording of an event by one listener.
pub type Recording<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'a>>;

/// A part of the platform that acts on events within the transactions that record them.
pub trait Listener {
    /// Records the consequences of an event, within its transaction.
    fn record<'a>(&'a self, tx: &'a mut Transaction, event: &'a Event) -> Recording<'a>;
    /// Returns whether an event that is only claimed to have happened is recorded, too.
    fn records_claims(&self) -> bool;
    /// Completes the work for an event once its transaction has committed. Returns whether that succeeded.
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

/// Passes on an event that is only claimed, before the row shows it. In the guarded design nothing acts on it: the
/// event is recorded when it is true.
///
/// # Errors
/// As [`record`].
pub(crate) async fn record_claim(
    tx: &mut Transaction,
    backbone: &Backbone,
    event: Event,
) -> Result<(), StoreError> {
    let records_claims = backbone.listener.as_ref().is_some_and(|listener| listener.records_claims());
    if records_claims { record(tx, backbone, event).await } else { Ok(()) }
}

/// Completes the work for an event after the action that recorded it has committed. Returns whether that succeeded.
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
