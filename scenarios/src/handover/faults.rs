//! The possible faults of the handover scenario; the benign alternative is always first. The nodes and the other
//! links are those of the booking scenario.

use crate::booking::faults as booking;
use shakedown_sim::{
    CommitFault, DeliveryFault, Duration, Episode, LinkFault, LinkFaults, QueueFaults, QueueProfile,
    SendFault, SettleFault, StoreProfile,
};

/// From workers to the partner, which may also take longer than a worker's timeout.
pub const PARTNER: LinkFaults = LinkFaults {
    slowness: &[Episode::For(Duration::from_secs(30)), Episode::For(Duration::from_secs(600))],
    slow_by: Duration::from_secs(6),
    ..booking::PARTNER
};

/// The database: a commit may also take so long that its client times out.
pub const STORE: StoreProfile = StoreProfile {
    commit_faults: &[
        CommitFault::Fails,
        CommitFault::ResponseLost,
        CommitFault::Late(Duration::from_secs(2)),
    ],
    ..booking::STORE
};

/// To the open screens.
pub const SCREENS: LinkFaults = LinkFaults {
    request: &[LinkFault::Lost, LinkFault::Refused],
    response: &[LinkFault::Lost],
    ..LinkFaults::NONE
};

/// The broker's queue for jobs, where jobs are pushed to a broker: twenty milliseconds from one node to another.
pub const BROKER: QueueProfile = QueueProfile {
    latency: Duration::from_millis(10),
    receives_max: Some(10),
    faults: QueueFaults {
        send: &[SendFault::Lost, SendFault::Refused, SendFault::ResponseLost],
        settle: &[SettleFault::Lost],
        delivery: &[DeliveryFault::Lost, DeliveryFault::Copy, DeliveryFault::Late(Duration::from_secs(10))],
        restart: &[Episode::For(Duration::from_secs(30)), Episode::For(Duration::from_secs(600))],
        ..QueueFaults::NONE
    },
    ..QueueProfile::STANDARD
};
