//! The world of one run: its clock, agenda, nodes, tasks and choices, and the loop that drives them.
//!
//! Everything is reached through explicit [`Env`] handles; there is no ambient world. The loop polls every
//! ready task, then jumps to the next entry of the agenda, until nothing is left: the run is at rest.

use crate::agenda::{Agenda, Due};
use crate::choice::{Alternatives, Pick, Site};
use crate::chooser::Chooser;
use crate::digest::Digest;
use crate::event::{Chosen, Event, Kind};
use crate::node::{Node, State};
use crate::scope::{Scope, Scopes, User};
use crate::task::{BoxFuture, Task, Waiter, WakeList, waker_for};
use crate::time::{Duration, Moment};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;

pub use crate::env::Env;
pub use crate::node::NodeId;

/// How much a run may do before it counts as running away.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Limits {
    /// Events of any kind.
    pub events: u32,
    /// Choices offered.
    pub choices: u32,
    /// Times that a task is polled.
    pub polls: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { events: 500_000, choices: 500_000, polls: 2_000_000 }
    }
}

/// A time in which something deviated: what timing invariants may subtract.
#[derive(Clone, Copy, Debug)]
pub struct Disturbance {
    /// Where the choice was made.
    pub site: Site,
    /// Whom it concerns.
    pub scope: Scope,
    /// The node that drew it.
    pub node: NodeId,
    /// When it began.
    pub from: Moment,
    /// When it ended; the same as `from` for what does not last.
    pub until: Moment,
}

/// What ended a run before it came to rest: each is a violation of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mishap {
    /// The code under test panicked on this node with this message.
    Panicked {
        /// The node.
        node: String,
        /// The panic's message.
        message: String,
    },
    /// The run went past one of its [`Limits`].
    RanAway {
        /// Which limit.
        limit: &'static str,
        /// Its value.
        most: u32,
    },
    /// Two tasks, or two places in the source, drew a choice of the same name.
    Ambiguous {
        /// The choice's name.
        choice: String,
    },
}

/// What code that ran away without ever waiting is unwound with.
pub(crate) struct Unwound;

pub(crate) struct TimerSlot {
    pub(crate) generation: u32,
    pub(crate) fired: bool,
    pub(crate) waiter: Option<Waiter>,
}

type Arriving = Box<dyn FnOnce(&Rc<World>)>;

pub(crate) struct Delivery {
    pub(crate) run: Arriving,
    pub(crate) cause: Option<u32>,
}

/// The state that handles share.
pub struct World {
    pub(crate) core: RefCell<Core>,
    wakes: Arc<WakeList>,
}

pub(crate) struct Core {
    pub(crate) now: Moment,
    pub(crate) heal_at: Moment,
    pub(crate) healed: bool,
    pub(crate) scopes: Scopes,
    pub(crate) chooser: Chooser,
    pub(crate) digest: Digest,
    pub(crate) events: u32,
    pub(crate) recording: Option<Vec<Event>>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) disturbances: Vec<Disturbance>,
    pub(crate) mishap: Option<Mishap>,
    pub(crate) limits: Limits,
    pub(crate) log: crate::tracing_capture::Buffer,
    agenda: Agenda,
    tasks: Vec<Task>,
    free_tasks: Vec<u32>,
    ready: VecDeque<u32>,
    current: Option<u32>,
    /// What the agenda entry at hand follows from.
    cause: Option<u32>,
    timers: Vec<TimerSlot>,
    free_timers: Vec<u32>,
    deliveries: Vec<Option<Delivery>>,
    free_deliveries: Vec<u32>,
    doomed: Vec<BoxFuture>,
    /// Nodes that stop in order, each with the incarnation and the entity at whose effect it does.
    stopping: Vec<(NodeId, u32, Scope)>,
    /// What to let go of when the run is over, so that nothing that holds on to itself outlives it.
    closers: Vec<Box<dyn FnOnce()>>,
    woken: Vec<u32>,
    polls: u32,
    /// Whether the run is over: what destructors still ask for is not done.
    closed: bool,
}

