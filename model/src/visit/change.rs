//! The only code that writes a visit's row: each version is written with its entry in the audit trail, its event, and
//! the report that it requires.

use super::platform::{Platform, job_for};
use super::rows::{Action, Actor, Entry, Report, ReportState, Status, Visit};
use crate::backbone::events::{self, Event};
use crate::backbone::jobs::{self, Job};
use crate::settings::{APPOINTMENT_HOUR, REMINDER_BEFORE};
use crate::visit::events::{ARRIVED, CANCELLED, MISSED, PROCESSED, REMINDED, SCHEDULED, VISIT};
use shakedown_sim::{Env, StoreError, Transaction};

/// A requested move of a visit, and the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Order {
    /// The visit.
    pub visit: u32,
    /// The action.
    pub action: Action,
    /// The caller.
    pub by: Actor,
    /// The revision that the caller has seen.
    pub revision: u32,
    /// The key of the request, by which a repeat is recognized; `None` if it is never repeated.
    pub request: Option<u64>,
}

/// The outcome of an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was executed, and this job makes the report that it requires.
    Done(Option<Job>),
    /// It was executed before.
    Before,
    /// There is no such visit.
    NotKnown,
    /// It is not allowed.
    Refused,
}

/// Returns whether an order with this key was executed before.
///
/// # Errors
/// If the store fails.
pub(crate) async fn is_repeat(
    tx: &mut Transaction,
    platform: &Platform,
    request: Option<u64>,
) -> Result<bool, StoreError> {
    let Some(request) = request else { return Ok(false) };
    Ok(tx.get_by_unique(&platform.tables.trail, request).await?.is_some())
}

/// Writes the first version of a visit, unless there is one. Returns whether it was written.
///
/// # Errors
/// If the store fails.
pub(crate) async fn announce(
    tx: &mut Transaction,
    platform: &Platform,
    env: &Env,
    order: &Order,
) -> Result<bool, StoreError> {
    let (status, revision, version, context) = (Status::Scheduled, 0, 1, env.scope());
    let (calendar, now) = (&platform.design.local_calendar, env.wall_time(platform.backbone.now(env)));
    let at = |days, hour| calendar.at(&platform.zone, now, days, hour);
    let is_ahead = order.action == Action::ScheduleAhead;
    let day_ends = env.moment_of(at(1 + u32::from(is_ahead), 0));
    let starts = is_ahead.then(|| at(1, APPOINTMENT_HOUR));
    let remind_at = starts.map(|starts| env.moment_of(starts - REMINDER_BEFORE));
    let starts = starts.map(|starts| env.moment_of(starts));
    let visit = Visit { id: order.visit, status, revision, version, starts, remind_at, day_ends, context };
    let is_new = tx.insert_or_ignore(&platform.tables.visits, visit).await?;
    if is_new {
        record(tx, platform, env, &visit, order).await?;
    }
    Ok(is_new)
}

/// Writes the next version of a visit. Returns the job that makes the required report, if one is required.
///
/// # Errors
/// If the store fails.
pub(crate) async fn write(
    tx: &mut Transaction,
    platform: &Platform,
    env: &Env,
    (before, after): (&Visit, Visit),
    order: &Order,
) -> Result<Option<Job>, StoreError> {
    tx.update(&platform.tables.visits, after).await?;
    record(tx, platform, env, &after, order).await?;
    if after.revision == before.revision {
        return Ok(None);
    }
    let (id, state, context) = (platform.numbers.reports.next(), ReportState::Pending, env.scope());
    let report = Report { id, visit: after.id, revision: after.revision, state, context };
    tx.insert(&platform.tables.reports, report).await?;
    let backbone = &platform.backbone;
    let job = jobs::first(backbone, job_for(&report), backbone.now(env));
    let job = platform.design.async_worker.first(job, backbone.now(env));
    if let Some(row) = platform.design.job_queue.kept(job) {
        tx.insert(&backbone.jobs, row).await?;
    }
    Ok(Some(job))
}

/// Adds an entry to the audit trail.
///
/// # Errors
/// If the store fails.
pub(crate) async fn enter(
    tx: &mut Transaction,
    platform: &Platform,
    env: &Env,
    version: u32,
    order: &Order,
) -> Result<(), StoreError> {
    let Order { visit, action, by, request, .. } = *order;
    let id = platform.numbers.entries.next();
    tx.insert(
        &platform.tables.trail,
        Entry { id, visit, version, by, action, request, at: platform.backbone.now(env) },
    )
    .await
}

async fn record(
    tx: &mut Transaction,
    platform: &Platform,
    env: &Env,
    visit: &Visit,
    order: &Order,
) -> Result<(), StoreError> {
    enter(tx, platform, env, visit.version, order).await?;
    let what = match visit.status {
        Status::Scheduled if order.action == Action::Remind => REMINDED,
        Status::Scheduled => SCHEDULED,
        Status::Arrived => ARRIVED,
        Status::Processed => PROCESSED,
        Status::NoShow => MISSED,
        Status::Cancelled => CANCELLED,
    };
    let (subject, version, context) = (VISIT.row(visit.id), visit.version, visit.context);
    events::record(tx, &platform.backbone, Event { subject, version, what, party: visit.id, context }).await
}
