//! [`UdpSocket`]: datagrams.

use super::address::{ToSocketAddrs, v4};
use shakedown_net::Socket;
use std::future::poll_fn;
use std::io::{Error, ErrorKind, Result};
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::{Mutex, PoisonError};

/// A port for datagrams.
pub struct UdpSocket {
    socket: Socket,
    peer: Mutex<Option<SocketAddrV4>>,
}

fn first<A: ToSocketAddrs>(address: A) -> Result<SocketAddrV4> {
    let found = address.resolve()?.into_iter().next();
    v4(found.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "could not resolve to any address"))?)
}

impl UdpSocket {
    /// Binds a port.
    ///
    /// # Errors
    /// If it is taken.
    pub async fn bind<A: ToSocketAddrs>(address: A) -> Result<Self> {
        Ok(Self { socket: Socket::bind(first(address)?)?, peer: Mutex::new(None) })
    }

    /// Sets the address that [`UdpSocket::send`] sends to and from which alone [`UdpSocket::recv`] accepts datagrams.
    ///
    /// # Errors
    /// If it cannot be resolved.
    pub async fn connect<A: ToSocketAddrs>(&self, address: A) -> Result<()> {
        *self.peer.lock().unwrap_or_else(PoisonError::into_inner) = Some(first(address)?);
        Ok(())
    }

    /// Sends a datagram to the connected address.
    ///
    /// # Errors
    /// [`ErrorKind::NotConnected`] if there is none.
    pub async fn send(&self, bytes: &[u8]) -> Result<usize> {
        let peer = self.peer.lock().unwrap_or_else(PoisonError::into_inner).ok_or(ErrorKind::NotConnected)?;
        self.socket.send(bytes, peer);
        Ok(bytes.len())
    }

    /// Sends a datagram.
    ///
    /// # Errors
    /// If the address cannot be resolved.
    pub async fn send_to<A: ToSocketAddrs>(&self, bytes: &[u8], to: A) -> Result<usize> {
        self.socket.send(bytes, first(to)?);
        Ok(bytes.len())
    }

    /// Takes the next datagram from the connected address.
    ///
    /// # Errors
    /// None in a simulation.
    pub async fn recv(&self, into: &mut [u8]) -> Result<usize> {
        loop {
            let (count, from) = poll_fn(|context| self.socket.poll_receive(context, into)).await;
            let peer = *self.peer.lock().unwrap_or_else(PoisonError::into_inner);
            if peer.is_none_or(|peer| peer == from) {
                return Ok(count);
            }
        }
    }

    /// Takes the next datagram, with its sender.
    ///
    /// # Errors
    /// None in a simulation.
    pub async fn recv_from(&self, into: &mut [u8]) -> Result<(usize, SocketAddr)> {
        let (count, from) = poll_fn(|context| self.socket.poll_receive(context, into)).await;
        Ok((count, from.into()))
    }

    /// Returns the address to which it is bound.
    ///
    /// # Errors
    /// None in a simulation.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        Ok(self.socket.local_address().into())
    }
}

impl std::fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UdpSocket").field("address", &self.socket.local_address()).finish()
    }
}
