//! The possible faults of the caching scenario; the benign alternative is always first.

use shakedown_sim::{
    CrashFault, CrashProfile, Duration, Episode, Label, LinkFault, LinkFaults, Role, StoreProfile,
};

/// From nodes to the cache.
pub const CACHE: LinkFaults = LinkFaults {
    request: &[LinkFault::Lost],
    response: &[LinkFault::Lost],
    outage: &[Episode::For(Duration::from_secs(30)), Episode::For(Duration::from_secs(600))],
    ..LinkFaults::NONE
};

/// From browsers to the edge, for requests that change something.
pub const WEB: LinkFaults = LinkFaults::LOSSY;

/// The database. It has an outbox: a client that stays in a transaction delays the relay, so its session is ended.
pub const STORE: StoreProfile =
    StoreProfile { idle_in_transaction: Duration::from_secs(1), ..crate::booking::faults::STORE };

const RESTART: Duration = Duration::from_secs(5);
const LATE_RESTART: &[Duration] = &[Duration::from_secs(60)];

/// A node of the API.
pub const API: Role = Role::new(
    Label::new("api"),
    &CrashProfile {
        before: &[
            CrashFault::Crash,
            CrashFault::ShutDown,
            CrashFault::Pause(Duration::from_secs(30)),
            CrashFault::Pause(Duration::from_secs(90)),
        ],
        after: &[CrashFault::Crash],
        restart: RESTART,
        late_restart: LATE_RESTART,
        ..CrashProfile::NEVER
    },
);

/// The node that publishes the events of the outbox.
pub const RELAY: Role = Role::new(
    Label::new("relay"),
    &CrashProfile {
        before: &[CrashFault::Crash, CrashFault::Pause(Duration::from_secs(90))],
        after: &[CrashFault::Crash],
        restart: RESTART,
        late_restart: LATE_RESTART,
        ..CrashProfile::NEVER
    },
);
