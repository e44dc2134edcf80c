//! The broker: a pure state machine that stores messages and hands them out.
//!
//! [`Broker`] keeps no clock and draws nothing. The caller passes the time: [`Broker::advance`] ends the delays and
//! leases that have expired, [`Broker::next_due`] returns when the next one ends. Equal calls give equal results. The
//! broker does not interpret the content of messages.
//!
//! A message is *hidden* until its delay has passed, then *ready*. While it is *in flight*, its receiver holds a
//! *lease* on it, until the message is acknowledged or the lease ends. After the lease it is ready again or, if it
//! was received often enough, *dead*. This module accepts messages and keeps their order; `lease` hands them out.

mod lease;

use super::profile::{DedupScope, Flavour};
use crate::time::{Duration, Moment};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

/// The rules of a broker.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The flavour, which decides the rules of order and of receipts.
    pub flavour: Flavour,
    /// The length of a lease.
    pub visibility: Duration,
    /// How long a message stays hidden after it was sent, unless the message sets its own delay.
    pub delay: Duration,
    /// How often a message is handed out before it is dead; `None`: without limit.
    pub receives_max: Option<u32>,
    /// The greatest number of messages in flight.
    pub in_flight_max: u32,
    /// How long a de-duplication id is remembered.
    pub dedup_window: Duration,
    /// Where a de-duplication id is unique.
    pub dedup_scope: DedupScope,
    /// How long a message stays after it was sent, whether it is received or not; zero: without limit.
    pub retention: Duration,
    /// The greatest number of messages that a consumer holds.
    pub prefetch: u32,
}

/// The number of a message of a broker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct MessageId(u32);

impl MessageId {
    /// Returns the number: messages, copies included, are numbered from 0 in the order of their acceptance.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// The token with which a consumer settles a message that it received. Every receive has a receipt of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct Receipt {
    /// The message.
    pub message: MessageId,
    issue: u32,
}

impl Receipt {
    /// Returns both numbers in one word.
    pub(super) const fn word(self) -> u64 {
        (self.message.0 as u64) << 32 | self.issue as u64
    }
}

/// A message to accept.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<T> {
    /// The content.
    pub content: T,
    /// The group within which order is kept, in flavours with groups.
    pub group: u64,
    /// The de-duplication id: another message with this id is dropped while the id is remembered.
    pub dedup: Option<u64>,
    /// How long it stays hidden; `None`: as the rules say.
    pub delay: Option<Duration>,
}

/// The result of sending a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accepted {
    /// The message is accepted under this number.
    New(MessageId),
    /// Its de-duplication id is that of this message: it is dropped, and the sender receives a success.
    Known(MessageId),
}

/// The effect of an acknowledgement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acked {
    /// The message is deleted.
    Deleted,
    /// The message was deleted or dead before.
    Gone,
    /// The message has been received again since: the response is a success, and the message still exists.
    Superseded,
}

/// The receipt is not valid any more; nothing has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the receipt has expired")]
pub struct Expired;

/// Why a message is dead.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub enum DeathReason {
    /// It was received too often.
    DeliveryLimit,
    /// A consumer rejected it.
    Rejected,
    /// It stayed for longer than the retention of a channel queue.
    Expired,
}

/// A change that was not requested by a call: the end of a lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Incident {
    /// A lease ended; the message is ready again.
    Returned(MessageId),
    /// A lease ended after the last allowed receive, or the message has expired on a channel queue.
    Died(MessageId),
    /// The retention has ended; the message is deleted.
    Expired(MessageId),
}

/// The number of messages in each state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Counts {
    /// Hidden until their delay has passed.
    pub hidden: usize,
    /// Ready to be received; some may wait for others of their group.
    pub ready: usize,
    /// Received, but neither acknowledged nor returned.
    pub in_flight: usize,
    /// Dead letters.
    pub dead: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Hidden,
    Ready,
    InFlight,
    Deleted {
        by: Receipt,
    },
    Dead,
    /// Deleted by the broker, or moved to another queue.
    Gone,
}

