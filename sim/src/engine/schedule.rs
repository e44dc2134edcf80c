//! Task order: which of the tasks that are ready, and of the events that are due, at one instant goes first.
//!
//! The engine is first in, first out. That hides every race that needs another order, so a run may also offer the
//! order as choices, by delay bounding (Emmi, Qadeer and Rakamarić, "Delay-bounded scheduling", 2011): whatever is
//! next *goes* (the benign alternative), or it *yields*, which puts it at the back of the queue of this instant. Time
//! does not pass meanwhile. A script of `k` such deviations reaches every order that takes `k` delays.
//!
//! A choice is named by the role of the node (`worker/schedule`), the scope of the task, and a part for the task: the
//! number of its spawn on that role within that scope (`intent-1/task-2`). An event of a store or a broker, such as
//! the arrival of a commit, is `event-N` in the same way. No other choice is named or numbered differently.
//!
//! # What is offered
//!
//! A task or an event offers a choice if something else that is ready or due at this instant may *interact* with it:
//!
//! - they belong to one node, whose memory they share;
//! - or their nodes have both used one store before in this run (statements act on it at once, within the
//!   client's turn); the store's own events interact with the tasks of all its clients.
//!
//! All other ties are independent: nodes reach each other by calls and messages, which take time, so either order ends in
//! the same state. Three ties are left as they are. A timeout comes after all else of its instant, by contract: a response
//! that comes at its very end is in time. A node that restarts or resumes does so where it is in the queue: its delay is
//! a choice already. And the very first use of a store by a node does not count as a tie with it.
//!
//! A wake-up only makes its task ready, so not the event but the task offers the choice. A task that is alone offers
//! nothing.
//!
//! Benign choices of this kind leave no word in the digest: a run in which nothing yields is the same run whether order
//! is offered or not.

use super::Core;
use crate::agenda::Due;
use crate::choice::{Alternatives, Pick, Site};
use crate::label::Label;
use crate::node::{NodeId, State};
use crate::scope::{Scope, User};

const TASK: Label = Label::new("task");
const EVENT: Label = Label::new("event");
const ORDER: Alternatives = Alternatives::new(&["goes", "yields"]);

/// What the choices of a task or an event are named by.
#[derive(Clone, Copy)]
struct Name {
    node: NodeId,
    /// What it works for, until the first choice; from then on a part of that.
    scope: Scope,
    label: Label,
    /// Its number within its scope; 0 once `scope` is its own.
    number: u32,
}

/// Something in the queue of this instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Entry {
    Task(u32),
    Delivery(u32),
}

/// What else is in the queue that interacts.
struct Tie {
    /// The first of them.
    with: Entry,
    others: usize,
    /// Whether they are all due events, behind which only the agenda can put a task.
    is_due: bool,
}

/// What a run that offers task order keeps for it.
#[derive(Default)]
pub(crate) struct Schedule {
    /// Whether the run offers task order at all.
    pub(crate) is_offered: bool,
    /// By slot.
    tasks: Vec<Option<Name>>,
    deliveries: Vec<Option<Delivery>>,
    /// For each node, a bit for each server whose state it reaches into.
    uses: Vec<u64>,
}

/// A delivery under way.
#[derive(Clone, Copy)]
struct Delivery {
    name: Name,
    /// Whether it does more than make a task ready.
    acts: bool,
}

impl Schedule {
    pub(crate) fn begin_run(&mut self, is_offered: bool) {
        self.is_offered = is_offered;
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
    /// Records that a node acts on the state of a server within its own turns.
    #[inline]
    pub(crate) fn uses(&mut self, client: NodeId, server: NodeId) {
        if self.schedule.is_offered {
            let bit = 1 << (server.0 % 64);
            self.schedule.note_use(client, bit);
            self.schedule.note_use(server, bit);
        }
    }

    /// Numbers a task that is spawned.
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
        // The roles are counted each for itself, so that none numbers another's.
        let key = self.nodes[node].role.name.word() ^ label.word().rotate_left(1);
        let number = self.scopes.count(scope, key, User::ENGINE).0 + 1;
        Name { node, scope, label, number }
    }

