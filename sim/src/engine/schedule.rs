//! Task order: which ready task or due event of one instant goes first.
//!
//! The engine is first in, first out. That hides every race that needs another order, so a run may also offer the
//! order as choices, by delay bounding (Emmi, Qadeer and Rakamarić, "Delay-bounded scheduling", 2011). The next entry
//! either *goes* (the benign alternative) or *yields*, which puts it at the back of the queue of this instant. Time
//! does not pass meanwhile. A script of `k` such deviations reaches every order that needs `k` delays.
//!
//! A choice is named by the role of the node (`worker/schedule`), the scope of the task, and a part for the task: the
//! number of its spawn on that role within that scope (`intent-1/task-2`). An event of a store or a broker, such as
//! the arrival of a commit, is named `event-N` in the same way. The names and numbers of all other choices stay the
//! same.
//!
//! # What is offered
//!
//! A task or an event offers a choice if another entry that is ready or due at this instant may *interact* with it:
//!
//! - they belong to one node, whose memory they share;
//! - or their nodes have both used one store before in this run (statements act on it at once, within the
//!   client's turn); the store's own events interact with the tasks of all its clients.
//!
//! All other ties are independent: nodes communicate by calls and messages, which take time, so either order ends in the
//! same state. Three ties are never offered. A timeout comes last within its instant, by contract: a response at its very
//! end is in time. A node that restarts or resumes keeps its place in the queue: its delay is a choice already. And a
//! node's very first use of a store does not count as a tie with that store.
//!
//! A wake-up only makes its task ready, so the task offers the choice and not the event. A task without a tie offers
//! nothing.
//!
//! # Statements
//!
//! Statements take no time, so transactions overlap only where they commit or wait for a lock. A run may also offer
//! interruptions before each statement (`worker/statement on orders`): a pause until another transaction changes a table that
//! this one has read without a lock, or waits for a lock, because a missing lock lets that one in; a long pause; and the loss
//! of the connection. Before the first statement of a transaction there is only a short pause and the loss of the connection.
//!
//! Benign choices of these two kinds add no word to the digest: a run in which nothing yields or is interrupted is the same
//! run whether they are offered or not.

use super::Core;
use crate::agenda::Due;
use crate::choice::{Alternatives, FIRST_STATEMENT, Pick, STATEMENT, Site};
use crate::label::Label;
use crate::node::{NodeId, State};
use crate::scope::{Scope, User};
use crate::time::Duration;

const TASK: Label = Label::new("task");
const EVENT: Label = Label::new("event");
const ORDER: Alternatives = Alternatives::new(&["goes", "yields"]);

/// A pause before the first statement of a transaction, long enough for another one that is about to commit.
const SHORT_PAUSE: Duration = Duration::from_millis(200);
/// A pause, and the limit of one that no other transaction ends: long enough for two commits that follow from each other.
/// Shorter than a second, the usual limit of waits for locks and of idle transactions.
const LONG_PAUSE: Duration = Duration::from_millis(900);

/// What happens to a task before a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Interruption {
    /// Its thread is not scheduled for so long.
    Pause(Duration),
    /// Its thread is not scheduled until another transaction changes a table that this one has read without a lock, or waits
    /// for a lock; at most for so long.
    PauseUntilMet(Duration),
    /// Its connection to the store breaks.
    ConnectionLost,
}

/// When a statement is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StatementMoment {
    /// Whether it is the first one of its transaction.
    pub(crate) is_first: bool,
    /// Whether another client pauses before a statement.
    pub(crate) is_amid_pause: bool,
}

/// The name of a task or an event, for its choices.
#[derive(Clone, Copy)]
struct Name {
    node: NodeId,
    /// The entity that it works for until the first choice; from then on a part of that entity.
    scope: Scope,
    label: Label,
    /// Its number within its scope; 0 once `scope` belongs to it alone.
    number: u32,
}

