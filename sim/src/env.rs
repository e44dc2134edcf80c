//! [`Env`]: the handle through which a node's code acts on the world. It is explicit, cheap to clone, and bound to one
//! incarnation of one node and to the scope of the entity that the code works for.

use crate::access::Access;
use crate::calendar::Zone;
use crate::choice::{Alternatives, Pick, Site};
use crate::clock::{Clock, ClockFault, Jumps, Settings};
use crate::engine::Core;
use crate::event::Kind;
use crate::fault::{Offer, Place};
use crate::label::Label;
use crate::node::{CrashFault, CrashMode, NodeId, Role};
use crate::scope::{Scope, ScopePath, Source, User};
use crate::task::Waiter;
use crate::time::{Duration, Moment, WallTime};
use crate::world::World;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

const CLOCK: Label = Label::new("clock");
const JUMP: Label = Label::new("clock jump");

/// A handle on the world for one incarnation of a node. Once that incarnation has crashed, no action through the handle
/// has an effect: waits never end, and choices take the benign alternative.
#[derive(Clone)]
pub struct Env {
    pub(crate) world: Rc<World>,
    pub(crate) node: NodeId,
    pub(crate) incarnation: u32,
    scope: Scope,
}

/// The side of an effect on which a crash point is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Before the effect.
    Before,
    /// After it, before the node learns of it.
    After,
}

impl Env {
    pub(crate) fn new(world: Rc<World>, node: NodeId, incarnation: u32, scope: Scope) -> Self {
        Self { world, node, incarnation, scope }
    }

    /// Returns a handle of the same node for the entity `scope`.
    pub fn within(&self, scope: Scope) -> Env {
        Env { scope, ..self.clone() }
    }

    /// Returns a handle of the same node for a new child of this entity. `attempt` within `intent-1` is first
    /// `intent-1/attempt-1`, then `intent-1/attempt-2`.
    pub fn child(&self, label: impl Into<Label>) -> Env {
        let scope = self.world.core.borrow_mut().open(self, label.into());
        self.within(scope)
    }

    /// Returns the scope of this handle.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Returns the node and the scope of this handle.
    #[inline]
    pub(crate) fn place(&self) -> (NodeId, Scope) {
        (self.node, self.scope)
    }

    /// Returns the written form of the scope.
    pub fn scope_path(&self) -> ScopePath {
        self.world.core.borrow().scopes.path(self.scope)
    }

    /// Returns the number of the nearest enclosing entity with this label.
    pub fn number_of(&self, label: impl Into<Label>) -> Option<u32> {
        self.world.core.borrow().scopes.number_of(self.scope, label.into())
    }

    /// Returns the node of this handle.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Returns the node's name, such as `worker-1`.
    pub fn node_name(&self) -> String {
        self.world.core.borrow().nodes[self.node].name()
    }

    /// Returns the virtual time.
    #[inline]
    pub fn now(&self) -> Moment {
        self.world.core.borrow().now
    }

    /// Returns whether a moment is in the future. [`Moment::START`] stands for no moment.
    #[inline]
    pub(crate) fn is_before(&self, moment: Moment) -> bool {
        moment != Moment::START && self.now() < moment
    }

    /// Returns the reading of the node's own clock: the calendar time of the virtual time, unless the clock deviates as
    /// the role's [`ClockProfile`](crate::clock::ClockProfile) allows. Durations and timers do not depend on it.
    pub fn clock(&self) -> WallTime {
        let mut core = self.world.core.borrow_mut();
        let now = core.now;
        if core.healed || !core.is_alive(self.node, self.incarnation) {
            return core.starts_at.at(now);
        }
        let Role { name, clock, .. } = core.nodes[self.node].role;
        if core.nodes[self.node].clock.set.is_none_or(|(incarnation, _)| incarnation != self.incarnation) {
            core.nodes[self.node].clock = Clock::fresh(self.incarnation, now);
            self.deviate(&mut core, &Site::new(name, CLOCK), Settings(clock));
        }
        self.deviate(&mut core, &Site::new(name, JUMP), Jumps(clock));
        core.nodes[self.node].clock.read(core.starts_at, now)
    }

