//! A connection: two directions of bytes under way, and what both ends may know of each other.

use crate::faults::Link;
use crate::network::HiddenWording;
use shakedown_sim::ambient::Handle;
use shakedown_sim::{Label, Moment, Scope};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// How many bytes may be under way or unread in one direction.
pub(crate) const WINDOW: usize = 64 * 1024;

/// Bytes that arrived together.
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) read: usize,
    /// Present on the first of a flight.
    pub(crate) flight: Option<Flight>,
}

/// What the receiver's step needs to know of a flight.
#[derive(Clone)]
pub(crate) struct Flight {
    /// The step that sent it.
    pub(crate) cause: Option<u32>,
    pub(crate) words: [u64; 2],
    /// What it is, such as `POST /charges`.
    pub(crate) wording: String,
}

/// What is under way in one direction.
pub(crate) enum Sent {
    Bytes(Chunk),
    /// The first half of a flight that is cut off by a reset.
    Cut(Chunk),
    /// The end of the stream.
    End,
}

/// One direction.
#[derive(Default)]
pub(crate) struct Pipe {
    /// What is under way, in order: deliveries of one instant may change places, a stream's bytes never do.
    pub(crate) under_way: VecDeque<Sent>,
    pub(crate) inbox: VecDeque<Chunk>,
    /// Bytes under way or unread.
    pub(crate) occupied: usize,
    pub(crate) reader: Option<Waker>,
    pub(crate) writer: Option<Waker>,
    /// When the last of what is under way arrives.
    pub(crate) arrives_by: Moment,
    /// The writer has closed its side.
    pub(crate) is_shut: bool,
    /// That has arrived.
    pub(crate) has_ended: bool,
    /// Whether the flight under way is cut off by a reset.
    pub(crate) is_cut: bool,
}

/// One end.
pub(crate) struct End {
    pub(crate) owner: Handle,
    pub(crate) address: SocketAddrV4,
    /// The node's role, as the other side names it.
    pub(crate) role: Label,
    /// What has ended the connection for this side.
    pub(crate) error: Option<ErrorKind>,
    pub(crate) is_dropped: bool,
}

/// A connection; end 0 opened it.
pub(crate) struct Wire {
    pub(crate) link: Link,
    /// The connection's own scope, by which its choices are named.
    pub(crate) scope: Scope,
    /// The entity that opened it.
    pub(crate) entity: Scope,
    pub(crate) ends: [End; 2],
    /// Pipe `n` is written by end `n`.
    pub(crate) pipes: [Pipe; 2],
    /// Whose flight it is, once something was written.
    pub(crate) turn: Option<usize>,
    /// What the last request was, for the step that responds to it.
    pub(crate) request: String,
    /// Describes its bytes, if they stay out of digests.
    pub(crate) hidden: Option<Arc<HiddenWording>>,
    /// Nothing passes any more.
    pub(crate) is_stalled: bool,
}

pub(crate) type SharedWire = Arc<Mutex<Wire>>;

pub(crate) fn lock(wire: &SharedWire) -> MutexGuard<'_, Wire> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wire {
    /// Breaks the connection for one end.
    pub(crate) fn fail(&mut self, side: usize, error: ErrorKind) {
        self.ends[side].error.get_or_insert(error);
        for waker in
            [self.pipes[1 - side].reader.take(), self.pipes[side].writer.take()].into_iter().flatten()
        {
            waker.wake();
        }
    }

    /// Puts what `side` sent before the other end.
    fn arrive(&mut self, side: usize, sent: Sent) {
        let pipe = &mut self.pipes[side];
        let is_cut = matches!(sent, Sent::Cut(_));
        match sent {
            Sent::End => pipe.has_ended = true,
            Sent::Bytes(chunk) | Sent::Cut(chunk) if !chunk.bytes.is_empty() => pipe.inbox.push_back(chunk),
            Sent::Bytes(_) | Sent::Cut(_) => {}
        }
        pipe.reader.take().into_iter().for_each(|reader| reader.wake());
        if is_cut {
            self.fail(0, ErrorKind::ConnectionReset);
            self.fail(1, ErrorKind::ConnectionReset);
        }
    }

    /// Whether what `side` sends reaches a living end: a machine that is down does not respond, one that has restarted resets.
    fn receiver(&self, side: usize) -> Receiver {
        let end = &self.ends[1 - side];
        match (end.owner.is_alive(), end.owner.of_node(end.owner.node())) {
            (true, _) if end.is_dropped => Receiver::Resets,
            (true, _) => Receiver::Lives,
            (false, Some(_)) => Receiver::Resets,
            (false, None) => Receiver::Silent,
        }
    }
}

enum Receiver {
    Lives,
    Resets,
    Silent,
}

/// Delivers what `side` sends, in order, unless the connection stalls first or the receiver is gone.
pub(crate) fn send(
    wire: &SharedWire,
    guard: &mut Wire,
    side: usize,
    delay: shakedown_sim::Duration,
    sent: Sent,
) {
    let owner = guard.ends[side].owner;
    let now = owner.now();
    let at = (now + guard.link.latency + delay).max(guard.pipes[side].arrives_by);
    guard.pipes[side].arrives_by = at;
    guard.pipes[side].under_way.push_back(sent);
    let (wire, to) = (Arc::clone(wire), (guard.ends[1 - side].owner.node(), guard.scope));
    owner.deliver(to, at.since(now), move || {
        let mut guard = lock(&wire);
        if guard.is_stalled {
            return;
        }
        let Some(sent) = guard.pipes[side].under_way.pop_front() else { return };
        match guard.receiver(side) {
            Receiver::Lives => guard.arrive(side, sent),
            Receiver::Resets => guard.fail(side, ErrorKind::ConnectionReset),
            Receiver::Silent => guard.is_stalled = true,
        }
    });
}
