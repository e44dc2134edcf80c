//! Durable rows of the filing flow.

use serde::Serialize;
use shakedown_sim::{Moment, Row, Scope};

/// The state of a filing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum FilingState {
    /// Certainly no request has had an effect.
    Open,
    /// It is being sent, or the outcome of sending is unknown.
    Sending {
        /// The job that sent it: the attempts of another job for it have the same numbers.
        job: u32,
        /// The attempt of the job.
        attempt: u32,
        /// The time of sending.
        since: Moment,
    },
    /// The registry stored this document for it.
    Filed(u32),
    /// The registry rejected it.
    Rejected,
}

/// A clinic's report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Filing {
    /// Its number.
    pub id: u32,
    /// The clinic's own number for it: a repeat has the same number.
    pub reference: u32,
    /// Its state.
    pub state: FilingState,
    /// The time at which it was accepted.
    pub accepted: Moment,
    /// The trace context of the request for it.
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