/// Something in the queue of this instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Entry {
    Task(u32),
    Delivery(u32),
}

/// The other entries in the queue that interact with an entry.
struct Tie {
    /// The first of these entries.
    with: Entry,
    others: usize,
    /// Whether all of them are due events; only the agenda can put a task after those.
    is_due: bool,
}

impl Tie {
    fn of(mut entries: impl Iterator<Item = Entry>, is_due: bool) -> Option<Tie> {
        let with = entries.next()?;
        Some(Tie { with, others: entries.count(), is_due })
    }
}

/// The state of task order in a run.
#[derive(Default)]
pub(crate) struct Schedule {
    /// Whether the run offers task order at all.
    pub(crate) is_offered: bool,
    /// Whether the run offers interruptions before statements.
    pub(crate) offers_statements: bool,
    /// By slot.
    tasks: Vec<Option<Name>>,
    deliveries: Vec<Option<Delivery>>,
    /// For each node, a bit for each server whose state it accesses.
    uses: Vec<u64>,
}

/// A delivery in flight.
#[derive(Clone, Copy)]
struct Delivery {
    name: Name,
    /// Whether it does more than make a task ready.
    acts: bool,
}

impl Schedule {
    pub(crate) fn begin_run(&mut self, is_offered: bool, offers_statements: bool) {
        (self.is_offered, self.offers_statements) = (is_offered, offers_statements);
        self.tasks.clear();
        self.deliveries.clear();
        self.uses.clear();
    }

    fn interact(&self, one: NodeId, other: NodeId) -> bool {
        let uses = |node: NodeId| self.uses.get(usize::from(node.0)).copied().unwrap_or_default();
        one == other || uses(one) & uses(other) != 0
    }

    fn note_use(&mut self, node: NodeId, bit: u64) {
        let at = usize::from(node.0);
        if self.uses.len() <= at {
            self.uses.resize(at + 1, 0);
        }
        self.uses[at] |= bit;
    }
}

/// Sets an element of a list that grows as needed.
fn set<T: Copy>(list: &mut Vec<Option<T>>, slot: u32, value: Option<T>) {
    let at = slot as usize;
    if list.len() <= at {
        list.resize(at + 1, None);
    }
    list[at] = value;
}

impl Core {
    /// Records that a node accesses the state of a server within its own turns.
    #[inline]
    pub(crate) fn uses(&mut self, client: NodeId, server: NodeId) {
        if self.schedule.is_offered {
            let bit = 1 << (server.0 % 64);
            self.schedule.note_use(client, bit);
            self.schedule.note_use(server, bit);
        }
    }

    /// Numbers a newly spawned task.
    #[cold]
    pub(crate) fn number_task(&mut self, slot: u32) {
        let task = &self.tasks[slot as usize];
        let name = self.name(task.node, task.scope, TASK);
        set(&mut self.schedule.tasks, slot, Some(name));
    }

    /// Numbers a delivery to a node.
    #[cold]
    pub(crate) fn number_delivery(&mut self, slot: u32, (node, scope): (NodeId, Scope), acts: bool) {
        let name = self.name(node, scope, EVENT);
        set(&mut self.schedule.deliveries, slot, Some(Delivery { name, acts }));
    }

    fn name(&mut self, node: NodeId, scope: Scope, label: Label) -> Name {
        // Each role is counted separately, so that no role affects the numbers of another.
        let key = self.nodes[node].role.name.word() ^ label.word().rotate_left(1);
        let number = self.scopes.count(scope, key, User::ENGINE).0 + 1;
        Name { node, scope, label, number }
    }

    /// Returns whether the next task yields; if so, puts it into the queue again.
    #[cold]
    #[inline(never)]
    pub(crate) fn task_yields(&mut self, slot: u32) -> bool {
        let task = &self.tasks[slot as usize];
        if self.healed || self.run_abort.is_some() || !task.alive || task.future.is_none() {
            return false;
        }
        let Some(tie) = self.tie((Entry::Task(slot), task.node)) else { return false };
        if !self.yields(Entry::Task(slot), &tie) {
            return false;
        }
        if tie.is_due {
            self.agenda.put_last(self.now, Due::Ready { slot });
        } else {
            self.ready.push(slot);
        }
        true
    }

