//! Facts of the pager's log.

use crate::backbone::monitor::Alert;
use serde::Serialize;
use shakedown_sim::Moment;

/// A fact of the pager.
#[derive(Clone, Copy, Debug, Serialize)]
pub enum PagerFact {
    /// It showed an alert to the person on call.
    Alerted(Alert),
    /// A person acknowledged an alert.
    Taken(Alert),
    /// The pager rang by itself: the monitor's heartbeat is missing.
    Rang {
        /// The time of the monitor's last heartbeat.
        since: Moment,
    },
}

impl PagerFact {
    pub(super) fn sentence(&self) -> String {
        match self {
            PagerFact::Alerted(alert) => format!("shows an alert: {}", about(*alert)),
            PagerFact::Taken(alert) => {
                format!("records that somebody acknowledged the alert: {}", about(*alert))
            }
            PagerFact::Rang { since } => format!("rings: the last heartbeat of the monitor came at {since}"),
        }
    }
}

fn about(alert: Alert) -> String {
    match alert {
        Alert::Late(item) => format!("{item} is late"),
        Alert::Unhealthy(_) => "a node does not respond to health checks".to_owned(),
        Alert::Errors => "too many requests fail".to_owned(),
    }
}
