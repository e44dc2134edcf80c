//! [`IoStream`]: a simulated stream with tokio's traits, for drivers that accept a stream from their user.

use shakedown_net::Stream;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A simulated stream with tokio's traits, for `tokio_postgres::Config::connect_raw`.
pub struct IoStream(Stream);

impl IoStream {
    /// Connects the node whose code runs now to port 5432 of a node, by its name or role.
    ///
    /// # Errors
    /// As [`Stream::connect_to`].
    ///
    /// # Panics
    /// Outside a simulation.
    pub async fn connect(name: &str) -> io::Result<Self> {
        Stream::connect_to(name, 5432).await.map(Self)
    }
}

impl From<Stream> for IoStream {
    fn from(stream: Stream) -> Self {
        Self(stream)
    }
}

impl AsyncRead for IoStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = ready!(self.0.poll_read(context, into.initialize_unfilled()))?;
        into.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for IoStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.shut_down();
        Poll::Ready(Ok(()))
    }
}
