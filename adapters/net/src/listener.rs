//! [`Listener`]: a port at which a node accepts connections.

use crate::names::address_of;
use crate::network::{Listening, Network};
use crate::stream::Stream;
use shakedown_sim::ambient::Handle;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Connections that wait to be accepted.
#[derive(Default)]
pub(crate) struct Backlog {
    pub(crate) waiting: VecDeque<Stream>,
    acceptor: Option<Waker>,
}

impl Backlog {
    pub(crate) fn push(&mut self, stream: Stream) {
        self.waiting.push_back(stream);
        self.acceptor.take().into_iter().for_each(|acceptor| acceptor.wake());
    }
}

pub(crate) fn lock(backlog: &Mutex<Backlog>) -> MutexGuard<'_, Backlog> {
    backlog.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A port at which a node accepts connections. It closes when living code drops it. When its node crashes, connections to it get no response.
pub struct Listener {
    owner: Handle,
    address: SocketAddrV4,
    backlog: Arc<Mutex<Backlog>>,
}

impl Listener {
    /// Listens at a port of the node whose code runs now; port 0 means any free port.
    ///
    /// # Errors
    /// [`ErrorKind::AddrInUse`] if something listens there, [`ErrorKind::AddrNotAvailable`] if the address is another node's.
    ///
    /// # Panics
    /// Outside a simulation.
    pub fn bind(address: SocketAddrV4) -> io::Result<Self> {
        let owner = Handle::current();
        let network = Network::of(owner);
        let node = owner.node();
        let (ip, own) = (*address.ip(), address_of(node));
        if !ip.is_unspecified() && !ip.is_loopback() && ip != own {
            return Err(ErrorKind::AddrNotAvailable.into());
        }
        let port = if address.port() == 0 { network.ephemeral_port(node) } else { address.port() };
        if network.listening(node, port).is_some() {
            return Err(ErrorKind::AddrInUse.into());
        }
        let backlog = Arc::<Mutex<Backlog>>::default();
        network.listen(port, Listening { owner, backlog: Arc::clone(&backlog) });
        let ip = if ip.is_unspecified() { Ipv4Addr::UNSPECIFIED } else { ip };
        Ok(Self { owner, address: SocketAddrV4::new(ip, port), backlog })
    }

    /// Returns the address at which it listens.
    pub fn local_address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Takes the next connection.
    pub fn poll_accept(&self, context: &mut Context<'_>) -> Poll<Stream> {
        if !self.owner.is_alive() {
            return Poll::Pending;
        }
        let mut backlog = lock(&self.backlog);
        match backlog.waiting.pop_front() {
            Some(stream) => Poll::Ready(stream),
            None => {
                backlog.acceptor = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let waiting = std::mem::take(&mut lock(&self.backlog).waiting);
        if self.owner.is_alive()
            && let Some(network) = self.owner.try_extension::<Network>()
        {
            network.close(self.owner.node(), self.address.port());
        }
        drop(waiting);
    }
}
