//! The possible faults of the booking scenario; the benign alternative is always first.

use shakedown_sim::{
    ClockFault, ClockProfile, CommitFault, CrashFault, CrashProfile, DelayRange, Duration, Episode, Label,
    LinkFault, LinkFaults, Role, StoreProfile,
};

/// From workers to the partner.
pub const PARTNER: LinkFaults = LinkFaults {
    request: &[
        LinkFault::Lost,
        LinkFault::Refused,
        LinkFault::Late(Duration::from_secs(8)),
        LinkFault::Late(Duration::from_secs(600)),
    ],
    request_range: DelayRange::ms(500, 600_000),
    response: &[LinkFault::Lost],
    outage: &[
        Episode::For(Duration::from_secs(30)),
        Episode::For(Duration::from_secs(600)),
        Episode::For(Duration::from_secs(1_800)),
        Episode::UntilHealed,
    ],
    slowness: &[Episode::For(Duration::from_secs(600))],
    slow_by: Duration::from_secs(4),
    ..LinkFaults::NONE
};

/// From browsers to the edge.
pub const WEB: LinkFaults = LinkFaults::LOSSY;

/// From browsers to the edge, for reads: a page that did not load is loaded again, so losing one shows nothing that
/// losing a later one does not.
pub const READS: LinkFaults = LinkFaults::NONE;

/// From the edge to the API, in one data centre: the API itself fails, not the link.
pub const INSIDE: LinkFaults = LinkFaults::NONE;

/// From the partner to the API.
pub const CALLBACKS: LinkFaults = LinkFaults::LOSSY;

/// The database.
pub const STORE: StoreProfile = StoreProfile {
    commit: Duration::from_millis(5),
    lock_timeout: Duration::from_secs(1),
    commit_faults: &[CommitFault::Fails, CommitFault::ResponseLost],
    notice: &[Duration::from_secs(120)],
    ..StoreProfile::CALM
};

/// The nodes' own clocks. The design makes no decision by them, so their faults are never drawn for it.
pub const CLOCKS: ClockProfile = ClockProfile {
    setting: &[ClockFault::Ahead(Duration::from_secs(300)), ClockFault::Behind(Duration::from_secs(300))],
    jump: &[ClockFault::Ahead(Duration::from_secs(90_000)), ClockFault::Behind(Duration::from_secs(90_000))],
};

/// The longest time until a crashed node restarts.
pub(crate) const LATE_RESTART: &[Duration] = &[Duration::from_secs(60)];
/// The usual time until a crashed node restarts.
pub(crate) const RESTART: Duration = Duration::from_secs(5);

/// A node of the API.
pub const API: Role = Role {
    clock: &CLOCKS,
    ..Role::new(
        Label::new("api"),
        &CrashProfile {
            before: &[CrashFault::Crash, CrashFault::ShutDown, CrashFault::Pause(Duration::from_secs(90))],
            after: &[CrashFault::Crash],
            restart: RESTART,
            late_restart: LATE_RESTART,
            ..CrashProfile::NEVER
        },
    )
};

/// A worker.
pub const WORKER: Role = Role {
    clock: &CLOCKS,
    ..Role::new(
        Label::new("worker"),
        &CrashProfile {
            before: &[
                CrashFault::Crash,
                CrashFault::ShutDown,
                CrashFault::Pause(Duration::from_secs(90)),
                CrashFault::Pause(Duration::from_secs(600)),
            ],
            after: &[CrashFault::Crash, CrashFault::Pause(Duration::from_secs(90))],
            restart: RESTART,
            late_restart: LATE_RESTART,
            ..CrashProfile::NEVER
        },
    )
};

/// The node that reads the partner's statement.
pub const SYNC: Role = Role {
    clock: &CLOCKS,
    ..Role::new(
        Label::new("sync"),
        &CrashProfile {
            before: &[CrashFault::Crash],
            after: &[CrashFault::Crash],
            restart: RESTART,
            late_restart: LATE_RESTART,
            ..CrashProfile::NEVER
        },
    )
};
