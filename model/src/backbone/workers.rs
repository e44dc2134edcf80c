//! Workers: nodes that take jobs and hand each to the handler of its kind.

use super::Backbone;
use super::jobs::{self, Job, Kind, Taken};
use crate::terms::JOB_PERIOD;
use shakedown_sim::{Duration, Env, Moment, Poller};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// What works the jobs of one kind.
pub trait Handler {
    /// Which kind.
    fn kind(&self) -> Kind;
    /// Works on a claimed job until nothing is left to do now, and moves it.
    fn work(&self, env: Env, job: Job) -> Pin<Box<dyn Future<Output = ()>>>;
}

/// How long a worker waits after the store failed it.
pub(crate) const STORE_AGAIN: Duration = Duration::from_secs(1);

/// Boots a worker: it looks for jobs of its handlers' kinds whenever there may be some.
pub fn boot(env: &Env, backbone: &Rc<Backbone>, handlers: Rc<[Rc<dyn Handler>]>) {
    let (env, backbone) = (env.clone(), Rc::clone(backbone));
    env.clone().spawn(async move {
        let mut poller = Poller::new(&env, backbone.jobs.signal(), JOB_PERIOD);
        let mut due = None;
        loop {
            poller.turn(due).await;
            due = drain(&env, &backbone, &handlers).await;
        }
    });
}

/// Takes all jobs that are due, each worked in a task of its own; answers when the next one is.
async fn drain(env: &Env, backbone: &Backbone, handlers: &[Rc<dyn Handler>]) -> Option<Moment> {
    let handler_of = |kind: Kind| handlers.iter().find(|handler| handler.kind() == kind);
    loop {
        match jobs::take(env, backbone, |kind| handler_of(kind).is_some()).await {
            Ok(Taken::Claimed(env, job)) => {
                if let Some(handler) = handler_of(job.kind) {
                    env.spawn(handler.work(env.clone(), job));
                }
            }
            Ok(Taken::Moved) => {}
            Ok(Taken::Nothing(due)) => return due,
            Err(_) => return Some(env.now() + STORE_AGAIN),
        }
    }
}
