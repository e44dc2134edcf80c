//! Jobs: durable work, its states, and the rules for moving it.
//!
//! Queued → Running → Succeeded; Running → Failed → Queued, after a wait; Failed → DeadLetter → Queued, by a person.
//! Taking a lease increments the token and the attempts, so a job that kills its workers is retried a limited number of
//! times. A worker with an older token has lost the job and may not move it. The holder moves its job within the
//! transaction of its result, or returns it to the queue if the worker shuts down. The module [`leases`](super::leases)
//! describes how workers take jobs.

use super::{Backbone, Design, audit};
use crate::settings::{LEASE, MAX_WAITS};
use serde::Serialize;
use serde::Serializer;
use shakedown_sim::{Env, Moment, Row, Scope, StoreError, Transaction};
use std::fmt;

/// A kind of job, which selects its handler. Each flow declares its own kinds.
///
/// ```
/// use shakedown_model::backbone::jobs::{JobKind, JobKindWords, WorkItem};
/// const SHIP: JobKind = JobKind::new(&JobKindWords { name: "ship", row: "parcel " });
/// assert_eq!(WorkItem { kind: SHIP, row: 7 }.to_string(), "parcel 7");
/// ```
#[derive(Clone, Copy)]
pub struct JobKind(&'static JobKindWords);

/// The texts of a kind of job.
pub struct JobKindWords {
    /// The name, which is unique.
    pub name: &'static str,
    /// The text that stories put before the number of the job's row.
    pub row: &'static str,
}

impl JobKind {
    /// Declares a kind.
    pub const fn new(words: &'static JobKindWords) -> Self {
        Self(words)
    }
}

impl PartialEq for JobKind {
    fn eq(&self, other: &Self) -> bool {
        // The address is nearly always sufficient; the name decides.
        std::ptr::eq(self.0, other.0) || self.0.name == other.0.name
    }
}

impl Eq for JobKind {}

impl PartialOrd for JobKind {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for JobKind {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.name.cmp(other.0.name)
    }
}

impl fmt::Debug for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl Serialize for JobKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name)
    }
}

/// A piece of work: a kind of job, and the number of its row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct WorkItem {
    /// The kind of job.
    pub kind: JobKind,
    /// The number of the row.
    pub row: u32,
}

impl fmt::Display for WorkItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.0.row, self.row)
    }
}

/// The state of a job.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum JobState {
    /// Waiting for a worker.
    Queued,
    /// A worker holds its lease.
    Running,
    /// Done.
    Succeeded,
    /// Its last run ended without result. When it is due it returns to the queue or becomes a dead letter.
    Failed,
    /// It has failed for good and is listed. A person may replay it.
    DeadLetter,
}

/// The end of a run of a job.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Ending {
    /// With its result.
    Succeeded,
    /// With a wait: it continues when there may be news. This run does not count as an attempt.
    Waits,
    /// Without result; another attempt may succeed.
    Retryable,
    /// Without result; another attempt would not succeed, or would not be safe.
    Final,
    /// The lease expired: the progress of the run is unknown.
    Lapsed,
    /// Its worker shut down and returned it to the queue. Its pending calls may still take effect.
    Stopped,
}

/// Work that is done after the request for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Job {
    /// Its number.
    pub id: u32,
    /// The kind of work.
    pub kind: JobKind,
    /// The number of its row, in the table of its flow.
    pub subject: u32,
    /// The state.
    pub state: JobState,
    /// The number of leases so far. A worker with an older token has lost the job.
    pub token: u32,
    /// The number of leases since it was created or replayed, without those that ended in a wait.
    pub attempts: u32,
    /// The number of runs that ended in a wait since it was created or replayed.
    pub waits: u32,
    /// The number of replays.
    pub replays: u32,
    /// The end of its last run; `None` before that.
    pub ended: Option<Ending>,
    /// The time at which the current lease expires.
    pub lease_until: Moment,
    /// The time at which it is due.
    pub due: Moment,
    /// Whether there was news about its row while it ran.
    pub woken: bool,
    /// The trace context of the request for it.
    pub context: Scope,
}

impl Row for Job {
    type Key = u32;
    const TABLE: &'static str = "jobs";
    fn key(&self) -> u32 {
        self.id
    }
}

impl Job {
    /// Returns a queued job for this piece of work, due at `due`.
    pub fn queued(id: u32, item: WorkItem, due: Moment, context: Scope) -> Self {
        Self {
            id,
            kind: item.kind,
            subject: item.row,
            state: JobState::Queued,
            token: 0,
            attempts: 0,
            waits: 0,
            replays: 0,
            ended: None,
            lease_until: Moment::START,
            due,
            woken: false,
            context,
        }
    }

