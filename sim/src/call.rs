//! Calls over links: a request, a response, and the faults of both.
//!
//! A link lists its possible faults. A request may be lost, refused, or arrive late (after the caller timed out). A
//! response may be lost or late. The whole link may be down, or its far side slow, for some time. A synchronous call
//! is never duplicated (duplicates arise on queues and callbacks). A call to a node that is down is refused. A call
//! that its node serves when it crashes never gets a response.

use crate::balancing::Balancing;
use crate::choice::Site;
use crate::engine::{Core, Parcel};
use crate::env::{Env, Side, Slot, put};
use crate::event::Kind;
use crate::fault::{Episode, Place};
use crate::instances::{self, Instance, InstanceFault, Instances};
use crate::label::Label;
use crate::link::{LinkFault, LinkFaults, Outages, Requests, Responses, Slowness};
use crate::node::NodeId;
use crate::scope::{Scope, Source, User};
use crate::time::{self, Duration, Moment};
use crate::world::{Close, World};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;

const REQUEST: Label = Label::new("request");
const RESPONSE: Label = Label::new("response");
const OUTAGE: Label = Label::new("outage");
const SLOWNESS: Label = Label::new("slowness");
const INSTANCE: Label = Label::new("instance");

/// A connection between callers and a service. Its operations share outages and slowness.
#[derive(Clone)]
pub struct Link {
    name: Label,
    latency: Duration,
    faults: &'static LinkFaults,
    /// `None` if the link lists no episodes.
    episodes: Option<Rc<Episodes>>,
}

/// The ends of the current outage and of the current slowness of the far side.
#[derive(Default)]
struct Episodes {
    down_until: Cell<Moment>,
    slow_until: Cell<Moment>,
}

impl Link {
    /// Creates a link with this name, a one-way latency for the happy path, and its faults.
    pub fn new(name: impl Into<Label>, latency: Duration, faults: &'static LinkFaults) -> Self {
        let has_episodes = faults.outage.len() + faults.slowness.len() > 0;
        Self { name: name.into(), latency, faults, episodes: has_episodes.then(Rc::default) }
    }
}

/// An operation: its name, which begins its choice sites, and the phrase that describes a call of it.
#[derive(Clone, Copy, Debug)]
pub struct Op {
    /// Such as `pay.charge`.
    pub name: Label,
    /// The caller's action as a phrase, such as `asks the bank to charge`.
    pub says: &'static str,
    /// Whether stories leave out calls of this operation.
    pub routine: bool,
}

impl Op {
    /// Creates an operation.
    pub const fn new(name: &'static str, says: &'static str) -> Self {
        Self { name: Label::new(name), says, routine: false }
    }

    /// Creates an operation whose calls stories leave out, such as forwarding a request.
    pub const fn routine(name: &'static str, says: &'static str) -> Self {
        Self { name: Label::new(name), says, routine: true }
    }
}

/// The reason why a call has no response.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error, serde::Serialize)]
pub enum CallError {
    /// The connection was refused: the server has not received the request and never will.
    #[error("connection refused")]
    Refused,
    /// No response came in time: the request may have been executed, or may still be.
    #[error("no response in time")]
    TimedOut,
}

/// Starts the task that serves a call which has reached its node.
trait Serve<Q, A> {
    fn start(self: Rc<Self>, env: Env, exchange: Rc<Exchange<Q, A>>, request: Q, world: &World);
}

type Handler<Q, A> = Rc<dyn Serve<Q, A>>;

/// The handler, and the incarnation of the node that it belongs to.
type Served<Q, A> = (u32, Handler<Q, A>);

/// A handler function as a [`Serve`].
struct Service<H>(H);

impl<Q: 'static, A: 'static, F, H> Serve<Q, A> for Service<H>
where
    F: Future<Output = A> + 'static,
    H: Fn(Env, Q) -> F + 'static,
{
    fn start(self: Rc<Self>, env: Env, exchange: Rc<Exchange<Q, A>>, request: Q, world: &World) {
        let identity = env.identity();
        // Allocated first, so that the task is built in place and not moved there from the stack.
        let task = Box::new_uninit();
        let task = Box::write(task, async move {
            let EndpointState { op, word, link, .. } = &*exchange.endpoint.0;
            env.event(Kind::Arrive, [*word, 0], || format!("receives {}", op.name));
            if let Some(Episodes { slow_until, .. }) = link.episodes.as_deref() {
                let site = || Site::new(link.name, SLOWNESS);
                env.begin_episode(exchange.caller, site, Slowness(link.faults), slow_until);
                if env.is_before(slow_until.get()) {
                    env.sleep(link.faults.slow_by).await;
                }
            }
            let answer = (self.0)(env.clone(), request).await;
            env.answer(&exchange, answer);
        });
        world.spawn(identity, Box::into_pin(task));
    }
}

