//! The world of one run: its clock, agenda, nodes, tasks and choices, and the loop that drives them.
//!
//! Everything is reached through explicit [`Env`] handles; this module has no ambient state. The loop polls every
//! ready task, then jumps to the next entry of the agenda, until nothing is left: the run is at rest.

use crate::agenda::Due;
use crate::ambient::{Extensions, Identity};
use crate::blocked::{self, PendingWait};
use crate::choice::Site;
use crate::digest::Digest;
use crate::engine::{Core, Effect};
use crate::event::Kind;
use crate::fault::Place;
use crate::node::{Restarts, State};
use crate::scope::{Scope, User};
use crate::signal::Signal;
use crate::task::{BoxFuture, Notes, ReadyTask, Task, WakeList, waker_for};
use crate::time::{Duration, Moment};
use std::any::Any;
use std::cell::{Cell, RefCell, RefMut};
use std::iter::from_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

pub use crate::env::Env;
pub use crate::node::NodeId;

/// The limits of a run: exceeding one of them is a violation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Limits {
    /// The greatest number of events of any kind.
    pub events: u32,
    /// The greatest number of offered choices.
    pub choices: u32,
    /// The greatest number of polls of tasks.
    pub polls: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { events: 500_000, choices: 500_000, polls: 2_000_000 }
    }
}

/// A period in which something deviated; timing invariants may subtract it.
#[derive(Clone, Copy, Debug)]
pub struct Disturbance {
    /// The owner of the choice's site: a role, an operation, a link.
    pub owner: &'static str,
    /// The entity that it concerns.
    pub scope: Scope,
    /// The node that drew it.
    pub node: NodeId,
    /// When it began.
    pub from: Moment,
    /// When it ended; equal to `from` for a deviation without duration.
    pub until: Moment,
}

/// The reason why a run ended before it came to rest: each is a violation of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RunAbort {
    /// The code under test panicked with this message.
    Panicked {
        /// The node, or another source.
        who: String,
        /// The panic's message.
        message: String,
    },
    /// The run exceeded one of its [`Limits`].
    LimitExceeded {
        /// The limit.
        limit: &'static str,
        /// Its value.
        most: u32,
    },
    /// Two tasks, or two places in the source, drew a choice of the same name.
    Ambiguous {
        /// The choice's name.
        choice: String,
        /// Those who drew it, each with the place in the source if that is known.
        users: [String; 2],
    },
}

/// The panic payload that unwinds code which exceeds a limit without ever waiting.
pub(crate) struct Unwound;

/// The grace period of a shutdown: the default of container orchestrators.
const GRACE: Duration = Duration::from_secs(30);

/// Why a run ends that another thread takes part in.
const FOREIGN_WAKE: &str = "a task was woken by a thread that is not the run's: a thread pool, a thread of its own or a real tokio \
    runtime decides here when it goes on, which no seed and no script repeats";

/// The payload of a caught panic.
pub(crate) type Panic = Box<dyn Any + Send>;

/// An object that may be part of a reference cycle.
pub(crate) trait Close {
    /// Drops its references; called when the run is over.
    fn close(&self);
    /// Returns the waits that are still pending when the run comes to rest.
    fn pending_waits(&self) -> Vec<PendingWait> {
        Vec::new()
    }
}

/// The state behind the handles of one run.
pub struct World {
    pub(crate) core: RefCell<Core>,
    wakes: Arc<WakeList>,
    /// The identity of the running code, for the ambient handle.
    pub(crate) identity: Cell<Identity>,
    /// The number of the run.
    pub(crate) run: Cell<u64>,
    pub(crate) extensions: Extensions,
}

impl World {
    pub(crate) fn new() -> Rc<Self> {
        let core = Core::new();
        Rc::new(Self {
            core: RefCell::new(core),
            wakes: Arc::default(),
            identity: Cell::new(Identity::NO_NODE),
            run: Cell::new(0),
            extensions: Extensions::default(),
        })
    }

