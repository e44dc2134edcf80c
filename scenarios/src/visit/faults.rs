//! What may go wrong in the visit scenario; the benign alternative first everywhere.

use crate::booking::faults::CLOCKS;
use shakedown_sim::{Alternatives, CrashProfile, Duration, Label, LinkFaults, Role, StoreProfile};

const LOSS: Alternatives = Alternatives::new(&["arrives", "lost"]);

/// From an operator's screen to the edge.
pub const WEB: LinkFaults = LinkFaults { request: LOSS, response: LOSS, ..LinkFaults::NONE };

/// From a screen to the edge, for what only reads: a page that did not load is loaded again.
pub const READS: LinkFaults = LinkFaults::NONE;

/// From a clinic to the edge. Its rows are late and doubled where it sends them.
pub const FEED: LinkFaults = LinkFaults { response: LOSS, ..LinkFaults::NONE };

/// From the edge to the API, in one data centre: what fails there is the API itself.
pub const INSIDE: LinkFaults = LinkFaults::NONE;

/// The way to the renderer.
pub const RENDERER: LinkFaults = LinkFaults {
    response: LOSS,
    outage: Alternatives::new(&["up", "30 s", "30 min"]),
    slowness: Alternatives::new(&["swift", "10 min"]),
    slow_by: Duration::from_secs(4),
    ..LinkFaults::NONE
};

/// The way to the document store.
pub const DOCUMENTS: LinkFaults = LinkFaults {
    request: LOSS,
    response: LOSS,
    outage: Alternatives::new(&["up", "30 min"]),
    ..LinkFaults::NONE
};

/// The way to the mail provider; the rest of what may happen to mail is rehearsed by `notifications`.
pub const MAIL: LinkFaults =
    LinkFaults { response: LOSS, outage: Alternatives::new(&["up", "30 min"]), ..LinkFaults::NONE };

/// The database.
pub const STORE: StoreProfile = StoreProfile {
    commit: Duration::from_millis(5),
    lock_timeout: Duration::from_secs(1),
    commit_faults: Alternatives::new(&["commits", "fails", "answer lost"]),
    notice: Alternatives::new(&["at once", "2 min"]),
    ..StoreProfile::CALM
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

/// The node that closes the day.
pub const CLOSE: Role = Role {
    clock: &CLOCKS,
    ..Role::new(
        Label::new("close"),
        &CrashProfile {
            before: Alternatives::new(&["goes on", "vanish", "pause 90 s"]),
            after: Alternatives::new(&["goes on", "vanish"]),
            restart: RESTART,
            late_restart: LATE_RESTART,
        },
    )
};
