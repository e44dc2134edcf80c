//! A simulated network of byte streams between nodes: latency, lost messages, resets, stalls, half-open ends.
//!
//! A *flight* is what one side of a connection writes until it reads again: a request, then a response. Whether a flight arrives
//! is a choice named after the node that was connected to and the connection, whose scope is a part of the entity that opened it:
//! `partner/response @ order-1/partner-1 #1 = lost`. The receiver of a request works for that entity from there on, so the scope of
//! a request travels through services that know nothing of it.
//!
//! Each flight is a step of the trace, worded after its first line if that is HTTP. Crash points stand before each flight, and
//! after each response before the node learns of it.
//!
//! What is not modelled: bandwidth, reordering and retransmission of packets (a stream is reliable until it is reset or stalls),
//! Nagle's algorithm, sizes of socket buffers other than 64 KiB.
//!
//! Modules in reading order: `faults` (of links), `names` (names and addresses), `network` (who listens where), `wire`
//! (a connection), `flight` (its choices, crash points and steps), `stream` (an end of it), `listener`, `connect`, `datagram`, `wording`.

mod connect;
mod datagram;
mod faults;
mod flight;
mod listener;
mod names;
mod network;
mod stream;
mod wire;
mod wording;

pub use connect::Connect;
pub use datagram::Socket;
pub use faults::{Link, StreamFaults};
pub use listener::Listener;
pub use names::{lookup, lookup_here};
pub use network::Network;
pub use stream::Stream;
