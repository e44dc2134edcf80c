//! [`Stream`]: an end of a connection.

use crate::flight::{self, Fate};
use crate::wire::{Chunk, Sent, SharedWire, WINDOW, Wire, lock, send};
use shakedown_sim::ambient::Handle;
use shakedown_sim::{Duration, Scope};
use std::io::{self, ErrorKind};
use std::net::SocketAddrV4;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// An end of a connection. All of its operations take `&self`, so that its halves may be used by different tasks.
///
/// It closes when living code drops it. When its node crashes it sends nothing more: the other end learns that by its timeout, or by a
/// reset when it next sends to a node that has restarted.
pub struct Stream {
    wire: SharedWire,
    side: usize,
    /// Whether the crash point before the flight at hand was met.
    met_before: AtomicBool,
    /// Whether the crash point after the flight at hand was met.
    met_after: AtomicBool,
}

impl Stream {
    pub(crate) fn new(wire: SharedWire, side: usize) -> Self {
        Self { wire, side, met_before: AtomicBool::new(false), met_after: AtomicBool::new(false) }
    }

    /// Returns the address of this end.
    pub fn local_address(&self) -> SocketAddrV4 {
        lock(&self.wire).ends[self.side].address
    }

    /// Returns the address of the other end.
    pub fn peer_address(&self) -> SocketAddrV4 {
        lock(&self.wire).ends[1 - self.side].address
    }

    /// Returns the entity that opened the connection.
    pub fn entity(&self) -> Scope {
        lock(&self.wire).entity
    }

    /// Returns the connection's own scope, by which its choices are named.
    pub fn scope(&self) -> Scope {
        lock(&self.wire).scope
    }

