//! [`TcpListener`]: a port at which a node accepts connections.

use super::TcpStream;
use super::address::{ToSocketAddrs, v4};
use shakedown_net::Listener;
use std::future::poll_fn;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::task::{Context, Poll};

/// A port at which a node accepts connections.
pub struct TcpListener(Listener);

impl TcpListener {
    /// Listens at the first of these addresses at which that is possible.
    ///
    /// # Errors
    /// If it is possible at none.
    pub async fn bind<A: ToSocketAddrs>(address: A) -> Result<Self> {
        let mut last = Error::new(ErrorKind::InvalidInput, "could not resolve to any address");
        for address in address.resolve()? {
            match v4(address).and_then(Listener::bind) {
                Ok(listener) => return Ok(Self(listener)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    pub(super) fn of(listener: Listener) -> Self {
        Self(listener)
    }

    /// Takes the next connection.
    ///
    /// # Errors
    /// None in a simulation.
    pub async fn accept(&self) -> Result<(TcpStream, SocketAddr)> {
        poll_fn(|context| self.poll_accept(context)).await
    }

    /// Polls for the next connection.
    pub fn poll_accept(&self, context: &mut Context<'_>) -> Poll<Result<(TcpStream, SocketAddr)>> {
        self.0.poll_accept(context).map(|stream| {
            let peer = stream.peer_address().into();
            Ok((TcpStream::of(stream), peer))
        })
    }

    /// Listeners of the operating system are not simulated.
    ///
    /// # Panics
    /// Always.
    pub fn from_std(_listener: std::net::TcpListener) -> Result<Self> {
        crate::missing::not_simulated("tokio::net::TcpListener::from_std")
    }

    /// Returns the address at which it listens.
    ///
    /// # Errors
    /// None in a simulation.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        Ok(self.0.local_address().into())
    }

    /// Returns 64.
    ///
    /// # Errors
    /// None in a simulation.
    pub fn ttl(&self) -> Result<u32> {
        Ok(64)
    }

    /// Does nothing.
    ///
    /// # Errors
    /// None in a simulation.
    pub fn set_ttl(&self, _ttl: u32) -> Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TcpListener").field("address", &self.0.local_address()).finish()
    }
}
