//! The possible faults of the lifecycle scenario; the benign alternative is always first. The registry's episodes and
//! responses, and the clinics' bursts, are drawn in their fakes. Our own tiers fail as in booking.

pub use crate::booking::faults::{API, STORE, WORKER};
use shakedown_sim::{DelayRange, Duration, LinkFault, LinkFaults};

/// From workers to the registry.
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
