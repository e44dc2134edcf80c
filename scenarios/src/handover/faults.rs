//! What may go wrong in the handover scenario; the benign alternative first everywhere. The nodes and the ways in
//! are those of the booking scenario.

use crate::booking::faults as booking;
use shakedown_sim::{
    CommitFault, DeliveryFault, Duration, Episode, LinkFault, LinkFaults, QueueFaults, QueueProfile,
    SendFault, SettleFault, StoreProfile,
};

/// The way to the partner, who may also be slower than a worker's timeout.
pub const PARTNER: LinkFaults = LinkFaults {
    slowness: &[Episode::For(Duration::from_secs(30)), Episode::For(Duration::from_secs(600))],
    slow_by: Duration::from_secs(6),
    ..booking::PARTNER
};

/// The database: a commit may also be so slow that its client gives up on it.
pub const STORE: StoreProfile = StoreProfile {
    commit_faults: &[
        CommitFault::Fails,
        CommitFault::ResponseLost,
        CommitFault::Late(Duration::from_secs(2)),
    ],
    ..booking::STORE
};

/// To the screens that are open.
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