    /// Returns whether the next event yields; if so, puts it into the queue again.
    #[cold]
    #[inline(never)]
    pub(crate) fn event_yields(&mut self, due: Due) -> bool {
        let Due::Deliver { slot } = due else { return false };
        let delivery = self.schedule.deliveries.get(slot as usize).copied().flatten();
        let Some(Delivery { name, acts: true }) = delivery else { return false };
        if self.healed || self.run_abort.is_some() {
            return false;
        }
        let Some(tie) = self.tie((Entry::Delivery(slot), name.node)) else { return false };
        let yields = self.yields(Entry::Delivery(slot), &tie);
        if yields {
            self.agenda.put(self.now, due);
        }
        yields
    }

    /// Makes a task ready again that yielded to due events.
    pub(crate) fn is_next_again(&mut self, slot: u32) {
        let node = self.tasks[slot as usize].node;
        match self.nodes[node].state {
            State::Paused => self.nodes[node].deferred.push(slot),
            State::Up | State::Down => self.ready.push(slot),
        }
    }

    /// Returns the ties of an entry of a node: ready tasks or, if there are none, due events.
    fn tie(&self, (entry, node): (Entry, NodeId)) -> Option<Tie> {
        let interacts = |other: &Entry| self.interacts((entry, node), *other);
        let ready = self.ready.iter().filter(|slot| self.is_polled(*slot)).map(Entry::Task);
        Tie::of(ready.filter(interacts), false).or_else(|| {
            let with_timeouts = matches!(entry, Entry::Task(_));
            let due = self.agenda.due_at(self.now, with_timeouts).filter_map(|due| self.entry_of(due));
            Tie::of(due.filter(interacts), true)
        })
    }

    fn interacts(&self, (entry, node): (Entry, NodeId), other: Entry) -> bool {
        entry != other && self.node_of(other).is_some_and(|other| self.schedule.interact(node, other))
    }

    /// Returns whether a queued task would be polled.
    fn is_polled(&self, slot: u32) -> bool {
        let task = &self.tasks[slot as usize];
        task.alive && task.future.is_some()
    }

    /// Returns the entry of a due event, if the event does anything.
    fn entry_of(&self, due: Due) -> Option<Entry> {
        match due {
            Due::Deliver { slot } => Some(Entry::Delivery(slot)),
            Due::Ready { slot } => self.is_polled(slot).then_some(Entry::Task(slot)),
            Due::Timer { slot, generation } => {
                let timer = &self.timers[slot as usize];
                let waiter = timer.waiter.as_ref().filter(|_| timer.generation == generation)?;
                let task = &self.tasks[waiter.slot as usize];
                (task.alive && task.generation == waiter.generation).then_some(Entry::Task(waiter.slot))
            }
            Due::Resume { .. } | Due::Restart { .. } => None,
        }
    }

    fn node_of(&self, entry: Entry) -> Option<NodeId> {
        match entry {
            Entry::Task(slot) => Some(self.tasks[slot as usize].node),
            Entry::Delivery(slot) => self
                .schedule
                .deliveries
                .get(slot as usize)
                .copied()
                .flatten()
                .map(|delivery| delivery.name.node),
        }
    }

