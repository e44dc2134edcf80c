//! Workers: nodes that take jobs and pass each to the handler of its kind. A worker that shuts down returns its jobs to the
//! queue.

use super::Backbone;
use super::dependencies::{Dependency, Gates, Health};
use super::jobs::{self, Job, JobKind};
use super::leases::{self, Taken};
use super::retry::in_transaction;
use super::threads::{Thread, Threads};
use crate::settings::{HEARTBEAT, JOB_PERIOD};
use shakedown_sim::{Duration, Env, Moment, Poller};
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// Work on a job. It returns the observed health of the dependency that it needed.
pub type Working = Pin<Box<dyn Future<Output = Health>>>;

/// The handler of the jobs of one kind.
pub trait Handler {
    /// Returns the kind.
    fn kind(&self) -> JobKind;
    /// Works on a claimed job until nothing is left to do now, and moves it.
    fn work(&self, env: Env, job: Job) -> Working;
    /// Returns the dependency that it needs: workers limit their load on it, see
    /// [`dependencies`](super::dependencies).
    fn dependency(&self) -> Option<Dependency> {
        None
    }
    /// Returns whether it accepts more jobs at present: a node that is about to stop does not.
    fn takes_more(&self) -> bool {
        true
    }
    /// Returns whether its work may take longer than a lease, so that the worker must extend the lease meanwhile.
    fn is_long(&self) -> bool {
        false
    }
}

/// The wait of a worker after the store failed.
pub(crate) const STORE_AGAIN: Duration = Duration::from_secs(1);

/// One incarnation of a worker.
struct Worker {
    env: Env,
    backbone: Rc<Backbone>,
    handlers: Rc<[Rc<dyn Handler>]>,
    gates: Gates,
    threads: Threads,
    /// The jobs in progress, each with the handle of its attempt.
    in_hand: RefCell<Vec<(Env, Job)>>,
}

/// Boots a worker on a node of its own, if the design has such nodes. It looks for jobs of its handlers' kinds
/// whenever there may be some.
pub fn boot(env: &Env, backbone: &Rc<Backbone>, handlers: Rc<[Rc<dyn Handler>]>) {
    if backbone.design.worker_services.have_nodes() {
        boot_on(env, backbone, handlers, &Threads::plenty());
    }
}

/// Boots a worker on a node of the web tier, if the design runs workers there: its work uses that node's threads.
pub fn boot_beside_requests(
    env: &Env,
    backbone: &Rc<Backbone>,
    handlers: Rc<[Rc<dyn Handler>]>,
    threads: &Threads,
) {
    if !backbone.design.worker_services.have_nodes() {
        boot_on(env, backbone, handlers, threads);
    }
}

fn boot_on(env: &Env, backbone: &Rc<Backbone>, handlers: Rc<[Rc<dyn Handler>]>, threads: &Threads) {
    let needs = |handler: &Rc<dyn Handler>| handler.dependency().map(|needed| (handler.kind(), needed));
    let kinds: Vec<_> = handlers.iter().filter_map(needs).collect();
    let (room, spares) =
        (backbone.design.worker_services.room(), backbone.design.bounded_retry.spares_dependencies());
    let gates = Gates::new(kinds, room, spares, env.now());
    let (env, backbone, threads) = (env.clone(), Rc::clone(backbone), threads.clone());
    let in_hand = RefCell::default();
    let worker = &Rc::new(Worker { env, backbone, handlers, gates, threads, in_hand });
    let at_work = Rc::clone(worker);
    worker.env.on_shutdown(async move { at_work.hand_back().await });
    worker.look_for_jobs();
}

impl Worker {
    /// Takes due jobs whenever there may be some, or a pool may have room again.
    fn look_for_jobs(self: &Rc<Self>) {
        let worker = Rc::clone(self);
        let mut poller =
            Poller::new(&self.env, self.backbone.jobs.signal(), JOB_PERIOD).also(&self.gates.freed);
        self.env.spawn(async move {
            let mut due = None;
            loop {
                poller.turn(due).await;
                due = worker.drain().await;
            }
        });
    }

    fn handler_of(&self, kind: JobKind) -> Option<&Rc<dyn Handler>> {
        self.handlers.iter().find(|handler| handler.kind() == kind)
    }

    /// Takes all due jobs and runs each in a task of its own. Returns when the next one is due.
    async fn drain(self: &Rc<Self>) -> Option<Moment> {
        loop {
            let thread = self.threads.take().await;
            let is_ours = |kind| self.handler_of(kind).is_some_and(|handler| handler.takes_more());
            let take = async || leases::take(&self.env, &self.backbone, &self.gates, is_ours).await;
            match in_transaction(&self.env, take).await {
                Ok(Taken::Claimed(env, job)) => self.begin(&env, job, thread),
                Ok(Taken::Moved) => {}
                Ok(Taken::Nothing(due)) => return due,
                Err(_) => return Some(self.env.now() + STORE_AGAIN),
            }
        }
    }

    /// Runs a claimed job on this thread, in a task of its own.
    fn begin(self: &Rc<Self>, env: &Env, job: Job, thread: Thread) {
        let Some(handler) = self.handler_of(job.kind) else { return };
        let at_work = Rc::new(());
        if handler.is_long() {
            self.keep_lease(env, job, Rc::downgrade(&at_work));
        }
        self.in_hand.borrow_mut().push((env.clone(), job));
        let (worker, work) = (Rc::clone(self), handler.work(env.clone(), job));
        env.spawn(async move {
            let health = work.await;
            drop((at_work, thread));
            worker.in_hand.borrow_mut().retain(|(_, other)| (other.id, other.token) != (job.id, job.token));
            worker.gates.leave(&worker.env, job.kind, health);
        });
    }

    /// Returns its jobs to the queue. The results of pending calls are lost.
    async fn hand_back(&self) {
        for (env, job) in self.in_hand.take() {
            let env = env.child("stop");
            let hand_back = async || jobs::hand_back(&env, &self.backbone, &job).await;
            if in_transaction(&env, hand_back).await.is_err() {
                env.note(|| format!("could not return job {} to the queue: its lease will expire", job.id));
            }
        }
    }

    /// Extends the lease for as long as the work continues and the worker is the holder.
    fn keep_lease(&self, env: &Env, job: Job, at_work: std::rc::Weak<()>) {
        let (heartbeat, backbone) = (env.child("heart"), Rc::clone(&self.backbone));
        heartbeat.clone().spawn(async move {
            loop {
                heartbeat.sleep(HEARTBEAT).await;
                // If an extension fails, the next one makes up for it: a lease lasts for three periods.
                let beat = heartbeat.child("beat");
                if at_work.upgrade().is_none() || jobs::beat(&beat, &backbone, &job).await == Ok(false) {
                    return;
                }
            }
        });
    }
}
