//! The ambient handle: the world for code that cannot take an [`Env`], such as an existing service.
//!
//! [`Handle`] is plain data (run, node, incarnation, scope) and therefore `Send` and `Sync`. The world itself never leaves its
//! thread: a handle finds it in a thread-local, and only while its own run is under way. [`Handle::current`] returns the
//! identity of the running code. The engine sets that identity around each poll and each drop of a task, and around each boot.
//!
//! All handles follow one rule. Outside a simulation they panic with a message. After their run, or after a crash of their
//! incarnation, they have no effect (waits never end, draws are benign), also in a destructor.
//!
//! Three types carry what is not `Send` through code that must be: [`Timer`] refers to a timer by its number, [`Shared`] to a
//! value, [`SendFuture`] to a future. An application's state may hold `Shared<Env>`, `Shared<Store>` or `Shared<Endpoint<Q, A>>`.
//!
//! ```
//! # use shakedown_sim::{ambient::{self, Handle, Shared}, *};
//! # #[derive(serde::Serialize)] struct Said(u64);
//! # impl Fact for Said { fn sentence(&self) -> String { format!("says {}", self.0) } }
//! # struct Talk;
//! # impl Scenario for Talk {
//! #     type Fact = Said;
//! #     fn name(&self) -> &str { "talk" }
//! #     fn invariants(&self) -> Vec<Box<dyn Invariant<Said>>> { Vec::new() }
//! fn build(&self, stage: &Stage<Said>) {
//!     let facts = Shared::new(stage.facts().clone()); // `Send`, unlike the facts themselves
//!     stage.program(Role::outside("speaker".into()), move || must_be_send(async move {
//!         Handle::current().sleep(Duration::from_secs(3)).await;
//!         facts.state(&Said(3));
//!     }));
//! }
//! # }
//! fn must_be_send<F: Future + Send>(future: F) -> F { future }
//! # use std::future::Future;
//! # let outcome = Runner::new(Talk).run(Plan::Seed(1));
//! # assert_eq!((outcome.violations.len(), outcome.ended), (0, Moment::START + Duration::from_secs(60)));
//! ```

mod numbered;
mod program;
mod random;
mod timer;

pub use numbered::{SendFuture, Shared};
pub use program::{NoFact, Termination};
pub use random::Entropy;
pub use timer::Timer;

use crate::choice::{Alternatives, Pick, Site};
use crate::env::{Env, Side};
use crate::event::Kind;
use crate::label::Label;
use crate::node::{CrashMode, NodeId};
use crate::scope::{Scope, User};
use crate::time::{Duration, Moment, WallTime};
use crate::world::{Unwound, World};
use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

thread_local! {
    /// The worlds with a run under way on this thread, the innermost last.
    static RUNNING: RefCell<Vec<Rc<World>>> = const { RefCell::new(Vec::new()) };
}

/// Numbers runs. A handle that a static kept from an earlier run has another number, so it does nothing.
static RUNS: AtomicU64 = AtomicU64::new(1);

/// The node, incarnation and scope of the running code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Identity {
    pub(crate) node: NodeId,
    pub(crate) incarnation: u32,
    pub(crate) scope: Scope,
}

impl Identity {
    /// No node: between tasks, and while the tasks of a crashed node are dropped.
    pub(crate) const NO_NODE: Identity =
        Identity { node: NodeId(u16::MAX), incarnation: u32::MAX, scope: Scope::ROOT };
}

/// Keeps a world findable on this thread for the time of one run.
pub(crate) struct Running;

impl Running {
    pub(crate) fn begin(world: &Rc<World>) -> Self {
        world.run.set(RUNS.fetch_add(1, Ordering::Relaxed));
        world.identity.set(Identity::NO_NODE);
        RUNNING.with(|running| running.borrow_mut().push(Rc::clone(world)));
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let ended = RUNNING.with(|running| running.borrow_mut().pop());
        drop(ended);
    }
}

