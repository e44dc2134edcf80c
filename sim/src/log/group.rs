//! A consumer group: a pure state machine that assigns partitions to members and holds the committed offsets.
//!
//! [`Group`] keeps no clock and draws nothing; the caller passes the time. Equal calls give equal results.
//!
//! A rebalance begins when a member joins or leaves, or on request. It waits for every member to join it, which a
//! member does when it polls, and removes the members that do not poll in time. Then it begins a generation: it
//! assigns each partition to one member, whose position there is the committed offset. A member that was removed, or
//! that names an earlier generation, is *fenced*: it commits nothing.

use crate::time::{Duration, Moment};
use std::collections::BTreeMap;

/// The number of a member of a group.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct MemberId(u32);

impl MemberId {
    /// Returns the number: members are numbered from 1 in the order in which they join.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// The member is not one of this generation; nothing has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the member is fenced")]
pub struct Fenced;

/// A change of the group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Incident {
    /// The member has not polled in time, and is removed.
    Removed(MemberId),
    /// A generation begins, with so many members.
    Generation(u32, usize),
}

struct Member {
    /// Whether it has joined the rebalance under way.
    joined: bool,
    /// When it is removed unless it polls; `None` while it polls.
    due: Option<Moment>,
    /// Its partitions; the position is `None` where no offset is committed.
    positions: BTreeMap<u32, Option<u64>>,
}

/// The members of a group and its committed offsets.
pub struct Group {
    partitions: u32,
    poll_interval: Duration,
    generation: u32,
    joins: u32,
    members: BTreeMap<MemberId, Member>,
    /// The end of the rebalance under way.
    rebalance: Option<Moment>,
    committed: BTreeMap<u32, u64>,
    /// The offsets of open transactions.
    pending: Vec<Pending>,
    incidents: Vec<Incident>,
}

/// Offsets that an open transaction commits.
struct Pending {
    /// Identifies the transaction.
    token: u64,
    generation: u32,
    offsets: Vec<(u32, u64)>,
}

impl Group {
    /// Creates an empty group for this number of partitions. `poll_interval` is the longest time between two polls of
    /// a member, and the longest duration of a rebalance.
    pub fn new(partitions: u32, poll_interval: Duration) -> Self {
        Self {
            partitions,
            poll_interval,
            generation: 0,
            joins: 0,
            members: BTreeMap::new(),
            rebalance: None,
            committed: BTreeMap::new(),
            pending: Vec::new(),
            incidents: Vec::new(),
        }
    }

    /// Adds a member, which polls. Begins a rebalance.
    pub fn join(&mut self, now: Moment) -> MemberId {
        self.joins += 1;
        let member = MemberId(self.joins);
        self.members.insert(member, Member { joined: true, due: None, positions: BTreeMap::new() });
        self.rebalance(now);
        member
    }

    /// Records that a member polls. It joins the rebalance under way, if there is one.
    ///
    /// # Errors
    /// [`Fenced`] if it was removed; it may join as a new member.
    pub fn poll(&mut self, now: Moment, member: MemberId) -> Result<(), Fenced> {
        self.advance(now);
        let known = self.members.get_mut(&member).ok_or(Fenced)?;
        known.due = None;
        known.joined = self.rebalance.is_some();
        self.complete_rebalance();
        Ok(())
    }

    /// Records that a member does not poll any more, such as after it has received records: it must poll again in time.
    pub fn stop_polling(&mut self, now: Moment, member: MemberId) {
        if let Some(member) = self.members.get_mut(&member) {
            member.due = Some(now + self.poll_interval);
        }
    }

    /// Removes a member, and begins a rebalance. Returns whether it was a member.
    pub fn leave(&mut self, now: Moment, member: MemberId) -> bool {
        let was_member = self.members.remove(&member).is_some();
        if was_member {
            self.rebalance(now);
        }
        was_member
    }

    /// Begins a rebalance, unless one is under way.
    pub fn rebalance(&mut self, now: Moment) {
        self.rebalance.get_or_insert(now + self.poll_interval);
        self.complete_rebalance();
    }

