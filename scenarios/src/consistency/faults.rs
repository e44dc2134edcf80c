//! The possible faults of the consistency scenario; the benign alternative is always first.

use shakedown_sim::{
    CommitFault, CrashFault, CrashProfile, DeliveryFault, Duration, Episode, Label, QueueFaults,
    QueueProfile, Role, SendFault, SettleFault, StoreProfile,
};

/// The database. It has an outbox: a client that stays in a transaction delays the relay, so its session is ended.
pub const STORE: StoreProfile = StoreProfile {
    commit_faults: &[
        CommitFault::Fails,
        CommitFault::ResponseLost,
        CommitFault::Late(Duration::from_millis(500)),
    ],
    idle_in_transaction: Duration::from_secs(1),
    ..crate::booking::faults::STORE
};

/// The queue to a subscriber: messages arrive late, twice and repeatedly.
pub const QUEUE: QueueProfile = QueueProfile {
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

const RESTART: Duration = Duration::from_secs(5);
const LATE_RESTART: &[Duration] = &[Duration::from_secs(60)];

const FRAIL: CrashProfile = CrashProfile {
    before: &[CrashFault::Crash, CrashFault::Pause(Duration::from_secs(90))],
    after: &[CrashFault::Crash],
    restart: RESTART,
    late_restart: LATE_RESTART,
    ..CrashProfile::NEVER
};

const fn role(name: &'static str) -> Role {
    Role::new(Label::new(name), &FRAIL)
}

/// A node of the API.
pub const API: Role = role("api");
/// A worker.
pub const WORKER: Role = role("worker");
/// The node that publishes the events of the outbox.
pub const RELAY: Role = role("relay");
/// A node that maintains the list.
pub const PROJECTOR: Role = role("projector");
/// The machine on which an operator rebuilds the list.
pub const OPERATOR: Role = role("operator");
