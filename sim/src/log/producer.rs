//! The producer's side: sends records, and sends them again if no response comes.

use super::partition::{Appended, ProducerId, Stamp};
use super::profile::Requests;
use super::request::{LogError, Request};
use super::{Log, Parcel};
use crate::access::{Access, Verb};
use crate::env::{Env, Side};
use crate::event::Kind;
use crate::label::Label;
use crate::scope::Scope;
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

const SEND: Label = Label::new("send");

/// A record to send.
#[derive(Clone, Debug)]
pub struct Message<M> {
    pub(super) label: Label,
    pub(super) key: u64,
    pub(super) body: M,
}

impl<M> Message<M> {
    /// Creates a record. The key decides its partition; the label names its scope: `charge` sent in `order-1` is
    /// `order-1/charge-1`.
    pub fn new(label: impl Into<Label>, key: u64, body: M) -> Self {
        Self { label: label.into(), key, body }
    }
}

/// Where the broker has appended a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Sent {
    /// The partition.
    pub partition: u32,
    /// The offset within it.
    pub offset: u64,
}

/// A sender of records.
pub struct Producer<M> {
    pub(super) log: Log<M>,
    pub(super) identity: Option<Identity>,
}

/// The identity of an idempotent producer.
pub(super) struct Identity {
    id: ProducerId,
    epoch: Cell<u32>,
    /// The next sequence number by partition.
    sequences: RefCell<BTreeMap<u32, u32>>,
    transactional_id: Option<Label>,
}

impl Identity {
    fn new(id: ProducerId) -> Self {
        Self { id, epoch: Cell::new(0), sequences: RefCell::default(), transactional_id: None }
    }

    pub(super) fn transactional(id: ProducerId, epoch: u32, transactional_id: Label) -> Self {
        Self { epoch: Cell::new(epoch), transactional_id: Some(transactional_id), ..Self::new(id) }
    }

    pub(super) fn epoch(&self) -> u32 {
        self.epoch.get()
    }

    /// Begins an epoch, in which sequence numbers begin at 0.
    pub(super) fn set_epoch(&self, epoch: u32) {
        self.epoch.set(epoch);
        self.sequences.borrow_mut().clear();
    }

    fn stamp(&self, partition: u32) -> Stamp {
        let mut sequences = self.sequences.borrow_mut();
        let next = sequences.entry(partition).or_default();
        let sequence = *next;
        *next += 1;
        let transactional = self.transactional_id.is_some();
        Stamp { producer: self.id, epoch: self.epoch.get(), sequence, transactional }
    }

    /// Begins an epoch, because a sequence number may be missing at the broker for ever.
    fn bump(&self, failed: Stamp) {
        if self.epoch.get() == failed.epoch && self.transactional_id.is_none() {
            self.set_epoch(failed.epoch + 1);
        }
    }
}