    /// Returns its piece of work.
    pub fn item(&self) -> WorkItem {
        WorkItem { kind: self.kind, row: self.subject }
    }

    /// Returns the job with a lease that begins now.
    pub(crate) fn claimed(self, now: Moment) -> Self {
        let (token, attempts) = (self.token + 1, self.attempts + 1);
        Job { state: JobState::Running, token, attempts, lease_until: now + LEASE, woken: false, ..self }
    }

    /// Returns the job after a failed run, due again after the wait that the design sets.
    pub(crate) fn failed(self, backbone: &Backbone, ending: Ending, now: Moment) -> Self {
        let at_once = self.woken || ending == Ending::Final;
        let wait = || backbone.jitter.of(backbone.design.bounded_retry.wait(self.attempts), self.id);
        let due = if at_once { now } else { now + wait() };
        Job { state: JobState::Failed, ended: Some(ending), due, woken: false, ..self }
    }

    /// Returns whether it becomes a dead letter instead of running again.
    pub(crate) fn is_spent(&self, design: &Design) -> bool {
        let is_final = self.ended == Some(Ending::Final);
        is_final || self.waits >= MAX_WAITS || design.bounded_retry.is_spent(self)
    }

    /// Returns whether it becomes a dead letter if this run ends in a wait.
    pub(crate) fn has_waited_enough(&self) -> bool {
        self.waits + 1 >= MAX_WAITS
    }

    /// Returns whether it will still run without a person's action.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.state, JobState::Queued | JobState::Running | JobState::Failed)
    }
}

/// The record that a person replayed a job. It never changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Replay {
    /// The job.
    pub job: u32,
    /// Its number among the replays of the job, from 1.
    pub number: u32,
    /// The person.
    pub by: &'static str,
    /// The reason.
    pub reason: &'static str,
}

impl Row for Replay {
    type Key = (u32, u32);
    const TABLE: &'static str = "replays";
    fn key(&self) -> (u32, u32) {
        (self.job, self.number)
    }
}

/// A request for a piece of work, with its trace context.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub(crate) item: WorkItem,
    pub(crate) context: Scope,
}

/// Returns the first job for a new row.
pub(crate) fn first(backbone: &Backbone, request: Request, now: Moment) -> Job {
    Job::queued(backbone.job_numbers.next(), request.item, now, request.context)
}

/// Requests that the row is processed again: a waiting job becomes due, a running one is marked as woken, and if there is
/// neither, a new job is queued.
pub(crate) async fn wake(
    tx: &mut Transaction,
    backbone: &Backbone,
    request: Request,
    now: Moment,
) -> Result<(), StoreError> {
    let of_item = |job: &Job| job.item() == request.item && job.is_live();
    let jobs = tx.scan(&backbone.jobs, of_item).await?;
    let Some(job) = jobs.first() else {
        return tx.insert(&backbone.jobs, first(backbone, request, now)).await;
    };
    let Some(job) = tx.lock(&backbone.jobs, &job.id).await? else { return Ok(()) };
    let woken = match job.state {
        JobState::Queued | JobState::Failed => Job { due: now, ..job },
        JobState::Running => Job { woken: true, ..job },
        JobState::Succeeded | JobState::DeadLetter => {
            return tx.insert(&backbone.jobs, first(backbone, request, now)).await;
        }
    };
    if woken == job { Ok(()) } else { tx.update(&backbone.jobs, woken).await }
}

/// Ends the waiting job of an item whose work was done after the attempt had lost the job. Returns whether there was
/// one. It need not run again, and may have no attempt left for that.
pub(crate) async fn succeed_waiting(
    tx: &mut Transaction,
    backbone: &Backbone,
    item: WorkItem,
) -> Result<bool, StoreError> {
    let waits = |job: &Job| job.item() == item && matches!(job.state, JobState::Queued | JobState::Failed);
    let jobs = tx.scan(&backbone.jobs, waits).await?;
    let Some(job) = jobs.first() else { return Ok(false) };
    let Some(job) = tx.lock(&backbone.jobs, &job.id).await?.filter(waits) else { return Ok(false) };
    let ended = Some(Ending::Succeeded);
    tx.update(&backbone.jobs, Job { state: JobState::Succeeded, ended, ..job }).await.map(|()| true)
}

