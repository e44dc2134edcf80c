//! The engine's state: scheduled entries, waiting tasks, living nodes.
//!
//! This module schedules tasks, timers and pauses. `schedule` offers the order of tasks as choices, `steps` records
//! events and makes choices, `pending` says what is left to do, `effects` digests what the future of a run depends on. Nothing in these modules runs
//! code of the simulated system, so they may run while the state is borrowed.

pub(crate) mod effects;
mod pending;
mod ready;
pub(crate) mod schedule;
mod steps;

use self::ready::Ready;
use self::schedule::Schedule;
use crate::access::Access;
use crate::agenda::{Agenda, Due};
use crate::chooser::Chooser;
use crate::coverage::Gauge;
use crate::digest::Digest;
use crate::engine::effects::Reach;
use crate::event::{Event, Kind};
use crate::node::{NodeId, Nodes, Pulse, State};
use crate::observer::Observer;
use crate::poller::Turn;
use crate::scope::{Scope, Scopes, Source};
use crate::task::{BoxFuture, Notes, ReadyTask, Task, Waiter};
use crate::time::{Duration, Moment, WallTime};
use crate::world::{Close, Disturbance, Limits, RunAbort, World};
use shakedown_database::Transcript;
use std::cell::Cell;
use std::rc::Rc;
use std::task::Context;

pub(crate) struct TimerSlot {
    pub(crate) generation: u32,
    pub(crate) fired: bool,
    pub(crate) waiter: Option<Waiter>,
}

/// A message or an action in flight.
pub(crate) trait Parcel {
    fn arrive(self: Rc<Self>, world: &Rc<World>);
}

/// An action that runs once, when it arrives.
pub(crate) struct Effect<F>(pub(crate) Cell<Option<F>>);

impl<F: FnOnce(&Rc<World>)> Parcel for Effect<F> {
    fn arrive(self: Rc<Self>, world: &Rc<World>) {
        if let Some(run) = self.0.take() {
            run(world);
        }
    }
}

pub(crate) struct Core {
    pub(crate) now: Moment,
    pub(crate) heal_at: Moment,
    /// The calendar time at the start of the run.
    pub(crate) starts_at: WallTime,
    pub(crate) healed: bool,
    pub(crate) scopes: Scopes,
    /// The key of the run's random numbers.
    pub(crate) entropy: u64,
    pub(crate) chooser: Chooser,
    pub(crate) digest: Digest,
    pub(crate) events: u32,
    /// The digest of the run's effects, if it was requested.
    pub(crate) effects: Option<Digest>,
    /// The number of the first event that is not only digested: 0 in a run that computes its effects, otherwise the limit.
    pub(crate) watched_from: u32,
    pub(crate) recording: Option<Vec<Event>>,
    /// The code under test that the polled future's choices are attributed to.
    pub(crate) caller: Option<Source>,
    /// The length of the texts in the recording.
    pub(crate) recorded_bytes: usize,
    /// The row whose commit is passed to its table's hook; only while recording.
    pub(crate) committing: Option<Access>,
    /// Who sees the events of a recording as they happen.
    pub(crate) observer: Option<Observer>,
    /// The coverage of the run, if it was requested.
    pub(crate) gauge: Option<Gauge>,
    /// The transcripts of the stores, if they were requested.
    pub(crate) transcripts: Option<Vec<Transcript>>,
    pub(crate) nodes: Nodes,
    pub(crate) disturbances: Vec<Disturbance>,
    pub(crate) run_abort: Option<RunAbort>,
    pub(crate) limits: Limits,
    pub(crate) log: crate::tracing_capture::Buffer,
    pub(crate) agenda: Agenda,
    pub(crate) tasks: Vec<Task>,
    /// The recording notes on each task, by slot.
    notes: Vec<Notes>,
    pub(crate) free_tasks: Vec<u32>,
    pub(crate) ready: Ready,
    pub(crate) schedule: Schedule,
    pub(crate) current: Option<u32>,
    /// The event that the current event follows from, for the trace.
    follows: Option<u32>,
    /// The event that the current agenda entry follows from.
    pub(crate) cause: Option<u32>,
    pub(crate) timers: Vec<TimerSlot>,
    pub(crate) free_timers: Vec<u32>,
    pub(crate) deliveries: Vec<Option<Rc<dyn Parcel>>>,
    /// The event that each delivery follows from.
    sent: Vec<Option<u32>>,
    pub(crate) free_deliveries: Vec<u32>,
    pub(crate) doomed: Vec<BoxFuture>,
    /// The nodes that shut down, each with its incarnation and the entity at whose effect it does so.
    pub(crate) stopping: Vec<(NodeId, u32, Scope)>,
    /// The objects to close when the run is over, which breaks reference cycles.
    pub(crate) holders: Vec<Rc<dyn Close>>,
    pub(crate) woken: Vec<u32>,
    pub(crate) polls: u32,
    /// Whether the run is over: requests of destructors are ignored from then on.
    pub(crate) closed: bool,
    /// Whether some node runs a program; the timers of a program need not end.
    pub(crate) has_programs: bool,
    /// The addresses of the profiles that were checked, in this run or an earlier one.
    profiles: Vec<usize>,
    /// The running turns of pollers, each with the task that runs it.
    pub(crate) turns: Vec<(u64, Rc<Turn>)>,
}

