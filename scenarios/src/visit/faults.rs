//! The possible faults of the visit scenario. The platform itself has the faults of `booking`.

pub use crate::booking::faults::{API, INSIDE, READS, STORE, WEB, WORKER};
use crate::booking::faults::{CLOCKS, LATE_RESTART, RESTART};
use shakedown_sim::{CrashFault, CrashProfile, Duration, Episode, Label, LinkFault, LinkFaults, Role};

/// From a clinic to the edge. Late and duplicated rows are drawn where the clinic sends them.
pub const FEED: LinkFaults = LinkFaults { response: &[LinkFault::Lost], ..LinkFaults::NONE };

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

/// The node that closes the day.
pub const CLOSE: Role = Role { clock: &CLOCKS, ..Role::new(Label::new("close"), &OF_JOBS) };

/// The node that reminds patients.
pub const REMINDER: Role = Role { clock: &CLOCKS, ..Role::new(Label::new("reminder"), &OF_JOBS) };

/// How nodes fail that run one job.
const OF_JOBS: CrashProfile = CrashProfile {
    before: &[CrashFault::Crash, CrashFault::Pause(Duration::from_secs(90))],
    after: &[CrashFault::Crash],
    restart: RESTART,
    late_restart: LATE_RESTART,
    ..CrashProfile::NEVER
};
