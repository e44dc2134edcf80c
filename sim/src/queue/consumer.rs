//! The consumer's side: waits for messages, and holds them.

use super::batch::BATCH_MAX;
use super::broker::Receipt;
use super::rejection::Rejection;
use super::request::{SettleError, Settlement};
use super::{Death, Flavour, Queue};
use crate::access::Verb;
use crate::choice::Site;
use crate::engine::effects::Reach;
use crate::env::{Env, SharedSlot, poll_take, slot, take};
use crate::event::Kind;
use crate::fault::Delays;
use crate::label::Label;
use crate::scope::{Scope, User};
use crate::time::Duration;
use serde::Serialize;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

const NOTICE: Label = Label::new("notice");

/// A message in transit to a consumer.
pub(super) struct HandedOut<M> {
    pub(super) receipt: Receipt,
    pub(super) receives: u32,
    pub(super) label: Label,
    pub(super) scope: Scope,
    pub(super) body: M,
}

/// A consumer that waits for a message.
pub(super) struct Receiver<M> {
    pub(super) env: Env,
    pub(super) slot: SharedSlot<HandedOut<M>>,
}

impl<M> Receiver<M> {
    /// Returns the number of the consumer: one for each incarnation of a node.
    pub(super) fn consumer(&self) -> u64 {
        u64::from(self.env.node.0) << 32 | u64::from(self.env.incarnation)
    }
}

/// A place among the waiting consumers; released when dropped.
struct Waiting<'a, M: Clone + Serialize + 'static> {
    queue: &'a Queue<M>,
    env: &'a Env,
    slot: SharedSlot<HandedOut<M>>,
    served: bool,
}

impl<'a, M: Clone + Serialize + 'static> Waiting<'a, M> {
    fn begin(queue: &'a Queue<M>, env: &'a Env) -> Self {
        let slot = slot();
        let receiver = Receiver { env: env.clone(), slot: Rc::clone(&slot) };
        queue.0.receivers.borrow_mut().push_back(receiver);
        env.world.core.borrow_mut().uses(env.node, queue.0.server.node());
        let waiting = Self { queue, env, slot, served: false };
        waiting.touch();
        waiting
    }

    /// Gives up the place; returns false if there was none, because a message is in transit.
    fn withdraw(&self) -> bool {
        let mut receivers = self.queue.0.receivers.borrow_mut();
        let before = receivers.len();
        receivers.retain(|other| !Rc::ptr_eq(&other.slot, &self.slot));
        receivers.len() < before
    }

    /// The waiting consumers and their order decide which of them is served.
    fn touch(&self) {
        let who = u64::from(self.env.node.0) << 32 | u64::from(self.env.incarnation);
        self.env.world.core.borrow_mut().touch(Reach::Queue, self.queue.0.name.word() ^ who);
    }
}

impl<M: Clone + Serialize + 'static> Drop for Waiting<'_, M> {
    fn drop(&mut self) {
        if self.served {
            return;
        }
        self.withdraw();
        if self.env.is_alive() {
            self.touch();
        }
        if let Some(handed_out) = self.slot.borrow_mut().unclaimed() {
            self.queue.leave(self.env, handed_out.scope, handed_out.receipt);
        }
    }
}

impl<M: Clone + Serialize + 'static> Queue<M> {
    /// Waits for a message and receives it. Waiting costs no event, and there is no empty response: a consumer with
    /// other work sets a timeout ([`Env::timeout`]). If a message is in transit when the timeout ends, it stays in
    /// flight until its lease ends.
    #[track_caller]
    pub fn receive(&self, env: &Env) -> impl Future<Output = Delivery<M>> {
        env.placed(async move {
            if !env.is_alive() {
                return std::future::pending().await;
            }
            let mut waiting = Waiting::begin(self, env);
            self.update();
            let handed_out = take(&env.world, &waiting.slot).await;
            waiting.served = true;
            self.received(env, handed_out)
        })
    }

    /// Waits for messages and receives up to `max` of them: those that are handed out until the first arrives. The
    /// response takes as long as its latest message.
    ///
    /// # Errors
    /// [`Rejection::ReadCount`] unless `max` is between 1 and 10; [`Rejection::Batch`] on a channel.
    pub async fn receive_batch(&self, env: &Env, max: usize) -> Result<Vec<Delivery<M>>, Rejection> {
        if self.0.profile.flavour == Flavour::Channel {
            return Err(Rejection::Batch);
        }
        if !(1..=BATCH_MAX).contains(&max) {
            return Err(Rejection::ReadCount);
        }
        if !env.is_alive() {
            return std::future::pending().await;
        }
        let mut waiting: Vec<_> = (0..max).map(|_| Waiting::begin(self, env)).collect();
        self.update();
        let arrives = |context: &mut Context<'_>| {
            waiting.iter().enumerate().find_map(|(at, one)| match poll_take(&env.world, &one.slot, context) {
                Poll::Ready(handed_out) => Some((at, handed_out)),
                Poll::Pending => None,
            })
        };
        let (first, handed_out) =
            poll_fn(|context| arrives(context).map_or(Poll::Pending, Poll::Ready)).await;
        waiting[first].served = true;
        let mut arrived = BTreeMap::from([(first, handed_out)]);
        // What the broker has not handed out by now is not part of the response.
        let others = (0..max).filter(|at| *at != first && !waiting[*at].withdraw());
        for at in others.collect::<Vec<_>>() {
            arrived.insert(at, take(&env.world, &waiting[at].slot).await);
            waiting[at].served = true;
        }
        Ok(arrived.into_values().map(|handed_out| self.received(env, handed_out)).collect())
    }

    /// Returns a message that has arrived, as its consumer sees it.
    fn received(&self, env: &Env, handed_out: HandedOut<M>) -> Delivery<M> {
        let HandedOut { receipt, receives, label, scope, body } = handed_out;
        let env = env.within(scope);
        let event = env.event(Kind::Arrive, [label.word(), receipt.word()], || match receives {
            1 => format!("receives {label}"),
            _ => format!("receives {label}, delivered {receives} times by now"),
        });
        env.attach(|| self.access(Verb::Lock, receipt.message));
        self.0.broker.borrow_mut().content_mut(receipt.message).cause = event;
        Delivery { queue: self.clone(), env, label, receipt, receives, body, settled: Cell::new(false) }
    }

    /// Leaves a message unsettled. Over a channel the message is returned: at once if the consumer closes the channel
    /// itself, otherwise when the broker notices.
    fn leave(&self, env: &Env, scope: Scope, receipt: Receipt) {
        if self.0.profile.flavour != Flavour::Channel {
            return;
        }
        let (server, faults) = (self.server_within(scope), Delays(self.0.profile.faults.notice));
        let mut delay = Duration::ZERO;
        if !env.is_alive() {
            let site = Site::new(self.0.name, NOTICE);
            delay = server.fault_for(User::ENGINE, &site, faults).unwrap_or_default();
            if !delay.is_zero() {
                server.lasts(delay);
            }
        }
        let queue = self.clone();
        server
            .world
            .act_later(server.place(), self.0.profile.latency + delay, move |_| queue.close_channel(receipt));
    }
}

