//! What may go wrong in the notifications scenario; the benign alternative first everywhere.

use shakedown_sim::{Alternatives, CrashProfile, Duration, Label, LinkFaults, Role, StoreProfile};

const LOSS: Alternatives = Alternatives::new(&["arrives", "lost"]);

/// The way to the mail provider.
pub const MAIL: LinkFaults = LinkFaults {
    request: Alternatives::delays(&["arrives", "lost", "refused", "8 s", "10 min"], (500, 600_000)),
    response: LOSS,
    outage: Alternatives::new(&["up", "30 s", "10 min", "30 min"]),
    slowness: Alternatives::new(&["swift", "10 min"]),
    slow_by: Duration::from_secs(4),
};

/// From the mail provider to us.
pub const NEWS: LinkFaults = LinkFaults { request: LOSS, response: LOSS, ..LinkFaults::NONE };

/// The database.
pub const STORE: StoreProfile = StoreProfile {
    commit: Duration::from_millis(5),
    lock_timeout: Duration::from_secs(1),
    commit_faults: Alternatives::new(&["commits", "fails", "answer lost"]),
    notice: Alternatives::new(&["at once", "2 min"]),
    ..StoreProfile::CALM
};

const RESTART: Duration = Duration::from_secs(5);
const LATE_RESTART: Alternatives = Alternatives::new(&["soon", "60 s"]);
const CRASHES: Alternatives = Alternatives::new(&["goes on", "vanish"]);

/// Nodes of the booking flow vanish at most: the rest is rehearsed where booking is.
const CRASHING: CrashProfile =
    CrashProfile { before: CRASHES, after: CRASHES, restart: RESTART, late_restart: LATE_RESTART };

/// A node of the API, which also takes the provider's news.
pub const API: Role = Role::new(Label::new("api"), &CRASHING);

/// A worker of the booking flow.
pub const WORKER: Role = Role::new(Label::new("worker"), &CRASHING);

/// A mailer.
pub const MAILER: Role = Role::new(
    Label::new("mailer"),
    &CrashProfile {
        before: Alternatives::new(&["goes on", "vanish", "stop", "pause 90 s", "pause 10 min"]),
        after: Alternatives::new(&["goes on", "vanish", "pause 90 s"]),
        ..CRASHING
    },
);