struct Entry<T> {
    content: T,
    group: u64,
    state: State,
    /// Its place among the ready messages.
    place: u64,
    /// How often it was received since it was sent or redriven.
    receives: u32,
    /// The number of the last receipt; never reused.
    issue: u32,
    /// Distinguishes current entries of the agenda from stale ones.
    stamp: u32,
    /// Whether it waits before all messages that were never received, as returned ones do on a channel queue.
    is_first: bool,
    /// The consumer that received it last, and when.
    holder: (u64, Moment),
    /// Why it is dead, once it is, or will be when its lease ends.
    death: Option<DeathReason>,
}

/// The order of ready messages: those that come first, then by place; and the number of the message.
type Turn = (bool, u64, u32);

/// Messages, their leases and their order.
pub struct Broker<T> {
    rules: Rules,
    entries: Vec<Entry<T>>,
    places: u64,
    /// The messages that may be received, by place. Some may have been deleted since.
    ready: BinaryHeap<Reverse<Turn>>,
    /// The ends of delays and leases. Some may have ended earlier for another reason.
    due: BinaryHeap<Reverse<(Moment, u32, u32)>>,
    /// The messages that are neither deleted nor dead, by group and in order. Used by flavours with groups.
    groups: BTreeMap<u64, VecDeque<u32>>,
    /// The remembered de-duplication ids, each with its group if the scope is the group, its time and its message.
    seen: BTreeMap<(u64, u64), (Moment, MessageId)>,
    /// When messages expire, in order.
    expiries: VecDeque<(Moment, u32)>,
    /// The number of messages that each consumer holds, if that is limited.
    held: BTreeMap<u64, u32>,
    in_flight: u32,
    incidents: VecDeque<Incident>,
}

