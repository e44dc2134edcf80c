//! The operational status of a visit: its progress, what is stuck, and the possible actions.

use super::facts::VisitWord;
use super::platform::{Platform, job_for};
use super::rows::{Action, Reason, Report, ReportState, Status, Visit};
use crate::backbone::jobs::{Job, JobState};
use crate::backbone::mail::rows::Notification;
use crate::visit::events::{REPORTED, VISIT};
use shakedown_sim::{StoreError, Transaction};

/// All that is known about a visit's current revision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Case {
    /// The visit.
    pub visit: Visit,
    /// Its report, if one is required.
    pub report: Option<Report>,
    /// The last job that made the report, if it is kept.
    pub job: Option<Job>,
    /// The message that announces the report, if there is one.
    pub message: Option<Notification>,
}

/// The effects that a replay repeats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Redo {
    /// Nothing.
    Nothing,
    /// The missing report.
    Report,
    /// The message: its attempts ended before anything was sent, or it is sent again by an override.
    Message,
    /// Everything.
    Everything,
}

impl Case {
    /// Returns whether the report is pending but no job works on it any more.
    pub fn is_stuck(&self) -> bool {
        let is_owed = self.report.is_some_and(|report| report.state == ReportState::Pending);
        is_owed && self.job.is_some_and(|job| job.state == JobState::DeadLetter)
    }
}

/// The data that a screen needs to show a visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct View {
    /// The visit.
    pub visit: u32,
    /// The version of its row.
    pub version: u32,
    /// Its revision.
    pub revision: u32,
    /// The text to show.
    pub word: VisitWord,
    /// The number of attempts at its report.
    pub attempts: u32,
    /// The actions to offer.
    pub actions: &'static [Action],
    /// Whether the missing effects may be repeated.
    pub may_replay: bool,
    /// Whether its message may be sent again although it may arrive twice.
    pub may_override: bool,
}

/// Reads a visit's case; returns `None` if there is no such visit.
///
/// # Errors
/// If the store fails.
pub(crate) async fn read(
    tx: &mut Transaction,
    platform: &Platform,
    visit: u32,
) -> Result<Option<Case>, StoreError> {
    let Some(visit) = tx.get(&platform.tables.visits, &visit).await? else { return Ok(None) };
    let key = Report::of(visit.id, visit.revision);
    let report = tx.get_by_unique(&platform.tables.reports, key).await?;
    let job = match report.map(|report| job_for(&report)) {
        None => None,
        Some(request) => {
            let of_report = |job: &Job| job.item() == request.item;
            tx.scan(&platform.backbone.jobs, of_report).await?.pop()
        }
    };
    let message = read_message(tx, platform, &visit).await?;
    Ok(Some(Case { visit, report, job, message }))
}

/// Reads the message that announces the report on the current revision, once it is planned.
async fn read_message(
    tx: &mut Transaction,
    platform: &Platform,
    visit: &Visit,
) -> Result<Option<Notification>, StoreError> {
    let mail = &platform.mail;
    let of_revision = |row: &Notification| {
        (row.subject, row.what, row.version) == (VISIT.row(visit.id), REPORTED, visit.revision)
    };
    Ok(tx.scan(&mail.notifications, of_revision).await?.pop())
}

/// Returns what a screen shows of a case.
pub(crate) fn show(platform: &Platform, case: &Case) -> View {
    let Case { visit, job, .. } = case;
    let status = &platform.design.operational_status_view;
    View {
        visit: visit.id,
        version: visit.version,
        revision: visit.revision,
        word: status.word(case),
        attempts: job.map_or(0, |job| job.attempts),
        actions: offered(visit.status),
        may_replay: status.may_replay(case),
        may_override: status.may_double(case),
    }
}

/// Returns the actions that an operator may take on a visit.
fn offered(status: Status) -> &'static [Action] {
    match status {
        Status::Scheduled => &[Action::Arrive, Action::Miss, Action::Cancel],
        Status::Arrived => &[Action::Process, Action::Cancel],
        Status::Processed => &[Action::Amend(Reason::Mistake), Action::Amend(Reason::LateResult)],
        Status::NoShow | Status::Cancelled => &[],
    }
}