/// One call in progress: the request, then the response. Both directions share it, so that a call allocates only
/// once.
struct Exchange<Q, A> {
    endpoint: Endpoint<Q, A>,
    scope: Scope,
    /// The caller's node.
    from: NodeId,
    caller: User,
    request: Cell<Option<Q>>,
    answer: Cell<Option<Result<A, CallError>>>,
    reply: RefCell<Slot<Result<A, CallError>>>,
}

impl<Q: 'static, A: 'static> Parcel for Exchange<Q, A> {
    fn arrive(self: Rc<Self>, world: &Rc<World>) {
        match self.request.take() {
            Some(request) => arrive(world, self, request),
            None => self.answer.take().into_iter().for_each(|answer| put(world, &self.reply, answer)),
        }
    }
}

/// An operation as a caller sees it: which operation, over which link.
pub struct Endpoint<Q, A>(Rc<EndpointState<Q, A>>);

struct EndpointState<Q, A> {
    op: Op,
    /// The word that identifies the operation in digests.
    word: u64,
    request: Site,
    response: Site,
    link: Link,
    server: Cell<Option<NodeId>>,
    closes: Cell<bool>,
    handler: RefCell<Option<Served<Q, A>>>,
    /// Present if several nodes may serve the operation.
    instances: Option<Instances<Q, Handler<Q, A>>>,
    /// Whether a balancer counts a response as a failure of its instance.
    fails: fn(&A) -> bool,
}

impl<Q, A> Close for EndpointState<Q, A> {
    /// Breaks reference cycles: handlers hold endpoints whose handlers may hold this one.
    fn close(&self) {
        self.handler.take();
        if let Some(instances) = &self.instances {
            instances.close();
        }
    }
}

impl<Q, A> Clone for Endpoint<Q, A> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<Q: 'static, A: 'static> Endpoint<Q, A> {
    /// Creates an operation that one node will serve.
    pub fn new(op: Op, link: &Link) -> Self {
        Self::with_instances(op, link, None, |_| false)
    }

    /// Creates an operation that several nodes may serve. Requests reach the nodes that are up in turn; `faults`
    /// lists the possible deviations from that.
    ///
    /// ```
    /// use shakedown_sim::{Duration, Endpoint, InstanceFault, Link, LinkFaults, Op};
    /// const FAULTS: &[InstanceFault] = &[InstanceFault::Another, InstanceFault::Dead];
    /// let link = Link::new("web", Duration::from_millis(5), &LinkFaults::NONE);
    /// let order = Endpoint::<u32, ()>::balanced(Op::new("web.order", "orders"), &link, FAULTS);
    /// ```
    ///
    /// # Panics
    /// If the list contains an impossible fault.
    pub fn balanced(op: Op, link: &Link, faults: &'static [InstanceFault]) -> Self
    where
        Q: Clone,
    {
        Self::balanced_by(op, link, Balancing { faults, ..Balancing::IMMEDIATE }, |_| false)
    }

    /// Creates an operation that several nodes may serve behind a load balancer with health checks and outlier ejection;
    /// see [`balancing`](crate::balancing). `fails` says which responses count as failures of their instance.
    ///
    /// # Panics
    /// If the balancer's list of faults contains an impossible one.
    pub fn balanced_by(op: Op, link: &Link, balancing: Balancing, fails: fn(&A) -> bool) -> Self
    where
        Q: Clone,
    {
        Self::with_instances(op, link, Some(Instances::new(op.name, balancing, Q::clone)), fails)
    }

    /// Returns the name of the operation.
    pub fn name(&self) -> Label {
        self.0.op.name
    }

    /// Asks the load balancer to send no more requests to `env`'s node, which still serves those that come. The balancer
    /// notices by its health checks. Nothing happens if the endpoint is not balanced.
    pub fn drain(&self, env: &Env) {
        if let Some(instances) = self.0.instances.as_ref().filter(|_| env.is_alive()) {
            instances.drain(env.node, env.now());
        }
    }

    fn with_instances(
        op: Op,
        link: &Link,
        instances: Option<Instances<Q, Handler<Q, A>>>,
        fails: fn(&A) -> bool,
    ) -> Self {
        let (server, closes, handler) = (Cell::new(None), Cell::new(false), RefCell::new(None));
        let (request, response) = (Site::new(op.name, REQUEST), Site::new(op.name, RESPONSE));
        let (word, link) = (op.name.word(), link.clone());
        Self(Rc::new(EndpointState {
            op,
            word,
            request,
            response,
            link,
            server,
            closes,
            handler,
            instances,
            fails,
        }))
    }

    /// Registers this incarnation of the node as the server of the operation, unless it is dead. `handler` receives a
    /// handle of the node within the caller's scope, and the request.
    ///
    /// # Panics
    /// If another node serves it, unless it is [balanced](Endpoint::balanced).
    pub fn serve<F: Future<Output = A> + 'static>(&self, env: &Env, handler: impl Fn(Env, Q) -> F + 'static) {
        if !env.is_alive() {
            return;
        }
        let (op, link) = (self.0.op.name, &self.0.link);
        if env.world.core.borrow_mut().is_new_profile(link.faults) {
            link.faults.check(op, link.name);
        }
        let handler = Rc::new(Service(handler));
        match &self.0.instances {
            Some(instances) => instances.serve(env, handler),
            None => self.serve_alone(env, handler),
        }
        if !self.0.closes.replace(true) {
            env.world.at_close(Rc::clone(&self.0) as _);
        }
    }

