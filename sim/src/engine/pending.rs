//! What keeps a run from coming to rest, in words.

use super::Core;
use crate::agenda::Due;
use crate::scope::User;
use crate::time::Moment;

impl Core {
    /// Describes the task that is ready, or else the first entry that is due: its node, its entity, and what it waits for.
    pub(crate) fn pending(&self) -> Option<String> {
        if let Some(slot) = self.ready.iter().next() {
            return Some(format!("{} is ready to run", self.owner(slot)));
        }
        let (time, due) = self.agenda.peek()?;
        let time = clock(time);
        let node =
            |node: u16| self.nodes.all().get(usize::from(node)).map(|node| node.name()).unwrap_or_default();
        Some(match due {
            Due::Timer { slot, .. } => {
                let waiter = self.timers.get(slot as usize).and_then(|timer| timer.waiter.as_ref());
                let task = waiter.map_or("a task".to_owned(), |waiter| self.owner(waiter.slot));
                format!("{task} waits until {time}")
            }
            Due::Ready { slot } => format!("{} is ready to run", self.owner(slot)),
            Due::Deliver { .. } => format!("a message arrives at {time}"),
            Due::Resume { node: paused, .. } => format!("{} is paused until {time}", node(paused)),
            Due::Restart { node: down } => format!("{} restarts at {time}", node(down)),
        })
    }

    /// Describes who drew a choice, and where in the source.
    #[cold]
    pub(super) fn user_in_words(&self, user: User) -> String {
        let task = self.tasks.get((user.task >> 32) as usize).filter(|_| user.task != User::ENGINE.task);
        let node = task.and_then(|task| self.nodes.all().get(usize::from(task.node.0)));
        let who = node.map_or("the engine".to_owned(), |node| format!("a task of {}", node.name()));
        match user.place {
            Some(place) => format!("{who} at {}:{}:{}", place.file(), place.line(), place.column()),
            None => who,
        }
    }

    /// The node of a task, and the entity that it works for.
    fn owner(&self, slot: u32) -> String {
        let Some(task) = self.tasks.get(slot as usize) else { return "a task".to_owned() };
        let node = self.nodes.all().get(usize::from(task.node.0)).map(|node| node.name()).unwrap_or_default();
        match self.scopes.path(task.scope).to_string().as_str() {
            "-" => node,
            scope => format!("{node}, for {scope},"),
        }
    }
}

/// A time as stories write it.
fn clock(time: Moment) -> String {
    let seconds = time.nanos() / 1_000_000_000;
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}
