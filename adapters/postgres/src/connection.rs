//! [`Connection`]: a simulated connection, as messages.

use crate::frame::{self, Frame};
use shakedown_net::Stream;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::task::{Context, Poll, ready};

/// The connection and what was read of it.
pub(crate) struct Connection {
    stream: Stream,
    inbox: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, inbox: Vec::new() }
    }

    /// Reads the first message of the connection.
    pub(crate) async fn untyped(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(body) = frame::untyped(&self.inbox).map_err(malformed)? {
                let body = body.to_vec();
                self.inbox.drain(..4 + body.len());
                return Ok(body);
            }
            poll_fn(|context| self.poll_more(context)).await?;
        }
    }

    /// Reads the next message.
    pub(crate) fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        loop {
            if let Some(message) = Frame::first(&self.inbox).map_err(malformed)? {
                let length = message.whole.len();
                return Poll::Ready(Ok(self.inbox.drain(..length).collect()));
            }
            ready!(self.poll_more(context))?;
        }
    }

    /// Reads all whole messages that have arrived, at least one.
    pub(crate) fn poll_messages(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        loop {
            let mut end = 0;
            while let Some(message) = Frame::first(&self.inbox[end..]).map_err(malformed)? {
                end += message.whole.len();
            }
            if end > 0 {
                return Poll::Ready(Ok(self.inbox.drain(..end).collect()));
            }
            ready!(self.poll_more(context))?;
        }
    }

    /// Returns whether the other end has closed the connection by now.
    pub(crate) async fn has_ended(&mut self) -> bool {
        poll_fn(|context| {
            Poll::Ready(loop {
                match self.poll_more(context) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => break true,
                    Poll::Pending => break false,
                }
            })
        })
        .await
    }

    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut chunk = [0; 8 * 1024];
        match ready!(self.stream.poll_read(context, &mut chunk))? {
            0 => Poll::Ready(Err(ErrorKind::UnexpectedEof.into())),
            count => {
                self.inbox.extend(&chunk[..count]);
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Sends messages.
    pub(crate) async fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = poll_fn(|context| self.stream.poll_write(context, bytes)).await?;
            bytes = &bytes[count..];
        }
        Ok(())
    }
}

fn malformed(_: frame::Malformed) -> io::Error {
    ErrorKind::InvalidData.into()
}