/// Returns the world whose run is under way on this thread. `None` also while the thread ends.
fn running() -> Option<Rc<World>> {
    RUNNING.try_with(|running| running.try_borrow().ok()?.last().cloned()).ok().flatten()
}

/// Returns whether a run is under way on this thread.
#[inline]
pub(crate) fn is_under_way() -> bool {
    RUNNING.try_with(|running| running.try_borrow().is_ok_and(|running| !running.is_empty())).unwrap_or(false)
}

/// A handle on the world that is plain data. See the [module documentation](self).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handle {
    run: u64,
    identity: Identity,
}

impl Handle {
    /// Returns the handle of the running code.
    ///
    /// # Panics
    /// Outside a simulation: if no run is under way on this thread.
    #[track_caller]
    pub fn current() -> Handle {
        Self::try_current().expect(
            "no simulated world on this thread: the code runs in a rehearsal only, on the thread of its run. \
             A thread that the program under test started itself (a thread pool, a real tokio runtime) is outside",
        )
    }

    /// Returns the handle of the running code, or `None` outside a simulation.
    pub fn try_current() -> Option<Handle> {
        running().map(|world| Handle { run: world.run.get(), identity: world.identity.get() })
    }

    /// Returns the world, if the handle's run is under way on this thread.
    fn world(&self) -> Option<Rc<World>> {
        running().filter(|world| world.run.get() == self.run)
    }

    /// Returns the explicit handle with the same identity, or `None` if the run is over or the handle belongs to no
    /// node.
    pub fn try_env(&self) -> Option<Env> {
        let Identity { node, incarnation, scope } = self.identity;
        if self.identity.node == Identity::NO_NODE.node {
            return None;
        }
        self.world().map(|world| Env::new(world, node, incarnation, scope))
    }

    /// Returns the explicit handle with the same identity.
    ///
    /// # Panics
    /// If the run is over, or the handle belongs to no node.
    #[track_caller]
    pub fn env(&self) -> Env {
        self.try_env().expect("a handle acts within its own run, in the code of a node")
    }

    /// Returns whether the run is under way and the incarnation is alive.
    pub fn is_alive(&self) -> bool {
        self.try_env().is_some_and(|env| env.is_alive())
    }

    /// Returns whether the incarnation lives and is not shutting down.
    pub fn takes_calls(&self) -> bool {
        self.try_env().is_some_and(|env| env.world.core.borrow().takes_calls(env.node, env.incarnation))
    }

    /// Returns whether the code belongs to a node. Between tasks, and while the tasks of a crashed node are dropped, it does
    /// not.
    pub fn has_node(&self) -> bool {
        self.identity.node != Identity::NO_NODE.node
    }

    /// Returns the node.
    pub fn node(&self) -> NodeId {
        self.identity.node
    }

    /// Returns the nodes of the run with their names and roles, in the order in which they were added.
    pub fn nodes(&self) -> Vec<NodeInfo> {
        let Some(world) = self.world() else { return Vec::new() };
        let core = world.core.borrow();
        let nodes = core.nodes.all().iter().zip(0..);
        nodes.map(|(node, id)| NodeInfo { id: NodeId(id), name: node.name(), role: node.role.name }).collect()
    }

    /// Returns the handle of the living incarnation of `node`, or `None` while that node is down.
    pub fn of_node(&self, node: NodeId) -> Option<Handle> {
        let world = self.world()?;
        let core = world.core.borrow();
        let incarnation = core.nodes[node].incarnation;
        let identity = Identity { node, incarnation, scope: Scope::ROOT };
        core.is_alive(node, incarnation).then_some(Handle { run: self.run, identity })
    }

    /// Returns the number of the node's incarnation, from 0.
    pub fn incarnation(&self) -> u32 {
        self.identity.incarnation
    }

    /// Returns the number of the run, which is unique within the process.
    pub fn run(&self) -> u64 {
        self.run
    }

