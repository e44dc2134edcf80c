//! Facts about events: which were consumed, which became dead letters, and what lists show of them.

use crate::backbone::events::{Event, EventKind, Subject};
use crate::backbone::relay::Posted;
use crate::booking::summaries::Summary;
use serde::Serialize;

/// A fact about events and what is built of them.
#[derive(Clone, Debug, Serialize)]
pub enum EventFact {
    /// An event is in the outbox.
    Posted(Posted),
    /// The reporting feed took an event.
    Took {
        /// About which row.
        subject: Subject,
        /// Which version of it.
        version: u32,
        /// What happened.
        what: EventKind,
    },
    /// An event is a dead letter, and listed.
    Died {
        /// About which row.
        subject: Subject,
        /// Which version of it.
        version: u32,
    },
    /// A list shows a booking.
    Listed {
        /// Who looks.
        customer: u32,
        /// Whether it was loaded afresh.
        fresh: bool,
        /// What it shows.
        summary: Summary,
    },
    /// A client received a version of a booking.
    Told {
        /// Who.
        customer: u32,
        /// Which booking.
        booking: u32,
        /// Which version.
        version: u32,
    },
}

impl EventFact {
    pub(super) fn is_routine(&self) -> bool {
        matches!(self, EventFact::Told { .. } | EventFact::Posted(_))
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
                let fresh = if *fresh { ", loaded afresh" } else { "" };
                format!("sees B{booking} in the list as {status:?} with {with}{fresh} (version {version})")
            }
            EventFact::Told { customer, booking, version } => {
                format!("receives version {version} of B{booking} as customer-{customer}")
            }
        }
    }
}