    /// Returns the moment at which a correct clock shows this calendar time; [`Moment::START`] for a time before the run.
    pub fn moment_of(&self, time: WallTime) -> Moment {
        time.moment(self.world.core.borrow().starts_at)
    }

    /// Returns the calendar time of a moment, which is what a correct clock shows then.
    pub fn wall_time(&self, moment: Moment) -> WallTime {
        self.world.core.borrow().starts_at.at(moment)
    }

    /// Returns the time zone of the node, as its [role](Role::zone) says.
    ///
    /// # Panics
    /// If there is no zone of that name.
    pub fn zone(&self) -> Zone {
        self.world.core.borrow().nodes[self.node].role.zone.zone()
    }

    /// Draws a fault of the node's clock, which lasts until the run heals.
    fn deviate(&self, core: &mut Core, site: &Site, faults: impl Place<Fault = ClockFault>) {
        let pick = core.choose_as(User::ENGINE, self.node, (site, self.scope), faults);
        if let Some(fault) = faults.fault(pick) {
            core.lasts(core.heal_at.since(core.now));
            core.nodes[self.node].clock.deviate(fault);
        }
    }

    /// Returns whether this incarnation is alive.
    #[inline]
    pub fn is_alive(&self) -> bool {
        self.world.core.borrow().is_alive(self.node, self.incarnation)
    }