impl World {
    pub(crate) fn new() -> Rc<Self> {
        let core = Core {
            now: Moment::START,
            heal_at: Moment::NEVER,
            healed: false,
            scopes: Scopes::new(),
            chooser: Chooser::new(),
            digest: Digest::default(),
            events: 0,
            recording: None,
            nodes: Vec::new(),
            disturbances: Vec::new(),
            mishap: None,
            limits: Limits::default(),
            log: Default::default(),
            agenda: Agenda::default(),
            tasks: Vec::new(),
            free_tasks: Vec::new(),
            ready: VecDeque::new(),
            current: None,
            cause: None,
            timers: Vec::new(),
            free_timers: Vec::new(),
            deliveries: Vec::new(),
            free_deliveries: Vec::new(),
            doomed: Vec::new(),
            stopping: Vec::new(),
            closers: Vec::new(),
            woken: Vec::new(),
            polls: 0,
            closed: false,
        };
        Rc::new(Self { core: RefCell::new(core), wakes: Arc::default() })
    }

    /// Makes ready for another run, keeping the memory. Everything that the last run's handles could hold
    /// on to is dropped first, outside the borrow, since destructors may use their handles.
    pub(crate) fn reset(&self, heal_at: Moment, limits: Limits) {
        self.discard();
        let mut core = self.core.borrow_mut();
        let core = &mut *core;
        core.now = Moment::START;
        core.heal_at = heal_at;
        core.healed = false;
        core.scopes.reset();
        core.digest = Digest::default();
        core.events = 0;
        core.disturbances.clear();
        core.mishap = None;
        core.limits = limits;
        core.cause = None;
        core.polls = 0;
        core.closed = false;
    }

    /// Drops what the run has built: tasks, boots, deliveries.
    pub(crate) fn discard(&self) {
        let built = {
            let mut core = self.core.borrow_mut();
            core.closed = true;
            for node in &mut core.nodes {
                node.state = State::Down;
                node.incarnation += 1;
            }
            core.agenda.reset();
            core.ready.clear();
            core.current = None;
            core.stopping.clear();
            let futures: Vec<_> = core.tasks.iter_mut().filter_map(|task| task.future.take()).collect();
            let boots: Vec<_> = core.nodes.iter_mut().filter_map(|node| node.boot.take()).collect();
            let deliveries = std::mem::take(&mut core.deliveries);
            let doomed = std::mem::take(&mut core.doomed);
            (futures, boots, deliveries, doomed)
        };
        drop(built);
        let closers = std::mem::take(&mut self.core.borrow_mut().closers);
        closers.into_iter().for_each(|close| close());
        let mut core = self.core.borrow_mut();
        core.nodes.clear();
        core.free_deliveries.clear();
        let core = &mut *core;
        core.free_timers.clear();
        for (slot, timer) in core.timers.iter_mut().enumerate() {
            timer.waiter = None;
            timer.generation += 1;
            core.free_timers.push(slot as u32);
        }
        core.free_timers.reverse();
        core.free_tasks.clear();
        for (slot, task) in core.tasks.iter_mut().enumerate() {
            task.alive = false;
            task.queued = false;
            task.generation += 1;
            core.free_tasks.push(slot as u32);
        }
        core.free_tasks.reverse();
        self.wakes.drain(&mut core.woken);
        core.woken.clear();
    }

    /// Runs until nothing is left to do, a mishap ends the run, or the next entry is due after `until`.
    pub(crate) fn run(self: &Rc<Self>, until: Moment) {
        loop {
            while let Some(slot) = self.next_ready() {
                self.poll(slot);
            }
            let due = {
                let mut core = self.core.borrow_mut();
                if core.mishap.is_some() || core.next_time().is_none_or(|time| time > until) {
                    return;
                }
                let (time, due) = core.agenda.take().expect("the agenda has a next time");
                core.now = time;
                core.heal_if_time();
                due
            };
            self.fire(due);
        }
    }

