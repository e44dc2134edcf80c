//! Batches: up to ten messages in one request, each of which succeeds or fails on its own, as with `SendMessageBatch`,
//! `DeleteMessageBatch` and `ReceiveMessage` of SQS.
//!
//! A response that is a success may list entries that failed, so a caller that only looks for an error loses them. Sources:
//! Amazon SQS API reference (`SendMessageBatch`, `DeleteMessageBatch`, `BatchResultErrorEntry`). Not modelled: the limit of
//! the size of a batch, `ChangeMessageVisibilityBatch`.

use super::broker::Receipt;
use super::consumer::Delivery;
use super::profile::{Entries, EntryFault};
use super::rejection::Rejection;
use super::request::{NotSettled, Point, Request, SendError, SettleError, Settlement, content_id};
use super::{Flavour, Message, Queue};
use crate::access::Verb;
use crate::choice::Site;
use crate::env::{Env, Side};
use crate::event::Kind;
use crate::label::Label;
use crate::scope::Scope;
use serde::Serialize;

/// The greatest number of entries of a batch.
pub const BATCH_MAX: usize = 10;

const SEND_BATCH: Label = Label::new("send-batch");
const ACK_BATCH: Label = Label::new("ack-batch");
const ENTRY: Label = Label::new("entry");

/// Which entries of a batch succeeded, by the ids that the caller gave them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[must_use = "a batch succeeds although entries of it have failed"]
pub struct BatchResult {
    /// The entries that succeeded.
    pub successful: Vec<u32>,
    /// The entries that failed: nothing has changed for them.
    pub failed: Vec<FailedEntry>,
}

/// An entry of a batch that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FailedEntry {
    /// The id that the caller gave it.
    pub id: u32,
    /// Why it failed.
    pub error: EntryError,
}

/// The reason why an entry of a batch failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EntryError {
    /// The broker refused the entry (`InternalError`); a retry may succeed.
    #[error("refused by the broker")]
    Refused,
    /// The lease has ended.
    #[error("the receipt has expired")]
    Expired,
    /// The queue does not offer that.
    #[error("rejected: {0}")]
    Rejected(Rejection),
}

impl EntryError {
    /// Returns whether the error is the caller's (`SenderFault`), so that no retry mends it.
    pub const fn is_senders_fault(self) -> bool {
        !matches!(self, Self::Refused)
    }
}

impl From<NotSettled> for EntryError {
    fn from(error: NotSettled) -> Self {
        match error {
            NotSettled::Expired => Self::Expired,
            NotSettled::Rejected(rejection) => Self::Rejected(rejection),
        }
    }
}

/// An entry on its way to the broker.
struct Entry<T> {
    id: u32,
    scope: Scope,
    label: Label,
    content: Result<T, EntryError>,
}

impl BatchResult {
    fn add(&mut self, id: u32, result: Result<(), EntryError>) {
        match result {
            Ok(()) => self.successful.push(id),
            Err(error) => self.failed.push(FailedEntry { id, error }),
        }
    }
}