    fn serve_alone(&self, env: &Env, handler: Handler<Q, A>) {
        let earlier = self.0.server.replace(Some(env.node));
        if let Some(earlier) = earlier.filter(|earlier| *earlier != env.node) {
            let name = |node: NodeId| env.world.core.borrow().nodes[node].name();
            panic!(
                "{} and {} both serve `{}`: make the endpoint by `Endpoint::balanced` to have several instances",
                name(earlier),
                name(env.node),
                self.0.op.name
            );
        }
        *self.0.handler.borrow_mut() = Some((env.incarnation, handler));
    }
}

impl Env {
    /// Calls an operation and waits for its response, at most for `timeout`; a response at the very end of the timeout
    /// is in time. There is a crash point before the request is sent, and one after the response has arrived but before
    /// the node receives it.
    ///
    /// # Errors
    /// [`CallError::Refused`] if the request certainly has no effect, [`CallError::TimedOut`] if its effect is
    /// unknown.
    #[track_caller]
    pub fn call<Q: 'static, A: 'static>(
        &self,
        endpoint: &Endpoint<Q, A>,
        request: Q,
        timeout: Duration,
    ) -> impl Future<Output = Result<A, CallError>> {
        self.call_at(endpoint, request, timeout, Location::caller())
    }

    /// Like [`call`](Env::call), for code that called the engine at `place`.
    pub(crate) async fn call_at<Q: 'static, A: 'static>(
        &self,
        endpoint: &Endpoint<Q, A>,
        request: Q,
        timeout: Duration,
        place: Source,
    ) -> Result<A, CallError> {
        let EndpointState { op, word, .. } = &*endpoint.0;
        if let Some(mode) = self.draw_crash(Side::Before, op.name, place) {
            self.crash(mode).await;
        }
        let exchange = self.send(endpoint, request, place);
        let answer = self.sleep_alive(self.now() + timeout).or_value(&exchange.reply).await;
        match answer {
            None => {
                self.event(Kind::Timeout, [*word, 0], || {
                    format!("times out: no response within {}", time::text(timeout))
                });
                Err(CallError::TimedOut)
            }
            Some(Err(error)) => {
                self.event(Kind::Refused, [*word, 0], || "is refused a connection".to_owned());
                Err(error)
            }
            Some(Ok(answer)) => {
                if let Some(mode) = self.draw_crash(Side::After, op.name, place) {
                    self.crash(mode).await;
                }
                self.event(Kind::Response, [*word, 0], || "receives the response".to_owned());
                Ok(answer)
            }
        }
    }

