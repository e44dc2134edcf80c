//! Transactions: records in several partitions, and the offsets of the records that they follow from, take effect
//! together or not at all.

use super::group::{Fenced, Group, MemberId};
use super::partition::ProducerId;
use super::producer::{Identity, Message, Producer, Sent};
use super::profile::Requests;
use super::request::{LogError, Request};
use super::{Consumer, GroupState, Log};
use crate::env::{Env, Side};
use crate::event::Kind;
use crate::fault::DelayRange;
use crate::label::Label;
use crate::scope::Scope;
use crate::time::Moment;
use serde::Serialize;
use std::cell::RefCell;
use std::rc::Rc;

const TRANSACTION: Label = Label::new("transaction");
const INIT: Label = Label::new("init");
const OFFSETS: Label = Label::new("offsets");
const COMMIT: Label = Label::new("commit");
const ABORT: Label = Label::new("abort");

/// A producer with a transactional id. A later one with the same id fences it and aborts its open transaction.
pub struct TransactionalProducer<M> {
    producer: Producer<M>,
    id: Label,
}

/// What the broker knows of a transactional id.
pub(super) struct Coordinator {
    id: Label,
    producer: ProducerId,
    /// The number of the current transaction; requests of earlier ones are fenced.
    epoch: u32,
    /// When the open transaction is aborted.
    due: Option<Moment>,
    /// The groups in which the open transaction has offsets.
    groups: Vec<Rc<dyn PendingOffsets>>,
    /// The last transaction that ended, and whether it was committed.
    ended: Option<(u32, bool)>,
}

/// A group in which transactions have offsets; its log may be another one.
pub(super) trait PendingOffsets {
    fn group(&self) -> &RefCell<Group>;

    /// Updates the log of the group.
    fn update(&self);
}

impl<M: Clone + Serialize + 'static> PendingOffsets for (Log<M>, Rc<GroupState<M>>) {
    fn group(&self) -> &RefCell<Group> {
        &self.1.group
    }

    fn update(&self) {
        self.0.update();
    }
}

