//! The broker's side: drives its state machines through time, and hands records to members that poll.
//!
//! These actions run outside every task. Each follows only from the event that caused it.

use super::consumer::{HandedOut, HandedRecord};
use super::group::{Group, Incident, MemberId};
use super::partition::{Partition, ReadLevel};
use super::profile::{Fetches, MemberFault, Members, StartAt};
use super::{GroupState, Log, Parcel};
use crate::choice::Site;
use crate::engine::effects::Reach;
use crate::env::{Env, SharedSlot, put};
use crate::event::Kind;
use crate::heartbeat::Heartbeat;
use crate::label::Label;
use crate::node::State;
use crate::scope::{Scope, User};
use crate::time::{Duration, Moment};
use serde::Serialize;
use std::cell::Cell;
use std::rc::Rc;

const DELIVERY: Label = Label::new("delivery");
const FETCH: Label = Label::new("fetch");
const MEMBER: Label = Label::new("member");

/// Records by partition and offset.
type Batch = Vec<(u32, u64)>;

/// A member that waits for records.
pub(super) struct Poller<M> {
    pub(super) env: Env,
    pub(super) slot: SharedSlot<HandedOut<M>>,
    /// Shared with the consumer; `None` before it has joined.
    pub(super) member: Rc<Cell<Option<MemberId>>>,
    pub(super) max: usize,
    pub(super) start: StartAt,
    pub(super) level: ReadLevel,
    /// The number of polls so far, which decides the partition that is read first.
    pub(super) turn: usize,
    /// The offsets that it commits when it joins a rebalance, and the generation in which it received the records.
    pub(super) uncommitted: Vec<(u32, u64)>,
    pub(super) generation: u32,
}