impl Core {
    pub(crate) fn new() -> Self {
        Self {
            now: Moment::START,
            heal_at: Moment::NEVER,
            starts_at: WallTime::AT_START,
            healed: false,
            scopes: Scopes::new(),
            entropy: 0,
            chooser: Chooser::new(),
            digest: Digest::default(),
            events: 0,
            effects: None,
            watched_from: 0,
            recording: None,
            caller: None,
            recorded_bytes: 0,
            committing: None,
            observer: None,
            gauge: None,
            transcripts: None,
            nodes: Nodes::default(),
            disturbances: Vec::new(),
            run_abort: None,
            limits: Limits::default(),
            log: Default::default(),
            agenda: Agenda::default(),
            tasks: Vec::new(),
            notes: Vec::new(),
            free_tasks: Vec::new(),
            ready: Ready::default(),
            schedule: Schedule::default(),
            current: None,
            follows: None,
            cause: None,
            timers: Vec::new(),
            free_timers: Vec::new(),
            deliveries: Vec::new(),
            sent: Vec::new(),
            free_deliveries: Vec::new(),
            doomed: Vec::new(),
            stopping: Vec::new(),
            holders: Vec::new(),
            woken: Vec::new(),
            polls: 0,
            closed: false,
            has_programs: false,
            profiles: Vec::new(),
            turns: Vec::new(),
        }
    }

    /// Returns whether this world has not checked the profile yet.
    pub(crate) fn is_new_profile<P>(&mut self, profile: &'static P) -> bool {
        let place = std::ptr::from_ref(profile).addr();
        let is_new = !self.profiles.contains(&place);
        if is_new {
            self.profiles.push(place);
        }
        is_new
    }