impl<M: Clone + Serialize + 'static> TransactionalProducer<M> {
    /// Creates a producer with this transactional id, on the node of `env`, within a new
    /// scope that the id names. There are crash points before the request and
    /// after its response.
    ///
    /// # Errors
    /// [`LogError::Refused`] if nothing has changed; [`LogError::TimedOut`] if the outcome is unknown. In both cases the
    /// caller may try again.
    #[track_caller]
    pub fn new(
        log: &Log<M>,
        env: &Env,
        id: impl Into<Label>,
    ) -> impl Future<Output = Result<Self, LogError>> {
        env.placed(async move {
            let id = id.into();
            let env = &env.child(id);
            let scope = env.scope();
            env.crash_point(Side::Before, INIT).await;
            env.event(Kind::Call, [INIT.word(), id.word()], || format!("begins to produce as {id}"));
            let init = move |log: &Log<M>| Ok(log.init_now(scope, id));
            let (producer, epoch) = log.request(env, log.transaction_request(INIT), init).await?;
            let producer = Producer::with_identity(log, Identity::transactional(producer, epoch, id));
            Ok(Self { producer, id })
        })
    }

    /// Sends a record in the current transaction, which begins with its first request; otherwise like
    /// [`Producer::send`].
    ///
    /// # Errors
    /// As [`Producer::send`], and [`LogError::Fenced`] if the transaction was aborted or another producer has the id.
    /// After an error the transaction should be aborted.
    #[track_caller]
    pub fn send(&self, env: &Env, message: Message<M>) -> impl Future<Output = Result<Sent, LogError>> {
        env.placed(async move { self.producer.send(env, message).await })
    }

    /// Adds the offsets after all records that the polls of `consumer` have returned to the current transaction, which
    /// commits them for its group. The consumer may read another log. There are crash points before the request and after
    /// its response.
    ///
    /// # Errors
    /// [`LogError::Fenced`] if the transaction was aborted, another producer has the id, or the consumer is not a member of
    /// the current generation; [`LogError::Refused`], [`LogError::TimedOut`].
    #[track_caller]
    pub fn send_offsets<N: Clone + Serialize + 'static>(
        &self,
        env: &Env,
        consumer: &Consumer<N>,
    ) -> impl Future<Output = Result<(), LogError>> {
        env.placed(async move {
            let (id, epoch, offsets) = (self.id, self.epoch(), consumer.offsets());
            let Some((of_log, member)) = consumer.membership().filter(|_| !offsets.is_empty()) else {
                return Ok(());
            };
            env.crash_point(Side::Before, OFFSETS).await;
            env.digest(&offsets);
            env.event(Kind::Call, [OFFSETS.word(), id.word()], || {
                format!("adds offsets to the transaction of {id}")
            });
            let log = &self.producer.log;
            let add =
                move |log: &Log<M>| log.add_offsets_now(id, epoch, &(Rc::new(of_log) as _), member, &offsets);
            log.request(env, log.transaction_request(OFFSETS), add).await
        })
    }

    /// Commits the current transaction. It may be called again if no response came. There are crash points before the
    /// request and after its response.
    ///
    /// # Errors
    /// [`LogError::Fenced`] if the transaction was aborted or another producer has the id; [`LogError::Refused`] if nothing
    /// has changed; [`LogError::TimedOut`] if the outcome is unknown.
    #[track_caller]
    pub fn commit(&self, env: &Env) -> impl Future<Output = Result<(), LogError>> {
        env.placed(async move { self.end(env, true).await })
    }

    /// Aborts the current transaction; otherwise like [`TransactionalProducer::commit`]. The consumer's position stays:
    /// [`Consumer::rewind`] returns it to the committed offsets.
    ///
    /// # Errors
    /// As [`TransactionalProducer::commit`].
    #[track_caller]
    pub fn abort(&self, env: &Env) -> impl Future<Output = Result<(), LogError>> {
        env.placed(async move { self.end(env, false).await })
    }

    fn epoch(&self) -> u32 {
        self.producer.identity.as_ref().map_or(0, Identity::epoch)
    }

    async fn end(&self, env: &Env, commits: bool) -> Result<(), LogError> {
        let (effect, id, epoch, scope) =
            (if commits { COMMIT } else { ABORT }, self.id, self.epoch(), env.scope());
        env.crash_point(Side::Before, effect).await;
        env.event(Kind::Call, [effect.word(), id.word()], || format!("{effect}s the transaction of {id}"));
        let log = &self.producer.log;
        let end = move |log: &Log<M>| log.end_requested(scope, id, epoch, commits);
        let next = log.request(env, log.transaction_request(effect), end).await?;
        if let Some(identity) = &self.producer.identity {
            identity.set_epoch(next);
        }
        Ok(())
    }
}

