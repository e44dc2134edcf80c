//! The possible faults of the visit scenario; the benign alternative is always first.

use crate::booking::faults::CLOCKS;
use shakedown_sim::{
    CommitFault, CrashFault, CrashProfile, Duration, Episode, Label, LinkFault, LinkFaults, Role,
    StoreProfile,
};

/// From an operator's screen to the edge.
pub const WEB: LinkFaults = LinkFaults::LOSSY;

/// From a screen to the edge, for reads: a page that did not load is loaded again.
pub const READS: LinkFaults = LinkFaults::NONE;

/// From a clinic to the edge. Late and duplicated rows are drawn where the clinic sends them.
pub const FEED: LinkFaults = LinkFaults { response: &[LinkFault::Lost], ..LinkFaults::NONE };

/// From the edge to the API, in one data centre: the API itself fails, not the link.
pub const INSIDE: LinkFaults = LinkFaults::NONE;

/// From workers to the renderer.
pub const RENDERER: LinkFaults = LinkFaults {
    response: &[LinkFault::Lost],
    outage: &[Episode::For(Duration::from_secs(30)), Episode::For(Duration::from_secs(1_800))],
    slowness: &[Episode::For(Duration::from_secs(600))],
    slow_by: Duration::from_secs(4),
    ..LinkFaults::NONE
};

/// From workers to the document store.
pub const DOCUMENTS: LinkFaults = LinkFaults {
    request: &[LinkFault::Lost],
    response: &[LinkFault::Lost],
    outage: &[Episode::For(Duration::from_secs(1_800))],
    ..LinkFaults::NONE
};

/// From mailers to the mail provider; the other faults of mail are rehearsed by `notifications`.
pub const MAIL: LinkFaults = LinkFaults {
    response: &[LinkFault::Lost],
    outage: &[Episode::For(Duration::from_secs(1_800))],
    ..LinkFaults::NONE
};

/// The database.
pub const STORE: StoreProfile = StoreProfile {
    commit: Duration::from_millis(5),
    lock_timeout: Duration::from_secs(1),
    commit_faults: &[CommitFault::Fails, CommitFault::ResponseLost],
    notice: &[Duration::from_secs(120)],
    ..StoreProfile::CALM
};

const LATE_RESTART: &[Duration] = &[Duration::from_secs(60)];
const RESTART: Duration = Duration::from_secs(5);

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

/// The node that closes the day.
pub const CLOSE: Role = Role {
    clock: &CLOCKS,
    ..Role::new(
        Label::new("close"),
        &CrashProfile {
            before: &[CrashFault::Crash, CrashFault::Pause(Duration::from_secs(90))],
            after: &[CrashFault::Crash],
            restart: RESTART,
            late_restart: LATE_RESTART,
            ..CrashProfile::NEVER
        },
    )
};
