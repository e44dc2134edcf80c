//! The broker's side: drives its state machine through time, and hands messages to waiting consumers.
//!
//! These actions run outside every task. Each follows only from the event that caused it: two messages are not
//! causally related just because one queue holds both.

use super::broker::{Accepted, Incident, Incoming, MessageId, Receipt};
use super::consumer::{HandedOut, Receiver};
use super::profile::{Deliveries, DeliveryFault, Flavour, Restarts};
use super::{Death, Milestone, Parcel, Queue, Reached};
use crate::choice::Site;
use crate::engine::effects::Reach;
use crate::env::{Env, put};
use crate::event::Kind;
use crate::label::Label;
use crate::scope::{Scope, User};
use crate::task::Waiter;
use crate::time::{Duration, Moment};
use serde::Serialize;
use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

const DELIVERY: Label = Label::new("delivery");
const COPY: Label = Label::new("copy");
const RESTART: Label = Label::new("restart");

/// Wakes the task that ends delays and leases at the end of the next one, and at no other time.
#[derive(Default)]
pub(super) struct Alarm {
    /// The task, once it has been polled.
    task: Cell<Option<(u32, u32)>>,
    set: Cell<Option<(Moment, (u32, u32))>>,
}

impl<M: Clone + Serialize + 'static> Queue<M> {
    /// Starts the task that ends delays and leases.
    pub(super) fn run_server(&self) {
        let queue = self.clone();
        self.0.server.spawn(poll_fn(move |context| {
            let waiter = queue.0.server.world.core.borrow().waiter(context);
            queue.0.alarm.task.set(waiter.map(|waiter| (waiter.slot, waiter.generation)));
            queue.0.server.world.with_cause(None, || {
                queue.0.broker.borrow_mut().advance(queue.0.server.now());
                queue.update();
            });
            Poll::Pending
        }));
    }

    /// Returns a handle of the broker's node within an entity.
    pub(super) fn server_within(&self, scope: Scope) -> Env {
        self.0.server.within(scope)
    }

    pub(super) fn is_down(&self) -> bool {
        self.0.server.now() < self.0.down_until.get()
    }

    /// Draws whether the broker goes down at a request of `env`.
    pub(super) fn draw_restart(&self, env: &Env) {
        let state = &self.0;
        let (caller, site) = (env.world.core.borrow().user(), || Site::new(state.name, RESTART));
        let before = state.down_until.get();
        env.begin_episode(caller, site, Restarts(&state.profile.faults), &state.down_until);
        if state.down_until.get() == before {
            return;
        }
        let cause = env.world.core.borrow().current_event();
        env.world.with_cause(cause, || {
            state.broker.borrow_mut().restart();
            self.update();
        });
    }

    /// Records incidents, hands out the messages that can be handed out, and sets the alarm. Call it after every
    /// change.
    pub(super) fn update(&self) {
        while let Some(incident) = self.next_incident() {
            match incident {
                Incident::Returned(id) => self.lease_ended(id, Reached::Returned),
                Incident::Died(id) => {
                    self.lease_ended(id, Reached::Died);
                    self.note_death(id);
                }
                Incident::Expired(id) => self.lease_ended(id, Reached::Expired),
            }
        }
        if !self.is_down() {
            while self.hand_out_next() {}
        }
        self.set_alarm();
    }

    fn next_incident(&self) -> Option<Incident> {
        self.0.broker.borrow_mut().next_incident()
    }

    fn lease_ended(&self, id: MessageId, reached: Reached) {
        let (label, scope, cause) = {
            let broker = self.0.broker.borrow();
            let parcel = broker.content(id);
            (parcel.label, parcel.scope, parcel.cause)
        };
        let world = &self.0.server.world;
        let cause = world.core.borrow().current_event().or(cause);
        world.with_cause(cause, || {
            let code = match reached {
                Reached::Died => 1,
                Reached::Expired => 1 << 32,
                _ => 0,
            };
            let words = [label.word(), u64::from(id.number()) << 1 | code];
            let event = self.server_within(scope).event(Kind::Note, words, || match reached {
                Reached::Died => format!("puts {label} to the dead letters"),
                Reached::Expired => format!("deletes {label}, whose retention has ended"),
                _ => format!("has {label} ready again"),
            });
            self.0.broker.borrow_mut().content_mut(id).cause = event;
            world.with_cause(event, || self.notify(id, scope, reached));
        });
    }

    /// Records a death, and moves the dead letter to its queue, if it has one.
    fn note_death(&self, id: MessageId) {
        let (queue, reason) = (self.0.name, self.0.broker.borrow().death(id));
        let Some(reason) = reason else { return };
        let parcel = {
            let mut broker = self.0.broker.borrow_mut();
            let parcel = broker.content_mut(id);
            parcel.deaths = Death::counted(&parcel.deaths, queue, reason);
            parcel.clone()
        };
        let Some(other) = self.0.dead_letters.borrow().clone() else { return };
        self.0.broker.borrow_mut().remove_dead(id);
        other.take_dead_letter(parcel);
    }

    /// Accepts a dead letter of another queue.
    fn take_dead_letter(&self, parcel: Parcel<M>) {
        let (scope, now) = (parcel.scope, self.0.server.now());
        let cause = parcel.cause;
        let incoming = Incoming { content: parcel, group: 0, dedup: None, delay: Some(Duration::ZERO) };
        let (Accepted::New(id) | Accepted::Known(id)) = self.0.broker.borrow_mut().accept(now, incoming);
        self.0.server.world.with_cause(cause, || {
            self.notify(id, scope, Reached::Accepted);
            self.update();
        });
    }

    fn set_alarm(&self) {
        let state = &self.0;
        let Some((slot, generation)) = state.alarm.task.get() else { return };
        let due = match self.is_down() {
            true => Some(state.down_until.get()),
            false => state.broker.borrow_mut().next_due(),
        };
        let mut core = state.server.world.core.borrow_mut();
        match state.alarm.set.get() {
            Some((at, timer)) if Some(at) != due || core.has_fired(timer) => core.cancel_timer(timer),
            None if due.is_some() => {}
            _ => return,
        }
        let waiter = || Waiter { slot, generation, waker: None };
        state.alarm.set.set(due.map(|at| (at, core.set_timer(at, waiter()))));
    }

    /// Hands the first ready message to the first waiting consumer; returns whether there were both.
    fn hand_out_next(&self) -> bool {
        let state = &self.0;
        let mut receivers = state.receivers.borrow_mut();
        while receivers.front().is_some_and(|first| !first.env.is_alive()) {
            receivers.pop_front();
        }
        let may_receive = |receiver: &Receiver<M>| {
            receiver.env.is_alive() && state.broker.borrow().may_receive(receiver.consumer())
        };
        let Some(place) = receivers.iter().position(may_receive) else { return false };
        let consumer = receivers[place].consumer();
        let Some(receipt) = state.broker.borrow_mut().receive(state.server.now(), consumer) else {
            return false;
        };
        let receiver = receivers.remove(place).expect("it is there");
        drop(receivers);
        let cause = state.broker.borrow().content(receipt.message).cause;
        state.server.world.with_cause(cause, || self.hand_out(receipt, receiver));
        true
    }

    /// Sends a message to a consumer, and draws the fault of the delivery.
    fn hand_out(&self, receipt: Receipt, receiver: Receiver<M>) {
        let state = &self.0;
        let (parent, receives) = {
            let broker = state.broker.borrow();
            (broker.content(receipt.message).scope, broker.receives(receipt.message))
        };
        let server = self.server_within(parent).child(DELIVERY);
        state.server.world.core.borrow_mut().touch(Reach::Queue, receipt.word());
        let faults = Deliveries(&state.profile.faults);
        let fault = server.fault_for(User::ENGINE, &Site::new(state.name, DELIVERY), faults);
        let mut delay = Duration::ZERO;
        if let Some(DeliveryFault::Late(by)) = fault {
            delay = by;
            server.lasts(delay);
        }
        self.notify(receipt.message, server.scope(), Reached::Delivered(receives));
        match fault {
            // The connection breaks, and the consumer requests again.
            Some(DeliveryFault::Lost) => return self.0.receivers.borrow_mut().push_back(receiver),
            Some(DeliveryFault::Copy) => self.copy(receipt.message, Duration::ZERO),
            Some(DeliveryFault::Late(_)) | None => {}
        }
        let (label, body) = {
            let broker = state.broker.borrow();
            let parcel = broker.content(receipt.message);
            (parcel.label, parcel.body.clone())
        };
        let scope = server.scope();
        let handed_out = HandedOut { receipt, receives, label, scope, body };
        self.deliver_to(receiver, handed_out, state.profile.latency + delay);
    }

    /// Delivers a message to a consumer. Over a channel, a message without a consumer is returned.
    fn deliver_to(&self, receiver: Receiver<M>, handed_out: HandedOut<M>, after: Duration) {
        let (queue, place) = (self.clone(), receiver.env.place());
        self.0.server.world.deliver(place, after, move |world| {
            if receiver.env.is_alive() && Rc::strong_count(&receiver.slot) > 1 {
                put(world, &receiver.slot, handed_out);
            } else {
                queue.close_channel(handed_out.receipt);
            }
        });
    }

    /// Adds a copy of a message, which is ready after a delay.
    pub(super) fn copy(&self, of: MessageId, after: Duration) {
        let parcel = {
            let broker = self.0.broker.borrow();
            let Parcel { copy_of, label, scope, body, deaths, .. } = broker.content(of);
            let scope = self.server_within(*scope).child(COPY).scope();
            let cause = self.0.server.world.core.borrow().current_event();
            let (body, deaths) = (body.clone(), deaths.clone());
            Parcel { copy_of: copy_of.or(Some(of)), label: *label, scope, body, deaths, cause }
        };
        let scope = parcel.scope;
        let copy = self.0.broker.borrow_mut().copy(self.0.server.now(), of, parcel, after);
        self.notify(copy, scope, Reached::Copied);
    }

    /// Closes the connection over which a message was delivered, as the broker now knows: on a channel, the message
    /// is returned.
    pub(super) fn close_channel(&self, receipt: Receipt) {
        if self.0.profile.flavour == Flavour::Channel && self.0.broker.borrow().holds(receipt) {
            self.0.broker.borrow_mut().close_lease(receipt);
            self.update();
        }
    }

    /// Notifies the hook of a message's milestone.
    pub(super) fn notify(&self, id: MessageId, scope: Scope, reached: Reached) {
        let Some(hook) = self.0.hook.borrow().clone() else { return };
        let (copy_of, label, body) = {
            let broker = self.0.broker.borrow();
            let parcel = broker.content(id);
            (parcel.copy_of, parcel.label, parcel.body.clone())
        };
        let milestone = Milestone { reached, message: id, copy_of, label, body: &body };
        hook(&self.server_within(scope), &milestone);
    }
}
