//! Claims: how a worker comes by a job, and how jobs are moved on that nobody holds.

use super::dependencies::{Gates, Health, Opens};
use super::jobs::{Ending, Job, JobKind, JobState};
use super::{Backbone, audit};
use shakedown_sim::{Duration, Env, Moment, StoreError, Transaction};

/// What a worker found to do.
pub(crate) enum Taken {
    /// This job is its own until the lease ends.
    Claimed(Env, Job),
    /// A job was moved on towards its next claim.
    Moved,
    /// Nothing is due; look again then.
    Nothing(Option<Moment>),
}

/// When a job next wants a worker's hand: it is due and may be claimed, or its lease runs out.
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

/// How long to leave a job alone that another transaction has in hand.
const HELD: Duration = Duration::from_secs(5);

/// Takes the first job of these kinds that is due and nobody else has in hand: rescues it from a holder whose
/// lease has run out, puts it back into the queue after its wait, gives it up if it is spent, or claims it, if
/// the gate of its dependency is open.
///
/// # Errors
/// As the store reports them; nothing is claimed for certain then.
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
        let next = waiting.iter().filter_map(due_of).min();
        // What is due and not to be had is in somebody's hands.
        return Ok(Taken::Nothing(next.map(|due| if due <= now { now + HELD } else { due })));
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

/// Where a job that is due goes next without being claimed, and what that is called; nowhere if it is deleted.
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
