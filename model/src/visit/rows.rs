//! Durable rows of the visit flow, and the words for their states.

use serde::Serialize;
use shakedown_sim::{Moment, Row, Scope};

/// Where a visit stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Status {
    /// The patient is expected.
    Scheduled,
    /// The patient is here.
    Arrived,
    /// The patient has been seen; a report is owed.
    Processed,
    /// The patient did not come.
    NoShow,
    /// The visit will not take place.
    Cancelled,
}

/// Who moves a visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Actor {
    /// A person at a screen.
    Operator,
    /// A clinic, through the rows that it sends.
    Importer,
    /// The job that ends the day.
    NightlyClose,
}

/// Why a report is made again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Reason {
    /// Something was entered wrongly.
    Mistake,
    /// A result came in late.
    LateResult,
}

/// Why a message is sent again though the patient may get it twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Grounds {
    /// The patient says that nothing has come.
    NothingCame,
}

/// What is to become of a visit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Action {
    /// The patient is expected.
    Schedule,
    /// The patient is here.
    Arrive,
    /// The patient has been seen.
    Process,
    /// What was recorded of a processed visit changes.
    Amend(Reason),
    /// The patient did not come.
    Miss,
    /// It will not take place.
    Cancel,
    /// It stays as it is; what is missing of it is to be repeated.
    Replay,
    /// It stays as it is; its message, whose outcome is unknown, is to be sent again.
    Override(Grounds),
}

/// A patient's visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Visit {
    /// The clinic's number for it.
    pub id: u32,
    /// Where it stands.
    pub status: Status,
    /// Counts what was recorded of it; 0 until it is processed.
    pub revision: u32,
    /// Counts changes of this row.
    pub version: u32,
    /// When its day is over: who has not come by then has not come.
    pub day_ends: Moment,
    /// The trace context of the row that announced it.
    pub context: Scope,
}

impl Row for Visit {
    type Key = u32;
    const TABLE: &'static str = "visits";
    fn key(&self) -> u32 {
        self.id
    }
}

/// The audit trail: one row for each move, replay and override of a visit, never changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Entry {
    /// Its number.
    pub id: u32,
    /// Which visit.
    pub visit: u32,
    /// The version of the visit that the move made, or that was replayed.
    pub version: u32,
    /// Who did it.
    pub by: Actor,
    /// What was done.
    pub action: Action,
    /// The key of the request, by which a repeat of it is known.
    pub request: Option<u64>,
    /// When.
    pub at: Moment,
}

impl Row for Entry {
    type Key = u32;
    const TABLE: &'static str = "audit trail";
    fn key(&self) -> u32 {
        self.id
    }
    fn unique(&self) -> Option<u64> {
        self.request
    }
}

/// Where a report stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum ReportState {
    /// It is to be made. If its job is a dead letter it is stuck: nothing happens until a person replays it.
    Pending,
    /// It is in the document store.
    Ready,
}

/// The report on one revision of a visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Report {
    /// Its number.
    pub id: u32,
    /// On which visit.
    pub visit: u32,
    /// On which revision of it.
    pub revision: u32,
    /// Where it stands.
    pub state: ReportState,
    /// The trace context of the request that it is owed to.
    pub context: Scope,
}

impl Report {
    /// What no two reports share: their visit and revision.
    pub fn of(visit: u32, revision: u32) -> u64 {
        u64::from(visit) << 32 | u64::from(revision)
    }
}

impl Row for Report {
    type Key = u32;
    const TABLE: &'static str = "reports";
    fn key(&self) -> u32 {
        self.id
    }
    fn unique(&self) -> Option<u64> {
        Some(Self::of(self.visit, self.revision))
    }
}