impl<M: Clone + Serialize + 'static> Queue<M> {
    /// Sends messages in one request; each entry has an id that is distinct in the batch. There are crash points before the
    /// request and after its response.
    ///
    /// # Errors
    /// For the whole batch: [`SendError::Refused`] if no message was accepted, [`SendError::TimedOut`] if the outcome is
    /// unknown, [`SendError::Rejected`] if the batch is empty, too long, or repeats an id, or on a channel. Each other
    /// failure is one of an entry, in the result.
    #[track_caller]
    pub fn post_batch(
        &self,
        env: &Env,
        entries: Vec<(u32, Message<M>)>,
    ) -> impl Future<Output = Result<BatchResult, SendError>> {
        env.placed(async move {
            let (name, count) = (self.0.name, entries.len());
            env.crash_point(Side::Before, SEND_BATCH).await;
            let words = [SEND_BATCH.word(), count as u64];
            env.event(Kind::Call, words, || format!("sends a batch of {count} messages to {name}"));
            let admitted = self.admits_batch(entries.iter().map(|(id, _)| *id));
            let entry = |(id, message)| self.sent_entry(env, id, message);
            let entries: Vec<Entry<Message<M>>> = entries.into_iter().map(entry).collect();
            let request = Request { effect: SEND_BATCH, point: Point::Send(SEND_BATCH) };
            let response = self.request(env, request, move |queue, arrival| {
                admitted?;
                Ok(queue.act_on(entries, |scope, message| {
                    queue.take_in(scope, message, arrival);
                    Ok(())
                }))
            });
            response.await?.map_err(SendError::Rejected)
        })
    }

    /// Acknowledges messages in one request; each entry has an id that is distinct in the batch. There are crash points
    /// before the request and after its response.
    ///
    /// # Errors
    /// For the whole batch, as [`Queue::post_batch`]. Each other failure is one of an entry, in the result.
    #[track_caller]
    pub fn ack_batch(
        &self,
        env: &Env,
        entries: &[(u32, &Delivery<M>)],
    ) -> impl Future<Output = Result<BatchResult, SettleError>> {
        env.placed(async move {
            let (name, count) = (self.0.name, entries.len());
            env.crash_point(Side::Before, ACK_BATCH).await;
            let words = [ACK_BATCH.word(), count as u64];
            env.event(Kind::Call, words, || format!("acknowledges a batch of {count} messages of {name}"));
            let released = || {
                entries
                    .iter()
                    .flat_map(|(_, delivery)| self.access(Verb::Release, delivery.receipt().message))
            };
            env.attach(|| released().collect());
            let admitted = self.admits_batch(entries.iter().map(|(id, _)| *id));
            let acked: Vec<Entry<Receipt>> =
                entries.iter().map(|(id, delivery)| self.acked_entry(*id, delivery)).collect();
            let request = Request { effect: ACK_BATCH, point: Point::Settle(ACK_BATCH) };
            let response = self.request(env, request, move |queue, _| {
                admitted?;
                Ok(queue.act_on(acked, |scope, receipt| {
                    queue.settle_now(scope, receipt, Settlement::Ack).map_err(EntryError::from)
                }))
            });
            let result = response.await?.map_err(SettleError::Rejected)?;
            for (id, delivery) in entries {
                if result.successful.contains(id) {
                    delivery.mark_settled();
                }
            }
            Ok(result)
        })
    }

    /// Verifies the ids of a batch; the error concerns the whole batch.
    fn admits_batch(&self, ids: impl Iterator<Item = u32>) -> Result<(), Rejection> {
        let mut ids: Vec<u32> = ids.collect();
        if self.0.profile.flavour == Flavour::Channel {
            return Err(Rejection::Batch);
        }
        match ids.len() {
            0 => return Err(Rejection::EmptyBatch),
            1..=BATCH_MAX => {}
            _ => return Err(Rejection::TooManyEntries),
        }
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            Err(Rejection::EntryIdsNotDistinct)
        } else {
            Ok(())
        }
    }

    fn sent_entry(&self, env: &Env, id: u32, message: Message<M>) -> Entry<Message<M>> {
        let env = env.child(message.label);
        env.digest(&(&message.body, message.group, message.dedup, message.delay));
        let profile = &self.0.profile;
        let message =
            Message { dedup: message.dedup.or_else(|| content_id(profile, &message.body)), ..message };
        let admitted = profile.admits(message.delay, message.dedup.is_some()).map_err(EntryError::Rejected);
        let label = message.label;
        let content = admitted.and_then(|()| self.draw_entry(&env)).map(|()| message);
        Entry { id, scope: env.scope(), label, content }
    }

    fn acked_entry(&self, id: u32, delivery: &Delivery<M>) -> Entry<Receipt> {
        let content = self.draw_entry(delivery.env()).map(|()| delivery.receipt());
        Entry { id, scope: delivery.env().scope(), label: delivery.label(), content }
    }

    /// Draws whether the broker refuses an entry.
    fn draw_entry(&self, env: &Env) -> Result<(), EntryError> {
        match env.choose_fault(&Site::new(self.0.name, ENTRY), Entries(&self.0.profile.faults)) {
            Some(EntryFault::Refused) => Err(EntryError::Refused),
            None => Ok(()),
        }
    }

    /// Acts on each entry at the broker, in order.
    fn act_on<T>(
        &self,
        entries: Vec<Entry<T>>,
        mut act: impl FnMut(Scope, T) -> Result<(), EntryError>,
    ) -> BatchResult {
        let mut result = BatchResult::default();
        for Entry { id, scope, label, content } in entries {
            let done = content.and_then(|content| act(scope, content));
            if done == Err(EntryError::Refused) {
                self.server_within(scope).event(Kind::Refused, [label.word(), u64::from(id)], || {
                    format!("refuses {label} of the batch")
                });
            }
            result.add(id, done);
        }
        result
    }
}