    /// Spawns a task of this node. The task ends with the node.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        // Not `Box::pin`: the box is allocated first, so that the future is built in place.
        let future = Box::into_pin(Box::write(Box::new_uninit(), future));
        if self.is_alive() {
            self.world.spawn(self.identity(), future);
        }
    }

    /// Adds a shutdown hook. When the node shuts down, it accepts no more calls, its tasks are dropped, and its hooks run
    /// one after the other in the order of their registration, for at most 30 seconds. Crashes, pauses and a second
    /// shutdown during that time are drawn as usual.
    pub fn on_shutdown(&self, hook: impl Future<Output = ()> + 'static) {
        if self.is_alive() {
            self.world.core.borrow_mut().nodes[self.node].shutdown_hooks.push(Box::pin(hook));
        }
    }

    /// Waits for a span of virtual time.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now() + duration)
    }

    /// Waits until a moment; returns at once if the moment has passed.
    pub fn sleep_until(&self, deadline: Moment) -> Sleep {
        self.sleep_alive(if self.is_alive() { deadline } else { Moment::NEVER })
    }

    /// Like [`Env::sleep_until`], without the liveness check; the caller has made it.
    #[inline]
    pub(crate) fn sleep_alive(&self, deadline: Moment) -> Sleep {
        Sleep { world: Rc::clone(&self.world), deadline, timer: None }
    }

    /// Waits for `future`, but at most for `timeout`; returns `None` if the timeout passed first.
    pub async fn timeout<T>(&self, timeout: Duration, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let mut sleep = self.sleep(timeout);
        poll_fn(|context| {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                return Poll::Ready(Some(value));
            }
            Pin::new(&mut sleep).poll(context).map(|()| None)
        })
        .await
    }

    /// Ends another node as its supervisor can, and restarts it after `after`. Its tasks are dropped and their
    /// destructors have effects; its shutdown hooks ([`Env::on_shutdown`]) do not run. A node that is down already
    /// stays down until its own restart.
    ///
    /// # Panics
    /// If it is this node.
    pub fn restart(&self, node: NodeId, after: Duration) {
        assert!(node != self.node, "a node does not restart itself from outside");
        if self.is_alive() {
            self.world.restart(node, self.scope, after);
        }
    }

    /// Makes a choice: draws one of `alternatives` for this entity. Choices are the only source of nondeterminism.
    #[track_caller]
    pub fn choose(&self, site: Site, alternatives: &Alternatives) -> Pick {
        self.choose_at(&site, alternatives, Some(std::panic::Location::caller()))
    }

    pub(crate) fn choose_at(&self, site: &Site, offer: impl Offer, place: Option<Source>) -> Pick {
        let mut core = self.world.core.borrow_mut();
        if !core.is_alive(self.node, self.incarnation) {
            return Pick::BENIGN;
        }
        core.choose(self.node, (site, self.scope), offer, place)
    }

    /// Draws a fault of a profile for the running task.
    pub(crate) fn choose_fault<P: Place>(&self, site: &Site, faults: P) -> Option<P::Fault> {
        self.choose_fault_at(site, faults, None)
    }

    /// Draws a fault of a profile for the running task, which called the engine at `place`.
    pub(crate) fn choose_fault_at<P: Place>(
        &self,
        site: &Site,
        faults: P,
        place: Option<Source>,
    ) -> Option<P::Fault> {
        faults.fault(self.choose_at(site, faults, place))
    }

    /// Makes a choice on behalf of the task `user`.
    pub(crate) fn choose_for(&self, user: User, site: &Site, offer: impl Offer) -> Pick {
        let mut core = self.world.core.borrow_mut();
        if !core.is_alive(self.node, self.incarnation) {
            return Pick::BENIGN;
        }
        core.choose_as(user, self.node, (site, self.scope), offer)
    }

    /// Draws a fault of a profile for the task `user`.
    pub(crate) fn fault_for<P: Place>(&self, user: User, site: &Site, faults: P) -> Option<P::Fault> {
        faults.fault(self.choose_for(user, site, faults))
    }

    /// Draws a delay; the deviation lasts as long as the delay.
    #[track_caller]
    pub fn choose_delay(&self, site: Site, delays: &Alternatives) -> Duration {
        let place = Some(std::panic::Location::caller());
        let mut core = self.world.core.borrow_mut();
        if !core.is_alive(self.node, self.incarnation) {
            return Duration::ZERO;
        }
        let pick = core.choose(self.node, (&site, self.scope), delays, place);
        let delay = core.chooser.delay(pick);
        if !delay.is_zero() {
            core.lasts(delay);
        }
        delay
    }

    /// Sets how long the last deviation lasts, from now.
    pub fn lasts(&self, duration: Duration) {
        if self.is_alive() {
            self.world.core.borrow_mut().lasts(duration);
        }
    }

    /// Sets the reason of the task's next event; the trace shows it after *because*.
    pub fn because(&self, reason: impl FnOnce() -> String) {
        if self.world.core.borrow().recording.is_some() && self.is_alive() {
            // Computed before the world is borrowed, because it may use the handle.
            let reason = reason();
            self.world.core.borrow_mut().because(reason);
        }
    }

    /// Adds a note of the node to the trace.
    pub fn note(&self, text: impl FnOnce() -> String) {
        self.event(Kind::Note, [0, 0], text);
    }

    /// Adds a step that only recorded traces have.
    #[inline]
    pub(crate) fn aside(&self, kind: Kind, step: impl FnOnce() -> (Vec<Access>, String)) {
        if self.world.core.borrow().recording.is_some() && self.is_alive() {
            // Computed before the world is borrowed, because it may use the handle.
            let step = step();
            self.world.core.borrow_mut().aside(self.place(), kind, step);
        }
    }

    /// Calls `state` for the commit of a row. In a recorded run, the facts that it states access the row, so that stories name who wrote
    /// it; otherwise `access` is not called.
    pub fn for_row<T>(&self, access: impl FnOnce() -> Access, state: impl FnOnce() -> T) -> T {
        if self.world.core.borrow().recording.is_none() {
            return state();
        }
        let access = access();
        self.world.core.borrow_mut().committing = Some(access);
        let stated = state();
        self.world.core.borrow_mut().committing = None;
        stated
    }

    /// Adds accesses to the step that was recorded last, which the caller has just recorded. In a run that is not recorded `accesses` is
    /// not called.
    #[inline]
    pub fn attach(&self, accesses: impl FnOnce() -> Vec<Access>) {
        if self.world.core.borrow().recording.is_some() && self.is_alive() {
            let accesses = accesses();
            if let Some(last) = self.world.core.borrow_mut().last_recorded() {
                last.accesses.extend(accesses);
            }
        }
    }

    #[inline]
    pub(crate) fn event(&self, kind: Kind, words: [u64; 2], text: impl FnOnce() -> String) -> Option<u32> {
        let mut core = self.world.core.borrow_mut();
        if core.recording.is_some() {
            drop(core);
            return self.record(kind, words, text);
        }
        core.is_alive(self.node, self.incarnation)
            .then(|| core.count_event(self.node, self.scope, kind, words))
    }

    /// Records an event with its text.
    #[cold]
    #[inline(never)]
    fn record(&self, kind: Kind, words: [u64; 2], text: impl FnOnce() -> String) -> Option<u32> {
        // Computed before the world is borrowed, because it may use the handle.
        let text = text();
        let mut core = self.world.core.borrow_mut();
        if !core.is_alive(self.node, self.incarnation) {
            return None;
        }
        core.collect_log(self.node, self.scope);
        Some(core.event(self.node, self.scope, kind, words, || text))
    }

    /// Adds a value that leaves the node to the digests of the run.
    pub(crate) fn digest(&self, value: &impl serde::Serialize) {
        let mut core = self.world.core.borrow_mut();
        if core.is_alive(self.node, self.incarnation) {
            core.digest.value(value);
            if let Some(effects) = &mut core.effects {
                effects.value(value);
            }
        }
    }

    /// Marks a crash point beside the node's effect `effect` on the world. Calls and commits have crash points of
    /// their own.
    #[track_caller]
    pub fn crash_point(&self, side: Side, effect: impl Into<Label>) -> impl Future<Output = ()> {
        self.crash_point_at(side, effect.into(), std::panic::Location::caller())
    }

    /// Like [`crash_point`](Env::crash_point), for code that called the engine at `place`.
    pub(crate) async fn crash_point_at(&self, side: Side, effect: Label, place: Source) {
        if let Some(mode) = self.draw_crash(side, effect, place) {
            self.crash(mode).await;
        }
    }

    /// Draws whether and how the node crashes here, for the running task, which called the engine at `place`.
    #[inline]
    pub(crate) fn draw_crash(&self, side: Side, effect: Label, place: Source) -> Option<CrashMode> {
        self.draw_crash_for((None, Some(place)), side, effect)
    }

    /// Draws whether and how the node crashes here, for `user` or the running task at `place`.
    #[inline]
    pub(crate) fn draw_crash_for(
        &self,
        (user, place): (Option<User>, Option<Source>),
        side: Side,
        effect: Label,
    ) -> Option<CrashMode> {
        let mut core = self.world.core.borrow_mut();
        if !core.is_alive(self.node, self.incarnation) {
            return Some(CrashMode::Gone);
        }
        let crash = &core.nodes[self.node].role.crash;
        let faults = if side == Side::Before { crash.before } else { crash.after };
        if faults.is_empty() || core.healed {
            return None;
        }
        let user = user.unwrap_or_else(|| User { place, ..core.user() });
        core.draw_crash((user, self), side, effect).map(CrashMode::Fault)
    }

    pub(crate) async fn crash(&self, mode: CrashMode) {
        let event = |kind, text: &str| {
            let mut core = self.world.core.borrow_mut();
            let index = core.event(self.node, self.scope, kind, [0, 0], || text.to_owned());
            core.nodes[self.node].last_event = Some(index);
        };
        match mode {
            CrashMode::Gone => std::future::pending().await,
            CrashMode::Fault(CrashFault::Crash) => {
                event(Kind::Crash, "crashes");
                self.world.end_incarnation(self.node, self.scope);
                std::future::pending().await
            }
            CrashMode::Fault(CrashFault::ShutDown) => {
                event(Kind::Stop, "shuts down");
                self.world.shut_down(self.node, self.incarnation, self.scope);
                if self.world.core.borrow().nodes[self.node].termination.is_none() {
                    std::future::pending().await
                }
            }
            CrashMode::Fault(CrashFault::Pause(pause)) => {
                event(Kind::Pause, &format!("is not scheduled for {}", crate::time::text(pause)));
                {
                    let mut core = self.world.core.borrow_mut();
                    core.lasts(pause);
                    core.pause(self.node, pause);
                }
                yield_once().await;
            }
        }
    }
}

