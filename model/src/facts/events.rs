//! Facts about events: consumed events, dead letters, and the lists built from events.

use crate::backbone::events::{Event, EventKind, Subject};
use crate::backbone::relay::Posted;
use crate::booking::summaries::Summary;
use serde::Serialize;

/// A fact about events and the views built from them.
#[derive(Clone, Debug, Serialize)]
pub enum EventFact {
    /// An event is in the outbox.
    Posted(Posted),
    /// The reporting feed consumed an event.
    Took {
        /// The row of the event.
        subject: Subject,
        /// The version of the row.
        version: u32,
        /// The kind of event.
        what: EventKind,
    },
    /// An event became a dead letter, and is listed.
    Died {
        /// The row of the event.
        subject: Subject,
        /// The version of the row.
        version: u32,
    },
    /// A list shows a booking.
    Listed {
        /// The customer who looks at the list.
        customer: u32,
        /// Whether the list was reloaded.
        fresh: bool,
        /// The entry shown.
        summary: Summary,
    },
    /// A client received a version of a booking.
    Received {
        /// The customer.
        customer: u32,
        /// The booking.
        booking: u32,
        /// The version.
        version: u32,
    },
}

impl EventFact {
    pub(super) fn is_routine(&self) -> bool {
        matches!(self, EventFact::Received { .. } | EventFact::Posted(_))
    }

    pub(super) fn sentence(&self) -> String {
        match self {
            EventFact::Posted(Posted { transaction, event, .. }) => {
                let Event { subject, version, what, .. } = event;
                format!(
                    "writes to the outbox in transaction {transaction}: {subject} is {what:?} (version {version})"
                )
            }
            EventFact::Took { subject, version, what } => {
                format!("records: {subject} is {what:?} (version {version})")
            }
            EventFact::Died { subject, version } => {
                format!("gives up on version {version} of {subject}: a dead letter")
            }
            EventFact::Listed { fresh, summary, .. } => {
                let Summary { booking, version, status, reservation } = summary;
                let with = reservation.map_or("no reservation".to_owned(), |id| format!("R{id}"));
                let fresh = if *fresh { ", reloaded" } else { "" };
                format!("sees B{booking} in the list as {status:?} with {with}{fresh} (version {version})")
            }
            EventFact::Received { customer, booking, version } => {
                format!("receives version {version} of B{booking} as customer-{customer}")
            }
        }
    }
}
