//! Workers: nodes that take jobs and hand each to the handler of its kind.

use super::Backbone;
use super::claims::{self, Taken};
use super::jobs::{self, Job, Kind};
use super::retry::in_transaction;
use crate::terms::{HEARTBEAT, JOB_PERIOD};
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
    /// Whether that may take longer than a lease, so that the worker has to say meanwhile that it is there.
    fn is_long(&self) -> bool {
        false
    }
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
async fn drain(env: &Env, backbone: &Rc<Backbone>, handlers: &[Rc<dyn Handler>]) -> Option<Moment> {
    let handler_of = |kind: Kind| handlers.iter().find(|handler| handler.kind() == kind);
    loop {
        let take = async || claims::take(env, backbone, |kind| handler_of(kind).is_some()).await;
        match in_transaction(env, take).await {
            Ok(Taken::Claimed(env, job)) => {
                if let Some(handler) = handler_of(job.kind) {
                    begin(&env, backbone, handler, job);
                }
            }
            Ok(Taken::Moved) => {}
            Ok(Taken::Nothing(due)) => return due,
            Err(_) => return Some(env.now() + STORE_AGAIN),
        }
    }
}

/// Has a claimed job worked, in a task of its own.
fn begin(env: &Env, backbone: &Rc<Backbone>, handler: &Rc<dyn Handler>, job: Job) {
    let work = handler.work(env.clone(), job);
    if !handler.is_long() {
        return env.spawn(work);
    }
    let at_work = Rc::new(());
    let (heart, backbone, working) = (env.child("heart"), Rc::clone(backbone), Rc::downgrade(&at_work));
    env.spawn(async move {
        work.await;
        drop(at_work);
    });
    heart.clone().spawn(async move {
        loop {
            heart.sleep(HEARTBEAT).await;
            // A beat that fails is made up for by the next: a lease lasts for three.
            if working.upgrade().is_none()
                || jobs::beat(&heart.child("beat"), &backbone, &job).await == Ok(false)
            {
                return;
            }
        }
    });
}
