//! A lock of a session, taken through a pooler in transaction mode.
//!
//! Two workers run a job one at a time: each takes an advisory lock of its session (`pg_try_advisory_lock`), works, and
//! releases it. Between them and the database stands a pooler in transaction mode, which runs each statement on whatever
//! session is free. The lock belongs to that session: the second worker comes, is given the same session, and has the lock as
//! well. Or it never gets it again, because the release ran on another session.
//!
//! The fix is a lock of the transaction (`pg_try_advisory_xact_lock`): a transaction has a session to itself until it ends.

use shakedown::prelude::*;
use shakedown::sim::node::CrashProfile;
use shakedown::sim::store::{CommitFault, Pooler, PoolerConnection, Store, StoreError, StoreProfile};

const JOB: i64 = 7;
const WORKERS: u32 = 2;
const WORK: Duration = Duration::from_secs(10);
const COMES: Alternatives = Alternatives::new(&["after the other", "while the other works"]);
const STORE: StoreProfile =
    StoreProfile { commit_faults: &[CommitFault::Fails, CommitFault::ResponseLost], ..StoreProfile::CALM };

#[derive(serde::Serialize)]
enum Job {
    Begins(u32),
    Ends(u32),
}

impl Fact for Job {
    fn sentence(&self) -> String {
        match self {
            Job::Begins(worker) => format!("worker {worker} begins the job"),
            Job::Ends(worker) => format!("worker {worker} ends the job"),
        }
    }
}

struct PooledSessionLock {
    locks_transaction: bool,
}

impl Scenario for PooledSessionLock {
    type Fact = Job;

    fn name(&self) -> &str {
        "pooled-session-lock"
    }

    fn build(&self, stage: &Stage<Job>) {
        let outside = |name: &'static str| stage.node(Role::outside(name.into()), |_| {});
        let store = Store::new(&outside("database"), STORE);
        let pooler = Pooler::new(&store, &outside("pooler"), 2, Duration::from_secs(30));
        for worker in 1..=WORKERS {
            let node = stage.node(Role::new("worker".into(), &CrashProfile::NEVER), |_| {});
            let (env, facts) = (node.within(stage.entity("job")), stage.facts().clone());
            let (connection, locks_transaction) = (pooler.connect(&env), self.locks_transaction);
            node.spawn(async move {
                let comes = env.choose(Site::new("worker".into(), "comes".into()), &COMES);
                let every = if comes.is_benign() { WORK * 2 } else { WORK / 2 };
                env.sleep(every * worker).await;
                let job = work(&env, &facts, worker);
                let _ = if locks_transaction {
                    with_lock_of_transaction(&connection, job).await
                } else {
                    with_lock_of_session(&connection, job).await
                };
            });
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Job>>> {
        let one =
            invariant(
                "one-at-a-time",
                |running: &mut Option<(u32, u32)>, at, job: &Job, findings| match job {
                    Job::Begins(worker) => {
                        if let Some((other, event)) = running.replace((*worker, at.event)) {
                            findings.violated("job", &[event, at.event], || {
                                format!("worker {other} runs the job already")
                            });
                        }
                    }
                    Job::Ends(_) => *running = None,
                },
            );
        let runs = invariant("job-runs", |count: &mut u32, _, job: &Job, _| {
            *count += u32::from(matches!(job, Job::Ends(_)));
        })
        .at_rest(|count, _, findings| {
            if *count == 0 {
                findings.violated("job", &[], || "no worker has run the job".to_owned());
            }
        });
        vec![one.about("the job runs once at a time").boxed(), runs.about("a worker runs the job").boxed()]
    }
}

async fn work(env: &Env, facts: &Facts<Job>, worker: u32) {
    facts.state(env, &Job::Begins(worker));
    env.sleep(WORK).await;
    facts.state(env, &Job::Ends(worker));
}

async fn with_lock_of_session(
    connection: &PoolerConnection,
    job: impl Future<Output = ()>,
) -> Result<(), StoreError> {
    if connection.try_lock(JOB).await? {
        job.await;
        connection.unlock(JOB).await?;
    }
    Ok(())
}

async fn with_lock_of_transaction(
    connection: &PoolerConnection,
    job: impl Future<Output = ()>,
) -> Result<(), StoreError> {
    let mut tx = connection.begin().await?;
    if tx.try_advisory_lock(JOB).await? {
        job.await;
    }
    tx.commit("job").await
}

/// Returns the entry of the catalogue.
pub(crate) fn entry() -> Entry {
    let lock = Guardrail::new(
        "lock-of-the-transaction",
        "the lock belongs to a transaction that lasts as long as the job",
    )
    .naive(NaiveForm::new("the lock belongs to the session").breaks("one-at-a-time"));
    Entry::new("pooled-session-lock", |ablation| PooledSessionLock {
        locks_transaction: ablation.keeps("lock-of-the-transaction"),
    })
    .about("workers run a job one at a time, over a pooler in transaction mode")
    .assumes("the database lets a transaction be idle for as long as the job lasts")
    .guardrail(lock)
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn through_a_pooler_two_workers_have_the_lock_of_one_session() {
        entry().rehearse(&["lock-of-the-transaction"]).deviations(0).allow_trivial().holds();
        entry().rehearse(&["lock-of-the-transaction"]).deviations(2).violates("one-at-a-time");
    }

    #[test]
    fn the_lock_of_a_transaction_has_one_holder() {
        entry().rehearse(&[]).deviations(2).holds();
    }
}
