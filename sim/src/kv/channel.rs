//! Publishing and subscribing: messages reach the subscribers that are connected, at most once.

use super::client::{Client, KvError};
use super::cluster::Target;
use super::command::Reply;
use super::profile::{MessageFault, Messages};
use super::server::{Outcome, Request, Served};
use super::{Kv, KvState};
use crate::choice::Site;
use crate::env::Env;
use crate::event::Kind;
use crate::label::Label;
use crate::scope::{Scope, User};
use crate::signal::Signal;
use crate::time::Moment;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

const PUBLISH: Label = Label::new("publish");
const SUBSCRIBE: Label = Label::new("subscribe");
const MESSAGE: Label = Label::new("message");

/// A message that a subscriber has received.
pub struct Message {
    env: Env,
    channel: Rc<str>,
    body: Rc<str>,
}

impl Message {
    /// Returns the subscriber's handle within the scope of this message: published in `order-1`, it is
    /// `order-1/message-1` for the first subscriber.
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// Returns the channel.
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// Returns the content.
    pub fn body(&self) -> &str {
        &self.body
    }
}

/// A message in transit: its scope, its channel and its content.
type Parcel = (Scope, Rc<str>, Rc<str>);

/// The server's view of a connection that has subscribed.
pub(super) struct Subscriber {
    env: Env,
    channels: Vec<String>,
    is_open: Cell<bool>,
    /// The number of messages that were sent and not read.
    backlog: Cell<usize>,
    /// When the last message arrives.
    due: Cell<Moment>,
    inbox: RefCell<VecDeque<Parcel>>,
    changed: Signal,
}

impl Subscriber {
    /// Breaks the connection. What was not read is lost if the server has not sent it.
    fn disconnect(&self, env: &Env) {
        self.is_open.set(false);
        self.changed.raise_in(&env.world);
    }
}

/// A connection that has subscribed to channels. Dropped, it unsubscribes.
pub struct Subscription {
    env: Env,
    subscriber: Rc<Subscriber>,
}

impl Subscription {
    /// Waits for the next message.
    ///
    /// # Errors
    /// [`KvError::ConnectionLost`] once the connection has broken: subscribe again. What was published meanwhile is
    /// lost.
    pub async fn next(&self) -> Result<Message, KvError> {
        let Subscriber { inbox, changed, backlog, is_open, .. } = &*self.subscriber;
        loop {
            let seen = changed.version();
            let next = inbox.borrow_mut().pop_front();
            if let Some((scope, channel, body)) = next {
                backlog.set(backlog.get() - 1);
                let env = self.env.within(scope);
                env.event(Kind::Response, [MESSAGE.word(), 0], || format!("receives {body} from {channel}"));
                return Ok(Message { env, channel, body });
            }
            if !is_open.get() {
                return Err(KvError::ConnectionLost);
            }
            changed.changed(&self.env, seen, Moment::NEVER).await;
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.subscriber.is_open.set(false);
    }
}

impl Client {
    /// Publishes a message; returns the number of subscribers to which the server has sent it, which is not the number
    /// of those that receive it.
    ///
    /// # Errors
    /// As [`Client::execute`].
    #[track_caller]
    pub fn publish(&self, channel: &str, body: &str) -> impl Future<Output = Result<usize, KvError>> {
        self.env.placed(async move {
            let (channel, body): (Rc<str>, Rc<str>) = (channel.into(), body.into());
            self.env.digest(&(&*channel, &*body));
            let text = self.text(|| format!("PUBLISH {channel} {body}"));
            let request = self.request(PUBLISH, &[], text);
            self.send(request, true, move |kv: &Kv, request: &Request| kv.publish(request, &channel, &body))
                .await
        })
    }

