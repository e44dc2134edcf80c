//! The consumer's side: polls for records, and commits offsets.

use super::group::MemberId;
use super::profile::{Commits, Requests, Subscription};
use super::request::{LogError, Request};
use super::server::Poller;
use super::{GroupState, Log};
use crate::access::{Access, Verb};
use crate::engine::effects::Reach;
use crate::env::{Env, SharedSlot, Side, slot, take};
use crate::event::Kind;
use crate::label::Label;
use crate::scope::Scope;
use crate::time::Moment;
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

const COMMIT: Label = Label::new("commit");

/// A record in transit to a consumer.
pub(super) struct HandedRecord<M> {
    pub(super) partition: u32,
    pub(super) offset: u64,
    pub(super) label: Label,
    pub(super) scope: Scope,
    pub(super) key: u64,
    pub(super) body: M,
}

/// Records in transit to a consumer.
pub(super) struct HandedOut<M> {
    pub(super) member: MemberId,
    pub(super) generation: u32,
    pub(super) records: Vec<HandedRecord<M>>,
}

/// The number of records of a partition that a recorded commit of offsets names: a commit releases all earlier ones.
const RELEASES_SHOWN: u64 = 16;

/// A record that a consumer has received.
pub struct Record<M> {
    env: Env,
    label: Label,
    partition: u32,
    offset: u64,
    key: u64,
    body: M,
}

impl<M> Record<M> {
    /// Returns the content.
    pub fn body(&self) -> &M {
        &self.body
    }

    /// Returns the consumer's handle within the scope of this delivery.
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// Returns the label under which it was sent.
    pub fn label(&self) -> Label {
        self.label
    }

    /// Returns the partition.
    pub fn partition(&self) -> u32 {
        self.partition
    }

    /// Returns the offset within the partition.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the key.
    pub fn key(&self) -> u64 {
        self.key
    }
}

/// A consumer: a member of a group from its first poll on. One that is dropped, or whose node crashes, stays a member
/// until its session times out; one that is [closed](Consumer::close) leaves at once.
pub struct Consumer<M: Clone + Serialize + 'static> {
    log: Log<M>,
    group: Rc<GroupState<M>>,
    env: Env,
    subscription: Subscription,
    member: Rc<Cell<Option<MemberId>>>,
    /// The generation in which it received its records.
    generation: Cell<u32>,
    /// The offset after the last record received, by partition.
    received: RefCell<BTreeMap<u32, u64>>,
    /// The scope of the last record received.
    scope: Cell<Scope>,
    turn: Cell<usize>,
    auto_commit_at: Cell<Moment>,
}

/// A log and a group of it.
type Membership<M> = (Log<M>, Rc<GroupState<M>>);

/// A place among the waiting members; released when dropped.
struct Waiting<'a, M: Clone + Serialize + 'static> {
    consumer: &'a Consumer<M>,
    slot: SharedSlot<HandedOut<M>>,
    served: bool,
}

impl<'a, M: Clone + Serialize + 'static> Waiting<'a, M> {
    fn begin(consumer: &'a Consumer<M>, max: usize) -> Self {
        let slot = slot();
        let Consumer { group, env, subscription, log, .. } = consumer;
        let uncommitted = match subscription.commits {
            Commits::Manual => Vec::new(),
            Commits::Auto(_) => consumer.offsets(),
        };
        consumer.turn.set(consumer.turn.get() + 1);
        group.pollers.borrow_mut().push(Poller {
            env: env.clone(),
            slot: Rc::clone(&slot),
            member: Rc::clone(&consumer.member),
            max,
            start: subscription.start,
            level: subscription.level,
            turn: consumer.turn.get(),
            uncommitted,
            generation: consumer.generation.get(),
        });
        env.world.core.borrow_mut().uses(env.node, log.0.server.node());
        let waiting = Self { consumer, slot, served: false };
        waiting.touch();
        waiting
    }

    /// The waiting members and their order decide which of them is served.
    fn touch(&self) {
        let Consumer { env, log, .. } = self.consumer;
        let who = u64::from(env.node.0) << 32 | u64::from(env.incarnation);
        env.world.core.borrow_mut().touch(Reach::Queue, log.0.name.word() ^ who);
    }
}

impl<M: Clone + Serialize + 'static> Drop for Waiting<'_, M> {
    fn drop(&mut self) {
        if self.served {
            return;
        }
        let Consumer { log, group, env, member, generation, received, .. } = self.consumer;
        group.pollers.borrow_mut().retain(|other| !Rc::ptr_eq(&other.slot, &self.slot));
        if let Some(handed_out) = self.slot.borrow_mut().unclaimed() {
            log.rewind(group, &handed_out);
        }
        if !env.is_alive() {
            return;
        }
        self.touch();
        if let Some(member) = member.get() {
            let mut group = group.group.borrow_mut();
            group.stop_polling(env.now(), member);
            if generation.replace(group.generation()) != group.generation() {
                received.borrow_mut().clear();
            }
        }
        log.update();
    }
}

