//! [`Socket`]: datagrams between nodes. Whether one arrives is a choice of the receiver's link, named `datagram`.

use crate::names::{address_of, node_at};
use crate::network::Network;
use shakedown_sim::ambient::Handle;
use shakedown_sim::trace::Kind;
use shakedown_sim::{Alternatives, Label, Site};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

const DATAGRAM: Label = Label::new("datagram");
const FATES: Alternatives = Alternatives::new(&["arrives", "lost", "twice"]);
const ARRIVES: Alternatives = Alternatives::new(&["arrives"]);

#[derive(Default)]
pub(crate) struct Inbox {
    waiting: VecDeque<(Vec<u8>, SocketAddrV4, Option<u32>)>,
    reader: Option<Waker>,
}

/// What is bound to a port.
#[derive(Clone)]
pub(crate) struct Bound {
    pub(crate) owner: Handle,
    pub(crate) inbox: Arc<Mutex<Inbox>>,
}

/// A port for datagrams.
pub struct Socket {
    bound: Bound,
    address: SocketAddrV4,
}

impl Socket {
    /// Binds a port of the node whose code runs now; port 0 means any free port.
    ///
    /// # Errors
    /// [`ErrorKind::AddrInUse`] if the port is taken.
    pub fn bind(address: SocketAddrV4) -> io::Result<Self> {
        let owner = Handle::current();
        let network = Network::of(owner);
        let port = if address.port() == 0 { network.ephemeral_port(owner.node()) } else { address.port() };
        if network.socket(owner.node(), port).is_some() {
            return Err(ErrorKind::AddrInUse.into());
        }
        let bound = Bound { owner, inbox: Arc::default() };
        network.bind_socket(port, bound.clone());
        let ip = if address.ip().is_unspecified() { address_of(owner.node()) } else { *address.ip() };
        Ok(Self { bound, address: SocketAddrV4::new(ip, port) })
    }

    /// Returns the address to which it is bound.
    pub fn local_address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Sends a datagram. Links whose requests may be lost may lose it, or have it arrive twice.
    pub fn send(&self, bytes: &[u8], to: SocketAddrV4) {
        let owner = self.bound.owner;
        let Some(target) = node_at(owner, *to.ip()) else { return };
        let Some(role) = owner.nodes().into_iter().find(|node| node.id == target).map(|node| node.role)
        else {
            return;
        };
        let link = Network::of(owner).link_to(role);
        let is_lossy = link.faults.request.names().contains(&"lost");
        let within = owner.child(role);
        let words = crate::wording::digest(bytes);
        let cause = within
            .step(Kind::Call, words, None, || format!("sends a datagram of {} bytes to {role}", bytes.len()));
        let fates = if is_lossy { FATES } else { ARRIVES };
        let copies = match fates.names()[within.choose(&Site::new(role, DATAGRAM), &fates).index()] {
            "lost" => 0,
            "twice" => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let (bytes, from) = (bytes.to_vec(), self.address);
            owner.deliver((target, within.scope()), link.latency, move || {
                let network = owner.try_extension::<Network>();
                let Some(bound) = network.and_then(|network| network.socket(target, to.port())) else {
                    return;
                };
                let mut inbox = bound.inbox.lock().unwrap_or_else(PoisonError::into_inner);
                inbox.waiting.push_back((bytes, from, cause));
                inbox.reader.take().into_iter().for_each(|reader| reader.wake());
            });
        }
    }

    /// Takes the next datagram: as much of it as `into` holds, with its sender.
    pub fn poll_receive(&self, context: &mut Context<'_>, into: &mut [u8]) -> Poll<(usize, SocketAddrV4)> {
        let mut inbox = self.bound.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        match inbox.waiting.pop_front() {
            Some((bytes, from, cause)) => {
                let count = bytes.len().min(into.len());
                into[..count].copy_from_slice(&bytes[..count]);
                let words = crate::wording::digest(&bytes);
                self.bound.owner.step(Kind::Arrive, words, cause, || {
                    format!("receives a datagram of {} bytes", bytes.len())
                });
                Poll::Ready((count, from))
            }
            None => {
                inbox.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.bound.owner.is_alive()
            && let Some(network) = self.bound.owner.try_extension::<Network>()
        {
            network.close_socket(self.bound.owner.node(), self.address.port());
        }
    }
}