    fn next_ready(&self) -> Option<u32> {
        let mut core = self.core.borrow_mut();
        if core.mishap.is_some() { None } else { core.ready.pop_front() }
    }

    fn poll(self: &Rc<Self>, slot: u32) {
        let (mut future, waker) = {
            let mut core = self.core.borrow_mut();
            let core = &mut *core;
            let task = &mut core.tasks[slot as usize];
            task.queued = false;
            let (true, Some(future)) = (task.alive, task.future.take()) else { return };
            let waker = task.waker.clone();
            core.current = Some(slot);
            core.count_poll();
            (future, waker)
        };
        let done = future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let mut core = self.core.borrow_mut();
        let (node, scope) = (core.tasks[slot as usize].node, core.tasks[slot as usize].scope);
        core.collect_log(node, scope);
        core.current = None;
        let task = &mut core.tasks[slot as usize];
        let gone = if done || !task.alive {
            core.free_task(slot);
            Some(future)
        } else {
            task.future = Some(future);
            None
        };
        let idle = core.doomed.is_empty() && core.stopping.is_empty();
        drop(core);
        drop(gone);
        if !idle {
            self.bury();
        }
        self.take_outside_wakes();
    }

    fn take_outside_wakes(&self) {
        let mut core = self.core.borrow_mut();
        let core = &mut *core;
        self.wakes.drain(&mut core.woken);
        for at in 0..core.woken.len() {
            let slot = core.woken[at];
            core.make_ready(slot);
        }
        core.woken.clear();
    }