impl<M: Clone + Serialize + 'static> Consumer<M> {
    pub(super) fn new(log: &Log<M>, env: &Env, subscription: Subscription) -> Self {
        let auto_commit_at = match subscription.commits {
            Commits::Manual => Moment::NEVER,
            Commits::Auto(interval) => env.now() + interval,
        };
        Self {
            log: log.clone(),
            group: log.group(subscription.group),
            env: env.clone(),
            subscription,
            member: Rc::default(),
            generation: Cell::new(0),
            received: RefCell::default(),
            scope: Cell::new(env.scope()),
            turn: Cell::new(0),
            auto_commit_at: Cell::new(auto_commit_at),
        }
    }

    /// Waits for records and returns at most `max` of them (`max.poll.records`), in the order of their offsets within
    /// each partition. Waiting costs no event, and there is no empty result: a consumer with other work sets a timeout
    /// ([`Env::timeout`]). Joins the group, or the rebalance under way, if need be.
    ///
    /// # Panics
    /// If `max` is zero.
    #[track_caller]
    pub fn poll(&self, max: usize) -> impl Future<Output = Vec<Record<M>>> {
        self.env.placed(async move {
            assert!(max > 0, "a poll returns at least one record");
            if !self.env.is_alive() {
                return std::future::pending().await;
            }
            self.commit_automatically();
            let mut waiting = Waiting::begin(self, max);
            self.log.update();
            let handed_out = take(&self.env.world, &waiting.slot).await;
            waiting.served = true;
            if self.generation.replace(handed_out.generation) != handed_out.generation {
                self.received.borrow_mut().clear();
            }
            handed_out.records.into_iter().map(|record| self.receive(record)).collect()
        })
    }

    fn receive(&self, record: HandedRecord<M>) -> Record<M> {
        let HandedRecord { partition, offset, label, scope, key, body } = record;
        let env = self.env.within(scope);
        env.event(Kind::Arrive, [label.word(), u64::from(partition) << 48 ^ offset], || {
            format!("receives {label} from partition {partition}, offset {offset}")
        });
        env.attach(|| vec![self.log.access(Verb::Lock, partition, offset)]);
        self.received.borrow_mut().insert(partition, offset + 1);
        self.scope.set(scope);
        Record { env, label, partition, offset, key, body }
    }

    /// Returns the offsets to commit after all records received.
    pub(super) fn offsets(&self) -> Vec<(u32, u64)> {
        self.received.borrow().iter().map(|(partition, offset)| (*partition, *offset)).collect()
    }

    /// Returns the member and the generation in which it received its records, with its group.
    pub(super) fn membership(&self) -> Option<(Membership<M>, (MemberId, u32))> {
        let member = self.member.get()?;
        Some(((self.log.clone(), Rc::clone(&self.group)), (member, self.generation.get())))
    }

    /// Returns the positions to the committed offsets: the next poll returns the records again that were returned since.
    /// Has no effect on a consumer that its group has removed.
    pub fn rewind(&self) {
        let Some(member) = self.member.get().filter(|_| self.env.is_alive()) else { return };
        self.received.borrow_mut().clear();
        self.group.group.borrow_mut().rewind(member);
    }

    /// Commits the offsets after all records that polls have returned. There are crash points before the request and
    /// after its response.
    ///
    /// # Errors
    /// [`LogError::Fenced`] if the group has removed this member or begun another generation; [`LogError::Refused`] if
    /// nothing is committed; [`LogError::TimedOut`] if the outcome is unknown.
    #[track_caller]
    pub fn commit(&self) -> impl Future<Output = Result<(), LogError>> {
        self.env.placed(async move {
            self.commit_offsets(&self.env.within(self.scope.get()), self.offsets()).await
        })
    }

    /// Commits the offset after one record, in the scope of that record. Crash points as for [`Consumer::commit`].
    ///
    /// # Errors
    /// As [`Consumer::commit`].
    #[track_caller]
    pub fn commit_through(&self, record: &Record<M>) -> impl Future<Output = Result<(), LogError>> {
        self.env.placed(async move {
            self.commit_offsets(&record.env, vec![(record.partition, record.offset + 1)]).await
        })
    }

    async fn commit_offsets(&self, env: &Env, offsets: Vec<(u32, u64)>) -> Result<(), LogError> {
        if offsets.is_empty() {
            return Ok(());
        }
        env.crash_point(Side::Before, COMMIT).await;
        let Some(act) = self.begin_commit(env, offsets) else { return Ok(()) };
        self.log.request(env, self.commit_request(), act).await
    }

    /// Returns the accesses of a commit: it releases the records before these offsets that the consumer received. Those
    /// that an earlier commit released are released again.
    fn releases(&self, offsets: &[(u32, u64)]) -> Vec<Access> {
        let last = offsets.iter().filter_map(|(partition, next)| Some((*partition, next.checked_sub(1)?)));
        let first = |next: u64| next.saturating_sub(RELEASES_SHOWN - 1);
        let of_partition = |(partition, last): (u32, u64)| {
            (first(last)..=last).map(move |offset| self.log.access(Verb::Release, partition, offset))
        };
        last.flat_map(of_partition).collect()
    }

    /// Records the request of a commit; returns what the broker does with it, unless there is nothing to commit.
    fn begin_commit(
        &self,
        env: &Env,
        offsets: Vec<(u32, u64)>,
    ) -> Option<impl FnOnce(&Log<M>) -> Result<(), LogError> + 'static> {
        let member = self.member.get().filter(|_| !offsets.is_empty())?;
        env.digest(&offsets);
        env.event(Kind::Call, [COMMIT.word(), 0], || format!("commits {}", text(&offsets)));
        env.attach(|| self.releases(&offsets));
        let (group, scope, generation) = (Rc::clone(&self.group), env.scope(), self.generation.get());
        Some(move |log: &Log<M>| log.commit_now(&group, scope, (member, generation), &offsets))
    }

    fn commit_request(&self) -> Request {
        let faults = &self.log.0.profile.faults;
        Request { effect: COMMIT, point: COMMIT, faults: Requests(faults.commit, faults.commit_range) }
    }

    /// Commits without waiting for the response, if the interval of automatic commits has passed.
    fn commit_automatically(&self) {
        let Commits::Auto(interval) = self.subscription.commits else { return };
        let now = self.env.now();
        if now < self.auto_commit_at.get() {
            return;
        }
        self.auto_commit_at.set(now + interval);
        let env = self.env.within(self.scope.get());
        if let Some(act) = self.begin_commit(&env, self.offsets()) {
            self.log.send_request(&env, self.commit_request(), act);
        }
    }

    /// Leaves the group, after a last commit if the consumer commits automatically.
    #[track_caller]
    pub fn close(self) -> impl Future<Output = ()> {
        let env = self.env.clone();
        env.placed(async move {
            if matches!(self.subscription.commits, Commits::Auto(_)) {
                // A failed commit does not keep the consumer from leaving.
                let _ = self.commit().await;
            }
            if let Some(member) = self.member.take().filter(|_| self.env.is_alive()) {
                let (log, group) = (self.log.clone(), Rc::clone(&self.group));
                let place = (log.0.server.node(), self.env.scope());
                let latency = log.0.profile.latency;
                self.env.world.act_later(place, latency, move |_| log.remove(&group, member));
            }
        })
    }
}

