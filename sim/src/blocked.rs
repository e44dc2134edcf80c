//! What a recorded run still waits for at rest, and the cycles among these waits.
//!
//! Stores and semaphores each report their own waits; a cycle may lead through several of them. A holder that is in none
//! of these waits must wait for something within its own node.

use crate::access::{Access, Object, Verb};
use crate::engine::Core;
use crate::env::Env;
use crate::event::Kind;
use crate::node::{NodeId, State};
use crate::scope::Scope;
use crate::world::World;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

/// The code that waits or holds: its node, its entity, and its task. A task may act for several entities, and an entity
/// through several tasks, so the node and the entity identify it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    pub(crate) place: (NodeId, Scope),
    /// The task, if it is one of this node: it may be gone.
    task: Option<u64>,
}

impl Holder {
    /// Returns the running code, as the user of `env`.
    pub(crate) fn running(env: &Env) -> Self {
        Self { place: env.place(), task: env.world.core.borrow().running_task(env.node) }
    }
}

impl PartialEq for Holder {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

/// A wait that is still pending when the run comes to rest.
pub(crate) struct PendingWait {
    pub(crate) waiter: Holder,
    pub(crate) object: Object,
    pub(crate) holders: Vec<Holder>,
}

/// Records these waits as steps. A cycle is written out once, at its first member.
pub(crate) fn record(world: &World, waits: &[PendingWait]) {
    let mut explained: Vec<usize> = Vec::new();
    for (at, wait) in waits.iter().enumerate() {
        let text = {
            let core = world.core.borrow();
            match cycle(waits, at) {
                Some(cycle) if cycle.iter().any(|member| explained.contains(member)) => {
                    format!("{}, in the same cycle", held(&core, wait))
                }
                Some(cycle) => {
                    explained.extend(&cycle);
                    in_words(&core, waits, &cycle)
                }
                None => chain(&core, waits, at),
            }
        };
        let access = Access { verb: Verb::Wait, object: wait.object.clone() };
        let step = (vec![access], format!("still waits for {text}"));
        world.core.borrow_mut().aside(wait.waiter.place, Kind::Stuck, step);
    }
}

/// Returns the waits of the shortest cycle that begins with this wait: each is for what the next one's waiter holds.
fn cycle(waits: &[PendingWait], first: usize) -> Option<Vec<usize>> {
    let of_holders = |wait: usize| {
        // A longer cycle says more than that a waiter holds one of the permits itself.
        let (own, others): (Vec<&Holder>, Vec<&Holder>) =
            waits[wait].holders.iter().partition(|holder| **holder == waits[wait].waiter);
        others.into_iter().chain(own).flat_map(|holder: &Holder| {
            waits.iter().enumerate().filter(move |(_, other)| other.waiter == *holder).map(|(at, _)| at)
        })
    };
    let mut reached_from: BTreeMap<usize, usize> = BTreeMap::new();
    let mut open = VecDeque::from([first]);
    let mut waits_for_itself = false;
    while let Some(wait) = open.pop_front() {
        for next in of_holders(wait) {
            if next == first && wait == first {
                waits_for_itself = true;
            } else if next == first {
                let mut cycle = vec![wait];
                while *cycle.last()? != first {
                    cycle.push(reached_from[cycle.last()?]);
                }
                cycle.reverse();
                return Some(cycle);
            } else if let Entry::Vacant(first_time) = reached_from.entry(next) {
                first_time.insert(wait);
                open.push_back(next);
            }
        }
    }
    waits_for_itself.then(|| vec![first])
}

/// Returns the members of a cycle as one sentence, whose subject is the first waiter.
fn in_words(core: &Core, waits: &[PendingWait], cycle: &[usize]) -> String {
    let mut text = String::new();
    for (place, member) in cycle.iter().enumerate() {
        let wait = &waits[*member];
        let next = waits[cycle[(place + 1) % cycle.len()]].waiter;
        if place > 0 {
            text += ", which waits for ";
        }
        text += &format!("{}, held by {}", wait.object, name(core, next));
    }
    text + ": a cycle"
}

/// Returns what a wait leads to that is part of no cycle: up to a holder that waits for nothing known.
fn chain(core: &Core, waits: &[PendingWait], first: usize) -> String {
    let (mut text, mut wait, mut seen) = (held(core, &waits[first]), &waits[first], vec![first]);
    while let Some(holder) = wait.holders.first() {
        let next = waits.iter().position(|other| other.waiter == *holder);
        match next {
            Some(next) if !seen.contains(&next) => {
                seen.push(next);
                wait = &waits[next];
                text += &format!(", which waits for {}", held(core, wait));
            }
            Some(_) => return text + ", which waits in a cycle",
            None => return text + &outside(core, waits[first].waiter, *holder),
        }
    }
    text
}

/// Returns the object of a wait and who holds it.
fn held(core: &Core, wait: &PendingWait) -> String {
    let holders: Vec<String> = wait.holders.iter().map(|holder| name(core, *holder)).collect();
    format!("{}, held by {}", wait.object, list(&holders))
}

/// The greatest number of holders that are named.
const NAMED_MAX: usize = 3;

/// Returns the names of the first holders, and the number of the others.
pub(crate) fn list(names: &[String]) -> String {
    match names {
        [] => "a session that ran no statement".to_owned(),
        [first @ .., last] if !first.is_empty() && names.len() <= NAMED_MAX => {
            format!("{} and {last}", first.join(", "))
        }
        [only] => only.clone(),
        more => format!("{} and {} more", more[..NAMED_MAX].join(", "), more.len() - NAMED_MAX),
    }
}

/// Returns the name of a holder: its entity and its node.
pub(crate) fn name(core: &Core, Holder { place: (node, scope), .. }: Holder) -> String {
    format!("{} on {}", core.scopes.path(scope), core.nodes[node].name())
}

/// Returns what holds up a holder that waits for nothing known: something within its node, if its task exists.
fn outside(core: &Core, waiter: Holder, holder: Holder) -> String {
    let (node, _) = holder.place;
    let is_gone = |task: u64| !core.is_task(task);
    if core.nodes[node].state == State::Down || holder.task.is_some_and(is_gone) {
        ", whose task is gone".to_owned()
    } else if node == waiter.place.0 {
        let path = core.scopes.path(waiter.place.1);
        format!(", which waits for something within its own node that {path} may hold: a cycle, if it does")
    } else {
        ", which waits for something within its own node".to_owned()
    }
}