    /// Drops the tasks of nodes that vanished or stopped, outside the borrow.
    fn bury(self: &Rc<Self>) {
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
                    core.cause = core.nodes[node.0 as usize].last_event;
                    core.take_tasks_of(node)
                };
                drop(dropped);
                self.end_incarnation(node, scope);
                self.core.borrow_mut().cause = None;
            }
        }
    }

    /// Ends a node's incarnation: nothing that it still does counts. It restarts after a while, which is
    /// drawn for the entity at whose effect it ended.
    pub(crate) fn end_incarnation(self: &Rc<Self>, node: NodeId, scope: Scope) {
        let mut core = self.core.borrow_mut();
        let core = &mut *core;
        let dead = core.take_tasks_of(node);
        core.doomed.extend(dead);
        let entry = &mut core.nodes[node.0 as usize];
        entry.state = State::Down;
        entry.incarnation += 1;
        let deferred = std::mem::take(&mut entry.deferred);
        let (profile, name) = (entry.role.crash, entry.role.name);
        let site = Site::new(name, "restart".into());
        deferred.into_iter().for_each(|slot| core.tasks[slot as usize].queued = false);
        // Not the crashing task's draw: whoever crashes here draws under this one name.
        let late = core.choose_as(User::ENGINE, node, (site, scope), &profile.late_restart);
        let delay = profile.restart + late.delay(&profile.late_restart);
        core.lasts(delay);
        let back = core.now + delay;
        core.agenda.put(back, Due::Restart { node: node.0 });
    }

    pub(crate) fn stop_in_order(&self, node: NodeId, incarnation: u32, scope: Scope) {
        self.core.borrow_mut().stopping.push((node, incarnation, scope));
    }

    /// Has `close` called when the run's memory is let go of.
    pub(crate) fn at_close(&self, close: impl FnOnce() + 'static) {
        self.core.borrow_mut().closers.push(Box::new(close));
    }

    fn fire(self: &Rc<Self>, due: Due) {
        match due {
            Due::Timer { slot, generation } => self.core.borrow_mut().fire_timer(slot, generation),
            Due::Deliver { slot } => {
                let delivery = {
                    let mut core = self.core.borrow_mut();
                    core.free_deliveries.push(slot);
                    let delivery = core.deliveries[slot as usize].take().expect("a delivery is made once");
                    core.cause = delivery.cause;
                    delivery
                };
                (delivery.run)(self);
                self.core.borrow_mut().cause = None;
                self.take_outside_wakes();
            }
            Due::Resume { node, pause } => self.core.borrow_mut().resume(NodeId(node), pause),
            Due::Restart { node } => self.boot(NodeId(node)),
        }
    }

    /// Begins a node's next incarnation.
    pub(crate) fn boot(self: &Rc<Self>, node: NodeId) {
        let (boot, incarnation) = {
            let mut core = self.core.borrow_mut();
            let entry = &mut core.nodes[node.0 as usize];
            entry.state = State::Up;
            let (boot, incarnation) = (entry.boot.clone(), entry.incarnation);
            core.cause = core.nodes[node.0 as usize].last_event;
            let again = incarnation > 0;
            let index = core.event(node, Scope::ROOT, Kind::Boot, [u64::from(incarnation), 0], || {
                (if again { "starts again" } else { "starts" }).to_owned()
            });
            core.cause = Some(index);
            (boot, incarnation)
        };
        if let Some(boot) = boot {
            boot(Env::new(Rc::clone(self), node, incarnation, Scope::ROOT));
        }
        let mut core = self.core.borrow_mut();
        core.collect_log(node, Scope::ROOT);
        core.cause = None;
    }

    pub(crate) fn spawn(&self, (node, incarnation, scope): (NodeId, u32, Scope), future: BoxFuture) {
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
                causes: Vec::new(),
                because: None,
            });
        }
        let task = &mut core.tasks[slot as usize];
        (task.node, task.incarnation, task.scope) = (node, incarnation, scope);
        task.future = Some(future);
        task.alive = true;
        task.last_event = cause;
        task.causes.clear();
        task.because = None;
        core.make_ready(slot);
    }

    /// Runs `consequence` as following from an event, outside any task.
    pub(crate) fn with_cause(&self, event: u32, consequence: impl FnOnce()) {
        let before = self.core.borrow_mut().cause.replace(event);
        consequence();
        self.core.borrow_mut().cause = before;
    }

    pub(crate) fn deliver(&self, after: Duration, run: impl FnOnce(&Rc<World>) + 'static) {
        let mut core = self.core.borrow_mut();
        let core = &mut *core;
        if core.closed {
            return;
        }
        let slot = core.free_deliveries.pop().unwrap_or_else(|| {
            core.deliveries.push(None);
            core.deliveries.len() as u32 - 1
        });
        let cause = core.current_event();
        core.deliveries[slot as usize] = Some(Delivery { run: Box::new(run), cause });
        core.agenda.put(core.now + after, Due::Deliver { slot });
    }
}

impl Core {
    pub(crate) fn footprint(&self) -> [usize; 5] {
        let (scopes, counters) = self.scopes.capacity();
        [self.tasks.len(), self.timers.len(), self.deliveries.capacity(), scopes, counters]
    }

    /// Records a step: into the digest always, into the trace while recording. `words` are what the digest
    /// takes of it beside time, node, scope and kind. Answers its number.
    pub(crate) fn event(
        &mut self,
        node: NodeId,
        scope: Scope,
        kind: Kind,
        words: [u64; 2],
        text: impl FnOnce() -> String,
    ) -> u32 {
        let index = self.events;
        self.events += 1;
        if self.events > self.limits.events {
            self.run_away("events", self.events, self.limits.events);
        }
        self.digest.word(self.now.nanos());
        self.digest.word(u64::from(node.0) << 8 | kind as u64);
        self.digest.word(self.scopes.hash(scope));
        self.digest.word(words[0]);
        self.digest.word(words[1]);
        let cause = self.cause;
        let recording = self.recording.is_some();
        let (mut causes, mut because) = (Vec::new(), None);
        match self.current {
            None => causes.extend(cause),
            Some(slot) => {
                let task = &mut self.tasks[slot as usize];
                let last = task.last_event.replace(index);
                if recording {
                    causes = std::mem::take(&mut task.causes);
                    causes.extend(last);
                    because = task.because.take();
                }
            }
        }
        if recording {
            causes.sort_unstable();
            causes.dedup();
            causes.retain(|cause| *cause < index);
            let (time, digest, text) = (self.now, self.digest, text());
            let (number, choice, state) = (Some(index), None, None);
            let event = Event { number, time, node, scope, kind, causes, text, because, choice, state, digest };
            self.recording.as_mut().expect("recording").push(event);
        }
        index
    }

