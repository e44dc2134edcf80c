//! Durable rows of the filing flow.

use serde::Serialize;
use shakedown_sim::{Moment, Row, Scope};

/// Where a filing stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum FilingState {
    /// Nothing that was sent can have had an effect.
    Open,
    /// It is being sent, or the outcome of that is unknown.
    Sending {
        /// The attempt of its job that sent it.
        attempt: u32,
        /// When.
        since: Moment,
    },
    /// The registry keeps this document for it.
    Filed(u32),
    /// The registry will not have it.
    Rejected,
}

/// Something that a clinic has to report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Filing {
    /// Its number.
    pub id: u32,
    /// The clinic's own number for it: who sends it again means the same.
    pub reference: u32,
    /// Where it stands.
    pub state: FilingState,
    /// When it was accepted.
    pub accepted: Moment,
    /// The trace context of the request that made it.
    pub context: Scope,
}

impl Row for Filing {
    type Key = u32;
    const TABLE: &'static str = "filings";
    fn key(&self) -> u32 {
        self.id
    }
    fn unique(&self) -> Option<u64> {
        Some(u64::from(self.reference))
    }
}
