//! Jobs: durable work, its states, and who may move it.
//!
//! Queued → Running → Succeeded; Running → Failed → Queued; Failed → DeadLetter. A claim counts the token up;
//! whoever holds an older one has lost the job and may not move it.

use super::Backbone;
use crate::terms::{LEASE, MAX_CLAIMS};
use serde::Serialize;
use shakedown_sim::{Duration, Env, Moment, Row, Scope, StoreError, Transaction};

/// What a job is about: which handler works it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Kind {
    /// A booking is carried as far as it goes.
    Book,
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
    /// Its last run ended without result; it is due again later.
    Failed,
    /// It is given up, and listed.
    DeadLetter,
}

/// Work to do after the request that asked for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Job {
    /// Its number.
    pub id: u32,
    /// What it is about.
    pub kind: Kind,
    /// The number of the row that it is to see to: for [`Kind::Book`] the booking.
    pub subject: u32,
    /// Where it stands.
    pub state: JobState,
    /// Counts claims; who holds an older one has lost the job.
    pub token: u32,
    /// Until when the present holder has it.
    pub lease_until: Moment,
    /// When it is due.
    pub due: Moment,
    /// Whether news came while it ran.
    pub woken: bool,
    /// The trace context of what asked for it.
    pub context: Scope,
}

impl Row for Job {
    type Key = u32;
    const TABLE: &'static str = "jobs";
    fn key(&self) -> u32 {
        self.id
    }
}

/// Whom a job is for: its kind and the row that it sees to, with the trace context of what asks for it.
#[derive(Clone, Copy)]
pub(crate) struct Errand {
    pub(crate) kind: Kind,
    pub(crate) subject: u32,
    pub(crate) context: Scope,
}

/// The job that sees to a new row.
pub(crate) fn first(backbone: &Backbone, errand: Errand, now: Moment) -> Job {
    let id = backbone.job_numbers.next();
    let Errand { kind, subject, context } = errand;
    let (state, token, woken) = (JobState::Queued, 0, false);
    Job { id, kind, subject, state, token, lease_until: Moment::START, due: now, woken, context }
}

/// Has the row looked at again: its waiting job falls due, a running one is told that there is news, and
/// if there is neither, there will be another.
pub(crate) async fn wake(
    tx: &mut Transaction,
    backbone: &Backbone,
    errand: Errand,
    now: Moment,
) -> Result<(), StoreError> {
    let of_errand =
        |job: &Job| job.kind == errand.kind && job.subject == errand.subject && is_live(job.state);
    let jobs = tx.scan(&backbone.jobs, of_errand).await?;
    let Some(job) = jobs.first() else {
        return tx.insert(&backbone.jobs, first(backbone, errand, now)).await;
    };
    let Some(job) = tx.lock(&backbone.jobs, &job.id).await? else { return Ok(()) };
    let woken = match job.state {
        JobState::Queued | JobState::Failed => Job { due: now, ..job },
        JobState::Running => Job { woken: true, ..job },
        JobState::Succeeded | JobState::DeadLetter => {
            return tx.insert(&backbone.jobs, first(backbone, errand, now)).await;
        }
    };
    if woken == job { Ok(()) } else { tx.update(&backbone.jobs, woken).await }
}

fn is_live(state: JobState) -> bool {
    matches!(state, JobState::Queued | JobState::Running | JobState::Failed)
}

/// Whether a job has been claimed so often that it is to be given up.
pub(crate) fn is_spent(job: &Job) -> bool {
    job.token >= MAX_CLAIMS
}

/// When the next job wants a worker's hand: it is due, or its lease runs out.
fn next_due(jobs: &[Job]) -> Option<Moment> {
    let due = jobs.iter().filter_map(|job| match job.state {
        JobState::Queued | JobState::Failed => Some(job.due),
        JobState::Running => Some(job.lease_until),
        JobState::Succeeded | JobState::DeadLetter => None,
    });
    due.min()
}

/// How long to leave a job alone that another transaction has in hand.
const HELD: Duration = Duration::from_secs(5);

/// What a worker found to do.
pub(crate) enum Taken {
    /// This job is its own until the lease ends.
    Claimed(Env, Job),
    /// A job was moved on towards its next claim.
    Moved,
    /// Nothing is due; look again then.
    Nothing(Option<Moment>),
}

/// Takes the first job of these kinds that is due and nobody else has in hand: rescues it from a holder whose
/// lease has run out, puts it back into the queue after its wait, gives it up after too many claims, or
/// claims it.
///
/// # Errors
/// As the store reports them; nothing is claimed for certain then.
pub(crate) async fn take(
    env: &Env,
    backbone: &Backbone,
    is_ours: impl Fn(Kind) -> bool,
) -> Result<Taken, StoreError> {
    let (now, jobs) = (env.now(), &backbone.jobs);
    let mut tx = backbone.store.begin(env);
    let live = |job: &Job| is_ours(job.kind) && is_live(job.state);
    let Some(job) =
        tx.claim(jobs, |job| live(job) && next_due(&[*job]).is_some_and(|due| due <= now)).await?
    else {
        let waiting = tx.scan(jobs, live).await?;
        // What is due and not to be had is in somebody's hands.
        return Ok(Taken::Nothing(next_due(&waiting).map(|due| if due <= now { now + HELD } else { due })));
    };
    let env = env.within(job.context).child("attempt");
    let mut tx = tx.within(&env);
    let (moved, name) = moved(&env, job);
    tx.update(jobs, moved).await?;
    tx.commit(name).await?;
    Ok(if moved.state == JobState::Running { Taken::Claimed(env, moved) } else { Taken::Moved })
}

/// Where a job that is due goes next, and what that is called.
fn moved(env: &Env, job: Job) -> (Job, &'static str) {
    let now = env.now();
    match job.state {
        JobState::Running => {
            env.because(|| "its holder's lease has run out".to_owned());
            env.note(|| format!("takes job {} from its holder", job.id));
            (Job { state: JobState::Failed, due: now, ..job }, "rescue job")
        }
        JobState::Failed if is_spent(&job) => {
            env.because(|| format!("it was claimed {} times", job.token));
            env.note(|| format!("gives job {} up", job.id));
            (Job { state: JobState::DeadLetter, ..job }, "give job up")
        }
        JobState::Failed => (Job { state: JobState::Queued, ..job }, "queue job again"),
        _ => {
            let (token, lease_until) = (job.token + 1, now + LEASE);
            (Job { state: JobState::Running, token, lease_until, woken: false, ..job }, "claim job")
        }
    }
}