    /// Ends the run for doing too much. Code that never waits would not notice that it is not polled
    /// again, so past twice the limit it is unwound.
    fn run_away(&mut self, limit: &'static str, count: u32, most: u32) {
        if self.mishap.is_none() {
            self.mishap = Some(Mishap::RanAway { limit, most });
        }
        if count > most.saturating_mul(2) && !std::thread::panicking() {
            std::panic::resume_unwind(Box::new(Unwound));
        }
    }

    /// Counts a wait that was over as it began, lest a loop of them go unnoticed.
    pub(crate) fn count_poll(&mut self) {
        self.polls += 1;
        if self.polls > self.limits.polls {
            self.run_away("polls", self.polls, self.limits.polls);
        }
    }

    /// Moves what `tracing` captured since the last step into the trace. Such steps have no number and
    /// leave the digest alone: a run is the same whether it is recorded or not.
    pub(crate) fn collect_log(&mut self, node: NodeId, scope: Scope) {
        let Some(recording) = &mut self.recording else { return };
        let cause = self.current.map_or(self.cause, |slot| self.tasks[slot as usize].last_event);
        for text in self.log.take() {
            let (causes, time, digest) = (cause.into_iter().collect(), self.now, self.digest);
            let (number, kind, because, choice, state) = (None, Kind::Log, None, None, None);
            recording.push(Event { number, time, node, scope, kind, causes, text, because, choice, state, digest });
        }
    }

    pub(crate) fn last_recorded(&mut self) -> Option<&mut Event> {
        self.recording.as_mut()?.last_mut()
    }

    /// The event that the code now running follows from.
    pub(crate) fn current_event(&self) -> Option<u32> {
        self.current.map_or(self.cause, |slot| self.tasks[slot as usize].last_event)
    }

    /// Says that the running task's next event also follows from `cause`.
    pub(crate) fn follows_from(&mut self, cause: u32) {
        if self.recording.is_some()
            && let Some(slot) = self.current
        {
            self.tasks[slot as usize].causes.push(cause);
        }
    }

    /// Gives the reason of the running task's next event.
    pub(crate) fn because(&mut self, reason: String) {
        if let Some(slot) = self.current {
            self.tasks[slot as usize].because = Some(reason);
        }
    }

    pub(crate) fn choose(
        &mut self,
        node: NodeId,
        (site, scope): (Site, Scope),
        alternatives: &Alternatives,
        place: Option<&'static std::panic::Location<'static>>,
    ) -> Pick {
        let user = User { place, ..self.user() };
        self.choose_as(user, node, (site, scope), alternatives)
    }

    /// Who draws now.
    pub(crate) fn user(&self) -> User {
        User { task: self.current.map_or(User::ENGINE.task, |slot| self.task_name(slot)), place: None }
    }

