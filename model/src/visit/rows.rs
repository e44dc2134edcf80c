//! Durable rows of the visit flow, and their states.

use serde::Serialize;
use shakedown_sim::{Moment, Row, Scope};

/// The state of a visit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Status {
    /// The patient is expected.
    Scheduled,
    /// The patient has arrived.
    Arrived,
    /// The patient has been seen; a report is required.
    Processed,
    /// The patient did not come.
    NoShow,
    /// The visit will not take place.
    Cancelled,
}

/// The party that moves a visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Actor {
    /// A person at a screen.
    Operator,
    /// A clinic, through the rows that it sends.
    Importer,
    /// The job that ends the day.
    NightlyClose,
    /// The job that reminds patients.
    Reminder,
}

/// The reason why a report is made again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Reason {
    /// Something was entered wrongly.
    Mistake,
    /// A result came in late.
    LateResult,
}

/// The grounds for sending a message again although the patient may receive it twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Grounds {
    /// The patient says that nothing has come.
    NothingCame,
}

/// A move of a visit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Action {
    /// The patient is expected today.
    Schedule,
    /// The patient is expected tomorrow, at nine o'clock local time.
    ScheduleAhead,
    /// The patient is reminded of the visit.
    Remind,
    /// The patient has arrived.
    Arrive,
    /// The patient has been seen.
    Process,
    /// The record of a processed visit changes.
    Amend(Reason),
    /// The patient did not come.
    Miss,
    /// It will not take place.
    Cancel,
    /// The visit stays unchanged; its missing effects are repeated.
    Replay,
    /// The visit stays unchanged; its message, whose outcome is unknown, is sent again.
    Override(Grounds),
}

/// A patient's visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Visit {
    /// The clinic's number for it.
    pub id: u32,
    /// Its state.
    pub status: Status,
    /// The number of recordings; 0 until it is processed.
    pub revision: u32,
    /// The number of changes of this row.
    pub version: u32,
    /// When it begins, if it was booked ahead.
    pub starts: Option<Moment>,
    /// When its patient must be reminded; `None` once that has happened.
    pub remind_at: Option<Moment>,
    /// The end of its day: a patient who has not come by then is missing.
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

/// The audit trail: one row for each move, replay and override of a visit. It never changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Entry {
    /// Its number.
    pub id: u32,
    /// The visit.
    pub visit: u32,
    /// The version of the visit that the move created, or that was replayed.
    pub version: u32,
    /// The party that acted.
    pub by: Actor,
    /// The action.
    pub action: Action,
    /// The key of the request, by which a repeat is recognized.
    pub request: Option<u64>,
    /// The time.
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

/// The state of a report.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum ReportState {
    /// It must be made. If its job is a dead letter it is stuck: nothing happens until a person replays it.
    Pending,
    /// It is in the document store.
    Ready,
}

/// The report on one revision of a visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Report {
    /// Its number.
    pub id: u32,
    /// The visit.
    pub visit: u32,
    /// The revision of the visit.
    pub revision: u32,
    /// Its state.
    pub state: ReportState,
    /// The trace context of the request that required it.
    pub context: Scope,
}

impl Report {
    /// Returns the key that no two reports share, from their visit and revision.
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