    /// Ends the run: marks all tasks for dropping; their destructors have no effect.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        // In reverse, so that tasks are dropped in the order of their creation: allocators are fastest then.
        self.doomed.extend(self.tasks.iter_mut().rev().filter_map(|task| task.future.take()));
        self.holders.reverse();
        for node in self.nodes.all_mut() {
            node.state = State::Down;
            node.incarnation += 1;
            self.doomed.append(&mut node.shutdown_hooks);
        }
        self.agenda.reset();
        self.turns.clear();
        self.ready.clear();
        self.current = None;
        self.stopping.clear();
    }

    /// Frees every slot; the lowest slot is reused first.
    pub(crate) fn free_slots(&mut self) {
        self.free_deliveries.clear();
        self.free_timers.clear();
        for (slot, timer) in self.timers.iter_mut().enumerate().rev() {
            timer.waiter = None;
            timer.generation += 1;
            self.free_timers.push(slot as u32);
        }
        self.free_tasks.clear();
        for (slot, task) in self.tasks.iter_mut().enumerate().rev() {
            task.alive = false;
            task.queued = false;
            task.generation += 1;
            self.free_tasks.push(slot as u32);
        }
    }

    /// Returns the task that is polled now, to be woken with [`Core::wake`].
    #[inline]
    pub(crate) fn waiter(&self, context: &Context<'_>) -> Option<Waiter> {
        let slot = self.current?;
        let task = &self.tasks[slot as usize];
        let waker = (!context.waker().will_wake(&task.waker)).then(|| context.waker().clone());
        Some(Waiter { slot, generation: task.generation, waker })
    }

    /// Wakes a task; its next event also follows from `cause`.
    #[inline]
    pub(crate) fn wake(&mut self, waiter: Waiter, cause: Option<u32>) {
        let task = &self.tasks[waiter.slot as usize];
        if !task.alive || task.generation != waiter.generation {
            return;
        }
        if self.recording.is_some() {
            self.notes(waiter.slot).causes.extend(cause);
        }
        match waiter.waker {
            Some(waker) => waker.wake(),
            None => self.make_ready(waiter.slot),
        }
    }

    /// Returns the notes on a task while recording.
    #[cold]
    #[inline(never)]
    pub(crate) fn notes(&mut self, slot: u32) -> &mut Notes {
        if self.notes.len() < self.tasks.len() {
            self.notes.resize_with(self.tasks.len(), Notes::default);
        }
        &mut self.notes[slot as usize]
    }

    /// Takes the next entry, if it is due by `until`, and advances time to it. Entries of cancelled timers are
    /// dropped here, so they neither advance the clock nor keep the run from coming to rest.
    #[inline]
    pub(crate) fn next_due(&mut self, until: Moment) -> Option<Due> {
        loop {
            let timers = &self.timers;
            let (time, due) = self.agenda.take_by(until, |due| match due {
                Due::Timer { slot, generation } => timers[slot as usize].generation != generation,
                _ => false,
            })?;
            self.now = time;
            self.heal_if_time();
            if !self.schedule.is_offered || !self.event_yields(due) {
                return Some(due);
            }
        }
    }

    /// Takes the next ready task for polling.
    #[inline(always)]
    pub(crate) fn next_ready(&mut self) -> Option<ReadyTask> {
        loop {
            let slot = self.ready.pop()?;
            if self.schedule.is_offered && self.task_yields(slot) {
                continue;
            }
            let task = &mut self.tasks[slot as usize];
            task.queued = false;
            if task.alive
                && let Some(future) = task.future.take()
            {
                let waker = Rc::clone(&task.waker);
                let identity = task.identity();
                self.current = Some(slot);
                self.count_poll();
                return Some(ReadyTask { slot, future, waker, identity });
            }
        }
    }

    /// Makes the running task work for another entity.
    pub(crate) fn work_for(&mut self, scope: Scope) {
        if let Some(slot) = self.current {
            self.tasks[slot as usize].scope = scope;
        }
    }

    /// Notes that a task was woken by code outside the engine, while the task `by` ran.
    #[cold]
    pub(crate) fn note_wake(&mut self, slot: u32, by: Option<u32>) {
        let cause = by.map_or(self.cause, |by| self.tasks[by as usize].last_event);
        self.notes(slot).causes.extend(cause);
    }

    /// Takes back a task that was polled; returns its future if that is to be dropped.
    #[inline]
    pub(crate) fn take_back(&mut self, slot: u32, future: BoxFuture, done: bool) -> Option<BoxFuture> {
        if self.recording.is_some() {
            let Task { node, scope, .. } = self.tasks[slot as usize];
            self.collect_log(node, scope);
        }
        self.current = None;
        let task = &mut self.tasks[slot as usize];
        if done || !task.alive {
            self.free_task(slot);
            return Some(future);
        }
        task.future = Some(future);
        None
    }

    /// Delivers something to a node after a delay, on behalf of an entity. `acts` is false if the delivery only makes
    /// a task ready.
    #[inline]
    pub(crate) fn bring(
        &mut self,
        place: (NodeId, Scope),
        acts: bool,
        after: Duration,
        parcel: Rc<dyn Parcel>,
    ) {
        let slot = self.free_deliveries.pop().unwrap_or_else(|| {
            self.deliveries.push(None);
            self.deliveries.len() as u32 - 1
        });
        self.deliveries[slot as usize] = Some(parcel);
        if self.recording.is_some() {
            self.note_sender(slot);
        }
        if self.schedule.is_offered {
            self.number_delivery(slot, place, acts);
        }
        let due = self.now + after;
        self.touch(Reach::Message, due.nanos());
        self.agenda.put(due, Due::Deliver { slot });
    }

    /// Notes which event a delivery follows from.
    #[cold]
    fn note_sender(&mut self, slot: u32) {
        self.sent.resize(self.deliveries.len(), None);
        self.sent[slot as usize] = self.current_event();
    }

    /// Takes a delivery that arrives now; the next event follows from the event that sent it.
    #[inline]
    pub(crate) fn take_delivery(&mut self, slot: u32) -> Rc<dyn Parcel> {
        self.free_deliveries.push(slot);
        if self.recording.is_some() {
            self.cause = self.sent[slot as usize];
        }
        self.deliveries[slot as usize].take().expect("a delivery is made once")
    }

    /// Replaces the task or event that the next event follows from; returns the previous one.
    pub(crate) fn exchange_origin(
        &mut self,
        (task, cause): (Option<u32>, Option<u32>),
    ) -> (Option<u32>, Option<u32>) {
        (std::mem::replace(&mut self.current, task), std::mem::replace(&mut self.cause, cause))
    }

    /// Returns the name of the node of the running code.
    pub(crate) fn current_node_name(&self) -> String {
        let node = self.current.map(|slot| self.tasks[slot as usize].node);
        node.map_or("the scenario".to_owned(), |node| self.nodes[node].name())
    }

    #[inline]
    pub(crate) fn make_ready(&mut self, slot: u32) {
        let task = &mut self.tasks[slot as usize];
        if !task.alive || task.queued {
            return;
        }
        task.queued = true;
        let node = &mut self.nodes[task.node];
        if node.state == State::Paused { node.deferred.push(slot) } else { self.ready.push(slot) }
    }

    /// Returns whether this incarnation of the node is alive.
    #[inline]
    pub(crate) fn is_alive(&self, node: NodeId, incarnation: u32) -> bool {
        let node = &self.nodes[node];
        node.incarnation == incarnation && node.state != State::Down
    }

    /// Returns whether this incarnation is alive and accepts calls.
    pub(crate) fn takes_calls(&self, node: NodeId, incarnation: u32) -> bool {
        self.is_alive(node, incarnation) && !self.nodes[node].stopping
    }

    /// Stops scheduling a node for a while. The current task waits like the others.
    pub(crate) fn pause(&mut self, node: NodeId, pause: Duration) {
        let until = (self.now + pause).min(self.heal_at.max(self.now));
        let entry = &mut self.nodes[node];
        entry.state = State::Paused;
        entry.presence.goes_down(self.now);
        entry.pauses += 1;
        let count = entry.pauses;
        self.agenda.put(until, Due::Resume { node: node.0, pause: count });
        for slot in self.ready.take_all() {
            let of_node = self.tasks[slot as usize].node == node;
            if of_node { self.nodes[node].deferred.push(slot) } else { self.ready.push(slot) }
        }
        if let Some(slot) = self.current {
            self.make_ready(slot);
        }
        self.heartbeat_stops(node);
    }

    /// Records that the node sends no heartbeats from now on, if it did so before.
    pub(crate) fn heartbeat_stops(&mut self, node: NodeId) {
        let now = self.now;
        self.turn_heartbeat(node, |pulse| pulse.left = now);
    }

    /// Records that the node sends heartbeats from now on, if it did not before.
    pub(crate) fn heartbeat_starts(&mut self, node: NodeId) {
        let now = self.now;
        self.turn_heartbeat(node, |pulse| pulse.began = now);
    }

    fn turn_heartbeat(&mut self, node: NodeId, turn: impl FnOnce(&mut Pulse)) {
        let pulse = &mut self.nodes[node].pulse;
        if pulse.stopped {
            return;
        }
        turn(pulse);
        if let Some(turned) = pulse.turned.clone() {
            turned.raise_at(self);
        }
    }

    pub(crate) fn resume(&mut self, node: NodeId, pause: u32) {
        let entry = &mut self.nodes[node];
        if entry.state != State::Paused || entry.pauses != pause {
            return;
        }
        entry.state = State::Up;
        entry.presence.comes_up(self.now);
        let deferred = std::mem::take(&mut entry.deferred);
        self.cause = entry.last_event;
        let index =
            self.event(node, Scope::ROOT, Kind::Resume, [0, 0], || "goes on, unaware of the pause".into());
        self.cause = Some(index);
        self.heartbeat_starts(node);
        self.cause = None;
        for slot in deferred {
            if self.recording.is_some() {
                self.notes(slot).causes.push(index);
            }
            self.ready.push(slot);
        }
    }

    /// Ends a node's incarnation; its tasks are dropped once no task is being polled.
    pub(crate) fn take_down(&mut self, node: NodeId) {
        let dead = self.take_tasks_of(node);
        self.doomed.extend(dead);
        let entry = &mut self.nodes[node];
        let was = std::mem::replace(&mut entry.state, State::Down);
        entry.presence.goes_down(self.now);
        entry.incarnation += 1;
        entry.stopping = false;
        entry.termination = None;
        let deferred = std::mem::take(&mut entry.deferred);
        let shutdown_hooks = std::mem::take(&mut entry.shutdown_hooks);
        self.doomed.extend(shutdown_hooks);
        deferred.into_iter().for_each(|slot| self.tasks[slot as usize].queued = false);
        if was == State::Up {
            self.heartbeat_stops(node);
        }
        let pulse = &mut self.nodes[node].pulse;
        pulse.stopped = pulse.is_led;
    }

    /// Takes the futures of all tasks of a node and frees their slots, except the one being polled.
    pub(crate) fn take_tasks_of(&mut self, node: NodeId) -> Vec<BoxFuture> {
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

    #[inline]
    pub(crate) fn free_task(&mut self, slot: u32) {
        let task = &mut self.tasks[slot as usize];
        task.alive = false;
        task.generation += 1;
        self.free_tasks.push(slot);
    }

    /// Wakes a task at a time.
    #[inline]
    pub(crate) fn set_timer(&mut self, at: Moment, waiter: Waiter) -> (u32, u32) {
        let (slot, generation) = self.take_timer(waiter);
        self.agenda.put(at, Due::Timer { slot, generation });
        (slot, generation)
    }

    /// Wakes a task at the end of its timeout, unless the timeout is cancelled first, as most are.
    #[inline]
    pub(crate) fn set_timeout(&mut self, end: Moment, waiter: Waiter) -> (u32, u32) {
        let (slot, generation) = self.take_timer(waiter);
        self.agenda.put_timeout(self.now, end, Due::Timer { slot, generation });
        (slot, generation)
    }

    #[inline]
    fn take_timer(&mut self, waiter: Waiter) -> (u32, u32) {
        let slot = self.free_timers.pop().unwrap_or_else(|| {
            self.timers.push(TimerSlot { generation: 0, fired: false, waiter: None });
            self.timers.len() as u32 - 1
        });
        let timer = &mut self.timers[slot as usize];
        timer.fired = false;
        timer.waiter = Some(waiter);
        (slot, timer.generation)
    }

    #[inline]
    pub(crate) fn has_fired(&self, (slot, generation): (u32, u32)) -> bool {
        let timer = &self.timers[slot as usize];
        timer.generation != generation || timer.fired
    }

    /// Cancels a timer. Its entry stays in the agenda and is skipped there.
    #[inline]
    pub(crate) fn cancel_timer(&mut self, (slot, generation): (u32, u32)) {
        let timer = &mut self.timers[slot as usize];
        if timer.generation == generation {
            timer.generation += 1;
            timer.waiter = None;
            self.free_timers.push(slot);
        }
    }

    #[inline]
    pub(crate) fn fire_timer(&mut self, slot: u32, generation: u32) {
        let timer = &mut self.timers[slot as usize];
        if timer.generation == generation {
            timer.fired = true;
            if let Some(waiter) = timer.waiter.take() {
                self.wake(waiter, None);
            }
        }
    }
}