impl<M: Clone + Serialize + 'static> Drop for Consumer<M> {
    fn drop(&mut self) {
        if let Some(member) = self.member.take() {
            let (log, group) = (self.log.clone(), Rc::clone(&self.group));
            let timeout = log.0.profile.session_timeout;
            let server = log.0.server.clone();
            server.world.act_later(server.place(), timeout, move |_| log.remove(&group, member));
        }
    }
}

impl<M: Clone + Serialize + 'static> Log<M> {
    /// Commits offsets at the broker; each one is a step of the trace.
    fn commit_now(
        &self,
        group: &Rc<GroupState<M>>,
        scope: Scope,
        member: (MemberId, u32),
        offsets: &[(u32, u64)],
    ) -> Result<(), LogError> {
        let committed = group.group.borrow_mut().commit(member, offsets);
        let server = self.server_within(scope);
        for (partition, offset) in offsets {
            let place = u64::from(*partition) << 48 ^ offset << 1;
            let words = [group.name.word() ^ COMMIT.word(), place | u64::from(committed.is_ok())];
            server.event(Kind::Arrive, words, || match committed {
                Ok(()) => {
                    format!("has offset {offset} of partition {partition} committed for {}", group.name)
                }
                Err(fenced) => format!("rejects offset {offset} of partition {partition}: {fenced}"),
            });
        }
        Ok(committed?)
    }
}

fn text(offsets: &[(u32, u64)]) -> String {
    let texts = offsets.iter().map(|(partition, offset)| format!("offset {offset} of partition {partition}"));
    texts.collect::<Vec<_>>().join(", ")
}