    /// Returns the virtual time; [`Moment::START`] once the run is over.
    pub fn now(&self) -> Moment {
        self.world().and_then(|world| Some(world.core.try_borrow().ok()?.now)).unwrap_or_default()
    }

    /// Returns the reading of the node's own clock, as [`Env::clock`]; where no node's code runs, the reading of a
    /// correct clock.
    pub fn wall_clock(&self) -> WallTime {
        let is_free = self.world().is_some_and(|world| world.core.try_borrow_mut().is_ok());
        match self.try_env() {
            Some(env) if is_free => env.clock(),
            _ => {
                let start = self.world().and_then(|world| Some(world.core.try_borrow().ok()?.starts_at));
                start.unwrap_or(WallTime::AT_START).at(self.now())
            }
        }
    }

    /// Returns the entity that the code works for.
    pub fn scope(&self) -> Scope {
        self.identity.scope
    }

    /// Returns the same node's handle for the entity `scope`.
    #[must_use]
    pub fn within(self, scope: Scope) -> Handle {
        Handle { identity: Identity { scope, ..self.identity }, ..self }
    }

    /// Opens a child scope of the current entity and returns the handle for it.
    #[must_use]
    pub fn child(self, label: impl Into<Label>) -> Handle {
        let child = self.try_env().map(|env| env.child(label).scope());
        child.map_or(self, |scope| self.within(scope))
    }

    /// Makes the running task work for the entity `scope` from now on, as after it has received a message about that entity.
    pub fn work_for(self, scope: Scope) {
        let Some(env) = self.try_env() else { return };
        let current = env.world.identity.get();
        if (current.node, current.incarnation) == (env.node, env.incarnation) {
            env.world.identity.set(Identity { scope, ..current });
            env.world.core.borrow_mut().work_for(scope);
        }
    }

    /// Starts a task of the node, for the handle's entity. It ends with the node.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        if let Some(env) = self.try_env() {
            env.spawn(future);
        }
    }

    /// Waits for a span of virtual time.
    pub fn sleep(&self, duration: Duration) -> Timer {
        self.sleep_until(self.now() + duration)
    }

    /// Waits until a moment; returns at once if the moment has passed.
    pub fn sleep_until(&self, deadline: Moment) -> Timer {
        Timer::new(*self, deadline)
    }

    /// Makes a choice on behalf of the handle's entity. Adapters name a choice by its subject (a connection, a node), because
    /// any task of the node may be the one that draws it.
    pub fn choose(&self, site: &Site, alternatives: &Alternatives) -> Pick {
        self.try_env().map_or(Pick::BENIGN, |env| env.choose_for(User::ENGINE, site, alternatives))
    }

    /// Records that the last drawn deviation lasts this long from now.
    pub fn lasts(&self, duration: Duration) {
        if let Some(env) = self.try_env() {
            env.lasts(duration);
        }
    }

    /// Schedules `arrives` after a delay, outside every node. Adapters use this to move data in flight between nodes. `arrives`
    /// runs as no node's code: it wakes tasks of the node `to` and cannot act as a node. Where task order is explored, deliveries
    /// that are due at one instant may be reordered.
    pub fn deliver(&self, to: (NodeId, Scope), after: Duration, arrives: impl FnOnce() + 'static) {
        if let Some(env) = self.try_env().filter(Env::is_alive) {
            env.world.deliver(to, after, move |_| arrives());
        }
    }

    /// Records a step of the node. `words` distinguish the step in digests; `causes` are the numbers of the earlier steps that
    /// it follows from. Returns the number of the step, or `None` if the incarnation is dead.
    pub fn step(
        &self,
        kind: Kind,
        words: [u64; 2],
        cause: Option<u32>,
        text: impl FnOnce() -> String,
    ) -> Option<u32> {
        let env = self.try_env()?;
        if let Some(cause) = cause {
            env.world.core.borrow_mut().follows_from(cause);
        }
        env.event(kind, words, text)
    }

    /// Draws whether and how the node crashes at its effect `effect`. This is a crash point in the form that `poll`
    /// functions need. `Pending` means that this task does not continue, or that the node is paused and the task is polled
    /// again afterwards. Call it once per crash point, and continue without it when polled again. Like [`Handle::choose`], it
    /// names the choice by its subject: a pool gives a connection to one task after another.
    pub fn poll_crash_point(&self, side: Side, effect: impl Into<Label>) -> Poll<()> {
        let Some(env) = self.try_env() else { return Poll::Pending };
        match env.draw_crash_for((Some(User::ENGINE), None), side, effect.into()) {
            None => Poll::Ready(()),
            Some(mode) => env.begin_crash(mode),
        }
    }

    /// Returns the run's value of type `T`; the first call creates it with `T::default`. Adapters keep their state of a run
    /// there.
    ///
    /// # Panics
    /// If the run is over.
    pub fn extension<T: Default + 'static>(&self) -> Rc<T> {
        self.try_extension().expect("a handle acts within its own run")
    }

    /// Like [`Handle::extension`], but returns `None` if the run is over.
    pub fn try_extension<T: Default + 'static>(&self) -> Option<Rc<T>> {
        self.world().map(|world| world.extension())
    }

    /// Ends the node's process normally, as when `main` returns: its tasks are dropped and their destructors still have effects.
    /// After a shutdown the node restarts as its role says; otherwise it stays down.
    pub fn exit(&self) {
        if let Some(env) = self.try_env() {
            env.exit();
        }
    }
}