    /// Removes the members that have not polled in time.
    pub fn advance(&mut self, now: Moment) {
        let late: Vec<_> = self
            .members
            .iter()
            .filter(|(_, member)| {
                let misses_rebalance = !member.joined && self.rebalance.is_some_and(|end| end <= now);
                misses_rebalance || member.due.is_some_and(|due| due <= now)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            self.members.remove(&id);
            self.incidents.push(Incident::Removed(id));
            self.rebalance.get_or_insert(now + self.poll_interval);
        }
        self.complete_rebalance();
    }

    /// Begins the next generation if every member has joined the rebalance.
    fn complete_rebalance(&mut self) {
        if self.rebalance.is_none() || self.members.values().any(|member| !member.joined) {
            return;
        }
        self.rebalance = None;
        self.generation += 1;
        self.incidents.push(Incident::Generation(self.generation, self.members.len()));
        let count = self.members.len() as u32;
        for (rank, member) in (0..).zip(self.members.values_mut()) {
            member.joined = false;
            let first = |rank: u32| rank * (self.partitions / count) + rank.min(self.partitions % count);
            let assigned = first(rank)..first(rank + 1);
            member.positions =
                assigned.map(|partition| (partition, self.committed.get(&partition).copied())).collect();
        }
    }

    /// Commits offsets of partitions.
    ///
    /// # Errors
    /// [`Fenced`] if this is not a member of the current generation.
    pub fn commit(
        &mut self,
        (member, generation): (MemberId, u32),
        offsets: &[(u32, u64)],
    ) -> Result<(), Fenced> {
        self.check(member, generation)?;
        self.committed.extend(offsets.iter().copied());
        Ok(())
    }

    /// Checks that this is a member of the current generation.
    ///
    /// # Errors
    /// [`Fenced`] if it is not.
    pub fn check(&self, member: MemberId, generation: u32) -> Result<(), Fenced> {
        if generation == self.generation && self.members.contains_key(&member) { Ok(()) } else { Err(Fenced) }
    }

    /// Adds offsets to an open transaction. A member of a later generation reads their partitions when the transaction
    /// has ended.
    ///
    /// # Errors
    /// [`Fenced`] if this is not a member of the current generation.
    pub fn add_pending(
        &mut self,
        token: u64,
        (member, generation): (MemberId, u32),
        offsets: &[(u32, u64)],
    ) -> Result<(), Fenced> {
        self.check(member, generation)?;
        self.pending.push(Pending { token, generation, offsets: offsets.to_vec() });
        Ok(())
    }

    /// Ends a transaction: commits its offsets or drops them.
    pub fn end_pending(&mut self, token: u64, commits: bool) {
        let (ended, pending) =
            std::mem::take(&mut self.pending).into_iter().partition(|one| one.token == token);
        self.pending = pending;
        let ended: Vec<Pending> = ended;
        for Pending { generation, offsets, .. } in ended.into_iter().filter(|_| commits) {
            self.committed.extend(offsets.iter().copied());
            if generation == self.generation {
                continue;
            }
            // A member of a later generation has waited for this offset.
            for (partition, offset) in offsets {
                let mut owners = self.members.values_mut();
                if let Some(position) = owners.find_map(|member| member.positions.get_mut(&partition)) {
                    *position = Some(offset);
                }
            }
        }
    }

    /// Returns the positions of a member to the committed offsets.
    pub fn rewind(&mut self, member: MemberId) {
        if let Some(member) = self.members.get_mut(&member) {
            for (partition, position) in &mut member.positions {
                *position = self.committed.get(partition).copied();
            }
        }
    }

    /// Returns the partitions of a member with its positions: the offset of its next record, `None` where nothing is
    /// committed. Returns nothing during a rebalance, and no partition for which a transaction of an earlier generation has
    /// offsets.
    pub fn positions(&self, member: MemberId) -> Vec<(u32, Option<u64>)> {
        let member = self.members.get(&member).filter(|_| self.rebalance.is_none());
        let earlier = || self.pending.iter().filter(|pending| pending.generation != self.generation);
        let waits = |at: u32| earlier().any(|one| one.offsets.iter().any(|(partition, _)| *partition == at));
        let Some(member) = member else { return Vec::new() };
        member.positions.iter().map(|(at, to)| (*at, *to)).filter(|(at, _)| !waits(*at)).collect()
    }

    /// Sets the position of a member in one of its partitions.
    pub fn seek(&mut self, member: MemberId, partition: u32, offset: u64) {
        let member = self.members.get_mut(&member);
        if let Some(position) = member.and_then(|member| member.positions.get_mut(&partition)) {
            *position = Some(offset);
        }
    }

    /// Returns the committed offset of a partition.
    pub fn committed(&self, partition: u32) -> Option<u64> {
        self.committed.get(&partition).copied()
    }

    /// Returns the current generation; 0 before the first member joins.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Returns whether a rebalance is under way.
    pub fn is_rebalancing(&self) -> bool {
        self.rebalance.is_some()
    }

    /// Returns whether this is a member.
    pub fn has(&self, member: MemberId) -> bool {
        self.members.contains_key(&member)
    }

    /// Returns when [`Group::advance`] next removes a member.
    pub fn next_due(&self) -> Option<Moment> {
        let waits = self.members.values().any(|member| !member.joined);
        let rebalance = self.rebalance.filter(|_| waits);
        self.members.values().filter_map(|member| member.due).chain(rebalance).min()
    }

    /// Removes and returns the changes since the last call.
    pub fn take_incidents(&mut self) -> Vec<Incident> {
        std::mem::take(&mut self.incidents)
    }
}
