//! Jobs: durable work, its states, and who may move it.
//!
//! Queued → Running → Succeeded; Running → Failed → Queued; Failed → DeadLetter. A claim counts the token up;
//! whoever holds an older one has lost the job and may not move it.

use crate::platform::{Platform, Tables};
use crate::rows::{Job, JobState};
use crate::terms::{LEASE, MAX_CLAIMS};
use shakedown_sim::{Duration, Env, Moment, Scope, StoreError, Transaction};

/// The job that sees to a new booking.
pub(crate) fn first(platform: &Platform, booking: u32, now: Moment, context: Scope) -> Job {
    let id = platform.next_job();
    let (state, token, woken) = (JobState::Queued, 0, false);
    Job { id, booking, state, token, lease_until: Moment::START, due: now, woken, context }
}

/// Has the booking looked at again: its waiting job falls due, a running one is told that there is news, and
/// if there is neither, there will be another.
pub(crate) async fn wake(
    tx: &mut Transaction,
    platform: &Platform,
    (booking, context): (u32, Scope),
    now: Moment,
) -> Result<(), StoreError> {
    let jobs = tx.scan(&platform.tables.jobs, |job| job.booking == booking && is_live(job.state)).await?;
    let Some(job) = jobs.first() else {
        return tx.insert(&platform.tables.jobs, first(platform, booking, now, context)).await;
    };
    let Some(job) = tx.lock(&platform.tables.jobs, &job.id).await? else { return Ok(()) };
    let woken = match job.state {
        JobState::Queued | JobState::Failed => Job { due: now, ..job },
        JobState::Running => Job { woken: true, ..job },
        JobState::Succeeded | JobState::DeadLetter => {
            return tx.insert(&platform.tables.jobs, first(platform, booking, now, context)).await;
        }
    };
    if woken == job { Ok(()) } else { tx.update(&platform.tables.jobs, woken).await }
}

fn is_live(state: JobState) -> bool {
    matches!(state, JobState::Queued | JobState::Running | JobState::Failed)
}

/// Whether a job has been claimed so often that it is to be given up.
pub(crate) fn is_spent(job: &Job) -> bool {
    job.token >= MAX_CLAIMS
}

/// When the next job wants a worker's hand: it is due, or its lease runs out.
pub(crate) fn next_due(jobs: &[Job]) -> Option<Moment> {
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

/// Takes the first job that is due and nobody else has in hand: rescues it from a holder whose lease has
/// run out, puts it back into the queue after its wait, gives it up after too many claims, or claims it.
///
/// # Errors
/// As the store reports them; nothing is claimed for certain then.
pub(crate) async fn take(env: &Env, platform: &Platform) -> Result<Taken, StoreError> {
    let now = env.now();
    let Tables { jobs, .. } = &platform.tables;
    let mut tx = platform.store.begin(env);
    let Some(job) =
        tx.claim(jobs, |job| is_live(job.state) && next_due(&[*job]).is_some_and(|due| due <= now)).await?
    else {
        let waiting = tx.scan(jobs, |job| is_live(job.state)).await?;
        // What is due and not to be had is in somebody's hands.
        return Ok(Taken::Nothing(next_due(&waiting).map(|due| if due <= now { now + HELD } else { due })));
    };
    let env = env.within(job.context).child("attempt");
    let mut tx = tx.within(&env);
    let (moved, name) = match job.state {
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
    };
    tx.update(jobs, moved).await?;
    tx.commit(name).await?;
    Ok(if moved.state == JobState::Running { Taken::Claimed(env, moved) } else { Taken::Moved })
}