    /// Prepares another run in the same memory. Returns the state, for the caller to set what decides the run.
    pub(crate) fn reset(&self, heal_at: Moment, limits: Limits) -> RefMut<'_, Core> {
        let mut borrowed = self.core.borrow_mut();
        let core = &mut *borrowed;
        core.now = Moment::START;
        core.heal_at = heal_at;
        core.healed = false;
        core.scopes.reset();
        core.digest = Digest::default();
        core.events = 0;
        core.disturbances.clear();
        core.run_abort = None;
        core.limits = limits;
        core.cause = None;
        core.polls = 0;
        core.closed = false;
        core.has_programs = false;
        core.nodes.clear();
        core.free_slots();
        if !self.wakes.is_empty() {
            self.wakes.drain(&mut core.woken);
        }
        core.woken.clear();
        borrowed
    }

    /// Drops the objects of the run: tasks, boots, deliveries. Their destructors may use handles, so this happens
    /// outside the borrow, and without effect. Returns the first panic among them.
    pub(crate) fn drop_run(&self) -> Option<Panic> {
        self.core.borrow_mut().close();
        self.identity.set(Identity::NO_NODE);
        let mut first = None;
        // An object that panics while it is dropped is gone; the next round drops the rest.
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.drop_what_is_left())) {
            first.get_or_insert(panic);
        }
        first
    }

    /// Records the waits that are still pending, if the run is recorded.
    pub(crate) fn note_waits(&self) {
        if self.core.borrow().recording.is_some() {
            let holders = self.core.borrow().holders.clone();
            let waits: Vec<_> = holders.iter().flat_map(|holder| holder.pending_waits()).collect();
            blocked::record(self, &waits);
        }
    }

    /// Drops one at a time: a second panic within one drop would abort the process.
    fn drop_what_is_left(&self) {
        let core = || self.core.borrow_mut();
        from_fn(|| core().doomed.pop()).for_each(drop);
        from_fn(|| core().deliveries.pop()).for_each(drop);
        let nodes = core().nodes.all().len();
        for node in 0..nodes {
            let boot = core().nodes.all_mut()[node].boot.take();
            drop(boot);
        }
        from_fn(|| core().holders.pop()).for_each(|holder| holder.close());
        from_fn(|| self.extensions.borrow_mut().pop()).for_each(drop);
    }

    /// Runs until nothing is left to do, a limit or a panic aborts the run, or the next entry is due after `until`.
    pub(crate) fn run(self: &Rc<Self>, until: Moment) {
        loop {
            let mut core = self.core.borrow_mut();
            if core.run_abort.is_some() {
                break;
            }
            if let Some(ReadyTask { slot, future, waker, identity }) = core.next_ready() {
                self.identity.set(identity);
                drop(core);
                self.poll(slot, future, &waker);
                continue;
            }
            match core.next_due(until) {
                None => break,
                Some(Due::Timer { slot, generation }) => core.fire_timer(slot, generation),
                Some(Due::Deliver { slot }) => {
                    let parcel = core.take_delivery(slot);
                    drop(core);
                    self.identity.set(Identity::NO_NODE);
                    parcel.arrive(self);
                    self.take_outside_wakes(None);
                    self.core.borrow_mut().cause = None;
                }
                Some(Due::Ready { slot }) => core.is_next_again(slot),
                Some(Due::Resume { node, pause }) => core.resume(NodeId(node), pause),
                Some(Due::Restart { node }) => {
                    drop(core);
                    self.identity.set(Identity::NO_NODE);
                    self.boot(NodeId(node));
                }
            }
        }
        self.identity.set(Identity::NO_NODE);
    }

    /// Polls a task.
    #[inline(always)]
    fn poll(self: &Rc<Self>, slot: u32, mut future: BoxFuture, waker: &Waker) {
        let done = future.as_mut().poll(&mut Context::from_waker(waker)).is_ready();
        let mut core = self.core.borrow_mut();
        let over = core.take_back(slot, future, done);
        let quiet = core.doomed.is_empty() && core.stopping.is_empty();
        drop(core);
        drop(over);
        if !quiet {
            self.identity.set(Identity::NO_NODE);
            self.drop_dead_tasks();
        }
        self.take_outside_wakes(Some(slot));
    }

    /// Makes the tasks ready that were woken by code outside the engine; `by` is the task that ran.
    #[inline]
    fn take_outside_wakes(&self, by: Option<u32>) {
        if !self.wakes.is_empty() {
            self.take_wakes(by);
        }
    }

    #[inline(never)]
    fn take_wakes(&self, by: Option<u32>) {
        let mut core = self.core.borrow_mut();
        let core = &mut *core;
        let is_foreign = self.wakes.drain(&mut core.woken);
        assert!(!is_foreign, "{FOREIGN_WAKE}");
        for at in 0..core.woken.len() {
            let slot = core.woken[at];
            if core.recording.is_some() {
                core.note_wake(slot, by);
            }
            core.make_ready(slot);
        }
        core.woken.clear();
    }

    /// Drops the tasks of nodes that crashed or shut down, outside the borrow.
    #[cold]
    fn drop_dead_tasks(self: &Rc<Self>) {
        loop {
            let (dead, stopping) = {
                let mut core = self.core.borrow_mut();
                (std::mem::take(&mut core.doomed), std::mem::take(&mut core.stopping))
            };
            if dead.is_empty() && stopping.is_empty() {
                return;
            }
            drop(dead);
            for (node, incarnation, scope) in stopping {
                let dropped = {
                    let mut core = self.core.borrow_mut();
                    if !core.is_alive(node, incarnation) {
                        continue;
                    }
                    if let Some(termination) = core.nodes[node].termination.clone() {
                        drop(core);
                        self.terminate((node, incarnation, scope), &termination);
                        continue;
                    }
                    core.cause = core.nodes[node].last_event;
                    core.take_tasks_of(node)
                };
                self.acting_as(Identity { node, incarnation, scope }, || drop(dropped));
                self.run_shutdown_hooks((node, incarnation, scope));
                self.core.borrow_mut().cause = None;
            }
        }
    }

    /// Runs the shutdown hooks of a node, then ends it. A second shutdown ends it at once.
    fn run_shutdown_hooks(self: &Rc<Self>, (node, incarnation, scope): (NodeId, u32, Scope)) {
        let shutdown_hooks = {
            let entry = &mut self.core.borrow_mut().nodes[node];
            entry.stopping = true;
            std::mem::take(&mut entry.shutdown_hooks)
        };
        if shutdown_hooks.is_empty() {
            return self.end_incarnation(node, scope);
        }
        let (env, world) = (Env::new(Rc::clone(self), node, incarnation, scope), Rc::clone(self));
        let last = async move {
            env.timeout(GRACE, async {
                for thing in shutdown_hooks {
                    thing.await;
                }
            })
            .await;
            world.end_incarnation(node, scope);
        };
        self.spawn(Identity { node, incarnation, scope }, Box::pin(last));
    }

    /// Asks a node whose own code handles shutdowns to shut down; ends it after the grace period.
    fn terminate(self: &Rc<Self>, (node, incarnation, scope): (NodeId, u32, Scope), termination: &Signal) {
        if std::mem::replace(&mut self.core.borrow_mut().nodes[node].stopping, true) {
            return self.end_incarnation(node, scope);
        }
        let (env, world) = (Env::new(Rc::clone(self), node, incarnation, scope), Rc::clone(self));
        let last = async move {
            env.sleep(GRACE).await;
            world.end_incarnation(node, scope);
        };
        self.spawn(Identity { node, incarnation, scope }, Box::pin(last));
        termination.raise_in(self);
    }

    /// Ends a node's incarnation: its later actions have no effect. The node restarts after a delay, which is drawn
    /// for the entity at whose effect it ended.
    pub(crate) fn end_incarnation(self: &Rc<Self>, node: NodeId, scope: Scope) {
        let mut core = self.core.borrow_mut();
        let core = &mut *core;
        core.take_down(node);
        let role = &core.nodes[node].role;
        let (profile, site) = (role.crash, Site::new(role.name, "restart".into()));
        // Drawn by the engine and not by the crashing task: all crashes here share this name.
        let late = Restarts(profile);
        let late = late.fault(core.choose_as(User::ENGINE, node, (&site, scope), late));
        let delay = profile.restart + late.unwrap_or_default();
        core.lasts(delay);
        let back = core.now + delay;
        core.agenda.put(back, Due::Restart { node: node.0 });
    }

    /// Ends a node on behalf of another, unless it is down; restarts it after `after`.
    pub(crate) fn restart(self: &Rc<Self>, node: NodeId, scope: Scope, after: Duration) {
        let dropped = {
            let mut core = self.core.borrow_mut();
            if core.nodes[node].state == State::Down {
                return;
            }
            let stop = core.event(node, scope, Kind::Stop, [0, 0], || "is stopped".to_owned());
            core.nodes[node].last_event = Some(stop);
            core.take_tasks_of(node)
        };
        // Their destructors still have an effect.
        let incarnation = self.core.borrow().nodes[node].incarnation;
        self.acting_as(Identity { node, incarnation, scope }, || drop(dropped));
        let mut core = self.core.borrow_mut();
        core.take_down(node);
        let back = core.now + after;
        core.agenda.put(back, Due::Restart { node: node.0 });
    }

    pub(crate) fn shut_down(&self, node: NodeId, incarnation: u32, scope: Scope) {
        self.core.borrow_mut().stopping.push((node, incarnation, scope));
    }

    /// Closes `holder` when the run is over.
    pub(crate) fn at_close(&self, holder: Rc<dyn Close>) {
        self.core.borrow_mut().holders.push(holder);
    }

    /// Starts a node's next incarnation.
    pub(crate) fn boot(self: &Rc<Self>, node: NodeId) {
        let (boot, incarnation) = {
            let mut core = self.core.borrow_mut();
            let now = core.now;
            let entry = &mut core.nodes[node];
            entry.state = State::Up;
            let (boot, incarnation) = (entry.boot.take(), entry.incarnation);
            if incarnation > 0 {
                entry.presence.comes_up(now);
            }
            core.cause = core.nodes[node].last_event;
            let again = incarnation > 0;
            let index = core.event(node, Scope::ROOT, Kind::Boot, [u64::from(incarnation), 0], || {
                (if again { "starts again" } else { "starts" }).to_owned()
            });
            core.cause = Some(index);
            core.heartbeat_starts(node);
            (boot, incarnation)
        };
        if let Some(boot) = &boot {
            let env = Env::new(Rc::clone(self), node, incarnation, Scope::ROOT);
            self.acting_as(Identity { node, incarnation, scope: Scope::ROOT }, || boot(env));
        }
        let mut core = self.core.borrow_mut();
        core.nodes[node].boot = boot;
        core.collect_log(node, Scope::ROOT);
        core.cause = None;
    }

    /// Starts a task with this identity.
    pub(crate) fn spawn(&self, identity: Identity, future: BoxFuture) {
        let Identity { node, incarnation, scope } = identity;
        let mut core = self.core.borrow_mut();
        let core = &mut *core;
        let slot = core.free_tasks.pop().unwrap_or(core.tasks.len() as u32);
        let cause = core.current_event();
        if slot as usize == core.tasks.len() {
            core.tasks.push(Task {
                node,
                incarnation,
                scope,
                future: None,
                waker: waker_for(slot, &self.wakes),
                alive: false,
                queued: false,
                generation: 0,
                last_event: None,
            });
        }
        let task = &mut core.tasks[slot as usize];
        (task.node, task.incarnation, task.scope) = (node, incarnation, scope);
        task.future = Some(future);
        task.alive = true;
        task.last_event = cause;
        if core.recording.is_some() {
            *core.notes(slot) = Notes::default();
        }
        if core.schedule.is_offered {
            core.number_task(slot);
        }
        core.make_ready(slot);
    }

    /// Runs `consequence` as a consequence of an event, outside any task.
    pub(crate) fn with_cause(&self, event: impl Into<Option<u32>>, consequence: impl FnOnce()) {
        let outside = (None, event.into());
        let before = self.core.borrow_mut().exchange_origin(outside);
        consequence();
        self.core.borrow_mut().exchange_origin(before);
    }

    /// Runs an action after a delay that only makes a task of a node ready.
    pub(crate) fn deliver(
        &self,
        place: (NodeId, Scope),
        after: Duration,
        run: impl FnOnce(&Rc<World>) + 'static,
    ) {
        self.bring(place, false, after, run);
    }

    /// Runs an action after a delay that acts on the state of a node.
    pub(crate) fn act_later(
        &self,
        place: (NodeId, Scope),
        after: Duration,
        run: impl FnOnce(&Rc<World>) + 'static,
    ) {
        self.bring(place, true, after, run);
    }

    #[inline]
    fn bring(
        &self,
        place: (NodeId, Scope),
        acts: bool,
        after: Duration,
        run: impl FnOnce(&Rc<World>) + 'static,
    ) {
        let mut core = self.core.borrow_mut();
        if !core.closed {
            core.bring(place, acts, after, Rc::new(Effect(Cell::new(Some(run)))));
        }
    }
}