    pub(crate) fn choose_as(
        &mut self,
        user: User,
        node: NodeId,
        (site, scope): (Site, Scope),
        alternatives: &Alternatives,
    ) -> Pick {
        if self.healed || alternatives.deviations() == 0 {
            return Pick::BENIGN;
        }
        let (before, last_user) = self.scopes.count(scope, site.hash(), user);
        if before > 0 && last_user != user && self.mishap.is_none() {
            let choice = format!("{site} @ {}", self.scopes.path(scope));
            self.mishap = Some(Mishap::Ambiguous { choice });
        }
        let nth = before + 1;
        let pick = self.chooser.decide((site, scope, nth), alternatives, &self.scopes);
        let offered = self.chooser.offers().len() as u32;
        if offered > self.limits.choices {
            self.run_away("choices", offered, self.limits.choices);
        }
        self.digest.word(site.hash() ^ pick.code());
        if !pick.is_benign() {
            let words = [site.hash(), pick.code() << 32 | u64::from(nth)];
            self.event(node, scope, Kind::Deviation, words, || {
                format!("{site} = {}", alternatives.name_of(pick))
            });
            if let Some(event) = self.last_recorded() {
                event.choice = Some(Chosen { site, nth, pick, alternatives: *alternatives });
            }
            let (from, until) = (self.now, self.now);
            self.disturbances.push(Disturbance { site, scope, node, from, until });
        }
        pick
    }

    /// Distinguishes tasks that share a slot one after the other.
    fn task_name(&self, slot: u32) -> u32 {
        slot << 12 | (self.tasks[slot as usize].generation & 0xFFF)
    }

    /// Says how long the last deviation lasts, from now.
    pub(crate) fn lasts(&mut self, duration: Duration) {
        let until = self.now + duration;
        if let Some(last) = self.disturbances.last_mut() {
            last.until = last.until.max(until);
        }
    }

    /// When the last deviation known so far has ended.
    pub(crate) fn disturbed_until(&self) -> Moment {
        self.disturbances.iter().map(|disturbance| disturbance.until).max().unwrap_or_default()
    }

    pub(crate) fn heal_if_time(&mut self) {
        if !self.healed && self.now >= self.heal_at {
            self.healed = true;
            if let Some(node) = self.nodes.first().map(|_| NodeId(0)) {
                self.event(node, Scope::ROOT, Kind::Heal, [0, 0], || "nothing deviates from here".to_owned());
            }
        }
    }

    /// Who is polled now, to be woken with [`Core::wake`].
    pub(crate) fn waiter(&self, context: &Context<'_>) -> Option<Waiter> {
        let slot = self.current?;
        let task = &self.tasks[slot as usize];
        let waker = (!context.waker().will_wake(&task.waker)).then(|| context.waker().clone());
        Some(Waiter { slot, generation: task.generation, waker })
    }

    /// Wakes a task; what it does next also follows from `cause`.
    pub(crate) fn wake(&mut self, waiter: Waiter, cause: Option<u32>) {
        let task = &mut self.tasks[waiter.slot as usize];
        if !task.alive || task.generation != waiter.generation {
            return;
        }
        if self.recording.is_some() {
            task.causes.extend(cause);
        }
        match waiter.waker {
            Some(waker) => waker.wake(),
            None => self.make_ready(waiter.slot),
        }
    }

    /// When the next thing is due. Entries of timers that were cancelled meanwhile are dropped here, so
    /// that they neither move the clock nor keep the run from its rest.
    fn next_time(&mut self) -> Option<Moment> {
        while let Some((time, due)) = self.agenda.peek() {
            match due {
                Due::Timer { slot, generation } if self.timers[slot as usize].generation != generation => {
                    self.agenda.take();
                }
                _ => return Some(time),
            }
        }
        None
    }

    /// Whether anything is left to do.
    pub(crate) fn is_busy(&mut self) -> bool {
        !self.ready.is_empty() || self.next_time().is_some()
    }

    /// The node whose code runs now.
    pub(crate) fn current_node_name(&self) -> String {
        let node = self.current.map(|slot| self.tasks[slot as usize].node);
        node.map_or("the scenario".to_owned(), |node| self.nodes[node.0 as usize].name.clone())
    }

    fn make_ready(&mut self, slot: u32) {
        let task = &mut self.tasks[slot as usize];
        if !task.alive || task.queued {
            return;
        }
        task.queued = true;
        let node = &mut self.nodes[task.node.0 as usize];
        if node.state == State::Paused { node.deferred.push(slot) } else { self.ready.push_back(slot) }
    }

