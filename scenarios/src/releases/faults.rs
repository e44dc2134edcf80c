//! The possible faults of the releases scenario; the benign alternative is always first. The host's delays, the
//! quality of a release, the fate of telemetry and the supervisor's decisions are drawn in their fakes. Our own tiers
//! fail as in booking.

pub use crate::booking::faults::{API, STORE, WORKER};
use shakedown_sim::{Alternatives, CrashFault, CrashProfile, Duration, Label, LinkFaults, Role, Site};

/// From workers to the partner.
pub const PARTNER: LinkFaults = LinkFaults::LOSSY;

/// From browsers to the load balancer.
pub const WEB: LinkFaults = LinkFaults::LOSSY;

/// The node that moves a rollout from phase to phase.
pub const MANAGER: Role = Role {
    single: true,
    ..Role::new(
        Label::new("manager"),
        &CrashProfile {
            before: &[CrashFault::Crash, CrashFault::Pause(Duration::from_secs(600))],
            after: &[CrashFault::Crash],
            restart: Duration::from_secs(5),
            late_restart: &[Duration::from_secs(60)],
            ..CrashProfile::NEVER
        },
    )
};

/// The time at which the second guest orders.
pub const MOMENT: Site = Site::new(Label::new("guest"), Label::new("orders"));
/// At night, or while nodes of two releases run.
pub const MOMENTS: Alternatives =
    Alternatives::new(&["when all is quiet", "while nodes are replaced", "while the release is watched"]);
