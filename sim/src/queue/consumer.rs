//! The consumer's side: waiting for a message, and holding one.

use super::broker::Receipt;
use super::request::{SettleError, Settlement};
use super::{Flavour, Queue};
use crate::choice::Site;
use crate::engine::effects::Reach;
use crate::env::{Env, SharedSlot, slot, take};
use crate::event::Kind;
use crate::fault::Delays;
use crate::label::Label;
use crate::scope::{Scope, User};
use crate::time::Duration;
use serde::Serialize;
use std::cell::Cell;
use std::rc::Rc;

const NOTICE: Label = Label::new("notice");

/// A message on its way to a consumer.
pub(super) struct HandedOut<M> {
    pub(super) receipt: Receipt,
    pub(super) receives: u32,
    pub(super) label: Label,
    pub(super) scope: Scope,
    pub(super) body: M,
}

/// Somebody who waits for a message.
pub(super) struct Receiver<M> {
    pub(super) env: Env,
    pub(super) slot: SharedSlot<HandedOut<M>>,
}

/// Keeps a place among those who wait; given up when dropped.
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

    /// Who waits, and since when, decides who is served.
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
        self.queue.0.receivers.borrow_mut().retain(|other| !Rc::ptr_eq(&other.slot, &self.slot));
        if self.env.is_alive() {
            self.touch();
        }
        if let Some(handed_out) = self.slot.borrow_mut().unclaimed() {
            self.queue.leave(self.env, handed_out.scope, handed_out.receipt);
        }
    }
}

impl<M: Clone + Serialize + 'static> Queue<M> {
    /// Waits for a message and receives it. Waiting costs no event, and there is no empty response: a consumer
    /// with other work sets a timeout ([`Env::timeout`]). A message that is then on its way stays in flight until
    /// its lease ends.
    pub async fn receive(&self, env: &Env) -> Delivery<M> {
        if !env.is_alive() {
            return std::future::pending().await;
        }
        let mut waiting = Waiting::begin(self, env);
        self.stir();
        let handed_out = take(&env.world, &waiting.slot).await;
        waiting.served = true;
        let HandedOut { receipt, receives, label, scope, body } = handed_out;
        let env = env.within(scope);
        let event = env.event(Kind::Arrive, [label.word(), receipt.word()], || match receives {
            1 => format!("receives {label}"),
            _ => format!("receives {label}, delivered {receives} times by now"),
        });
        self.0.broker.borrow_mut().content_mut(receipt.message).cause = event;
        Delivery { queue: self.clone(), env, label, receipt, receives, body, settled: Cell::new(false) }
    }

    /// A consumer leaves a message behind unsettled. Over a channel, it goes back: at once if the consumer
    /// closes the channel itself, else when the broker notices.
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

/// A message that a consumer has received and is to settle. Dropped unsettled, it stays in flight until its
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
    /// What the message says.
    pub fn body(&self) -> &M {
        &self.body
    }

    /// The consumer's handle within the scope of this delivery.
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// Under which label it was sent.
    pub fn label(&self) -> Label {
        self.label
    }

    /// What the broker knows this delivery by.
    pub fn receipt(&self) -> Receipt {
        self.receipt
    }

    /// How often the broker has handed the message out, this time included; some of these may have been seen by
    /// nobody.
    pub fn receive_count(&self) -> u32 {
        self.receives
    }

    /// Whether it was handed out before.
    pub fn is_redelivered(&self) -> bool {
        self.receives > 1
    }

    /// Says that the message is dealt with: the broker deletes it. Crash points stand before the request and
    /// after its answer. May be called again if the answer was lost.
    ///
    /// # Errors
    /// [`SettleError::Expired`] if the flavour takes no receipt whose lease has ended; [`SettleError::Refused`] if
    /// nothing has changed, [`SettleError::TimedOut`] if nobody can tell. A standard queue may answer `Ok` and keep
    /// the message, if it was received again since.
    pub async fn ack(&self) -> Result<(), SettleError> {
        self.settle(Settlement::Ack).await
    }

    /// Gives the message back: it can be received again after `delay`. Crash points as for [`Delivery::ack`].
    ///
    /// # Errors
    /// As [`Delivery::extend`].
    pub async fn nack(&self, delay: Duration) -> Result<(), SettleError> {
        self.settle(Settlement::Nack(delay)).await
    }

    /// Keeps the message for `visibility` from when the broker learns of it. Crash points as for
    /// [`Delivery::ack`].
    ///
    /// # Errors
    /// [`SettleError::Expired`] if the lease has ended, in every flavour; [`SettleError::Refused`],
    /// [`SettleError::TimedOut`].
    pub async fn extend(&self, visibility: Duration) -> Result<(), SettleError> {
        self.queue.settle(self, Settlement::Extend(visibility)).await
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
