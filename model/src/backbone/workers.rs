//! Workers: nodes that take jobs and hand each to the handler of its kind.

use super::Backbone;
use super::claims::{self, Taken};
use super::dependencies::{Dependency, Gates, Health};
use super::jobs::{self, Job, Kind};
use super::retry::in_transaction;
use crate::terms::{HEARTBEAT, JOB_PERIOD};
use shakedown_sim::{Duration, Env, Moment, Poller, Signal};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// Work on a job: what it told about the dependency that it needed.
pub type Working = Pin<Box<dyn Future<Output = Health>>>;

/// What works the jobs of one kind.
pub trait Handler {
    /// Which kind.
    fn kind(&self) -> Kind;
    /// Works on a claimed job until nothing is left to do now, and moves it.
    fn work(&self, env: Env, job: Job) -> Working;
    /// Whom it needs for that: workers go easy on a dependency, see [`dependencies`](super::dependencies).
    fn dependency(&self) -> Option<Dependency> {
        None
    }
    /// Whether that may take longer than a lease, so that the worker has to say meanwhile that it is there.
    fn is_long(&self) -> bool {
        false
    }
}

/// How long a worker waits after the store failed it.
pub(crate) const STORE_AGAIN: Duration = Duration::from_secs(1);

/// One incarnation of a worker.
struct Worker {
    env: Env,
    backbone: Rc<Backbone>,
    handlers: Rc<[Rc<dyn Handler>]>,
    gates: Gates,
}

/// Boots a worker: it looks for jobs of its handlers' kinds whenever there may be some.
pub fn boot(env: &Env, backbone: &Rc<Backbone>, handlers: Rc<[Rc<dyn Handler>]>) {
    let needs = |handler: &Rc<dyn Handler>| handler.dependency().map(|needed| (handler.kind(), needed));
    let kinds: Vec<_> = handlers.iter().filter_map(needs).collect();
    let has_pools = !kinds.is_empty();
    let gates = Gates::new(kinds, backbone.design.bounded_retry.spares_dependencies(), env.now());
    let worker = Rc::new(Worker { env: env.clone(), backbone: Rc::clone(backbone), handlers, gates });
    look_at(&worker, backbone.jobs.signal());
    if has_pools {
        look_at(&worker, &worker.gates.freed);
    }
}

/// Has the worker look for jobs whenever `signal` is raised.
fn look_at(worker: &Rc<Worker>, signal: &Signal) {
    let (worker, mut poller) = (Rc::clone(worker), Poller::new(&worker.env, signal, JOB_PERIOD));
    worker.env.clone().spawn(async move {
        let mut due = None;
        loop {
            poller.turn(due).await;
            due = worker.drain().await;
        }
    });
}

impl Worker {
    fn handler_of(&self, kind: Kind) -> Option<&Rc<dyn Handler>> {
        self.handlers.iter().find(|handler| handler.kind() == kind)
    }

    /// Takes all jobs that are due, each worked in a task of its own; answers when the next one is.
    async fn drain(self: &Rc<Self>) -> Option<Moment> {
        loop {
            let is_ours = |kind| self.handler_of(kind).is_some();
            let take = async || claims::take(&self.env, &self.backbone, &self.gates, is_ours).await;
            match in_transaction(&self.env, take).await {
                Ok(Taken::Claimed(env, job)) => self.begin(&env, job),
                Ok(Taken::Moved) => {}
                Ok(Taken::Nothing(due)) => return due,
                Err(_) => return Some(self.env.now() + STORE_AGAIN),
            }
        }
    }

    /// Has a claimed job worked, in a task of its own.
    fn begin(self: &Rc<Self>, env: &Env, job: Job) {
        let Some(handler) = self.handler_of(job.kind) else { return };
        let at_work = Rc::new(());
        if handler.is_long() {
            self.keep_lease(env, job, Rc::downgrade(&at_work));
        }
        let (worker, work) = (Rc::clone(self), handler.work(env.clone(), job));
        env.spawn(async move {
            let health = work.await;
            drop(at_work);
            worker.gates.leave(&worker.env, job.kind, health);
        });
    }

    /// Extends the lease for as long as work goes on and the worker is the holder.
    fn keep_lease(&self, env: &Env, job: Job, at_work: std::rc::Weak<()>) {
        let (heart, backbone) = (env.child("heart"), Rc::clone(&self.backbone));
        heart.clone().spawn(async move {
            loop {
                heart.sleep(HEARTBEAT).await;
                // A beat that fails is made up for by the next: a lease lasts for three.
                let beat = heart.child("beat");
                if at_work.upgrade().is_none() || jobs::beat(&beat, &backbone, &job).await == Ok(false) {
                    return;
                }
            }
        });
    }
}
