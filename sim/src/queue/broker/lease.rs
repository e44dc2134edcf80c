//! Leases: receives, settlements, and what ends by itself.

use super::{Acked, Broker, DeathReason, Entry, Expired, Incident, MessageId, Receipt, State};
use crate::queue::profile::Flavour;
use crate::time::{Duration, Moment};
use std::cmp::Reverse;

/// Who ends a lease.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LeaseEnd {
    /// The consumer returns the message.
    ByConsumer,
    /// The lease expires, or the channel is closed.
    ByBroker,
}

impl<T> Broker<T> {
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

    /// Returns how long ago the holder of a receipt received its message.
    pub fn held_for(&self, now: Moment, receipt: Receipt) -> Duration {
        now - self.entries[receipt.message.0 as usize].holder.1
    }

    /// Ends the lease of a receipt whose channel is closed, if it has not ended.
    pub fn close_lease(&mut self, receipt: Receipt) {
        if self.holds(receipt) {
            self.end_lease(receipt.message.0, LeaseEnd::ByBroker);
        }
    }

    /// Ends the leases of a consumer whose channel the broker closes.
    fn close_channel(&mut self, consumer: u64) {
        for id in 0..self.entries.len() as u32 {
            let entry = &self.entries[id as usize];
            if entry.state == State::InFlight && entry.holder.0 == consumer {
                self.end_lease(id, LeaseEnd::ByBroker);
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
            self.end_lease(id, LeaseEnd::ByConsumer)
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
                self.end_lease(id, LeaseEnd::ByBroker);
            }
        }
    }

    fn end_lease(&mut self, id: u32, end: LeaseEnd) {
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
            // In the order of their return: before all others, or behind them if a consumer returns a message to a queue
            // without a limit of deliveries.
            self.places += 1;
            let entry = &mut self.entries[id as usize];
            (entry.place, entry.is_first) = (self.places, most.is_some() || end == LeaseEnd::ByBroker);
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
                _ => self.end_lease(id, LeaseEnd::ByBroker),
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
}
