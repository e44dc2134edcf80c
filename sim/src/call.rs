//! Calls over links: a request, an answer, and what may become of either.
//!
//! A link lists the faults that it can show. A request may be lost, refused, or arrive late (after the
//! caller gave up); an answer may be lost; the whole link may be down, or its far side slow, for a while.
//! Nothing is copied on a synchronous call (copies arise on queues and callbacks). A call to a node that is
//! down is refused; a call that is being answered when the node vanishes is never answered.

use crate::choice::{Alternatives, Site};
use crate::env::{Env, SharedSlot, Side, put, slot, take};
use crate::event::Kind;
use crate::label::Label;
use crate::node::{NodeId, State};
use crate::scope::{Scope, User};
use crate::time::{self, Duration, Moment};
use crate::world::World;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

const REQUEST: Label = Label::new("request");
const RESPONSE: Label = Label::new("response");
const OUTAGE: Label = Label::new("outage");
const SLOWNESS: Label = Label::new("slowness");

/// The faults that a link can show; the benign alternative first in each.
#[derive(Clone, Copy, Debug)]
pub struct LinkFaults {
    /// What may become of a request: `lost`, `refused`, or a delay such as `8 s`.
    pub request: Alternatives,
    /// What may become of an answer: `lost`, or a delay.
    pub response: Alternatives,
    /// For how long all calls may be refused: durations, or `until healed`.
    pub outage: Alternatives,
    /// For how long the far side may take [`LinkFaults::slow_by`] longer: durations, or `until healed`.
    pub slowness: Alternatives,
    /// How much longer a slow far side takes.
    pub slow_by: Duration,
}

impl LinkFaults {
    /// A link on which nothing goes wrong.
    pub const NONE: LinkFaults = LinkFaults {
        request: Alternatives::new(&["arrives"]),
        response: Alternatives::new(&["arrives"]),
        outage: Alternatives::new(&["up"]),
        slowness: Alternatives::new(&["swift"]),
        slow_by: Duration::ZERO,
    };
}

/// A way from callers to a service. Its operations share outages and slowness.
#[derive(Clone)]
pub struct Link(Rc<LinkState>);

struct LinkState {
    name: Label,
    latency: Duration,
    faults: LinkFaults,
    down_until: Cell<Moment>,
    slow_until: Cell<Moment>,
}

impl Link {
    /// A link with this name, a one-way latency for the happy path, and its faults.
    pub fn new(name: impl Into<Label>, latency: Duration, faults: LinkFaults) -> Self {
        let (down_until, slow_until) = (Cell::new(Moment::START), Cell::new(Moment::START));
        Self(Rc::new(LinkState { name: name.into(), latency, faults, down_until, slow_until }))
    }
}

/// An operation: its name, which begins its choice sites, and how a sentence about a call of it reads.
#[derive(Clone, Copy, Debug)]
pub struct Op {
    /// Such as `pay.charge`.
    pub name: Label,
    /// What the caller does, such as `asks the bank to charge`.
    pub says: &'static str,
    /// Whether a call of it goes without saying in a story.
    pub routine: bool,
}

impl Op {
    /// Names an operation.
    pub const fn new(name: &'static str, says: &'static str) -> Self {
        Self { name: Label::new(name), says, routine: false }
    }

    /// Names an operation whose calls go without saying in a story, such as passing a request on.
    pub const fn routine(name: &'static str, says: &'static str) -> Self {
        Self { name: Label::new(name), says, routine: true }
    }
}

/// Why a call has no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error, serde::Serialize)]
pub enum CallError {
    /// The connection was refused: the other side has not seen the request and never will.
    #[error("connection refused")]
    Refused,
    /// No answer came in time: the request may have been carried out, or may yet be.
    #[error("no answer in time")]
    TimedOut,
}

type Answering<A> = Pin<Box<dyn Future<Output = A>>>;
type Handler<Q, A> = Rc<dyn Fn(Env, Q) -> Answering<A>>;

/// An operation as a caller sees it: which operation, over which link.
pub struct Endpoint<Q, A>(Rc<EndpointState<Q, A>>);

struct EndpointState<Q, A> {
    op: Op,
    link: Link,
    server: Cell<Option<NodeId>>,
    closes: Cell<bool>,
    handler: RefCell<Option<(u32, Handler<Q, A>)>>,
}

impl<Q, A> Clone for Endpoint<Q, A> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<Q: 'static, A: 'static> Endpoint<Q, A> {
    /// An operation that no node serves yet.
    pub fn new(op: Op, link: &Link) -> Self {
        let (server, closes, handler) = (Cell::new(None), Cell::new(false), RefCell::new(None));
        Self(Rc::new(EndpointState { op, link: link.clone(), server, closes, handler }))
    }

    /// Has this incarnation of the node answer the operation. `handler` gets a handle of the node within
    /// the caller's scope, and the request.
    pub fn serve<F: Future<Output = A> + 'static>(&self, env: &Env, handler: impl Fn(Env, Q) -> F + 'static) {
        self.0.server.set(Some(env.node));
        let boxed: Handler<Q, A> = Rc::new(move |env, request| Box::pin(handler(env, request)));
        *self.0.handler.borrow_mut() = Some((env.incarnation, boxed));
        if !self.0.closes.replace(true) {
            // Handlers hold endpoints whose handlers may hold this one.
            let endpoint = self.clone();
            env.world.at_close(move || drop(endpoint.0.handler.take()));
        }
    }
}