/// Yields once; the caller has arranged to be woken.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|_| if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// A wait for a moment of virtual time; [`Env::sleep`] returns it.
pub struct Sleep {
    world: Rc<World>,
    deadline: Moment,
    timer: Option<(u32, u32)>,
}

impl Sleep {
    /// Waits for a value in the slot, at most until the deadline.
    pub(crate) fn or_value<T>(mut self, slot: &RefCell<Slot<T>>) -> impl Future<Output = Option<T>> {
        poll_fn(move |context| {
            let Self { world, deadline, timer } = &mut self;
            let (mut core, mut slot) = (world.core.borrow_mut(), slot.borrow_mut());
            if let Some(value) = slot.claim(&mut core) {
                return Poll::Ready(Some(value));
            }
            if has_passed(&mut core, deadline, timer, context, true) {
                // A late value must not wake this task.
                slot.waiter = None;
                return Poll::Ready(None);
            }
            slot.waiter = core.waiter(context);
            Poll::Pending
        })
    }
}

/// Returns whether the moment has passed; if not, sets the timer that wakes the task.
#[inline(never)]
pub(crate) fn has_passed(
    core: &mut Core,
    deadline: &mut Moment,
    timer: &mut Option<(u32, u32)>,
    context: &Context<'_>,
    is_timeout: bool,
) -> bool {
    match *timer {
        Some(set) if core.has_fired(set) => {
            core.cancel_timer(set);
            *timer = None;
            *deadline = Moment::START;
            true
        }
        Some(_) => false,
        None if *deadline <= core.now => {
            core.count_poll();
            true
        }
        None if *deadline == Moment::NEVER => false,
        None => {
            if let Some(waiter) = core.waiter(context) {
                *timer = Some(if is_timeout {
                    core.set_timeout(*deadline, waiter)
                } else {
                    core.set_timer(*deadline, waiter)
                });
            }
            false
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { world, deadline, timer } = &mut *self;
        match has_passed(&mut world.core.borrow_mut(), deadline, timer, context, false) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for Sleep {
    #[inline]
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            self.world.core.borrow_mut().cancel_timer(timer);
        }
    }
}

/// A slot in which one task waits for a value from another: cheaper than a channel.
pub(crate) struct Slot<T> {
    value: Option<(T, Option<u32>)>,
    waiter: Option<Waiter>,
}

impl<T> Slot<T> {
    /// Takes the value, if there is one; the task's next event follows from the one that put it.
    #[inline]
    fn claim(&mut self, core: &mut Core) -> Option<T> {
        let (value, cause) = self.value.take()?;
        cause.into_iter().for_each(|cause| core.follows_from(cause));
        Some(value)
    }

    /// Takes the value, if there is one and it was not taken yet.
    pub(crate) fn unclaimed(&mut self) -> Option<T> {
        self.value.take().map(|(value, _)| value)
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { value: None, waiter: None }
    }
}

pub(crate) type SharedSlot<T> = Rc<RefCell<Slot<T>>>;

pub(crate) fn slot<T>() -> SharedSlot<T> {
    Rc::default()
}

/// Puts a value into the slot, unless it holds one.
pub(crate) fn put<T>(world: &World, slot: &RefCell<Slot<T>>, value: T) {
    let mut core = world.core.borrow_mut();
    let cause = core.current_event();
    let mut inner = slot.borrow_mut();
    if inner.value.is_none() {
        inner.value = Some((value, cause));
        if let Some(waiter) = inner.waiter.take() {
            core.wake(waiter, cause);
        }
    }
}

/// Waits for the value.
pub(crate) async fn take<T>(world: &World, slot: &RefCell<Slot<T>>) -> T {
    poll_fn(|context| poll_take(world, slot, context)).await
}

/// Takes the value, or registers the task to be woken when it is put.
pub(crate) fn poll_take<T>(world: &World, slot: &RefCell<Slot<T>>, context: &Context<'_>) -> Poll<T> {
    let (mut core, mut slot) = (world.core.borrow_mut(), slot.borrow_mut());
    match slot.claim(&mut core) {
        Some(value) => Poll::Ready(value),
        None => {
            slot.waiter = core.waiter(context);
            Poll::Pending
        }
    }
}
