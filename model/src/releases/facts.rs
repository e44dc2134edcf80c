//! Facts of machines and rollouts.

use super::machine::{Build, Machine, Tier};
use super::rollout::{Phase, Rollout, Why};
use serde::Serialize;

/// A fact about machines and rollouts.
#[derive(Clone, Debug, Serialize)]
pub enum ReleaseFact {
    /// A machine runs another build, or has started again.
    Runs {
        /// The machine.
        machine: u32,
        /// Its tier.
        tier: Tier,
        /// Its build; `None` if it was stopped.
        build: Option<Build>,
    },
    /// The process of a machine has exited, because its build is below the fence.
    Refused {
        /// The machine.
        machine: u32,
        /// The build that is installed on it.
        build: Build,
    },
    /// Pages of another build are served.
    Pages {
        /// The build.
        build: Build,
    },
    /// A rollout changed.
    Rollout {
        /// The rollout before; `None` if it is new.
        before: Option<Rollout>,
        /// The rollout after.
        after: Rollout,
    },
}

impl ReleaseFact {
    /// Returns the fact that this build runs on a machine from now on.
    pub(crate) fn runs(machine: &Machine, build: Option<Build>) -> Self {
        ReleaseFact::Runs { machine: machine.number, tier: machine.tier, build }
    }

    pub(crate) fn is_routine(&self) -> bool {
        matches!(self, ReleaseFact::Runs { .. })
    }

    pub(crate) fn sentence(&self) -> String {
        match self {
            ReleaseFact::Runs { machine, tier, build } => {
                let tier = if *tier == Tier::Api { "of the API" } else { "for workers" };
                match build {
                    Some(build) => format!("runs {} on machine {machine} {tier}", name(build)),
                    None => format!("stops machine {machine} {tier}"),
                }
            }
            ReleaseFact::Refused { machine, build } => {
                format!("exits on machine {machine}: {} is below the fence", build.code)
            }
            ReleaseFact::Pages { build } => format!("serves pages of {}", name(build)),
            ReleaseFact::Rollout { after, .. } => {
                format!(
                    "records the roll-out of {} after {}: {}",
                    name(&after.to),
                    after.from.code,
                    phase(after.phase)
                )
            }
        }
    }
}

fn name(build: &Build) -> String {
    let fault = if build.defect.is_some() { " (which rejects orders)" } else { "" };
    format!("{}{fault}", build.code)
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Preparing => "being prepared",
        Phase::Canary => "on one machine of each tier",
        Phase::Baking { .. } => "watched",
        Phase::Rolling => "being rolled to all machines",
        Phase::Finishing { .. } => "being completed",
        Phase::Done => "done",
        Phase::Withdrawing(why) | Phase::Withdrawn(why) => match why {
            Why::Recalled => "recalled",
            Why::Unreadable => "withdrawn, because something could not be read",
            Why::Results => "withdrawn for its results",
            Why::NoNews => "withdrawn, because no telemetry came",
        },
    }
}