impl<M: Clone + Serialize + 'static> Log<M> {
    fn transaction_request(&self, effect: Label) -> Request {
        let faults = Requests(self.0.profile.faults.transaction, DelayRange::NONE);
        Request { effect, point: TRANSACTION, faults }
    }

    /// Begins the next epoch of a transactional id, and aborts its open transaction.
    fn init_now(&self, scope: Scope, id: Label) -> (ProducerId, u32) {
        let at = self.0.coordinators.borrow().iter().position(|one| one.id == id);
        let at = at.unwrap_or_else(|| {
            let producer = self.new_producer_id();
            let mut coordinators = self.0.coordinators.borrow_mut();
            let (epoch, due, groups, ended) = (0, None, Vec::new(), None);
            coordinators.push(Coordinator { id, producer, epoch, due, groups, ended });
            coordinators.len() - 1
        });
        self.end_now(scope, at, false);
        let mut coordinators = self.0.coordinators.borrow_mut();
        // A commit of the earlier producer must not appear to succeed.
        coordinators[at].ended = None;
        (coordinators[at].producer, coordinators[at].epoch)
    }

    /// Opens the transaction, unless it is open.
    ///
    /// # Errors
    /// [`LogError::Fenced`] if it is not the current one.
    pub(super) fn open_transaction(&self, id: Label, epoch: u32) -> Result<usize, LogError> {
        let mut coordinators = self.0.coordinators.borrow_mut();
        let current = |one: &Coordinator| one.id == id && one.epoch == epoch;
        let at = coordinators.iter().position(current).ok_or(LogError::Fenced)?;
        coordinators[at].due.get_or_insert(self.0.server.now() + self.0.profile.transaction_timeout);
        Ok(at)
    }

    fn add_offsets_now(
        &self,
        id: Label,
        epoch: u32,
        group: &Rc<dyn PendingOffsets>,
        member: (MemberId, u32),
        offsets: &[(u32, u64)],
    ) -> Result<(), LogError> {
        let at = self.open_transaction(id, epoch)?;
        let added = group.group().borrow_mut().add_pending(self.token(id), member, offsets);
        if added == Ok(()) {
            self.0.coordinators.borrow_mut()[at].groups.push(Rc::clone(group));
        }
        let words = [OFFSETS.word() ^ id.word(), u64::from(added.is_ok())];
        self.0.server.event(Kind::Arrive, words, || match added {
            Ok(()) => format!("adds offsets to the transaction of {id}"),
            Err(Fenced) => "rejects the offsets: the member is fenced".to_owned(),
        });
        self.update();
        Ok(added?)
    }

    /// The token of a transactional id in groups.
    fn token(&self, id: Label) -> u64 {
        self.0.name.word() ^ id.word()
    }

    /// Ends a transaction at the request of its producer; returns the next epoch.
    fn end_requested(&self, scope: Scope, id: Label, epoch: u32, commits: bool) -> Result<u32, LogError> {
        let known = self.0.coordinators.borrow().iter().position(|one| one.id == id);
        let at = known.ok_or(LogError::Fenced)?;
        let (current, ended) = {
            let coordinators = self.0.coordinators.borrow();
            (coordinators[at].epoch, coordinators[at].ended)
        };
        if current == epoch {
            self.end_now(scope, at, commits);
            return Ok(epoch + 1);
        }
        // The response to an earlier request may have been lost.
        if ended == Some((epoch, commits)) && current == epoch + 1 {
            Ok(current)
        } else {
            Err(LogError::Fenced)
        }
    }

    /// Ends the current transaction of an id and begins the next epoch.
    fn end_now(&self, scope: Scope, at: usize, commits: bool) {
        let (id, producer, was_open, groups) = {
            let mut coordinators = self.0.coordinators.borrow_mut();
            let one = &mut coordinators[at];
            one.ended = Some((one.epoch, commits));
            one.epoch += 1;
            (one.id, one.producer, one.due.take().is_some(), std::mem::take(&mut one.groups))
        };
        if !was_open {
            return;
        }
        let server = self.server_within(scope);
        let words = [TRANSACTION.word() ^ id.word(), u64::from(commits)];
        let event = server.event(if commits { Kind::Committed } else { Kind::Failed }, words, || {
            format!("{} the transaction of {id}", if commits { "commits" } else { "aborts" })
        });
        server.world.with_cause(event, || {
            for partition in self.0.partitions.borrow_mut().iter_mut() {
                partition.end_transaction(producer, commits);
            }
            for group in &groups {
                group.group().borrow_mut().end_pending(self.token(id), commits);
            }
            self.update();
            groups.iter().for_each(|group| group.update());
        });
    }

    /// Aborts the transactions that have lasted too long.
    pub(super) fn expire_transactions(&self) {
        let now = self.0.server.now();
        let late =
            || self.0.coordinators.borrow().iter().position(|one| one.due.is_some_and(|due| due <= now));
        while let Some(at) = late() {
            self.end_now(self.0.server.scope(), at, false);
        }
    }

    /// Returns when the next transaction expires.
    pub(super) fn next_expiry(&self) -> Option<Moment> {
        self.0.coordinators.borrow().iter().filter_map(|one| one.due).min()
    }
}
