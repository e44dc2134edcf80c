//! The events of visits.

use crate::backbone::events::{EventKind, EventKindSpec, Notify, SubjectKind, SubjectKindSpec};

/// A visit, by the clinic's number.
pub const VISIT: SubjectKind = SubjectKind::new(&SubjectKindSpec { number: 2, name: "Visit", prefix: "V" });

/// A patient is expected.
pub const SCHEDULED: EventKind = EventKind::new(&EventKindSpec {
    number: 9,
    name: "Scheduled",
    title: "expected",
    notify: Notify::Nobody,
});

/// A patient has arrived.
pub const ARRIVED: EventKind =
    EventKind::new(&EventKindSpec { number: 10, name: "Arrived", title: "here", notify: Notify::Nobody });

/// A patient has been seen.
pub const PROCESSED: EventKind =
    EventKind::new(&EventKindSpec { number: 11, name: "Processed", title: "seen", notify: Notify::Nobody });

/// A patient did not come.
pub const MISSED: EventKind = EventKind::new(&EventKindSpec {
    number: 12,
    name: "Missed",
    title: "did not come",
    notify: Notify::Nobody,
});

/// The report on a revision is in the document store. The version of the event is the revision.
pub const REPORTED: EventKind = EventKind::new(&EventKindSpec {
    number: 13,
    name: "Reported",
    title: "the report is ready",
    notify: Notify::Party,
});

/// The patient is reminded of the visit.
pub const REMINDED: EventKind = EventKind::new(&EventKindSpec {
    number: 15,
    name: "Reminded",
    title: "a reminder of your visit",
    notify: Notify::Party,
});

/// The visit is cancelled.
pub const CANCELLED: EventKind = EventKind::new(&EventKindSpec {
    number: 14,
    name: "Cancelled",
    title: "cancelled",
    notify: Notify::Party,
});
