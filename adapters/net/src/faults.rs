//! The faults of links to nodes.

use shakedown_sim::{Alternatives, Duration};

/// The faults of connections to a node; the benign alternative first in each.
#[derive(Clone, Copy, Debug)]
pub struct StreamFaults {
    /// The faults of an attempt to connect: `refused`, `lost` (no response arrives), or a delay such as `8 s`.
    pub connect: Alternatives,
    /// The faults of what the connecting side sends: `lost` (the connection stalls: from then on nothing passes in either
    /// direction, and neither side sees an error), `reset` (half of it arrives, then both sides see a reset), or a delay.
    pub request: Alternatives,
    /// The faults of what the accepting side sends.
    pub response: Alternatives,
}

impl StreamFaults {
    /// Connections on which nothing goes wrong.
    pub const NONE: StreamFaults = StreamFaults {
        connect: Alternatives::new(&["accepted"]),
        request: Alternatives::new(&["arrives"]),
        response: Alternatives::new(&["arrives"]),
    };

    /// Attempts to connect may be refused; requests and responses may be lost or cut off by a reset.
    pub const LOSSY: StreamFaults = StreamFaults {
        connect: Alternatives::new(&["accepted", "refused"]),
        request: Alternatives::new(&["arrives", "lost", "reset"]),
        response: Alternatives::new(&["arrives", "lost", "reset"]),
    };
}

impl StreamFaults {
    /// # Panics
    /// If an alternative has no meaning at its place.
    pub(crate) fn check(&self, role: &str) {
        self.connect.expect(format_args!("{role}/connect"), &["refused", "lost"], true);
        self.request.expect(format_args!("{role}/request"), &["lost", "reset"], true);
        self.response.expect(format_args!("{role}/response"), &["lost", "reset"], true);
    }
}

/// How connections to the nodes of a role behave.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// How long a message takes, one way, on the happy path.
    pub latency: Duration,
    /// The possible faults.
    pub faults: &'static StreamFaults,
}

impl Default for Link {
    fn default() -> Self {
        Self { latency: Duration::from_millis(1), faults: &StreamFaults::NONE }
    }
}

#[cfg(test)]
mod tests {
    use super::{Alternatives, StreamFaults};

    #[test]
    #[should_panic(
        expected = "bank/request lists `losst`, which is none of `lost`, `reset`, or a delay such as `8 s`"
    )]
    fn a_word_without_meaning_is_rejected() {
        StreamFaults { request: Alternatives::new(&["arrives", "8 s", "losst"]), ..StreamFaults::NONE }
            .check("bank");
    }
}