    /// Whether this incarnation of the node is the living one.
    pub(crate) fn is_alive(&self, node: NodeId, incarnation: u32) -> bool {
        let node = &self.nodes[node.0 as usize];
        node.incarnation == incarnation && node.state != State::Down
    }

    /// Stops scheduling a node for a while. The task at hand waits with the others.
    pub(crate) fn pause(&mut self, node: NodeId, pause: Duration) {
        let until = (self.now + pause).min(self.heal_at.max(self.now));
        let entry = &mut self.nodes[node.0 as usize];
        entry.state = State::Paused;
        entry.pauses += 1;
        let count = entry.pauses;
        self.agenda.put(until, Due::Resume { node: node.0, pause: count });
        let ready = std::mem::take(&mut self.ready);
        for slot in ready {
            let of_node = self.tasks[slot as usize].node == node;
            if of_node { self.nodes[node.0 as usize].deferred.push(slot) } else { self.ready.push_back(slot) }
        }
        if let Some(slot) = self.current {
            self.make_ready(slot);
        }
    }

    fn resume(&mut self, node: NodeId, pause: u32) {
        let entry = &mut self.nodes[node.0 as usize];
        if entry.state != State::Paused || entry.pauses != pause {
            return;
        }
        entry.state = State::Up;
        let deferred = std::mem::take(&mut entry.deferred);
        self.cause = entry.last_event;
        let index = self.event(node, Scope::ROOT, Kind::Resume, [0, 0], || "goes on, unaware of the pause".into());
        self.cause = None;
        for slot in deferred {
            if self.recording.is_some() {
                self.tasks[slot as usize].causes.push(index);
            }
            self.ready.push_back(slot);
        }
    }

    /// Takes the futures of all tasks of a node and frees their slots, save the one being polled.
    fn take_tasks_of(&mut self, node: NodeId) -> Vec<BoxFuture> {
        let mut futures = Vec::new();
        for slot in 0..self.tasks.len() as u32 {
            let task = &mut self.tasks[slot as usize];
            if task.node != node || !task.alive {
                continue;
            }
            match task.future.take() {
                Some(future) => {
                    futures.push(future);
                    self.free_task(slot);
                }
                None => task.alive = false,
            }
        }
        futures
    }

    fn free_task(&mut self, slot: u32) {
        let task = &mut self.tasks[slot as usize];
        task.alive = false;
        task.generation += 1;
        self.free_tasks.push(slot);
    }

    pub(crate) fn set_timer(&mut self, at: Moment, waiter: Waiter) -> (u32, u32) {
        let slot = self.free_timers.pop().unwrap_or_else(|| {
            self.timers.push(TimerSlot { generation: 0, fired: false, waiter: None });
            self.timers.len() as u32 - 1
        });
        let timer = &mut self.timers[slot as usize];
        timer.fired = false;
        timer.waiter = Some(waiter);
        let generation = timer.generation;
        self.agenda.put(at, Due::Timer { slot, generation });
        (slot, generation)
    }

    pub(crate) fn has_fired(&self, (slot, generation): (u32, u32)) -> bool {
        let timer = &self.timers[slot as usize];
        timer.generation != generation || timer.fired
    }

    /// Forgets a timer. Its entry stays in the agenda and is passed over there.
    pub(crate) fn cancel_timer(&mut self, (slot, generation): (u32, u32)) {
        let timer = &mut self.timers[slot as usize];
        if timer.generation == generation {
            timer.generation += 1;
            timer.waiter = None;
            self.free_timers.push(slot);
        }
    }

    fn fire_timer(&mut self, slot: u32, generation: u32) {
        let timer = &mut self.timers[slot as usize];
        if timer.generation == generation {
            timer.fired = true;
            if let Some(waiter) = timer.waiter.take() {
                self.wake(waiter, None);
            }
        }
    }
}
