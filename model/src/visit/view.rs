//! The operational status of a visit: what has happened of it, what is under way, what is stuck, and what may be
//! done about it.

use super::facts::VisitWord;
use super::platform::{Platform, job_for};
use super::rows::{Action, Reason, Report, ReportState, Status, Visit};
use crate::backbone::jobs::{Job, JobState};
use crate::backbone::mail::rows::Notification;
use crate::visit::events::{REPORTED, VISIT};
use shakedown_sim::{StoreError, Transaction};

/// All that is known of a visit's present revision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Case {
    /// The visit.
    pub visit: Visit,
    /// Its report, if it owes one.
    pub report: Option<Report>,
    /// The last job that made the report, if it is kept.
    pub job: Option<Job>,
    /// The message that tells of the report, if there is one.
    pub message: Option<Notification>,
}

/// What a replay is to do again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Redo {
    /// Nothing.
    Nothing,
    /// The report is not there.
    Report,
    /// The message: it was given up before anything of it went out, or is to be sent again all the same.
    Message,
    /// Whatever there is, is done again.
    Everything,
}

impl Case {
    /// Returns whether the report is pending but no job works on it any more.
    pub fn is_stuck(&self) -> bool {
        let is_owed = self.report.is_some_and(|report| report.state == ReportState::Pending);
        is_owed && self.job.is_some_and(|job| job.state == JobState::DeadLetter)
    }
}

/// What a screen needs to show a visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct View {
    /// Which visit.
    pub visit: u32,
    /// Which version of its row.
    pub version: u32,
    /// Which revision of it.
    pub revision: u32,
    /// What to say.
    pub word: VisitWord,
    /// How often its report was tried.
    pub attempts: u32,
    /// What may be done with it.
    pub actions: &'static [Action],
    /// Whether what is missing may be repeated.
    pub may_replay: bool,
    /// Whether its message may be sent again though it may come twice.
    pub may_override: bool,
}

/// Reads a visit's case; nothing if there is no such visit.
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

/// What tells the patient of the report on the present revision, once that is planned.
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

/// What a screen is to show of a case.
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

/// What an operator may do with a visit.
fn offered(status: Status) -> &'static [Action] {
    match status {
        Status::Scheduled => &[Action::Arrive, Action::Miss, Action::Cancel],
        Status::Arrived => &[Action::Process, Action::Cancel],
        Status::Processed => &[Action::Amend(Reason::Mistake), Action::Amend(Reason::LateResult)],
        Status::NoShow | Status::Cancelled => &[],
    }
}