    /// Draws whether the next entry yields.
    fn yields(&mut self, entry: Entry, tie: &Tie) -> bool {
        let Name { node, scope, .. } = self.own_scope(entry);
        let site = Site::schedule(self.nodes[node].role.name);
        let nth = self.scopes.count(scope, site.hash(), User::ENGINE).0 + 1;
        let pick = self.draw_seldom(&site, (scope, nth), &ORDER);
        if pick.is_benign() {
            return false;
        }
        self.digest.pair(site.hash(), pick.code());
        let names = self.recording.is_some().then(|| (self.title(entry, node), self.title(tie.with, node)));
        let others = tie.others;
        let (before, cause) = (self.current, self.cause);
        // The task's next step follows from this event.
        if let Entry::Task(slot) = entry {
            self.current = Some(slot);
        }
        let event = self.deviate_as((node, None), (&site, scope, nth), pick, |_| {
            let (one, other) = names.unwrap_or_default();
            match others {
                0 => format!("{one} yields to {other}"),
                others => format!("{one} yields to {other} and {others} more"),
            }
        });
        (self.current, self.cause) = (before, cause);
        // The entry that is now first follows from it, too.
        if self.recording.is_some()
            && let Entry::Task(slot) = tie.with
        {
            self.notes(slot).causes.push(event);
        }
        true
    }

    /// Not inlined, unlike the draws of other choices.
    #[inline(never)]
    fn draw_seldom(
        &mut self,
        site: &Site,
        (scope, nth): (Scope, u32),
        alternatives: &'static Alternatives,
    ) -> Pick {
        let number = self.chooser.number(site, alternatives);
        self.chooser.count_optional_offer();
        self.draw(number, (site, scope, nth))
    }

    /// Draws what happens to a task of a client before its statement on `object`. Other tasks of its node run meanwhile. Nodes
    /// that never crash are not interrupted.
    #[cold]
    #[inline(never)]
    pub(crate) fn interruption(
        &mut self,
        (node, scope): (NodeId, Scope),
        object: Label,
        StatementMoment { is_first, is_amid_pause }: StatementMoment,
    ) -> Option<Interruption> {
        let role = &self.nodes[node].role;
        if self.healed || self.run_abort.is_some() || role.crash.before.is_empty() {
            return None;
        }
        let site = Site::statement(role.name, object);
        let nth = self.scopes.count(scope, site.hash(), User::ENGINE).0 + 1;
        let alternatives = if is_first { &FIRST_STATEMENT } else { &STATEMENT };
        self.chooser.set_amid_pause(is_amid_pause);
        let pick = self.draw_seldom(&site, (scope, nth), alternatives);
        let interruption = match (is_first, pick.index()) {
            (_, 0) => return None,
            (true, 1) => Interruption::Pause(SHORT_PAUSE),
            (false, 1) => Interruption::PauseUntilMet(LONG_PAUSE),
            (false, 2) => Interruption::Pause(LONG_PAUSE),
            _ => Interruption::ConnectionLost,
        };
        self.digest.pair(site.hash(), pick.code());
        self.deviate_as((node, None), (&site, scope, nth), pick, |taken| format!("{site} = {taken}"));
        if let Interruption::Pause(length) | Interruption::PauseUntilMet(length) = interruption {
            self.lasts(length);
        }
        Some(interruption)
    }

    /// Returns the name of an entry, with the scope that belongs to it alone.
    fn own_scope(&mut self, entry: Entry) -> Name {
        let name = match entry {
            Entry::Task(slot) => self.schedule.tasks[slot as usize].as_mut(),
            Entry::Delivery(slot) => {
                self.schedule.deliveries[slot as usize].as_mut().map(|one| &mut one.name)
            }
        };
        let name = name.expect("what is queued while order is offered was numbered");
        if name.number > 0 {
            name.scope = self.scopes.numbered(name.scope, name.label, name.number);
            name.number = 0;
        }
        *name
    }

    /// Returns the title of an entry in stories: its entity, and which of the entity's tasks on this node it is.
    fn title(&mut self, entry: Entry, on: NodeId) -> String {
        let Name { node, scope, .. } = self.own_scope(entry);
        let path = self.scopes.path(scope);
        if node == on { path.to_string() } else { format!("{path} of {}", self.nodes[node].name()) }
    }
}
