//! The possible faults of the notifications scenario; the benign alternative is always first.

use shakedown_sim::{
    CommitFault, CrashFault, CrashProfile, DelayRange, Duration, Episode, Label, LinkFault, LinkFaults, Role,
    StoreProfile,
};

/// From mailers to the mail provider.
pub const MAIL: LinkFaults = LinkFaults {
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
    ],
    slowness: &[Episode::For(Duration::from_secs(600))],
    slow_by: Duration::from_secs(4),
    ..LinkFaults::NONE
};

/// From the mail provider to us.
pub const NEWS: LinkFaults = LinkFaults::LOSSY;

/// The database.
pub const STORE: StoreProfile = StoreProfile {
    commit: Duration::from_millis(5),
    lock_timeout: Duration::from_secs(1),
    commit_faults: &[CommitFault::Fails, CommitFault::ResponseLost],
    notice: &[Duration::from_secs(120)],
    ..StoreProfile::CALM
};

const RESTART: Duration = Duration::from_secs(5);
const LATE_RESTART: &[Duration] = &[Duration::from_secs(60)];
const CRASHES: &[CrashFault] = &[CrashFault::Crash];

/// Nodes of the booking flow only crash: their other faults are rehearsed by `booking`.
const CRASHING: CrashProfile = CrashProfile {
    before: CRASHES,
    after: CRASHES,
    restart: RESTART,
    late_restart: LATE_RESTART,
    ..CrashProfile::NEVER
};

/// A node of the API, which also receives the provider's reports.
pub const API: Role = Role::new(Label::new("api"), &CRASHING);

/// A worker of the booking flow.
pub const WORKER: Role = Role::new(Label::new("worker"), &CRASHING);

/// A mailer.
pub const MAILER: Role = Role::new(
    Label::new("mailer"),
    &CrashProfile {
        before: &[
            CrashFault::Crash,
            CrashFault::ShutDown,
            CrashFault::Pause(Duration::from_secs(90)),
            CrashFault::Pause(Duration::from_secs(600)),
        ],
        after: &[CrashFault::Crash, CrashFault::Pause(Duration::from_secs(90))],
        ..CRASHING
    },
);
