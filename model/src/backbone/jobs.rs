//! Jobs: durable work, its states, and who may move it.
//!
//! Queued → Running → Succeeded; Running → Failed → Queued, after a wait; Failed → DeadLetter → Queued, by a person.
//! Taking a lease increments the token and the attempts, so a job that kills its workers comes to an end. A worker with an
//! older token has lost the job and may not move it. The holder moves its job within the transaction of its result, or
//! returns it to the queue if the worker shuts down. How workers take jobs is in [`leases`](super::leases).

use super::{Backbone, Design, audit};
use crate::settings::{LEASE, MAX_WAITS};
use serde::Serialize;
use serde::Serializer;
use shakedown_sim::{Env, Moment, Row, Scope, StoreError, Transaction};
use std::fmt;

/// A kind of job: which handler works it. Each flow declares its own kinds.
///
/// ```
/// use shakedown_model::backbone::jobs::{JobKind, JobKindWords, WorkItem};
/// const SHIP: JobKind = JobKind::new(&JobKindWords { name: "ship", row: "parcel " });
/// assert_eq!(WorkItem { kind: SHIP, row: 7 }.to_string(), "parcel 7");
/// ```
#[derive(Clone, Copy)]
pub struct JobKind(&'static JobKindWords);

/// The words for a kind of job.
pub struct JobKindWords {
    /// Its name, which no other kind has.
    pub name: &'static str,
    /// What a story puts before the number of the row that such a job is for.
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
        // The address decides nearly always; the name is what counts.
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

/// A piece of work: a kind of job, and the number of the row that it is for.
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

/// Where a job stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum JobState {
    /// It waits for a worker.
    Queued,
    /// A worker holds its lease.
    Running,
    /// It is done.
    Succeeded,
    /// Its last run ended without result. When it is due it returns to the queue or becomes a dead letter.
    Failed,
    /// It has failed for good and is listed. A person may replay it.
    DeadLetter,
}

/// How a run of a job ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Ending {
    /// With its result.
    Succeeded,
    /// With a wait: it continues when there may be news. This uses up no attempt.
    Waits,
    /// Without result; another attempt may have one.
    Retryable,
    /// Without result; another attempt would have none, or would not be safe.
    Final,
    /// Its lease expired: how far it came is unknown.
    Lapsed,
    /// Its worker shut down and returned it to the queue. Its pending calls may still take effect.
    Stopped,
}

/// Work to do after the request that asked for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Job {
    /// Its number.
    pub id: u32,
    /// What it is about.
    pub kind: JobKind,
    /// The number of the row that it is for, in the table of its flow.
    pub subject: u32,
    /// Where it stands.
    pub state: JobState,
    /// Counts leases. A worker with an older token has lost the job.
    pub token: u32,
    /// Counts leases since it was created or replayed, without those that ended in a wait.
    pub attempts: u32,
    /// Counts runs that ended in a wait since it was created or replayed.
    pub waits: u32,
    /// Counts replays.
    pub replays: u32,
    /// How its last run ended; none before that.
    pub ended: Option<Ending>,
    /// When the present lease expires.
    pub lease_until: Moment,
    /// When it is due.
    pub due: Moment,
    /// Whether news of its row came while it ran.
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
    /// Returns a job for this piece of work, in the queue, due at `due`.
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

    /// The piece of work that it is for.
    pub fn item(&self) -> WorkItem {
        WorkItem { kind: self.kind, row: self.subject }
    }

    /// Returns the job with a lease from now on.
    pub(crate) fn claimed(self, now: Moment) -> Self {
        let (token, attempts) = (self.token + 1, self.attempts + 1);
        Job { state: JobState::Running, token, attempts, lease_until: now + LEASE, woken: false, ..self }
    }

    /// Returns the job after a failed run, due again after the wait that the design prescribes.
    pub(crate) fn failed(self, backbone: &Backbone, ending: Ending, now: Moment) -> Self {
        let at_once = self.woken || ending == Ending::Final;
        let wait = || backbone.jitter.of(backbone.design.bounded_retry.wait(self.attempts));
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

/// The record that a person replayed a job. Never changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Replay {
    /// Which job.
    pub job: u32,
    /// Its number among the replays of the job, from 1.
    pub number: u32,
    /// Who did it.
    pub by: &'static str,
    /// Why.
    pub reason: &'static str,
}

impl Row for Replay {
    type Key = (u32, u32);
    const TABLE: &'static str = "replays";
    fn key(&self) -> (u32, u32) {
        (self.job, self.number)
    }
}

/// A piece of work to be done, with the trace context of what asks for it.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub(crate) item: WorkItem,
    pub(crate) context: Scope,
}

/// Returns the first job for a new row.
pub(crate) fn first(backbone: &Backbone, request: Request, now: Moment) -> Job {
    Job::queued(backbone.job_numbers.next(), request.item, now, request.context)
}

/// Has the row processed again: a waiting job falls due, a running one is marked as woken, and if there is neither, a new
/// job is queued.
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

/// Locks and returns the job as it is now, if the worker that took it as `job` still holds it.
///
/// # Errors
/// If the store fails.
pub async fn hold(tx: &mut Transaction, backbone: &Backbone, job: &Job) -> Result<Option<Job>, StoreError> {
    let row = tx.lock(&backbone.jobs, &job.id).await?;
    Ok(row.filter(|row| row.token == job.token && row.state == JobState::Running))
}

/// Ends the holder's run with its result, which the same transaction writes. If news came meanwhile, the job runs again
/// at once.
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

/// Ends the holder's run with a wait until `due`, or without one if news came meanwhile. The run does not count as an
/// attempt: to look up an outcome is not to try the operation.
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
    // What is woken was due before: it is taken up at once.
    let due = if held.woken { held.due } else { due };
    let (attempts, waits) = (held.attempts.saturating_sub(1), held.waits + 1);
    let (state, ended) = (JobState::Failed, Some(Ending::Waits));
    tx.update(&backbone.jobs, Job { state, ended, attempts, waits, due, woken: false, ..*held }).await
}

/// Ends the holder's run without result: [`Ending::Retryable`] or [`Ending::Final`]. If news came meanwhile,
/// the next attempt is made at once.
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

/// Returns a job to the queue whose holder shuts down, unless it has been moved already. It counts as an attempt without
/// result, as after an expired lease, but the next attempt need not wait for the lease.
///
/// # Errors
/// If the store fails. The lease expires then.
pub async fn hand_back(env: &Env, backbone: &Backbone, job: &Job) -> Result<(), StoreError> {
    let mut tx = backbone.store.begin(env);
    let Some(held) = hold(&mut tx, backbone, job).await? else { return Ok(()) };
    fail(&mut tx, backbone, &held, Ending::Stopped, backbone.now(env)).await?;
    tx.commit("hand job back").await
}

/// Extends the holder's lease. Returns whether it still is the holder.
///
/// # Errors
/// If the store fails.
pub(crate) async fn beat(env: &Env, backbone: &Backbone, job: &Job) -> Result<bool, StoreError> {
    let mut tx = backbone.store.begin(env);
    let Some(held) = hold(&mut tx, backbone, job).await? else { return Ok(false) };
    tx.update(&backbone.jobs, Job { lease_until: backbone.now(env) + LEASE, ..held }).await?;
    tx.commit("extend lease").await.map(|()| true)
}

/// Replays a dead letter because a person asks for it; its attempts are counted anew. Returns whether it was a dead letter.
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
