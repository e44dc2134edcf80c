//! Sockets between the nodes of the simulated network.
//!
//! Unix sockets have tokio's types and work nowhere in a rehearsal.

mod address;
mod listener;
mod socket;
mod split;
mod stream;
mod udp;

pub use address::{ToSocketAddrs, lookup_host};
pub use listener::TcpListener;
#[cfg(unix)]
pub use real::net::{UnixDatagram, UnixListener, UnixStream, unix};
pub use socket::TcpSocket;
pub use stream::TcpStream;
pub use udp::UdpSocket;

pub mod tcp {
    //! Halves of a TCP stream.

    pub use super::split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
}