/// Locks the job and returns its current row, if the worker that took it as `job` still holds it.
///
/// # Errors
/// If the store fails.
pub async fn hold(tx: &mut Transaction, backbone: &Backbone, job: &Job) -> Result<Option<Job>, StoreError> {
    let row = tx.lock(&backbone.jobs, &job.id).await?;
    Ok(row.filter(|row| row.token == job.token && row.state == JobState::Running))
}

/// Ends the holder's run with its result, which the same transaction writes. If there was news meanwhile, the job runs
/// again at once.
///
/// # Errors
/// If the store fails.
pub async fn succeed(
    tx: &mut Transaction,
    backbone: &Backbone,
    held: &Job,
    now: Moment,
) -> Result<(), StoreError> {
    if held.woken {
        return wait(tx, backbone, held, now).await;
    }
    audit::end(tx, backbone, held, Ending::Succeeded).await?;
    let ended = Some(Ending::Succeeded);
    tx.update(&backbone.jobs, Job { state: JobState::Succeeded, ended, ..*held }).await
}

/// Ends the holder's run with a wait until `due`, or without one if there was news meanwhile. The run does not count
/// as an attempt: looking up an outcome is not an attempt of the operation.
///
/// # Errors
/// If the store fails.
pub async fn wait(
    tx: &mut Transaction,
    backbone: &Backbone,
    held: &Job,
    due: Moment,
) -> Result<(), StoreError> {
    audit::end(tx, backbone, held, Ending::Waits).await?;
    // A woken job was due before, so it is taken up at once.
    let due = if held.woken { held.due } else { due };
    let (attempts, waits) = (held.attempts.saturating_sub(1), held.waits + 1);
    let (state, ended) = (JobState::Failed, Some(Ending::Waits));
    tx.update(&backbone.jobs, Job { state, ended, attempts, waits, due, woken: false, ..*held }).await
}

/// Ends the holder's run without result: [`Ending::Retryable`] or [`Ending::Final`]. If there was news meanwhile, the
/// next attempt starts at once.
///
/// # Errors
/// If the store fails.
pub async fn fail(
    tx: &mut Transaction,
    backbone: &Backbone,
    held: &Job,
    ending: Ending,
    now: Moment,
) -> Result<(), StoreError> {
    let ending = if held.woken { Ending::Retryable } else { ending };
    audit::end(tx, backbone, held, ending).await?;
    tx.update(&backbone.jobs, held.failed(backbone, ending, now)).await
}

/// Returns the job of a holder that shuts down to the queue, unless it has been moved already. The run counts as an
/// attempt without result, as after an expired lease, but the next attempt need not wait for the end of the lease.
///
/// # Errors
/// If the store fails. The lease then expires.
pub async fn hand_back(env: &Env, backbone: &Backbone, job: &Job) -> Result<(), StoreError> {
    let mut tx = backbone.store.begin(env);
    let Some(held) = hold(&mut tx, backbone, job).await? else { return Ok(()) };
    fail(&mut tx, backbone, &held, Ending::Stopped, backbone.now(env)).await?;
    tx.commit("hand job back").await
}

/// Extends the holder's lease. Returns whether the worker still is the holder.
///
/// # Errors
/// If the store fails.
pub(crate) async fn beat(env: &Env, backbone: &Backbone, job: &Job) -> Result<bool, StoreError> {
    let mut tx = backbone.store.begin(env);
    let Some(held) = hold(&mut tx, backbone, job).await? else { return Ok(false) };
    tx.update(&backbone.jobs, Job { lease_until: backbone.now(env) + LEASE, ..held }).await?;
    tx.commit("extend lease").await.map(|()| true)
}

/// Replays a dead letter on a person's request and resets its attempts. Returns whether it was a dead letter.
///
/// # Errors
/// If the store fails.
pub async fn replay(
    tx: &mut Transaction,
    backbone: &Backbone,
    job: u32,
    (by, reason): (&'static str, &'static str),
    now: Moment,
) -> Result<bool, StoreError> {
    let dead = tx.lock(&backbone.jobs, &job).await?.filter(|job| job.state == JobState::DeadLetter);
    let Some(dead) = dead else { return Ok(false) };
    let number = dead.replays + 1;
    tx.insert(&backbone.replays, Replay { job, number, by, reason }).await?;
    let (state, attempts, waits) = (JobState::Queued, 0, 0);
    let queued = Job { state, attempts, waits, replays: number, due: now, ..dead };
    tx.update(&backbone.jobs, queued).await.map(|()| true)
}
