//! What may go wrong in the lifecycle scenario; the benign alternative first everywhere. The registry's episodes
//! and answers, and the clinics' bursts, are drawn where they are faked. Our own tiers fail as in booking.

pub use crate::booking::faults::{API, STORE, WORKER};
use shakedown_sim::{Alternatives, LinkFaults};

const LOSS: Alternatives = Alternatives::new(&["arrives", "lost"]);

/// The way to the registry.
pub const REGISTRY: LinkFaults = LinkFaults {
    request: Alternatives::delays(&["arrives", "lost", "refused", "8 s", "10 min"], (500, 600_000)),
    response: LOSS,
    ..LinkFaults::NONE
};

/// From clinics to the edge.
pub const WEB: LinkFaults = LinkFaults { request: LOSS, response: LOSS, ..LinkFaults::NONE };