    /// Whether a task that is next yields; if so, it is in the queue again.
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

    /// Whether an event that is next yields; if so, it is in the queue again.
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

    /// Makes a task ready again that yielded to what was due.
    pub(crate) fn is_next_again(&mut self, slot: u32) {
        let node = self.tasks[slot as usize].node;
        match self.nodes[node].state {
            State::Paused => self.nodes[node].deferred.push(slot),
            State::Up | State::Down => self.ready.push(slot),
        }
    }

    /// What ties with an entry of a node: tasks that are ready; if there are none, events that are due.
    fn tie(&self, (entry, node): (Entry, NodeId)) -> Option<Tie> {
        let tied = |is_due| {
            move |with: Vec<Entry>| {
                let first = *with.first()?;
                Some(Tie { with: first, others: with.len() - 1, is_due })
            }
        };
        let ready = self.ready.iter().filter(|slot| self.is_polled(*slot)).map(Entry::Task);
        let ready = ready.filter(|other| self.interacts((entry, node), *other)).collect();
        tied(false)(ready).or_else(|| {
            let with_timeouts = matches!(entry, Entry::Task(_));
            let due = self.agenda.due_at(self.now, with_timeouts).filter_map(|due| self.entry_of(due));
            let due = due.filter(|other| self.interacts((entry, node), *other)).collect();
            tied(true)(due)
        })
    }

    fn interacts(&self, (entry, node): (Entry, NodeId), other: Entry) -> bool {
        entry != other && self.node_of(other).is_some_and(|other| self.schedule.interact(node, other))
    }

    /// Whether a task that is in the queue would be polled.
    fn is_polled(&self, slot: u32) -> bool {
        let task = &self.tasks[slot as usize];
        task.alive && task.future.is_some()
    }

    /// What a due event concerns, if it does anything.
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

    /// Draws whether what is next yields.
    fn yields(&mut self, entry: Entry, tie: &Tie) -> bool {
        let Name { node, scope, .. } = self.own_scope(entry);
        let site = Site::schedule(self.nodes[node].role.name);
        let nth = self.scopes.count(scope, site.hash(), User::ENGINE).0 + 1;
        let pick = self.draw_seldom(&site, (scope, nth));
        if pick.is_benign() {
            return false;
        }
        self.digest.pair(site.hash(), pick.code());
        let names = self.recording.is_some().then(|| (self.title(entry, node), self.title(tie.with, node)));
        let others = tie.others;
        let (before, cause) = (self.current, self.cause);
        // What it does next follows from this.
        if let Entry::Task(slot) = entry {
            self.current = Some(slot);
        }
        let event = self.deviate_as(node, (&site, scope, nth), pick, |_| {
            let (one, other) = names.unwrap_or_default();
            match others {
                0 => format!("{one} yields to {other}"),
                others => format!("{one} yields to {other} and {others} more"),
            }
        });
        (self.current, self.cause) = (before, cause);
        // And so does what now comes first.
        if self.recording.is_some()
            && let Entry::Task(slot) = tie.with
        {
            self.notes(slot).causes.push(event);
        }
        true
    }

    /// Apart from the draws of other choices, which are inlined where they are made.
    #[inline(never)]
    fn draw_seldom(&mut self, site: &Site, (scope, nth): (Scope, u32)) -> Pick {
        let number = self.chooser.number(site, &ORDER);
        self.draw(number, (site, scope, nth))
    }

    /// The name of an entry, with the scope that is its own.
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

    /// How a story calls it on a node: the entity it works for, and which of its tasks it is.
    fn title(&mut self, entry: Entry, on: NodeId) -> String {
        let Name { node, scope, .. } = self.own_scope(entry);
        let path = self.scopes.path(scope);
        if node == on { path.to_string() } else { format!("{path} of {}", self.nodes[node].name()) }
    }
}
