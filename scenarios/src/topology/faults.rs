//! What may go wrong in the topology scenario; the benign alternative first everywhere. The partner, the registry, the
//! database and our own nodes fail as they do in the scenarios that are about them.

pub use crate::booking::faults::{API, PARTNER, STORE, WEB, WORKER};
pub use crate::lifecycle::faults::REGISTRY;
use shakedown_sim::{Alternatives, CrashProfile, Duration, Label, LinkFaults, Role};

/// The way to the pager.
pub const PAGER: LinkFaults = LinkFaults {
    request: Alternatives::new(&["arrives", "lost", "refused"]),
    response: Alternatives::new(&["arrives", "lost"]),
    ..LinkFaults::NONE
};

/// The node of the monitor: who watches fails like who is watched.
pub const MONITOR: Role = Role::new(
    Label::new("monitor"),
    &CrashProfile {
        before: Alternatives::new(&["goes on", "vanish", "stop", "pause 90 s", "pause 10 min"]),
        after: Alternatives::new(&["goes on", "vanish", "pause 90 s", "pause 10 min"]),
        restart: Duration::from_secs(5),
        late_restart: Alternatives::new(&["soon", "60 s"]),
    },
);