    /// Subscribes to channels: receives what is published from now on.
    ///
    /// # Errors
    /// As [`Client::execute`].
    #[track_caller]
    pub fn subscribe(&self, channels: &[&str]) -> impl Future<Output = Result<Subscription, KvError>> {
        self.env.placed(async move {
            let channels: Vec<String> = channels.iter().map(|channel| (*channel).to_owned()).collect();
            self.env.digest(&channels);
            let text = self.text(|| format!("SUBSCRIBE {}", channels.join(" ")));
            let request = self.request(SUBSCRIBE, &[], text);
            let env = self.env.clone();
            let subscriber = self
                .send(request, false, move |kv: &Kv, request: &Request| kv.subscribe(request, env, channels))
                .await?;
            Ok(Subscription { env: self.env.clone(), subscriber })
        })
    }
}

impl Kv {
    fn subscribe(&self, request: &Request, env: Env, channels: Vec<String>) -> Outcome<Rc<Subscriber>> {
        let result = self.0.cluster.borrow().reach()?.map(|()| Reply::Ok);
        let served = self.conclude(Target::Primary, request, result, false, ToString::to_string);
        if let Err(error) = served.result {
            return Ok(Served::of_result(Err(error)));
        }
        let subscriber = Rc::new(Subscriber {
            env,
            channels,
            is_open: Cell::new(true),
            backlog: Cell::new(0),
            due: Cell::new(Moment::START),
            inbox: RefCell::default(),
            changed: Signal::new(),
        });
        self.0.subscribers.borrow_mut().push(Rc::clone(&subscriber));
        Ok(Served::of(subscriber))
    }

    fn publish(&self, request: &Request, channel: &Rc<str>, body: &Rc<str>) -> Outcome<usize> {
        let reached = self.0.cluster.borrow().reach()?;
        self.0.subscribers.borrow_mut().retain(|one| one.is_open.get() && one.env.is_alive());
        let listens =
            |one: &&Rc<Subscriber>| reached.is_ok() && one.channels.iter().any(|name| **name == **channel);
        let receivers: Vec<_> = self.0.subscribers.borrow().iter().filter(listens).cloned().collect();
        let result = reached.map(|()| receivers.len());
        let server = self.server(Target::Primary, request.scope);
        let served = self.conclude(Target::Primary, request, result, false, ToString::to_string);
        let event = server.world.core.borrow().current_event();
        server.world.with_cause(event, || {
            receivers.iter().for_each(|one| self.send_message(&server, one, channel, body));
        });
        Ok(served)
    }

    /// Sends a message to a subscriber, and draws what happens to it.
    fn send_message(&self, server: &Env, subscriber: &Rc<Subscriber>, channel: &Rc<str>, body: &Rc<str>) {
        let KvState { name, profile, .. } = &*self.0;
        let server = server.child(MESSAGE);
        if subscriber.backlog.get() >= profile.subscriber_backlog {
            server.event(Kind::Note, [MESSAGE.word(), 1], || {
                "closes the connection of a subscriber that reads too slowly".to_owned()
            });
            subscriber.inbox.borrow_mut().clear();
            return subscriber.disconnect(&server);
        }
        let site = Site::new(*name, MESSAGE);
        let mut due = server.now() + profile.latency;
        match server.fault_for(User::ENGINE, &site, Messages(&profile.faults)) {
            None => {}
            Some(MessageFault::Disconnected) => return subscriber.disconnect(&server),
            Some(MessageFault::Late(by)) => {
                server.lasts(by);
                due = due + by;
            }
        }
        due = due.max(subscriber.due.get());
        subscriber.due.set(due);
        subscriber.backlog.set(subscriber.backlog.get() + 1);
        let parcel = (server.scope(), Rc::clone(channel), Rc::clone(body));
        let (to, place) = (Rc::clone(subscriber), subscriber.env.within(server.scope()).place());
        server.world.deliver(place, due - server.now(), move |world| {
            if to.is_open.get() {
                to.inbox.borrow_mut().push_back(parcel);
                to.changed.raise_in(world);
            }
        });
    }

    /// Breaks the connections of all subscribers.
    pub(super) fn disconnect_subscribers(&self) {
        for subscriber in self.0.subscribers.take() {
            subscriber.disconnect(&subscriber.env);
        }
    }
}
