//! What may go wrong in the caching scenario; the benign alternative first everywhere.

use shakedown_sim::{Alternatives, CrashProfile, Duration, Label, LinkFaults, Role, StoreProfile};

const LOSS: Alternatives = Alternatives::new(&["arrives", "lost"]);

/// The way to the cache.
pub const CACHE: LinkFaults = LinkFaults {
    request: LOSS,
    response: LOSS,
    outage: Alternatives::new(&["up", "30 s", "10 min"]),
    ..LinkFaults::NONE
};

/// From browsers to the edge, for what changes something.
pub const WEB: LinkFaults = LinkFaults { request: LOSS, response: LOSS, ..LinkFaults::NONE };

/// The database. It has an outbox: whoever sits in a transaction holds up the relay, and is thrown out.
pub const STORE: StoreProfile =
    StoreProfile { idle_in_transaction: Duration::from_secs(1), ..crate::booking::faults::STORE };

const RESTART: Duration = Duration::from_secs(5);
const LATE_RESTART: Alternatives = Alternatives::new(&["soon", "60 s"]);

/// A node of the API.
pub const API: Role = Role::new(
    Label::new("api"),
    &CrashProfile {
        before: Alternatives::new(&["goes on", "vanish", "stop", "pause 30 s", "pause 90 s"]),
        after: Alternatives::new(&["goes on", "vanish"]),
        restart: RESTART,
        late_restart: LATE_RESTART,
    },
);

/// The node that tells what the outbox holds.
pub const RELAY: Role = Role::new(
    Label::new("relay"),
    &CrashProfile {
        before: Alternatives::new(&["goes on", "vanish", "pause 90 s"]),
        after: Alternatives::new(&["goes on", "vanish"]),
        restart: RESTART,
        late_restart: LATE_RESTART,
    },
);