impl Env {
    /// Calls an operation and waits for its answer, at most for `patience`. A crash point stands before the
    /// request goes out, and one after the answer came but before the node learns of it.
    ///
    /// # Errors
    /// [`CallError::Refused`] if the request has no effect for certain, [`CallError::TimedOut`] if nobody
    /// can tell.
    pub async fn call<Q: 'static, A: 'static>(
        &self,
        endpoint: &Endpoint<Q, A>,
        request: Q,
        patience: Duration,
    ) -> Result<A, CallError> {
        let op = endpoint.0.op;
        self.crash_point(Side::Before, op.name).await;
        self.event(Kind::Call, [op.name.hash().finish(), 0], || op.says.to_owned());
        if op.routine
            && let Some(event) = self.world.core.borrow_mut().last_recorded()
        {
            event.routine = true;
        }
        let reply = slot();
        self.send(endpoint, request, &reply);
        let answer = self.timeout(patience, take(&self.world, &reply)).await;
        let word = op.name.hash().finish();
        match answer {
            None => {
                self.event(Kind::GiveUp, [word, 0], || {
                    format!("gives up waiting, nothing came within {}", time::text(patience))
                });
                Err(CallError::TimedOut)
            }
            Some(Err(error)) => {
                self.event(Kind::Refused, [word, 0], || "is refused a connection".to_owned());
                Err(error)
            }
            Some(Ok(answer)) => {
                self.crash_point(Side::After, op.name).await;
                self.event(Kind::Learn, [word, 0], || "gets the answer".to_owned());
                Ok(answer)
            }
        }
    }

    fn send<Q: 'static, A: 'static>(
        &self,
        endpoint: &Endpoint<Q, A>,
        request: Q,
        reply: &SharedSlot<Result<A, CallError>>,
    ) {
        if !self.is_alive() {
            return;
        }
        let state = &endpoint.0;
        let link = &state.link.0;
        let reply = Rc::clone(reply);
        let refuse = |reply: SharedSlot<Result<A, CallError>>| {
            self.world.deliver(link.latency * 2, move |world| put(world, &reply, Err(CallError::Refused)));
        };
        if self.is_down(link) {
            return refuse(reply);
        }
        let pick = self.choose_at(Site::new(state.op.name, REQUEST), &link.faults.request, None);
        let delay = match link.faults.request.names.get(pick.index()).copied() {
            Some("lost") => return,
            Some("refused") => return refuse(reply),
            _ => pick.delay(&link.faults.request),
        };
        self.lasts_if(delay);
        let (endpoint, scope) = (endpoint.clone(), self.scope());
        let caller = self.world.core.borrow().user();
        self.world.deliver(link.latency + delay, move |world| {
            arrive(world, &endpoint, (scope, caller), request, reply);
        });
    }

    fn lasts_if(&self, delay: Duration) {
        if !delay.is_zero() {
            self.lasts(delay);
        }
    }

    /// Whether the link is down, having drawn whether an outage begins here.
    fn is_down(&self, link: &LinkState) -> bool {
        let caller = self.world.core.borrow().user();
        self.begin_episode(caller, Site::new(link.name, OUTAGE), &link.faults.outage, &link.down_until);
        self.now() < link.down_until.get()
    }

    /// Draws whether an episode begins here, unless one is under way.
    pub(crate) fn begin_episode(
        &self,
        caller: User,
        site: Site,
        lengths: &Alternatives,
        until: &Cell<Moment>,
    ) {
        if self.now() < until.get() {
            return;
        }
        let pick = self.choose_for(caller, site, lengths);
        if pick.is_benign() {
            return;
        }
        let heal = self.world.core.borrow().heal_at;
        let length = match lengths.names.get(pick.index()) {
            Some(&"until healed") => heal.since(self.now()),
            _ => pick.delay(lengths).min(heal.since(self.now())),
        };
        self.lasts(length);
        until.set(self.now() + length);
    }
}

/// The request reaches the server's node.
fn arrive<Q: 'static, A: 'static>(
    world: &Rc<World>,
    endpoint: &Endpoint<Q, A>,
    (scope, caller): (Scope, User),
    request: Q,
    reply: SharedSlot<Result<A, CallError>>,
) {
    let state = &endpoint.0;
    let served = state.server.get().zip(state.handler.borrow().clone());
    let Some((node, (incarnation, handler))) = served else {
        return put(world, &reply, Err(CallError::Refused));
    };
    let down = {
        let mut core = world.core.borrow_mut();
        let down = core.nodes[node.0 as usize].state == State::Down || !core.is_alive(node, incarnation);
        if down {
            core.event(node, scope, Kind::Refused, [0, 0], || {
                "is down and refuses the connection".to_owned()
            });
        }
        down
    };
    if down {
        let latency = state.link.0.latency;
        return world.deliver(latency, move |world| put(world, &reply, Err(CallError::Refused)));
    }
    let env = Env::new(Rc::clone(world), node, incarnation, scope);
    let endpoint = endpoint.clone();
    env.clone().spawn(async move {
        let op = endpoint.0.op;
        env.event(Kind::Arrive, [op.name.hash().finish(), 0], || format!("receives {}", op.name));
        let link = &endpoint.0.link.0;
        env.begin_episode(caller, Site::new(link.name, SLOWNESS), &link.faults.slowness, &link.slow_until);
        if env.now() < link.slow_until.get() {
            env.sleep(link.faults.slow_by).await;
        }
        let answer = handler(env.clone(), request).await;
        if !env.is_alive() {
            return;
        }
        let pick = env.choose_for(caller, Site::new(op.name, RESPONSE), &link.faults.response);
        env.event(Kind::Answer, [op.name.hash().finish(), pick.code()], || format!("answers {}", op.name));
        if link.faults.response.names.get(pick.index()) == Some(&"lost") {
            return;
        }
        let delay = pick.delay(&link.faults.response);
        env.lasts_if(delay);
        env.world.deliver(link.latency + delay, move |world| put(world, &reply, Ok(answer)));
    });
}
