//! [`TcpSocket`]: options first, then a connection or a listener.

use super::address::v4;
use super::{TcpListener, TcpStream};
use shakedown_net::{Listener, Stream};
use std::io::Result;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A socket that is neither connected nor listening. Its options have no effect in the simulated network.
#[derive(Debug)]
pub struct TcpSocket {
    local: Mutex<SocketAddrV4>,
}

impl TcpSocket {
    fn new() -> Self {
        Self { local: Mutex::new(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)) }
    }

    /// Returns a socket.
    ///
    /// # Errors
    /// None in a simulation.
    pub fn new_v4() -> Result<Self> {
        Ok(Self::new())
    }

    /// Returns a socket.
    ///
    /// # Errors
    /// None in a simulation.
    pub fn new_v6() -> Result<Self> {
        Ok(Self::new())
    }

    /// Returns a socket; the one of the operating system is closed. Its options are lost, which have no effect here anyway.
    pub fn from_std_stream(stream: std::net::TcpStream) -> Self {
        drop(stream);
        Self::new()
    }

    /// Binds the socket to an address, to listen or connect from it.
    ///
    /// # Errors
    /// If it is no IPv4 address.
    pub fn bind(&self, address: SocketAddr) -> Result<()> {
        *self.local.lock().unwrap_or_else(PoisonError::into_inner) = v4(address)?;
        Ok(())
    }

    /// Connects it.
    ///
    /// # Errors
    /// As [`TcpStream::connect`].
    pub async fn connect(self, address: SocketAddr) -> Result<TcpStream> {
        Stream::connect(v4(address)?).await.map(TcpStream::of)
    }

    /// Listens for connections.
    ///
    /// # Errors
    /// As [`TcpListener::bind`].
    pub fn listen(self, _backlog: u32) -> Result<TcpListener> {
        let local = *self.local.lock().unwrap_or_else(PoisonError::into_inner);
        Listener::bind(local).map(TcpListener::of)
    }

    /// Returns the address to which it is bound.
    ///
    /// # Errors
    /// None in a simulation.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        Ok((*self.local.lock().unwrap_or_else(PoisonError::into_inner)).into())
    }
}

macro_rules! options {
    ($($get:ident, $set:ident: $type:ty = $value:expr;)*) => {
        impl TcpSocket {$(
            /// Returns the default: options have no effect in the simulated network.
            ///
            /// # Errors
            /// None in a simulation.
            pub fn $get(&self) -> Result<$type> {
                Ok($value)
            }

            /// Does nothing.
            ///
            /// # Errors
            /// None in a simulation.
            pub fn $set(&self, _value: $type) -> Result<()> {
                Ok(())
            }
        )*}
    };
}

options! {
    keepalive, set_keepalive: bool = false;
    reuseaddr, set_reuseaddr: bool = true;
    reuseport, set_reuseport: bool = false;
    send_buffer_size, set_send_buffer_size: u32 = 65_536;
    recv_buffer_size, set_recv_buffer_size: u32 = 65_536;
    linger, set_linger: Option<Duration> = None;
    nodelay, set_nodelay: bool = true;
    tos_v4, set_tos_v4: u32 = 0;
}