impl<T> Broker<T> {
    /// Creates an empty broker.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            entries: Vec::new(),
            places: 0,
            ready: BinaryHeap::new(),
            due: BinaryHeap::new(),
            groups: BTreeMap::new(),
            seen: BTreeMap::new(),
            expiries: VecDeque::new(),
            held: BTreeMap::new(),
            in_flight: 0,
            incidents: VecDeque::new(),
        }
    }

    /// Accepts a message, unless its de-duplication id is remembered.
    pub fn accept(&mut self, now: Moment, incoming: Incoming<T>) -> Accepted {
        let window = self.rules.dedup_window;
        let group = if self.rules.dedup_scope == DedupScope::Group { incoming.group } else { 0 };
        let dedup = incoming.dedup.filter(|_| !window.is_zero()).map(|id| (group, id));
        if let Some((since, known)) = dedup.and_then(|id| self.seen.get(&id)).copied()
            && now < since + window
        {
            return Accepted::Known(known);
        }
        let delay = incoming.delay.unwrap_or(self.rules.delay);
        let message = self.add(now, incoming.content, incoming.group, delay);
        if let Some(id) = dedup {
            self.seen.insert(id, (now, message));
        }
        Accepted::New(message)
    }

    /// Adds a copy of a message with an independent state: it stands for a second server of the broker that also
    /// holds the message.
    pub fn copy(&mut self, now: Moment, of: MessageId, content: T, delay: Duration) -> MessageId {
        self.add(now, content, self.entries[of.0 as usize].group, delay)
    }

    fn add(&mut self, now: Moment, content: T, group: u64, delay: Duration) -> MessageId {
        let id = self.entries.len() as u32;
        self.entries.push(Entry {
            content,
            group,
            state: State::Hidden,
            place: 0,
            receives: 0,
            issue: 0,
            stamp: 0,
            is_first: false,
            holder: (0, now),
            death: None,
        });
        if !self.rules.retention.is_zero() {
            self.expiries.push_back((now + self.rules.retention, id));
        }
        self.enter(id);
        if delay.is_zero() {
            self.make_ready(id)
        } else {
            self.schedule(id, now + delay)
        }
        MessageId(id)
    }

    /// Gives a message the last place.
    fn enter(&mut self, id: u32) {
        self.places += 1;
        let entry = &mut self.entries[id as usize];
        (entry.place, entry.is_first) = (self.places, false);
        if self.rules.flavour.keeps_groups() {
            self.groups.entry(entry.group).or_default().push_back(id);
        }
    }

    fn schedule(&mut self, id: u32, at: Moment) {
        let entry = &mut self.entries[id as usize];
        entry.stamp += 1;
        self.due.push(Reverse((at, id, entry.stamp)));
    }

    fn make_ready(&mut self, id: u32) {
        self.entries[id as usize].state = State::Ready;
        self.offer(id);
    }

    /// Makes a message available, if it is ready and first in its group.
    fn offer(&mut self, id: u32) {
        let entry = &self.entries[id as usize];
        let first = !self.rules.flavour.keeps_groups()
            || self.groups.get(&entry.group).and_then(VecDeque::front) == Some(&id);
        if entry.state == State::Ready && first {
            self.ready.push(Reverse((!entry.is_first, entry.place, id)));
        }
    }

    /// Removes a message from its group; if it was the first, the next one becomes the first.
    fn leave(&mut self, id: u32) {
        let group = self.entries[id as usize].group;
        if let Some(members) = self.groups.get_mut(&group) {
            let was_first = members.front() == Some(&id);
            members.retain(|member| *member != id);
            match members.front().copied() {
                Some(next) if was_first => self.offer(next),
                Some(_) => {}
                None => drop(self.groups.remove(&group)),
            }
        }
    }

    /// Takes the next incident that was not taken yet.
    pub fn next_incident(&mut self) -> Option<Incident> {
        self.incidents.pop_front()
    }

    /// Sends the dead letters again, behind all other messages and with their receives reset; returns their numbers.
    pub fn redrive(&mut self) -> Vec<MessageId> {
        let dead: Vec<_> = self.dead().collect();
        for MessageId(id) in &dead {
            self.entries[*id as usize].receives = 0;
            self.entries[*id as usize].death = None;
            self.enter(*id);
            self.make_ready(*id);
        }
        dead
    }

    /// Returns why a dead letter is dead.
    pub fn death(&self, message: MessageId) -> Option<DeathReason> {
        self.entries[message.0 as usize].death
    }

    /// Removes a dead letter: it has moved to another queue.
    pub fn remove_dead(&mut self, message: MessageId) {
        self.entries[message.0 as usize].state = State::Gone;
    }

    /// Returns the dead letters, in the order in which they were sent.
    pub fn dead(&self) -> impl Iterator<Item = MessageId> {
        self.ids(|state| state == State::Dead)
    }

    fn ids(&self, wanted: impl Fn(State) -> bool) -> impl Iterator<Item = MessageId> {
        let numbered = (0..).zip(&self.entries);
        numbered.filter(move |(_, entry)| wanted(entry.state)).map(|(id, _)| MessageId(id))
    }

    /// Returns how often a message was received since it was sent or redriven.
    pub fn receives(&self, message: MessageId) -> u32 {
        self.entries[message.0 as usize].receives
    }

    /// Returns the content of a message.
    pub fn content(&self, message: MessageId) -> &T {
        &self.entries[message.0 as usize].content
    }

    /// Returns the content of a message, mutably.
    pub fn content_mut(&mut self, message: MessageId) -> &mut T {
        &mut self.entries[message.0 as usize].content
    }

    /// Returns the number of messages in each state.
    pub fn counts(&self) -> Counts {
        let count = |wanted: State| self.ids(move |state| state == wanted).count();
        let (hidden, ready) = (count(State::Hidden), count(State::Ready));
        Counts { hidden, ready, in_flight: self.in_flight as usize, dead: count(State::Dead) }
    }
}
