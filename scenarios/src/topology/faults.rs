//! The possible faults of the topology scenario; the benign alternative is always first. The partner, the registry,
//! the database and our own nodes fail as in the scenarios about them.

pub use crate::booking::faults::{API, PARTNER, STORE, WEB, WORKER};
pub use crate::lifecycle::faults::REGISTRY;
use shakedown_sim::{CrashFault, CrashProfile, Duration, Label, LinkFault, LinkFaults, Role};

/// From the monitor to the pager.
pub const PAGER: LinkFaults = LinkFaults {
    request: &[LinkFault::Lost, LinkFault::Refused],
    response: &[LinkFault::Lost],
    ..LinkFaults::NONE
};

/// The node of the monitor, which fails like the nodes that it watches.
pub const MONITOR: Role = Role::new(
    Label::new("monitor"),
    &CrashProfile {
        before: &[
            CrashFault::Crash,
            CrashFault::ShutDown,
            CrashFault::Pause(Duration::from_secs(90)),
            CrashFault::Pause(Duration::from_secs(600)),
        ],
        after: &[
            CrashFault::Crash,
            CrashFault::Pause(Duration::from_secs(90)),
            CrashFault::Pause(Duration::from_secs(600)),
        ],
        restart: Duration::from_secs(5),
        late_restart: &[Duration::from_secs(60)],
        ..CrashProfile::NEVER
    },
);
