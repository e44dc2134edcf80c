//! [`Connect`]: opening a connection.

use crate::faults::Link;
use crate::listener;
use crate::names::{address_of, lookup, node_at};
use crate::network::Network;
use crate::stream::Stream;
use crate::wire::{End, Pipe, Wire};
use shakedown_sim::ambient::Handle;
use shakedown_sim::trace::Kind;
use shakedown_sim::{Duration, Label, NodeId, Scope, Site};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddrV4;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

const CONNECT: Label = Label::new("connect");

/// The timeout of an attempt to connect: the default of Linux.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(127);

#[derive(Default)]
struct Outcome {
    result: Option<io::Result<Stream>>,
    waker: Option<Waker>,
}

/// Opens a connection; made by [`Stream::connect`].
pub struct Connect {
    owner: Handle,
    outcome: Arc<Mutex<Outcome>>,
}

fn lock(outcome: &Mutex<Outcome>) -> MutexGuard<'_, Outcome> {
    outcome.lock().unwrap_or_else(PoisonError::into_inner)
}

fn settle(outcome: &Mutex<Outcome>, result: io::Result<Stream>) {
    let mut outcome = lock(outcome);
    outcome.result = Some(result);
    outcome.waker.take().into_iter().for_each(|waker| waker.wake());
}

/// Who connects to whom.
#[derive(Clone, Copy)]
struct Attempt {
    owner: Handle,
    /// The same, for the connection's own scope.
    within: Handle,
    local: SocketAddrV4,
    target: NodeId,
    role: Label,
    address: SocketAddrV4,
    link: Link,
}

impl Stream {
    /// Connects the node whose code runs now to an address.
    ///
    /// The result is [`ErrorKind::ConnectionRefused`] if the node is down or nothing listens there, [`ErrorKind::TimedOut`] after 127 s
    /// if no response arrives, [`ErrorKind::HostUnreachable`] if no node has the address.
    ///
    /// # Panics
    /// Outside a simulation.
    pub fn connect(address: SocketAddrV4) -> Connect {
        let owner = Handle::current();
        let outcome = Arc::<Mutex<Outcome>>::default();
        if owner.is_alive() {
            match attempt(owner, address) {
                Some(attempt) => attempt.begin(&outcome),
                None => {
                    let text = format!("no node of the simulated network has the address {}", address.ip());
                    settle(&outcome, Err(io::Error::new(ErrorKind::HostUnreachable, text)));
                }
            }
        }
        Connect { owner, outcome }
    }

    /// Connects the node whose code runs now to a port of a node, by the node's name or role.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if no node has the name; else as [`Stream::connect`].
    ///
    /// # Panics
    /// Outside a simulation.
    pub async fn connect_to(name: &str, port: u16) -> io::Result<Stream> {
        let addresses = lookup(Handle::current(), name)?;
        Stream::connect(SocketAddrV4::new(addresses[0], port)).await
    }
}

fn attempt(owner: Handle, address: SocketAddrV4) -> Option<Attempt> {
    let network = Network::of(owner);
    let target = node_at(owner, *address.ip())?;
    let role = owner.nodes().into_iter().find(|node| node.id == target)?.role;
    let ip = if address.ip().is_loopback() { *address.ip() } else { address_of(owner.node()) };
    let local = SocketAddrV4::new(ip, network.ephemeral_port(owner.node()));
    let link = network.link_to(role);
    Some(Attempt { owner, within: owner.child(role), local, target, role, address, link })
}

impl Attempt {
    fn begin(self, outcome: &Arc<Mutex<Outcome>>) {
        let faults = self.link.faults.connect;
        let pick = self.within.choose(&Site::new(self.role, CONNECT), &faults);
        let outcome = Arc::clone(outcome);
        match faults.names().get(pick.index()).copied() {
            Some("refused") => self.fail(&outcome, self.link.latency * 2, ErrorKind::ConnectionRefused),
            Some("lost") => self.fail(&outcome, CONNECT_TIMEOUT, ErrorKind::TimedOut),
            _ => {
                let delay = pick.delay(&faults);
                if !delay.is_zero() {
                    self.within.lasts(delay);
                }
                self.owner.deliver(
                    (self.target, self.within.scope()),
                    self.link.latency + delay,
                    move || self.arrive(&outcome),
                );
            }
        }
    }

    /// Where what comes back arrives.
    fn back(&self) -> (NodeId, Scope) {
        (self.owner.node(), self.within.scope())
    }

    fn fail(self, outcome: &Arc<Mutex<Outcome>>, after: Duration, error: ErrorKind) {
        let outcome = Arc::clone(outcome);
        self.owner.deliver(self.back(), after, move || {
            let text = format!("is not connected to {}: {}", self.role, io::Error::from(error));
            self.within.step(Kind::Refused, [self.address.port().into(), 0], None, || text);
            settle(&outcome, Err(error.into()));
        });
    }

    /// The attempt reaches the node.
    fn arrive(self, outcome: &Arc<Mutex<Outcome>>) {
        let network = self.owner.try_extension::<Network>();
        let hidden = network.as_ref().and_then(|network| network.hidden(self.role));
        let Some(listening) = network.and_then(|network| network.listening(self.target, self.address.port()))
        else {
            return self.fail(outcome, self.link.latency, ErrorKind::ConnectionRefused);
        };
        let end = |owner, address, role| End { owner, address, role, error: None, is_dropped: false };
        let own_role = self.owner.nodes().into_iter().find(|node| node.id == self.owner.node());
        let own_role = own_role.map_or(self.role, |node| node.role);
        let wire = Arc::new(Mutex::new(Wire {
            link: self.link,
            scope: self.within.scope(),
            entity: self.owner.scope(),
            ends: [end(self.owner, self.local, own_role), end(listening.owner, self.address, self.role)],
            pipes: [Pipe::default(), Pipe::default()],
            turn: None,
            request: String::new(),
            hidden,
            is_stalled: false,
        }));
        listener::lock(&listening.backlog).push(Stream::new(Arc::clone(&wire), 1));
        let outcome = Arc::clone(outcome);
        // The other node's living incarnation sends the response, in the place of its kernel.
        listening.owner.deliver(self.back(), self.link.latency, move || {
            settle(&outcome, Ok(Stream::new(wire, 0)));
        });
    }
}

impl Future for Connect {
    type Output = io::Result<Stream>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        if !self.owner.is_alive() {
            return Poll::Pending;
        }
        let mut outcome = lock(&self.outcome);
        match outcome.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                outcome.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