/// A message that a consumer has received and must settle. If it is dropped unsettled, it stays in flight until its
/// lease ends; on a channel, until the broker notices.
pub struct Delivery<M: Clone + Serialize + 'static> {
    queue: Queue<M>,
    env: Env,
    label: Label,
    receipt: Receipt,
    receives: u32,
    body: M,
    settled: Cell<bool>,
}

impl<M: Clone + Serialize + 'static> Delivery<M> {
    /// Returns the content of the message.
    pub fn body(&self) -> &M {
        &self.body
    }

    /// Returns the consumer's handle within the scope of this delivery.
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// Returns the label of the message.
    pub fn label(&self) -> Label {
        self.label
    }

    /// Returns the receipt of this delivery, which identifies it at the broker.
    pub fn receipt(&self) -> Receipt {
        self.receipt
    }

    /// Returns how often the broker has handed out the message, including this time. Some of these deliveries may not
    /// have reached a consumer.
    pub fn receive_count(&self) -> u32 {
        self.receives
    }

    /// Returns how often the message has died, on which queue and why, the latest death first (`x-death`). It is empty
    /// unless the message comes from a queue [whose dead letters are consumed](Queue::dead_letters_to).
    pub fn deaths(&self) -> Vec<Death> {
        self.queue.0.broker.borrow().content(self.receipt.message).deaths.clone()
    }

    /// Returns whether the message was handed out before.
    pub fn is_redelivered(&self) -> bool {
        self.receives > 1
    }

    /// Acknowledges the message: the broker deletes it. There are crash points before the request and after its
    /// response. It may be called again if the response was lost.
    ///
    /// # Errors
    /// [`SettleError::Expired`] if the flavour rejects receipts whose lease has ended; [`SettleError::Refused`] if
    /// nothing has changed; [`SettleError::TimedOut`] if the outcome is unknown. A standard queue may return `Ok` and
    /// keep the message, if it was received again since.
    #[track_caller]
    pub fn ack(&self) -> impl Future<Output = Result<(), SettleError>> {
        self.env.placed(async move { self.settle(Settlement::Ack).await })
    }

    /// Returns the message to the queue: it can be received again after `delay`. Crash points as for
    /// [`Delivery::ack`].
    ///
    /// # Errors
    /// As [`Delivery::extend`].
    #[track_caller]
    pub fn nack(&self, delay: Duration) -> impl Future<Output = Result<(), SettleError>> {
        self.env.placed(async move { self.settle(Settlement::Nack(delay)).await })
    }

    /// Rejects the message without a return to the queue (`basic.reject`): it is a dead letter at once. Crash points as for
    /// [`Delivery::ack`].
    ///
    /// # Errors
    /// As [`Delivery::ack`]; [`SettleError::Rejected`] on SQS, which has nothing like that.
    #[track_caller]
    pub fn reject(&self) -> impl Future<Output = Result<(), SettleError>> {
        self.env.placed(async move { self.settle(Settlement::Reject).await })
    }

    /// Extends the lease to `visibility` from the moment at which the broker receives the request. Crash points as
    /// for [`Delivery::ack`].
    ///
    /// # Errors
    /// [`SettleError::Expired`] if the lease has ended, in every flavour; [`SettleError::Refused`],
    /// [`SettleError::TimedOut`]; [`SettleError::Rejected`] on a channel, or for more than 12 hours in total.
    #[track_caller]
    pub fn extend(&self, visibility: Duration) -> impl Future<Output = Result<(), SettleError>> {
        self.env.placed(async move { self.queue.settle(self, Settlement::Extend(visibility)).await })
    }

    /// Notes that the message was settled by a batch.
    pub(super) fn mark_settled(&self) {
        self.settled.set(true);
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), SettleError> {
        self.queue.settle(self, settlement).await?;
        self.settled.set(true);
        Ok(())
    }
}

impl<M: Clone + Serialize + 'static> Drop for Delivery<M> {
    fn drop(&mut self) {
        if !self.settled.get() {
            self.queue.leave(&self.env, self.env.scope(), self.receipt);
        }
    }
}
