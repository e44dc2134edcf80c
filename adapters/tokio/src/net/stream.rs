//! [`TcpStream`]: an end of a connection.

use super::address::{ToSocketAddrs, v4};
use super::split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use bytes::BufMut;
use real::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use shakedown_net::Stream;
use std::future::poll_fn;
use std::io::{Error, ErrorKind, Result};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// An end of a connection. Socket options have no effect in the simulated network.
pub struct TcpStream(Arc<Stream>);

impl TcpStream {
    /// Connects to the first of these addresses that accepts.
    ///
    /// # Errors
    /// If none does; refused, timed out or unreachable, as the last of them.
    pub async fn connect<A: ToSocketAddrs>(address: A) -> Result<Self> {
        let mut last = Error::new(ErrorKind::InvalidInput, "could not resolve to any address");
        for address in address.resolve()? {
            match Stream::connect(v4(address)?).await {
                Ok(stream) => return Ok(Self::of(stream)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    pub(super) fn of(stream: Stream) -> Self {
        Self(Arc::new(stream))
    }

    /// Streams of the operating system are not simulated.
    ///
    /// # Panics
    /// Always.
    pub fn from_std(_stream: std::net::TcpStream) -> Result<Self> {
        crate::missing::not_simulated("tokio::net::TcpStream::from_std")
    }

    /// Streams of the operating system are not simulated.
    ///
    /// # Panics
    /// Always.
    pub fn into_std(self) -> Result<std::net::TcpStream> {
        crate::missing::not_simulated("tokio::net::TcpStream::into_std")
    }

    /// Returns the address of this end.
    ///
    /// # Errors
    /// None in a simulation.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        Ok(self.0.local_address().into())
    }

    /// Returns the address of the other end.
    ///
    /// # Errors
    /// None in a simulation.
    pub fn peer_addr(&self) -> Result<SocketAddr> {
        Ok(self.0.peer_address().into())
    }

    /// Returns no error.
    ///
    /// # Errors
    /// None in a simulation.
    pub fn take_error(&self) -> Result<Option<Error>> {
        Ok(None)
    }

    /// Copies what has arrived without taking it.
    ///
    /// # Errors
    /// If the connection was reset.
    pub async fn peek(&self, into: &mut [u8]) -> Result<usize> {
        poll_fn(|context| self.0.poll_peek(context, into)).await
    }

    /// Polls for bytes without taking them.
    pub fn poll_peek(&self, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<Result<usize>> {
        match self.0.poll_peek(context, into.initialize_unfilled()) {
            Poll::Ready(Ok(count)) => {
                into.advance(count);
                Poll::Ready(Ok(count))
            }
            other => other,
        }
    }

    /// Waits until there is something to read, or to write, or an end.
    ///
    /// # Errors
    /// None; a reset shows in the next read or write.
    pub async fn ready(&self, interest: Interest) -> Result<Ready> {
        if interest.is_writable() {
            return self.writable().await.map(|()| Ready::WRITABLE);
        }
        self.readable().await.map(|()| Ready::READABLE)
    }

    /// Waits until there is something to read, or an end.
    ///
    /// # Errors
    /// None; a reset shows in the next read.
    pub async fn readable(&self) -> Result<()> {
        poll_fn(|context| self.0.poll_peek(context, &mut [0]).map(|_| Ok(()))).await
    }

    /// Waits until there is room to write.
    ///
    /// # Errors
    /// None; a reset shows in the next write.
    pub async fn writable(&self) -> Result<()> {
        poll_fn(|context| self.0.poll_writable(context).map(Ok)).await
    }

    /// Reads what has arrived, without waiting.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] if nothing has.
    pub fn try_read(&self, into: &mut [u8]) -> Result<usize> {
        let context = &mut Context::from_waker(Waker::noop());
        match self.0.poll_read(context, into) {
            // The first poll met a crash point. A pause or a shutdown there takes effect after this call, which cannot wait.
            Poll::Pending => now(self.0.poll_read(context, into)),
            ready => now(ready),
        }
    }

    /// Reads what has arrived into the free room of a buffer, without waiting.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] if nothing has.
    pub fn try_read_buf<B: BufMut>(&self, into: &mut B) -> Result<usize> {
        let mut chunk = [0; 8 * 1024];
        let room = into.remaining_mut().min(chunk.len());
        let count = self.try_read(&mut chunk[..room])?;
        into.put_slice(&chunk[..count]);
        Ok(count)
    }

    /// Polls for something to read, or an end.
    pub fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.0.poll_peek(context, &mut [0]).map(|_| Ok(()))
    }

    /// Polls for room to write. Never ready in a dead process, whose writes would block.
    pub fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.0.poll_writable(context).map(Ok)
    }

    /// Writes what there is room for, without waiting.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] if there is none.
    pub fn try_write(&self, bytes: &[u8]) -> Result<usize> {
        let context = &mut Context::from_waker(Waker::noop());
        match self.0.poll_write(context, bytes) {
            // The first poll met a crash point. A pause or a shutdown there takes effect after this call, which cannot wait.
            Poll::Pending => now(self.0.poll_write(context, bytes)),
            ready => now(ready),
        }
    }

    /// Returns halves that borrow the stream.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        (ReadHalf::of(&self.0), WriteHalf::of(&self.0))
    }

    /// Returns halves that share the stream; it closes once both are dropped.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        (OwnedReadHalf::of(Arc::clone(&self.0)), OwnedWriteHalf::of(self.0))
    }

    pub(super) fn joined(stream: Arc<Stream>) -> Self {
        Self(stream)
    }

    /// Closes the sending direction; of the other nothing is closed.
    #[doc(hidden)]
    pub fn shutdown_std(&self, how: Shutdown) -> Result<()> {
        if how != Shutdown::Read {
            self.0.shut_down();
        }
        Ok(())
    }
}

fn now<T>(poll: Poll<Result<T>>) -> Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}

/// Options that are accepted and have no effect.
macro_rules! options {
    ($($get:ident, $set:ident: $type:ty = $value:expr;)*) => {
        impl TcpStream {$(
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
    nodelay, set_nodelay: bool = true;
    quickack, set_quickack: bool = false;
    linger, set_linger: Option<Duration> = None;
    ttl, set_ttl: u32 = 64;
}

impl TcpStream {
    /// Does nothing.
    ///
    /// # Errors
    /// None in a simulation.
    pub fn set_zero_linger(&self) -> Result<()> {
        Ok(())
    }
}

pub(super) fn poll_read(
    stream: &Stream,
    context: &mut Context<'_>,
    into: &mut ReadBuf<'_>,
) -> Poll<Result<()>> {
    stream.poll_read(context, into.initialize_unfilled()).map(|read| read.map(|count| into.advance(count)))
}

pub(super) fn poll_shutdown(stream: &Stream) -> Poll<Result<()>> {
    stream.shut_down();
    Poll::Ready(Ok(()))
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        poll_read(&self.0, context, into)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.0.poll_write(context, bytes)
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        poll_shutdown(&self.0)
    }
}

impl std::fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (local, peer) = (self.0.local_address(), self.0.peer_address());
        f.debug_struct("TcpStream").field("local", &local).field("peer", &peer).finish()
    }
}
