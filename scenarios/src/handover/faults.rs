//! What may go wrong in the handover scenario; the benign alternative first everywhere. The nodes and the ways in
//! are those of the booking scenario.

use crate::booking::faults as booking;
use shakedown_sim::{Alternatives, Duration, LinkFaults, QueueFaults, QueueProfile, StoreProfile};

/// The way to the partner, who may also be slower than a worker's timeout.
pub const PARTNER: LinkFaults = LinkFaults {
    slowness: Alternatives::new(&["swift", "30 s", "10 min"]),
    slow_by: Duration::from_secs(6),
    ..booking::PARTNER
};

/// The database: a commit may also be so slow that its client gives up on it.
pub const STORE: StoreProfile = StoreProfile {
    commit_faults: Alternatives::new(&["commits", "fails", "answer lost", "late 2 s"]),
    ..booking::STORE
};

/// To the screens that are open.
pub const SCREENS: LinkFaults = LinkFaults {
    request: Alternatives::new(&["arrives", "lost", "refused"]),
    response: Alternatives::new(&["arrives", "lost"]),
    ..LinkFaults::NONE
};

/// The broker's queue for jobs, where jobs are pushed to a broker: twenty milliseconds from one node to another.
pub const BROKER: QueueProfile = QueueProfile {
    latency: Duration::from_millis(10),
    receives_max: Some(10),
    faults: QueueFaults {
        send: Alternatives::new(&["arrives", "lost", "refused", "answer lost"]),
        settle: Alternatives::new(&["arrives", "lost"]),
        delivery: Alternatives::new(&["prompt", "lost", "copy", "10 s"]),
        restart: Alternatives::new(&["up", "30 s", "10 min"]),
        ..QueueFaults::NONE
    },
    ..QueueProfile::STANDARD
};