    /// Sends a request, unless this incarnation is dead. Returns the exchange, which holds the response once it
    /// arrives.
    fn send<Q: 'static, A: 'static>(
        &self,
        endpoint: &Endpoint<Q, A>,
        request: Q,
        place: Source,
    ) -> Rc<Exchange<Q, A>> {
        let EndpointState { op, word, .. } = &*endpoint.0;
        let mut core = self.world.core.borrow_mut();
        let alive = core.is_alive(self.node, self.incarnation);
        if alive {
            core.collect_log(self.node, self.scope());
            core.event(self.node, self.scope(), Kind::Call, [*word, 0], || op.says.to_owned());
            if let Some(event) = core.last_recorded() {
                event.routine = op.routine;
            }
        }
        let exchange = Rc::new(Exchange {
            endpoint: endpoint.clone(),
            scope: self.scope(),
            from: self.node,
            caller: User { place: Some(place), ..core.user() },
            request: Cell::new(Some(request)),
            answer: Cell::new(None),
            reply: RefCell::default(),
        });
        let refused = if alive { exchange.send_out(&mut core, self.node) } else { None };
        drop(core);
        drop(refused);
        exchange
    }

    /// Sends a response back, unless this incarnation is dead.
    fn answer<Q: 'static, A: 'static>(&self, exchange: &Rc<Exchange<Q, A>>, answer: A) {
        let EndpointState { op, word, response, link, .. } = &*exchange.endpoint.0;
        let (node, scope, faults) = (self.node, self.scope(), Responses(link.faults));
        let mut core = self.world.core.borrow_mut();
        if !core.is_alive(node, self.incarnation) {
            return;
        }
        if let Some(instances) = &exchange.endpoint.0.instances {
            instances.record(node, (exchange.endpoint.0.fails)(&answer), core.now);
        }
        let pick = core.choose_as(exchange.caller, node, (response, scope), faults);
        core.collect_log(node, scope);
        core.event(node, scope, Kind::Respond, [*word, pick.code()], || format!("responds to {}", op.name));
        let mut after = link.latency;
        match faults.fault(pick) {
            None => {}
            Some(LinkFault::Late(delay)) => {
                after += delay;
                core.lasts(delay);
            }
            Some(LinkFault::Lost | LinkFault::Refused) => return,
        }
        exchange.bring_answer(&mut core, after, Ok(answer));
    }

    /// Draws whether an episode begins here, unless one is under way or this incarnation is dead.
    #[inline(always)]
    pub(crate) fn begin_episode(
        &self,
        caller: User,
        site: impl FnOnce() -> Site,
        episodes: impl Place<Fault = Episode>,
        until: &Cell<Moment>,
    ) {
        if !episodes.faults().is_empty() && self.is_alive() {
            self.world.core.borrow_mut().begin_episode(
                (self.node, self.scope(), caller),
                site,
                episodes,
                until,
            );
        }
    }
}

impl Core {
    /// Draws whether an episode begins here, unless one is under way.
    fn begin_episode(
        &mut self,
        (node, scope, caller): (NodeId, Scope, User),
        site: impl FnOnce() -> Site,
        episodes: impl Place<Fault = Episode>,
        until: &Cell<Moment>,
    ) {
        if self.now < until.get() {
            return;
        }
        let pick = self.choose_as(caller, node, (&site(), scope), episodes);
        if let Some(episode) = episodes.fault(pick) {
            let length = episode.length(self.heal_at.since(self.now));
            self.lasts(length);
            until.set(self.now + length);
        }
    }
}

impl<Q: 'static, A: 'static> Exchange<Q, A> {
    /// Sends the request from `node`. Returns the request if it is refused, so that the caller drops it outside the
    /// borrow: its destructor may act on the world.
    #[inline]
    fn send_out(self: &Rc<Self>, core: &mut Core, node: NodeId) -> Option<Q> {
        let EndpointState { request, link, .. } = &*self.endpoint.0;
        let faults = Requests(link.faults);
        if self.is_down(core, node, link) {
            return self.refuse(core, link);
        }
        let pick = core.choose_as(self.caller, node, (request, self.scope), faults);
        let mut after = link.latency;
        match faults.fault(pick) {
            None => {}
            Some(LinkFault::Lost) => return None,
            Some(LinkFault::Refused) => return self.refuse(core, link),
            Some(LinkFault::Late(delay)) => {
                after += delay;
                core.lasts(delay);
            }
        }
        let server = self.endpoint.0.server.get().unwrap_or(node);
        core.bring((server, self.scope), false, after, Rc::clone(self) as _);
        None
    }

