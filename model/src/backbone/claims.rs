//! Claims: how a worker comes by a job, and how jobs are moved on that nobody holds.

use super::Backbone;
use super::jobs::{Ending, Job, JobState, Kind};
use shakedown_sim::{Duration, Env, Moment, StoreError};

/// What a worker found to do.
pub(crate) enum Taken {
    /// This job is its own until the lease ends.
    Claimed(Env, Job),
    /// A job was moved on towards its next claim.
    Moved,
    /// Nothing is due; look again then.
    Nothing(Option<Moment>),
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

/// Takes the first job of these kinds that is due and nobody else has in hand: rescues it from a holder whose
/// lease has run out, puts it back into the queue after its wait, gives it up if it is spent, or claims it.
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
    let live = |job: &Job| is_ours(job.kind) && job.is_live();
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
    match job.state {
        JobState::Running => {
            env.because(|| "its holder's lease has run out".to_owned());
            env.note(|| format!("takes job {} from its holder", job.id));
            (job.failed(Ending::Lapsed, env.now()), "rescue job")
        }
        JobState::Failed if job.is_spent() => {
            env.because(|| match job.ended {
                Some(Ending::Final) => "another attempt would not help, or not be safe".to_owned(),
                _ => format!("it had {} attempts and waited {} times", job.attempts, job.waits),
            });
            env.note(|| format!("gives job {} up", job.id));
            (Job { state: JobState::DeadLetter, ..job }, "give job up")
        }
        JobState::Failed => (Job { state: JobState::Queued, ..job }, "queue job again"),
        _ => (job.claimed(env.now()), "claim job"),
    }
}