    /// Reads what has arrived into `into`; 0 bytes at the end of the stream.
    ///
    /// # Errors
    /// [`ErrorKind::ConnectionReset`] if the connection was reset.
    pub fn poll_read(&self, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.is_alive() {
            return Poll::Pending;
        }
        if self.begins_to_read() {
            if !self.met_after.swap(true, Ordering::Relaxed)
                && flight::after(&self.wire, self.side).is_pending()
            {
                return Poll::Pending;
            }
            self.met_after.store(false, Ordering::Relaxed);
        }
        let mut guard = lock(&self.wire);
        let read = take(&mut guard, self.side, into);
        if read > 0 || into.is_empty() {
            return Poll::Ready(Ok(read));
        }
        if let Some(error) = guard.ends[self.side].error {
            return Poll::Ready(Err(error.into()));
        }
        let pipe = &mut guard.pipes[1 - self.side];
        if pipe.has_ended {
            return Poll::Ready(Ok(0));
        }
        pipe.reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// Copies what has arrived into `into` without taking it.
    ///
    /// # Errors
    /// As [`Stream::poll_read`].
    pub fn poll_peek(&self, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.is_alive() {
            return Poll::Pending;
        }
        let mut guard = lock(&self.wire);
        if let Some(error) = guard.ends[self.side].error {
            return Poll::Ready(Err(error.into()));
        }
        let pipe = &mut guard.pipes[1 - self.side];
        if let Some(chunk) = pipe.inbox.front() {
            let rest = &chunk.bytes[chunk.read..];
            let count = rest.len().min(into.len());
            into[..count].copy_from_slice(&rest[..count]);
            return Poll::Ready(Ok(count));
        }
        if pipe.has_ended {
            return Poll::Ready(Ok(0));
        }
        pipe.reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// Sends some of `bytes`; as many as there is room for.
    ///
    /// # Errors
    /// [`ErrorKind::ConnectionReset`] if the connection was reset, [`ErrorKind::BrokenPipe`] after [`Stream::shut_down`].
    pub fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.is_alive() {
            return Poll::Pending;
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if let Poll::Ready(Err(error)) = self.poll_room(context) {
            return Poll::Ready(Err(error));
        }
        let begins = lock(&self.wire).turn != Some(self.side);
        if begins
            && !self.met_before.swap(true, Ordering::Relaxed)
            && flight::before(&self.wire, self.side).is_pending()
        {
            return Poll::Pending;
        }
        match self.poll_room(context) {
            Poll::Ready(Ok(room)) => {
                self.met_before.store(false, Ordering::Relaxed);
                let count = room.min(bytes.len());
                self.send(&bytes[..count]);
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Waits until there is room for a write, or an error for it to report. A dead incarnation waits for ever.
    pub fn poll_writable(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_alive() { self.poll_room(context).map(drop) } else { Poll::Pending }
    }

    /// Closes the sending direction: the other end reads what was sent, then the end of the stream.
    pub fn shut_down(&self) {
        let mut guard = lock(&self.wire);
        if !guard.ends[self.side].owner.is_alive()
            || std::mem::replace(&mut guard.pipes[self.side].is_shut, true)
        {
            return;
        }
        send(&self.wire, &mut guard, self.side, Duration::ZERO, Sent::End);
    }

    fn is_alive(&self) -> bool {
        let owner = lock(&self.wire).ends[self.side].owner;
        owner.is_alive() && Handle::try_current().is_some_and(|current| current.run() == owner.run())
    }

    /// Whether the next byte to read is the first of a flight.
    fn begins_to_read(&self) -> bool {
        let guard = lock(&self.wire);
        guard.pipes[1 - self.side].inbox.front().is_some_and(|chunk| chunk.flight.is_some())
    }

    /// How many bytes may be sent now.
    fn poll_room(&self, context: &Context<'_>) -> Poll<io::Result<usize>> {
        let mut guard = lock(&self.wire);
        if let Some(error) = guard.ends[self.side].error {
            return Poll::Ready(Err(error.into()));
        }
        let pipe = &mut guard.pipes[self.side];
        if pipe.is_shut {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        if pipe.occupied >= WINDOW {
            pipe.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(WINDOW - pipe.occupied))
    }

    fn send(&self, bytes: &[u8]) {
        let (mut guard, side) = (lock(&self.wire), self.side);
        let begins = guard.turn.replace(side) != Some(side);
        let mut delay = Duration::ZERO;
        let mut flight = None;
        if begins {
            let (began, fate) = flight::begin(&mut guard, side, bytes);
            flight = Some(began);
            match fate {
                Fate::Arrives(late) => delay = late,
                Fate::Lost => guard.is_stalled = true,
                Fate::Reset => guard.pipes[side].is_cut = true,
            }
        }
        guard.pipes[side].occupied += bytes.len();
        let bytes = if guard.pipes[side].is_cut { &bytes[..bytes.len() / 2] } else { bytes };
        let chunk = Chunk { bytes: bytes.to_vec(), read: 0, flight };
        let sent = match (guard.pipes[side].is_cut, begins) {
            (false, _) => Sent::Bytes(chunk),
            (true, true) => Sent::Cut(chunk),
            // What follows in a flight that is cut off is lost.
            (true, false) => return,
        };
        send(&self.wire, &mut guard, side, delay, sent);
    }
}

/// Takes what has arrived for `side`, up to the beginning of the next flight.
fn take(wire: &mut Wire, side: usize, into: &mut [u8]) -> usize {
    let mut count = 0;
    while count < into.len() {
        let begins = wire.pipes[1 - side].inbox.front_mut().map(|chunk| chunk.flight.take());
        match begins {
            None => break,
            Some(Some(flight)) => {
                wire.turn = Some(1 - side);
                crate::flight::received(wire, side, &flight);
            }
            Some(None) => {}
        }
        let pipe = &mut wire.pipes[1 - side];
        let Some(chunk) = pipe.inbox.front_mut() else { break };
        let rest = &chunk.bytes[chunk.read..];
        let copied = rest.len().min(into.len() - count);
        into[count..count + copied].copy_from_slice(&rest[..copied]);
        count += copied;
        chunk.read += copied;
        if chunk.read == chunk.bytes.len() {
            pipe.inbox.pop_front();
        }
        pipe.occupied -= copied;
        if pipe.inbox.front().is_some_and(|next| next.flight.is_some()) {
            break;
        }
    }
    if count > 0 {
        wire.pipes[1 - side].writer.take().into_iter().for_each(|writer| writer.wake());
    }
    count
}

impl Drop for Stream {
    fn drop(&mut self) {
        if !self.is_alive() {
            return;
        }
        self.shut_down();
        lock(&self.wire).ends[self.side].is_dropped = true;
    }
}