    /// Returns whether the link is down, after drawing whether an outage begins here.
    #[inline]
    fn is_down(&self, core: &mut Core, node: NodeId, link: &Link) -> bool {
        let Some(Episodes { down_until, .. }) = link.episodes.as_deref() else { return false };
        if !link.faults.outage.is_empty() {
            let who = (node, self.scope, self.caller);
            let site = || Site::new(link.name, OUTAGE);
            core.begin_episode(who, site, Outages(link.faults), down_until);
        }
        core.now < down_until.get()
    }

    #[inline(never)]
    fn refuse(self: &Rc<Self>, core: &mut Core, link: &Link) -> Option<Q> {
        let request = self.request.take();
        self.bring_answer(core, link.latency * 2, Err(CallError::Refused));
        request
    }

    /// Delivers the response to the caller after a delay.
    fn bring_answer(self: &Rc<Self>, core: &mut Core, after: Duration, answer: Result<A, CallError>) {
        self.answer.set(Some(answer));
        core.bring((self.from, self.scope), false, after, Rc::clone(self) as _);
    }
}

/// Handles the arrival of a request at the server's node.
fn arrive<Q: 'static, A: 'static>(world: &Rc<World>, exchange: Rc<Exchange<Q, A>>, request: Q) {
    let state = &exchange.endpoint.0;
    if let Some(instances) = &state.instances {
        return arrive_at_one(world, instances, &exchange, request);
    }
    let served = state.server.get().zip(state.handler.borrow().clone());
    match served {
        None => put(world, &exchange.reply, Err(CallError::Refused)),
        Some((node, (incarnation, handler))) => {
            start(world, Instance { node, incarnation, handler }, exchange, request);
        }
    }
}

/// Delivers the request to one of several instances. The choice is drawn on behalf of the caller; scripts name it by
/// the caller.
#[inline(never)]
fn arrive_at_one<Q: 'static, A: 'static>(
    world: &Rc<World>,
    instances: &Instances<Q, Handler<Q, A>>,
    exchange: &Rc<Exchange<Q, A>>,
    request: Q,
) {
    let turn = {
        let mut core = world.core.borrow_mut();
        let faults = instances::Requests(instances.balancing.faults);
        let mut fault = None;
        if instances.are_several() {
            let site = Site::new(exchange.endpoint.0.op.name, INSTANCE);
            let pick = core.choose_as(exchange.caller, exchange.from, (&site, exchange.scope), faults);
            fault = faults.fault(pick);
        }
        let is_up = |one: &Instance<_>| core.takes_calls(one.node, one.incarnation);
        let turn = instances.take_turn(fault, core.now, is_up, |node| core.nodes[node].presence);
        turn.map(|turn| (fault, turn))
    };
    match turn {
        None => put(world, &exchange.reply, Err(CallError::Refused)),
        Some((Some(InstanceFault::Retry(after)), (first, next))) => {
            // The response of the first instance is received by no caller.
            let lost = Exchange {
                endpoint: exchange.endpoint.clone(),
                scope: exchange.scope,
                from: exchange.from,
                caller: exchange.caller,
                request: Cell::new(None),
                answer: Cell::new(None),
                reply: RefCell::default(),
            };
            start(world, first, Rc::new(lost), (instances.copy)(&request));
            let (place, exchange) = ((next.node, exchange.scope), Rc::clone(exchange));
            world.deliver(place, after, move |world| start(world, next, exchange, request));
        }
        Some((_, (first, _))) => start(world, first, Rc::clone(exchange), request),
    }
}

/// Starts a node's work on a request, or refuses the request if the node is down.
#[inline(always)]
fn start<Q: 'static, A: 'static>(
    world: &Rc<World>,
    Instance { node, incarnation, handler }: Instance<Handler<Q, A>>,
    exchange: Rc<Exchange<Q, A>>,
    request: Q,
) {
    let scope = exchange.scope;
    let down = {
        let mut core = world.core.borrow_mut();
        let down = !core.takes_calls(node, incarnation);
        if down {
            core.event(node, scope, Kind::Refused, [0, 0], || {
                "is down and refuses the connection".to_owned()
            });
            exchange.bring_answer(&mut core, exchange.endpoint.0.link.latency, Err(CallError::Refused));
        }
        down
    };
    if !down {
        handler.start(Env::new(Rc::clone(world), node, incarnation, scope), exchange, request, world);
    }
}