impl<M: Clone + Serialize + 'static> Producer<M> {
    /// Creates a producer whose retries may append a record twice (`enable.idempotence=false`).
    pub fn plain(log: &Log<M>) -> Self {
        Self { log: log.clone(), identity: None }
    }

    /// Creates a producer whose retries append a record once. A second call of [`Producer::send`] is a second record,
    /// and so is one after a restart, because a new producer has a new id.
    pub fn idempotent(log: &Log<M>) -> Self {
        Self::with_identity(log, Identity::new(log.new_producer_id()))
    }

    pub(super) fn with_identity(log: &Log<M>, identity: Identity) -> Self {
        Self { log: log.clone(), identity: Some(identity) }
    }

    /// Sends a record; retries until the delivery timeout. Each try has a crash point before the request and one after
    /// its response.
    ///
    /// # Errors
    /// [`LogError::Refused`] if the record was certainly not appended; [`LogError::TimedOut`] if the outcome is unknown;
    /// [`LogError::OutOfOrder`] if an earlier record of this producer failed while this one was in flight.
    #[track_caller]
    pub fn send(&self, env: &Env, message: Message<M>) -> impl Future<Output = Result<Sent, LogError>> {
        env.placed(async move {
            let env = &env.child(message.label);
            let profile = &self.log.0.profile;
            let deadline = env.now() + profile.delivery_timeout;
            let partition = self.log.partition_of(message.key);
            let stamp = self.identity.as_ref().map(|identity| identity.stamp(partition));
            let mut is_unknown = false;
            loop {
                let error = match self.try_send(env, message.clone(), partition, stamp).await {
                    Ok(offset) => return Ok(Sent { partition, offset }),
                    Err(error) => error,
                };
                is_unknown |= error == LogError::TimedOut;
                if error == LogError::Fenced || deadline <= env.now() + profile.backoff {
                    if let (Some(identity), Some(stamp)) = (&self.identity, stamp) {
                        identity.bump(stamp);
                    }
                    return Err(if is_unknown { LogError::TimedOut } else { error });
                }
                env.sleep(profile.backoff).await;
            }
        })
    }

    async fn try_send(
        &self,
        env: &Env,
        message: Message<M>,
        partition: u32,
        stamp: Option<Stamp>,
    ) -> Result<u64, LogError> {
        let (label, scope, name) = (message.label, env.scope(), self.log.0.name);
        let faults = &self.log.0.profile.faults;
        let faults = Requests(faults.send, faults.send_range);
        env.crash_point(Side::Before, label).await;
        env.digest(&(&message.body, message.key));
        env.event(Kind::Call, [label.word(), u64::from(partition)], || format!("sends {label} to {name}"));
        let request = Request { effect: label, point: SEND, faults };
        let transactional_id = self.identity.as_ref().and_then(|identity| identity.transactional_id);
        let append = move |log: &Log<M>| {
            if let (Some(id), Some(stamp)) = (transactional_id, stamp) {
                log.open_transaction(id, stamp.epoch)?;
            }
            log.take_in(scope, message, partition, stamp)
        };
        self.log.request(env, request, append).await
    }
}

impl<M: Clone + Serialize + 'static> Log<M> {
    /// Returns the access of a step to a record.
    pub(super) fn access(&self, verb: Verb, partition: u32, offset: u64) -> Access {
        Access::new(verb, self.0.name.text(), format!("partition {partition}, offset {offset}"))
    }

    /// Appends a record at the broker.
    fn take_in(
        &self,
        scope: Scope,
        message: Message<M>,
        partition: u32,
        stamp: Option<Stamp>,
    ) -> Result<u64, LogError> {
        let Message { label, key, body } = message;
        let server = self.server_within(scope);
        let parcel = Parcel { label, scope, key, body, cause: None };
        let at = partition as usize;
        let appended = self.0.partitions.borrow_mut()[at].append(server.now(), key, parcel, stamp);
        let words = [label.word(), u64::from(partition) << 48 | code(&appended.map_err(LogError::from))];
        let event = server.event(Kind::Arrive, words, || match appended {
            Ok(Appended::New(offset)) => {
                format!("appends {label} to partition {partition} at offset {offset}")
            }
            Ok(Appended::Known(offset)) => format!("has {label} at offset {offset}, and drops this one"),
            Err(error) => format!("rejects {label}: {error}"),
        });
        if let Ok(Appended::New(offset)) = appended {
            server.attach(|| vec![self.access(Verb::Write, partition, offset)]);
        }
        let Appended::New(offset) = appended? else {
            return appended.map_err(LogError::from).map(offset_of);
        };
        server.world.with_cause(event, || {
            if let Some(parcel) = self.0.partitions.borrow_mut()[at].content_mut(offset) {
                parcel.cause = event;
            }
            self.update();
        });
        Ok(offset)
    }
}

fn offset_of(appended: Appended) -> u64 {
    match appended {
        Appended::New(offset) | Appended::Known(offset) => offset,
    }
}

fn code(appended: &Result<Appended, LogError>) -> u64 {
    match appended {
        Ok(Appended::New(offset)) => offset << 2,
        Ok(Appended::Known(offset)) => offset << 2 | 1,
        Err(LogError::Fenced) => 2,
        Err(_) => 3,
    }
}
