//! The broker: a pure state machine that stores messages and hands them out.
//!
//! [`Broker`] keeps no clock and draws nothing. The caller passes the time: [`Broker::advance`] ends the delays and
//! leases that have expired, [`Broker::next_due`] returns when the next one ends. Equal calls give equal results. The
//! broker does not interpret the content of messages.
//!
//! A message is *hidden* until its delay has passed, then *ready*. While it is *in flight*, its receiver holds a
//! *lease* on it, until the message is acknowledged or the lease ends. After the lease it is ready again or, if it
//! was received often enough, *dead*.

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

    /// Returns whether a consumer may receive another message.
    pub fn may_receive(&self, consumer: u64) -> bool {
        self.held.get(&consumer).is_none_or(|held| *held < self.rules.prefetch)
    }

    /// Hands out the first ready message, if the limits allow it.
    pub fn receive(&mut self, now: Moment, consumer: u64) -> Option<Receipt> {
        if self.in_flight >= self.rules.in_flight_max || !self.may_receive(consumer) {
            return None;
        }
        let id = loop {
            let Reverse((_, _, id)) = self.ready.pop()?;
            if self.entries[id as usize].state == State::Ready {
                break id;
            }
        };
        if self.rules.prefetch < u32::MAX {
            *self.held.entry(consumer).or_default() += 1;
        }
        let entry = &mut self.entries[id as usize];
        entry.state = State::InFlight;
        entry.holder = (consumer, now);
        entry.receives += 1;
        entry.issue += 1;
        let receipt = Receipt { message: MessageId(id), issue: entry.issue };
        self.in_flight += 1;
        self.schedule(id, now + self.rules.visibility);
        Some(receipt)
    }

    /// Acknowledges a message.
    ///
    /// # Errors
    /// [`Expired`], in flavours whose receipts become invalid when their lease has ended.
    pub fn ack(&mut self, receipt: Receipt) -> Result<Acked, Expired> {
        let Receipt { message: MessageId(id), issue } = receipt;
        let entry = &self.entries[id as usize];
        let latest = entry.issue == issue;
        match (self.rules.flavour, entry.state) {
            (_, State::InFlight) if latest => {}
            (Flavour::Standard, State::Ready) if latest => {}
            (Flavour::Standard, State::Deleted { .. } | State::Dead | State::Gone) => return Ok(Acked::Gone),
            (Flavour::Standard, _) => return Ok(Acked::Superseded),
            (Flavour::Fifo, State::Deleted { by }) if by == receipt => return Ok(Acked::Gone),
            (Flavour::Fifo | Flavour::Channel, _) => return Err(Expired),
        }
        self.delete(receipt);
        Ok(Acked::Deleted)
    }

    /// Deletes a message that another consumer has received since. A standard queue may do so.
    ///
    /// # Panics
    /// If the flavour rejects superseded receipts.
    pub fn delete_superseded(&mut self, receipt: Receipt) {
        assert_eq!(self.rules.flavour, Flavour::Standard, "this flavour rejects expired receipts");
        self.delete(receipt);
    }

    fn delete(&mut self, receipt: Receipt) {
        let MessageId(id) = receipt.message;
        self.put_down(id);
        let entry = &mut self.entries[id as usize];
        entry.state = State::Deleted { by: receipt };
        entry.stamp += 1;
        self.leave(id);
    }

    /// Counts a message as not in flight any more, if it was.
    fn put_down(&mut self, id: u32) {
        let Entry { state, holder, .. } = &self.entries[id as usize];
        if *state != State::InFlight {
            return;
        }
        self.in_flight -= 1;
        if let Some(held) = self.held.get_mut(&holder.0) {
            *held -= 1;
        }
    }

    /// Makes a message a dead letter.
    ///
    /// # Errors
    /// [`Expired`] if the lease has ended.
    pub fn reject(&mut self, receipt: Receipt) -> Result<(), Expired> {
        if !self.holds(receipt) {
            return Err(Expired);
        }
        self.die(receipt.message.0, DeathReason::Rejected);
        Ok(())
    }

    fn die(&mut self, id: u32, reason: DeathReason) {
        self.put_down(id);
        let entry = &mut self.entries[id as usize];
        entry.stamp += 1;
        (entry.state, entry.death) = (State::Dead, Some(reason));
        self.leave(id);
        self.incidents.push_back(Incident::Died(MessageId(id)));
    }

    /// Returns why a dead letter is dead.
    pub fn death(&self, message: MessageId) -> Option<DeathReason> {
        self.entries[message.0 as usize].death
    }

    /// Removes a dead letter: it has moved to another queue.
    pub fn remove_dead(&mut self, message: MessageId) {
        self.entries[message.0 as usize].state = State::Gone;
    }

    /// Returns how long ago the holder of a receipt received its message.
    pub fn held_for(&self, now: Moment, receipt: Receipt) -> Duration {
        now - self.entries[receipt.message.0 as usize].holder.1
    }

    /// Ends the leases of a consumer whose channel the broker closes.
    fn close_channel(&mut self, consumer: u64) {
        for id in 0..self.entries.len() as u32 {
            let entry = &self.entries[id as usize];
            if entry.state == State::InFlight && entry.holder.0 == consumer {
                self.end_lease(id);
            }
        }
    }

    /// Ends the retention of a message.
    fn expire(&mut self, id: u32) {
        let is_channel = self.rules.flavour == Flavour::Channel;
        match self.entries[id as usize].state {
            State::Deleted { .. } | State::Dead | State::Gone => {}
            // It is dead when it returns.
            State::InFlight if is_channel => self.entries[id as usize].death = Some(DeathReason::Expired),
            State::Hidden | State::Ready if is_channel => self.die(id, DeathReason::Expired),
            State::Hidden | State::Ready | State::InFlight => {
                self.put_down(id);
                let entry = &mut self.entries[id as usize];
                entry.stamp += 1;
                entry.state = State::Gone;
                self.leave(id);
                self.incidents.push_back(Incident::Expired(MessageId(id)));
            }
        }
    }

    /// Sets the end of a lease to this long from now, whether later or earlier than before.
    ///
    /// # Errors
    /// [`Expired`] if the lease has ended.
    pub fn change_visibility(&mut self, now: Moment, receipt: Receipt, to: Duration) -> Result<(), Expired> {
        if !self.holds(receipt) {
            return Err(Expired);
        }
        let MessageId(id) = receipt.message;
        if to.is_zero() {
            self.end_lease(id)
        } else {
            self.schedule(id, now + to)
        }
        Ok(())
    }

    /// Returns whether the lease of the receipt has not ended.
    pub fn holds(&self, receipt: Receipt) -> bool {
        let entry = &self.entries[receipt.message.0 as usize];
        entry.state == State::InFlight && entry.issue == receipt.issue
    }

    /// Ends all leases: the broker has restarted, and it knows no consumers.
    pub fn restart(&mut self) {
        for id in 0..self.entries.len() as u32 {
            if self.entries[id as usize].state == State::InFlight {
                self.end_lease(id);
            }
        }
    }

    fn end_lease(&mut self, id: u32) {
        let (entry, most) = (&self.entries[id as usize], self.rules.receives_max);
        if let Some(reason) = entry.death {
            return self.die(id, reason);
        }
        if most.is_some_and(|most| entry.receives >= most) {
            return self.die(id, DeathReason::DeliveryLimit);
        }
        self.put_down(id);
        self.entries[id as usize].stamp += 1;
        if self.rules.flavour == Flavour::Channel {
            // In the order of their return: before all others, or behind them on a queue without a limit of deliveries.
            self.places += 1;
            let entry = &mut self.entries[id as usize];
            (entry.place, entry.is_first) = (self.places, most.is_some());
        }
        self.make_ready(id);
        self.incidents.push_back(Incident::Returned(MessageId(id)));
    }

    /// Ends the delays and leases that have expired by now.
    pub fn advance(&mut self, now: Moment) {
        while self.next_due().is_some_and(|due| due <= now) {
            let lease = self.next_end();
            if let Some((at, id)) = self.expiries.front().copied()
                && lease.is_none_or(|end| at <= end)
            {
                self.expiries.pop_front();
                self.expire(id);
                continue;
            }
            let Some(Reverse((_, id, _))) = self.due.pop() else { return };
            match self.entries[id as usize].state {
                State::Hidden => self.make_ready(id),
                State::InFlight if self.rules.flavour == Flavour::Channel => {
                    self.close_channel(self.entries[id as usize].holder.0);
                }
                _ => self.end_lease(id),
            }
        }
    }

    /// Returns when the next delay, lease or retention ends.
    pub fn next_due(&mut self) -> Option<Moment> {
        while let Some((_, id)) = self.expiries.front() {
            let state = self.entries[*id as usize].state;
            if !matches!(state, State::Deleted { .. } | State::Dead | State::Gone) {
                break;
            }
            self.expiries.pop_front();
        }
        let expiry = self.expiries.front().map(|(at, _)| *at);
        self.next_end().into_iter().chain(expiry).min()
    }

    /// Returns when the next delay or lease ends.
    fn next_end(&mut self) -> Option<Moment> {
        while let Some(Reverse((at, id, stamp))) = self.due.peek() {
            if self.entries[*id as usize].stamp == *stamp {
                return Some(*at);
            }
            self.due.pop();
        }
        None
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
