//! Halves of a stream.

use super::TcpStream;
use super::stream::{poll_read, poll_shutdown};
use real::io::{AsyncRead, AsyncWrite, ReadBuf};
use shakedown_net::Stream;
use std::fmt;
use std::future::poll_fn;
use std::io::Result;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

macro_rules! halves {
    ($($name:ident $(<$lifetime:lifetime>)?: $held:ty, $about:literal;)*) => {$(
        #[doc = $about]
        pub struct $name$(<$lifetime>)?($held);

        impl$(<$lifetime>)? $name$(<$lifetime>)? {
            pub(super) fn of(stream: $held) -> Self {
                Self(stream)
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
        }

        impl$(<$lifetime>)? fmt::Debug for $name$(<$lifetime>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("peer", &self.0.peer_address()).finish()
            }
        }
    )*};
}

halves! {
    ReadHalf<'a>: &'a Stream, "The half of a borrowed stream that reads.";
    WriteHalf<'a>: &'a Stream, "The half of a borrowed stream that writes.";
    OwnedReadHalf: Arc<Stream>, "The half of a stream that reads.";
    OwnedWriteHalf: Arc<Stream>, "The half of a stream that writes; it closes that direction when it is dropped.";
}

macro_rules! reads {
    ($($name:ty),*) => {$(
        impl AsyncRead for $name {
            fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<Result<()>> {
                poll_read(&self.0, context, into)
            }
        }

        impl $name {
            /// Copies what has arrived without taking it.
            ///
            /// # Errors
            /// If the connection was reset.
            pub async fn peek(&mut self, into: &mut [u8]) -> Result<usize> {
                poll_fn(|context| self.0.poll_peek(context, into)).await
            }
        }
    )*};
}

macro_rules! writes {
    ($($name:ty),*) => {$(
        impl AsyncWrite for $name {
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
    )*};
}

reads!(ReadHalf<'_>, OwnedReadHalf);
writes!(WriteHalf<'_>, OwnedWriteHalf);

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        // Not once the halves are joined again: the stream that they were is still open then.
        if Arc::strong_count(&self.0) <= 2 && !std::thread::panicking() {
            self.0.shut_down();
        }
    }
}

/// Two halves that are not of one stream.
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tried to reunite halves that are not from the same socket")
    }
}

impl std::error::Error for ReuniteError {}

impl OwnedReadHalf {
    /// Returns the stream that both are halves of.
    ///
    /// # Errors
    /// Both halves, if they are of different streams.
    pub fn reunite(self, other: OwnedWriteHalf) -> std::result::Result<TcpStream, ReuniteError> {
        if !Arc::ptr_eq(&self.0, &other.0) {
            return Err(ReuniteError(self, other));
        }
        // A third reference, so that the writing half does not close the stream.
        let stream = (Arc::clone(&self.0), Arc::clone(&self.0));
        drop((self, other));
        Ok(TcpStream::joined(stream.0))
    }
}
