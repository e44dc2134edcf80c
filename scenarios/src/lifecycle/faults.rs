//! What may go wrong in the lifecycle scenario; the benign alternative first everywhere. The registry's episodes
//! and answers, and the clinics' bursts, are drawn where they are faked. Our own tiers fail as in booking.

pub use crate::booking::faults::{API, STORE, WORKER};
use shakedown_sim::{DelayRange, Duration, LinkFault, LinkFaults};

/// The way to the registry.
pub const REGISTRY: LinkFaults = LinkFaults {
    request: &[
        LinkFault::Lost,
        LinkFault::Refused,
        LinkFault::Late(Duration::from_secs(8)),
        LinkFault::Late(Duration::from_secs(600)),
    ],
    request_range: DelayRange::ms(500, 600_000),
    response: &[LinkFault::Lost],
    ..LinkFaults::NONE
};

/// From clinics to the edge.
pub const WEB: LinkFaults = LinkFaults::LOSSY;