impl<M: Clone + Serialize + 'static> Log<M> {
    /// Returns a handle of the broker's node within an entity.
    pub(super) fn server_within(&self, scope: Scope) -> Env {
        self.0.server.within(scope)
    }

    /// Starts the task that removes the members which do not poll in time.
    pub(super) fn run_alarm(&self) {
        let (log, server) = (self.clone(), self.0.server.clone());
        self.0.server.spawn(async move {
            loop {
                let (seen, due) = (log.0.alarm.version(), log.0.due.get());
                log.0.alarm.changed(&server, seen, due).await;
                if log.0.due.get() <= server.now() {
                    server.world.with_cause(None, || log.update());
                }
            }
        });
    }

    /// Advances the groups, and hands out the records that can be handed out. Call it after every change.
    pub(super) fn update(&self) {
        self.expire_transactions();
        let groups = self.0.groups.borrow().clone();
        for group in &groups {
            group.group.borrow_mut().advance(self.0.server.now());
            self.rejoin(group);
            self.record_incidents(group);
            while let Some((poller, batch)) = self.next_batch(group) {
                self.hand_out(group, poller, &batch);
                self.rejoin(group);
                self.record_incidents(group);
            }
        }
        let due = groups.iter().filter_map(|group| group.group.borrow().next_due());
        let due = due.chain(self.next_expiry()).min();
        let due = due.unwrap_or(Moment::NEVER);
        if self.0.due.replace(due) != due {
            self.0.alarm.raise_in(&self.0.server.world);
        }
    }

    /// Lets the members that wait for records join the rebalance under way; a member that was removed joins anew.
    fn rejoin(&self, group: &Rc<GroupState<M>>) {
        let now = self.0.server.now();
        group.pollers.borrow_mut().retain(|poller| poller.env.is_alive());
        for poller in group.pollers.borrow().iter() {
            let mut state = group.group.borrow_mut();
            if let Some(member) = poller.member.get() {
                if state.is_rebalancing() && !poller.uncommitted.is_empty() {
                    // A member of an earlier generation has nothing to commit.
                    let _ = state.commit((member, poller.generation), &poller.uncommitted);
                }
                if state.poll(now, member).is_ok() {
                    continue;
                }
            }
            if poller.env.world.core.borrow().nodes[poller.env.node()].state == State::Up {
                let member = state.join(now);
                poller.member.set(Some(member));
                drop(state);
                self.watch_heartbeats(group, &poller.env, member);
            }
        }
    }

    /// Starts the task that removes a member when its node sends no heartbeats.
    fn watch_heartbeats(&self, group: &Rc<GroupState<M>>, member_env: &Env, member: MemberId) {
        let profile = &self.0.profile;
        let (heartbeat, timeout) = (Heartbeat::of(member_env, profile.heartbeat), profile.session_timeout);
        let (log, group, server) = (self.clone(), Rc::clone(group), self.0.server.clone());
        self.0.server.spawn(async move {
            heartbeat.silence(&server, timeout).await;
            server.world.with_cause(None, || log.remove(&group, member));
            // A member that waits for records joins again when its node resumes.
            heartbeat.beat(&server).await;
            server.world.with_cause(None, || log.update());
        });
    }

    /// Removes a member from its group, if it is there.
    pub(super) fn remove(&self, group: &Rc<GroupState<M>>, member: MemberId) {
        if group.group.borrow_mut().leave(self.0.server.now(), member) {
            self.record_removal(group, member);
            self.update();
        }
    }

    fn record_removal(&self, group: &Rc<GroupState<M>>, member: MemberId) {
        let words = [group.name.word(), u64::from(member.number()) << 1 | 1];
        let name = group.name;
        let removed = || format!("removes member {} of {name}", member.number());
        let event = self.0.server.event(Kind::Note, words, removed);
        group.cause.set(event);
    }

    fn record_incidents(&self, group: &Rc<GroupState<M>>) {
        let incidents = group.group.borrow_mut().take_incidents();
        for incident in incidents {
            match incident {
                Incident::Removed(member) => self.record_removal(group, member),
                Incident::Generation(generation, members) => {
                    let words = [group.name.word(), u64::from(generation) << 1];
                    let name = group.name;
                    let begins =
                        || format!("begins generation {generation} of {name}, with {members} members");
                    let event = self.0.server.event(Kind::Note, words, begins);
                    group.cause.set(event);
                }
            }
        }
    }

    /// Takes the first waiting member for which there are records, with their partitions and offsets.
    fn next_batch(&self, group: &Rc<GroupState<M>>) -> Option<(Poller<M>, Batch)> {
        let mut pollers = group.pollers.borrow_mut();
        let (mut state, mut partitions) = (group.group.borrow_mut(), self.0.partitions.borrow_mut());
        let now = self.0.server.now();
        for at in 0..pollers.len() {
            let batch = fetch(&pollers[at], &mut state, &mut partitions, now);
            if !batch.is_empty() {
                return Some((pollers.remove(at), batch));
            }
        }
        None
    }

    /// Sends records to a member, and draws the faults of the delivery and of the group.
    fn hand_out(&self, group: &Rc<GroupState<M>>, poller: Poller<M>, batch: &[(u32, u64)]) {
        let Some(member) = poller.member.get() else { return };
        let mut cause = group.cause.get();
        let records: Vec<_> = batch
            .iter()
            .filter_map(|&(partition, offset)| {
                let partitions = self.0.partitions.borrow();
                let parcel = partitions[partition as usize].content(offset)?;
                cause = cause.max(parcel.cause);
                let Parcel { label, key, body, .. } = parcel;
                let record = HandedRecord {
                    partition,
                    offset,
                    label: *label,
                    scope: self.server_within(parcel.scope).child(DELIVERY).scope(),
                    key: *key,
                    body: body.clone(),
                };
                let word = u64::from(partition) << 48 ^ offset;
                self.0.server.world.core.borrow_mut().touch(Reach::Queue, word);
                Some(record)
            })
            .collect();
        self.0.server.world.with_cause(cause, || {
            let server = self.server_within(records[0].scope);
            let (name, faults) = (self.0.name, &self.0.profile.faults);
            let site = Site::new(name, FETCH);
            let delay = server.fault_for(User::ENGINE, &site, Fetches(faults)).unwrap_or_default();
            if !delay.is_zero() {
                server.lasts(delay);
            }
            let fault = server.fault_for(User::ENGINE, &Site::new(name, MEMBER), Members(faults));
            let after = self.0.profile.latency + delay;
            let generation = group.group.borrow().generation();
            group.group.borrow_mut().stop_polling(server.now() + after, member);
            self.deliver(group, poller, HandedOut { member, generation, records }, after);
            match fault {
                Some(MemberFault::Rebalance) => group.group.borrow_mut().rebalance(server.now()),
                Some(MemberFault::SessionTimeout) => {
                    group.group.borrow_mut().leave(server.now(), member);
                    self.record_removal(group, member);
                }
                None => {}
            }
        });
    }

    /// Delivers records to a member. If its poll is over, its position returns to the first of them.
    fn deliver(
        &self,
        group: &Rc<GroupState<M>>,
        poller: Poller<M>,
        handed_out: HandedOut<M>,
        after: Duration,
    ) {
        let (log, group, place) = (self.clone(), Rc::clone(group), poller.env.place());
        self.0.server.world.deliver(place, after, move |world| {
            if poller.env.is_alive() && Rc::strong_count(&poller.slot) > 1 {
                put(world, &poller.slot, handed_out);
            } else {
                log.rewind(&group, &handed_out);
            }
        });
    }

    /// Returns the positions of a member to the first records that it has not received.
    pub(super) fn rewind(&self, group: &Rc<GroupState<M>>, handed_out: &HandedOut<M>) {
        let mut state = group.group.borrow_mut();
        if state.check(handed_out.member, handed_out.generation).is_ok() {
            for record in handed_out.records.iter().rev() {
                state.seek(handed_out.member, record.partition, record.offset);
            }
        }
    }
}

/// Reads the partitions of a member from its positions on, and moves these.
fn fetch<M>(
    poller: &Poller<M>,
    group: &mut Group,
    partitions: &mut [Partition<Parcel<M>>],
    now: Moment,
) -> Batch {
    let mut batch = Vec::new();
    let Some(member) = poller.member.get() else { return batch };
    let mut positions = group.positions(member);
    let turn = poller.turn.checked_rem(positions.len()).unwrap_or(0);
    positions.rotate_left(turn);
    for (index, position) in positions {
        let partition = &mut partitions[index as usize];
        partition.clean(now);
        let from = match (position, poller.start) {
            (Some(position), _) if position >= partition.start() => position,
            (_, StartAt::Earliest) => partition.start(),
            (_, StartAt::Latest) => partition.end_at(poller.level),
        };
        let fetched = partition.fetch(from, poller.max - batch.len(), poller.level);
        batch.extend(fetched.records.iter().map(|(offset, _)| (index, *offset)));
        group.seek(member, index, fetched.next);
    }
    batch
}
