//! What runs where, and how far a roll-out has come.

use super::machine::{Build, Machine, Tier};
use super::rollout::{Phase, Rollout, Why};
use serde::Serialize;

/// A fact of machines and roll-outs.
#[derive(Clone, Debug, Serialize)]
pub enum ReleaseFact {
    /// A machine runs another build, or has started again.
    Runs {
        /// Which machine.
        machine: u32,
        /// What it is there for.
        tier: Tier,
        /// What runs on it; none if it was stopped.
        build: Option<Build>,
    },
    /// The process of a machine has ended, since its build is below the fence.
    Refused {
        /// Which machine.
        machine: u32,
        /// What is installed on it.
        build: Build,
    },
    /// Other pages are handed out.
    Pages {
        /// Of this build.
        build: Build,
    },
    /// A roll-out has come further.
    Rollout {
        /// As it was; none if it is new.
        before: Option<Rollout>,
        /// As it is.
        after: Rollout,
    },
}

impl ReleaseFact {
    /// That this runs on a machine from now on.
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
