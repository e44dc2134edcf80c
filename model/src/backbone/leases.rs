//! Leases: how workers take jobs, and how jobs without a holder move.

use super::dependencies::{Gates, Health, Opens};
use super::jobs::{Ending, Job, JobKind, JobState};
use super::{Backbone, audit};
use shakedown_sim::{Env, Moment, StoreError, Transaction};

/// The result of looking for a job.
pub(crate) enum Taken {
    /// This job, with a lease.
    Claimed(Env, Job),
    /// A job was moved towards its next lease.
    Moved,
    /// Nothing is due before this time.
    Nothing(Option<Moment>),
}

/// Returns when a worker must next act on a job: when it is due and may be taken, or when its lease expires.
fn next_due(job: &Job, backbone: &Backbone, gates: &Gates, now: Moment) -> Option<Moment> {
    match job.state {
        JobState::Queued => match gates.opens(job, now) {
            Opens::At(moment) => Some(job.due.max(moment)),
            Opens::WhenFreed => None,
        },
        JobState::Failed => Some(job.due),
        JobState::Running => Some(job.lease_until),
        JobState::DeadLetter => backbone.design.dead_letter.returns(job),
        JobState::Succeeded => None,
    }
}

/// Takes the first job of these kinds that is due and not held by another transaction. A job whose holder's lease has
/// expired is rescued, a job whose wait is over is queued again, a job whose attempts are used up becomes a dead
/// letter, and a queued job is claimed if the gate of its dependency is open.
///
/// # Errors
/// If the store fails. Then certainly no lease was taken.
pub(crate) async fn take(
    env: &Env,
    backbone: &Backbone,
    gates: &Gates,
    is_ours: impl Fn(JobKind) -> bool,
) -> Result<Taken, StoreError> {
    let (now, jobs) = (backbone.now(env), &backbone.jobs);
    let mut tx = backbone.store.begin(env);
    let due_of = |job: &Job| next_due(job, backbone, gates, now).filter(|_| is_ours(job.kind));
    let Some(job) = tx.claim(jobs, |job| due_of(job).is_some_and(|due| due <= now)).await? else {
        let waiting = tx.scan(jobs, |job| due_of(job).is_some()).await?;
        // A job that is due but not available is locked by another transaction, whose end wakes the poller.
        let later = waiting.iter().filter_map(due_of).filter(|due| *due > now);
        return Ok(Taken::Nothing(later.min()));
    };
    let env = env.within(job.context).child("attempt");
    let mut tx = tx.within(&env);
    if job.state == JobState::Queued {
        gates.enter(&job, now);
        let claimed = claim(&env, tx, backbone, job).await;
        if claimed.is_err() {
            gates.leave(&env, job.kind, Health::Unknown);
        }
        return claimed.map(|job| Taken::Claimed(env, job));
    }
    let (moved, name) = moved(&env, backbone, job);
    if job.state == JobState::Running {
        audit::end(&mut tx, backbone, &job, Ending::Lapsed).await?;
    }
    match moved {
        Some(moved) => tx.update(jobs, moved).await?,
        None => drop(tx.delete(jobs, &job.id).await?),
    }
    tx.commit(name).await?;
    Ok(Taken::Moved)
}

async fn claim(env: &Env, mut tx: Transaction, backbone: &Backbone, job: Job) -> Result<Job, StoreError> {
    let claimed = job.claimed(backbone.now(env));
    tx.update(&backbone.jobs, claimed).await?;
    audit::begin(&mut tx, backbone, &claimed, env.node()).await?;
    tx.commit("claim job").await?;
    Ok(claimed)
}

/// Returns the job after a move that takes no lease (`None` if it is deleted), and the name of the commit.
fn moved(env: &Env, backbone: &Backbone, job: Job) -> (Option<Job>, &'static str) {
    let design = &backbone.design;
    match job.state {
        JobState::Running => {
            env.because(|| "its holder's lease has run out".to_owned());
            env.note(|| format!("takes job {} from its holder", job.id));
            (Some(job.failed(backbone, Ending::Lapsed, backbone.now(env))), "rescue job")
        }
        JobState::Failed if job.is_spent(design) => {
            env.because(|| match job.ended {
                Some(Ending::Final) => "another attempt would not help or would not be safe".to_owned(),
                _ => format!("attempt {} was its last, after {} waits", job.attempts, job.waits),
            });
            env.note(|| format!("gives up job {}", job.id));
            (design.dead_letter.parked(job, backbone.now(env)), "give job up")
        }
        JobState::Failed => (Some(Job { state: JobState::Queued, ..job }), "queue job again"),
        _ => (Some(Job { state: JobState::Queued, attempts: 0, waits: 0, ..job }), "return dead letter"),
    }
}
