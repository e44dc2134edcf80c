//! A worker that is shut down, and one that is not.

use crate::job;
use shakedown_model::backbone::dependencies::Health;
use shakedown_model::backbone::jobs::{self, Ending, Job, JobKind, JobState, WorkItem};
use shakedown_model::backbone::workers::{self, Handler, Working};
use shakedown_model::filing::JOB;
use shakedown_model::settings::{LEASE, backoff};
use shakedown_model::{Backbone, Design, Fact};
use shakedown_sim::*;
use std::rc::Rc;

/// Work of slightly less than a minute, with a point at which its worker may be shut down.
struct Lengthy(Rc<Backbone>);

impl Handler for Lengthy {
    fn kind(&self) -> JobKind {
        JOB
    }
    fn work(&self, env: Env, job: Job) -> Working {
        let backbone = Rc::clone(&self.0);
        Box::pin(async move {
            env.sleep(Duration::from_secs(10)).await;
            env.crash_point(Side::Before, "work").await;
            env.sleep(Duration::from_secs(40)).await;
            let mut tx = backbone.store.begin(&env);
            if let Some(held) = jobs::hold(&mut tx, &backbone, &job).await.expect("it can be read") {
                jobs::succeed(&mut tx, &backbone, &held, env.now()).await.expect("it can be written");
                tx.commit("done").await.expect("it commits");
            }
            Health::Unknown
        })
    }
}

/// Two workers, one job, and an observer that at these seconds expects the state, the end of the last run, and the
/// number of claims.
struct Watched(&'static [(u64, JobState, Option<Ending>, u32)]);

impl Scenario for Watched {
    type Fact = Fact;
    fn name(&self) -> &str {
        "watched"
    }
    fn build(&self, stage: &Stage<Fact>) {
        let server = stage.node(Role::outside("database".into()), |_| {});
        let design = Design::guarded().backbone;
        let store = Store::new(&server, StoreProfile::CALM);
        let backbone = Rc::new(Backbone::new(store, design, stage.facts()));
        backbone.store.plant(
            &backbone.jobs,
            Job::queued(1, WorkItem { kind: JOB, row: 1 }, Moment::START, Scope::ROOT),
        );
        const FRAIL: CrashProfile =
            CrashProfile { before: &[CrashFault::Crash, CrashFault::ShutDown], ..CrashProfile::NEVER };
        let role = Role::new("worker".into(), &FRAIL);
        for _ in 0..2 {
            let at = Rc::clone(&backbone);
            let lengthy: Rc<dyn Handler> = Rc::new(Lengthy(Rc::clone(&backbone)));
            stage.node(role, move |env| workers::boot(&env, &at, Rc::new([Rc::clone(&lengthy)])));
        }
        let (looks, watch) = (self.0, stage.node(Role::outside("watch".into()), |_| {}));
        watch.clone().spawn(async move {
            for (second, state, ended, claims) in looks {
                watch.sleep_until(Moment::START + Duration::from_secs(*second)).await;
                let job = job(&watch, &backbone).await;
                assert_eq!((job.state, job.ended, job.token), (*state, *ended, *claims), "at {second} s");
            }
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        Vec::new()
    }
}

fn check(deviations: &str, looks: &'static [(u64, JobState, Option<Ending>, u32)]) {
    let script: Script = format!("scenario watched\n{deviations}").parse().expect("a script");
    let outcome = Runner::new(Watched(looks)).run(Plan::Script(&script));
    assert_eq!((outcome.unapplied, outcome.violations), (Vec::new(), Vec::new()), "{deviations}");
}

const DONE: Option<Ending> = Some(Ending::Succeeded);

#[test]
fn a_worker_that_shuts_down_returns_its_job_which_waits_like_a_failed_attempt() {
    use JobState::{Failed, Running, Succeeded};
    assert!(backoff(1) < Duration::from_secs(4) && LEASE > Duration::from_secs(50));
    check("", &[(11, Running, None, 1), (51, Succeeded, DONE, 1)]);
    check(
        "worker/before work @ attempt-1 = shutdown",
        &[
            (11, Failed, Some(Ending::Stopped), 1),
            (14, Running, Some(Ending::Stopped), 2),
            (64, Succeeded, DONE, 2),
        ],
    );
}

#[test]
fn the_job_of_a_worker_that_crashes_waits_for_its_lease() {
    use JobState::Running;
    let crash = "worker/before work @ attempt-1 = crash";
    check(crash, &[(59, Running, None, 1), (64, Running, Some(Ending::Lapsed), 2)]);
}

#[test]
fn a_worker_that_crashes_as_it_hands_its_job_back_leaves_it_to_its_lease() {
    use JobState::Running;
    let both = "worker/before work @ attempt-1 = shutdown\n\
                worker/before hand job back @ attempt-1/stop-1 = crash";
    check(both, &[(59, Running, None, 1), (64, Running, Some(Ending::Lapsed), 2)]);
}
