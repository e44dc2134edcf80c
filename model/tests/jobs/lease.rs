//! The lease of long work.

use crate::{job, play};
use shakedown_model::Backbone;
use shakedown_model::backbone::dependencies::Health;
use shakedown_model::backbone::jobs::{self, Job, JobKind, JobState};
use shakedown_model::backbone::workers::{self, Handler, Working};
use shakedown_model::filing::JOB;
use shakedown_sim::{Duration, Env};
use std::rc::Rc;

/// Work that takes three minutes, three times as long as a lease.
struct Slow {
    backbone: Rc<Backbone>,
    is_long: bool,
}

impl Handler for Slow {
    fn kind(&self) -> JobKind {
        JOB
    }
    fn work(&self, env: Env, job: Job) -> Working {
        let backbone = Rc::clone(&self.backbone);
        Box::pin(async move {
            env.sleep(Duration::from_secs(180)).await;
            let mut tx = backbone.store.begin(&env);
            if let Some(held) = jobs::hold(&mut tx, &backbone, &job).await.expect("it can be read") {
                jobs::succeed(&mut tx, &backbone, &held, env.now()).await.expect("it can be written");
                tx.commit("done").await.expect("it commits");
            }
            Health::Unknown
        })
    }
    fn is_long(&self) -> bool {
        self.is_long
    }
}

/// Checks the state of the job after five minutes, and its number of claims.
fn check(is_long: bool, state: JobState, claims: u32) {
    play(move |env, backbone| async move {
        let slow: Rc<dyn Handler> = Rc::new(Slow { backbone: Rc::clone(&backbone), is_long });
        workers::boot(&env, &backbone, Rc::new([slow]));
        env.sleep(Duration::from_secs(300)).await;
        let job = job(&env, &backbone).await;
        assert_eq!((job.state, job.token), (state, claims));
    });
}

#[test]
fn a_worker_that_extends_its_lease_keeps_its_job() {
    check(true, JobState::Succeeded, 1);
}

#[test]
fn one_that_does_not_loses_it_and_what_it_did_is_in_vain() {
    check(false, JobState::Running, 5);
}
