//! What may go wrong in the booking scenario; the benign alternative first everywhere.

use shakedown_sim::{
    Alternatives, ClockProfile, CrashProfile, Duration, Label, LinkFaults, Role, StoreProfile,
};

const LOSS: Alternatives = Alternatives::new(&["arrives", "lost"]);

/// The way to the partner.
pub const PARTNER: LinkFaults = LinkFaults {
    request: Alternatives::delays(&["arrives", "lost", "refused", "8 s", "10 min"], (500, 600_000)),
    response: LOSS,
    outage: Alternatives::new(&["up", "30 s", "10 min", "30 min", "until healed"]),
    slowness: Alternatives::new(&["swift", "10 min"]),
    slow_by: Duration::from_secs(4),
};

/// From browsers to the edge.
pub const WEB: LinkFaults = LinkFaults { request: LOSS, response: LOSS, ..LinkFaults::NONE };

/// From browsers to the edge, for what only reads: a page that did not load is loaded again, so a loss here
/// shows nothing that a loss of a later one does not.
pub const READS: LinkFaults = LinkFaults::NONE;

/// From the edge to the API, in one data centre: what fails there is the API itself.
pub const INSIDE: LinkFaults = LinkFaults::NONE;

/// From the partner to the API.
pub const CALLBACKS: LinkFaults = LinkFaults { request: LOSS, response: LOSS, ..LinkFaults::NONE };

/// The database.
pub const STORE: StoreProfile = StoreProfile {
    commit: Duration::from_millis(5),
    lock_timeout: Duration::from_secs(1),
    commit_faults: Alternatives::new(&["commits", "fails", "answer lost"]),
    notice: Alternatives::new(&["at once", "2 min"]),
    ..StoreProfile::CALM
};

/// Nodes' own clocks. The design judges nothing by them, so nothing of this is ever drawn for it.
pub const CLOCKS: ClockProfile = ClockProfile {
    setting: Alternatives::new(&["right", "5 min ahead", "5 min behind"]),
    jump: Alternatives::new(&["runs on", "25 h ahead", "25 h behind"]),
};

const LATE_RESTART: Alternatives = Alternatives::new(&["soon", "60 s"]);
const RESTART: Duration = Duration::from_secs(5);

/// A node of the API.
pub const API: Role = Role {
    clock: &CLOCKS,
    ..Role::new(
        Label::new("api"),
        &CrashProfile {
            before: Alternatives::new(&["goes on", "vanish", "stop", "pause 90 s"]),
            after: Alternatives::new(&["goes on", "vanish"]),
            restart: RESTART,
            late_restart: LATE_RESTART,
        },
    )
};

/// A worker.
pub const WORKER: Role = Role {
    clock: &CLOCKS,
    ..Role::new(
        Label::new("worker"),
        &CrashProfile {
            before: Alternatives::new(&["goes on", "vanish", "stop", "pause 90 s", "pause 10 min"]),
            after: Alternatives::new(&["goes on", "vanish", "pause 90 s"]),
            restart: RESTART,
            late_restart: LATE_RESTART,
        },
    )
};

/// The node that reads the partner's statement.
pub const SYNC: Role = Role {
    clock: &CLOCKS,
    ..Role::new(
        Label::new("sync"),
        &CrashProfile {
            before: Alternatives::new(&["goes on", "vanish"]),
            after: Alternatives::new(&["goes on", "vanish"]),
            restart: RESTART,
            late_restart: LATE_RESTART,
        },
    )
};
