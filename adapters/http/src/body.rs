//! [`Body`]: bytes that arrive at once, or half of them before a reset.

use crate::error::Error;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of a request or a response. It is collected before it is sent, and arrives at once.
#[derive(Clone, Default, Debug)]
pub struct Body {
    bytes: Bytes,
    /// Whether a reset follows the bytes.
    is_cut: bool,
    /// The length that the whole body has.
    whole: usize,
}

impl Body {
    /// Returns the body with these bytes.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { whole: bytes.len(), bytes, is_cut: false }
    }

    /// Returns the first half of it, which a reset follows.
    pub(crate) fn cut(mut self) -> Self {
        self.bytes.truncate(self.whole / 2);
        Self { is_cut: true, ..self }
    }

    /// Returns the bytes that arrive.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns all bytes.
    ///
    /// # Errors
    /// [`Error::Reset`] if the connection was reset in the middle of the body.
    pub fn into_bytes(self) -> Result<Bytes, Error> {
        if self.is_cut { Err(Error::Reset) } else { Ok(self.bytes) }
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::new(bytes)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if !self.bytes.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.bytes)))));
        }
        Poll::Ready(std::mem::take(&mut self.is_cut).then_some(Err(Error::Reset)))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty() && !self.is_cut
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_cut { SizeHint::new() } else { SizeHint::with_exact(self.bytes.len() as u64) }
    }
}