/// A node of the run, as adapters see it.
#[derive(Clone, Debug)]
pub struct NodeInfo {
    /// The node.
    pub id: NodeId,
    /// Its name, such as `worker-1`.
    pub name: String,
    /// The name of its role, such as `worker`.
    pub role: Label,
}

impl NodeId {
    /// Returns the number of the node within the run, from 0 in the order in which nodes were added.
    pub fn index(self) -> u16 {
        self.0
    }
}

/// Returns whether a caught panic is the engine's own; the engine ends code that exceeds the run's limits with it. Code that
/// catches panics must pass this one on with [`resume_unwind`](std::panic::resume_unwind).
pub fn is_engine_unwind(panic: &(dyn Any + Send)) -> bool {
    panic.is::<Unwound>()
}

/// The values that adapters keep for one run, by type.
pub(crate) type Extensions = RefCell<Vec<(TypeId, Rc<dyn Any>)>>;

impl World {
    /// Returns this run's value of type `T`.
    pub(crate) fn extension<T: Default + 'static>(&self) -> Rc<T> {
        let key = TypeId::of::<T>();
        let known =
            self.extensions.borrow().iter().find(|(id, _)| *id == key).map(|(_, value)| Rc::clone(value));
        let value = known.unwrap_or_else(|| {
            let made: Rc<dyn Any> = Rc::new(T::default());
            self.extensions.borrow_mut().push((key, Rc::clone(&made)));
            made
        });
        value.downcast().expect("a value is stored under its own type")
    }

    /// Runs `code` with this identity, then restores the previous identity.
    pub(crate) fn acting_as<T>(&self, identity: Identity, code: impl FnOnce() -> T) -> T {
        let before = self.identity.replace(identity);
        let result = code();
        self.identity.set(before);
        result
    }
}

impl Env {
    /// Returns the same identity as plain data.
    pub fn handle(&self) -> Handle {
        Handle { run: self.world.run.get(), identity: self.identity() }
    }

    /// Returns the identity of code that acts through this handle.
    #[inline]
    pub(crate) fn identity(&self) -> Identity {
        Identity { node: self.node, incarnation: self.incarnation, scope: self.scope() }
    }

    /// Starts a crash of the node in this mode, without waiting for its end.
    fn begin_crash(&self, mode: CrashMode) -> Poll<()> {
        let mut future = std::pin::pin!(self.crash(mode));
        // A crash acts before its first wait and never needs a waker of its own.
        future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    }
}
