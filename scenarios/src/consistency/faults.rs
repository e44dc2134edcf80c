//! What may go wrong in the consistency scenario; the benign alternative first everywhere.

use shakedown_sim::{
    Alternatives, CrashProfile, Duration, Label, QueueFaults, QueueProfile, Role, StoreProfile,
};

/// The database. It has an outbox: whoever sits in a transaction holds up the relay, and is thrown out.
pub const STORE: StoreProfile = StoreProfile {
    commit_faults: Alternatives::new(&["commits", "fails", "answer lost", "late 500 ms"]),
    idle_in_transaction: Duration::from_secs(1),
    ..crate::booking::faults::STORE
};

/// The queue to a subscriber: messages come late, twice and again.
pub const QUEUE: QueueProfile = QueueProfile {
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

const RESTART: Duration = Duration::from_secs(5);
const LATE_RESTART: Alternatives = Alternatives::new(&["soon", "60 s"]);

const FRAIL: CrashProfile = CrashProfile {
    before: Alternatives::new(&["goes on", "vanish", "pause 90 s"]),
    after: Alternatives::new(&["goes on", "vanish"]),
    restart: RESTART,
    late_restart: LATE_RESTART,
};

const fn role(name: &'static str) -> Role {
    Role::new(Label::new(name), &FRAIL)
}

/// A node of the API.
pub const API: Role = role("api");
/// A worker.
pub const WORKER: Role = role("worker");
/// The node that tells what the outbox holds.
pub const RELAY: Role = role("relay");
/// The node that keeps the list.
pub const PROJECTOR: Role = role("projector");
