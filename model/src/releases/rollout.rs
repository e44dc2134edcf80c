//! A rollout: its stored state, the stored data that it must read, and its observations.

use super::machine::Build;
use super::telemetry::Counts;
use serde::Serialize;
use shakedown_sim::{Duration, Moment, Row};

/// The releases before and after a rollout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// The number of the running release.
    pub from: u32,
    /// The number of the new release.
    pub to: u32,
    /// Whether the new release runs already, and the column that it no longer needs must be dropped.
    pub drops: bool,
}

/// The phase of a rollout.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Phase {
    /// The preconditions of the new release are established.
    Preparing,
    /// The new build is installed on one machine of each tier.
    Canary,
    /// These machines are observed.
    Baking {
        /// The beginning of the phase.
        since: Moment,
    },
    /// The new build is installed on the other machines.
    Rolling,
    /// The final steps, which require that it runs everywhere.
    Finishing {
        /// The beginning of the phase.
        since: Moment,
    },
    /// It runs everywhere.
    Done,
    /// The former build is installed on every machine again.
    Withdrawing(Why),
    /// The former build runs everywhere.
    Withdrawn(Why),
}

/// The reason why a release was withdrawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Why {
    /// A person recalled it.
    Recalled,
    /// A text could not be read.
    Unreadable,
    /// It rejects more orders than the former release.
    Results,
    /// Its telemetry is missing.
    NoNews,
}

/// A rollout.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Rollout {
    /// The build before.
    pub from: Build,
    /// The build after.
    pub to: Build,
    /// The number of variants of that release that were rejected before this one.
    pub turned_away: u32,
    /// Its phase.
    pub phase: Phase,
}

impl Row for Rollout {
    type Key = u32;
    const TABLE: &'static str = "rollouts";
    fn key(&self) -> u32 {
        self.to.number()
    }
}

impl Rollout {
    /// Returns whether it is withdrawn, or being withdrawn.
    pub fn is_withdrawn(&self) -> bool {
        matches!(self.phase, Phase::Withdrawing(_) | Phase::Withdrawn(_))
    }
}

/// Stored texts.
#[derive(Clone, Default, Debug)]
pub struct Resting {
    /// Rows.
    pub rows: Vec<String>,
    /// Messages of unfinished jobs, dead letters included.
    pub messages: Vec<String>,
}

/// The observations of a release.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// How long it has been observed.
    pub baked: Duration,
    /// How long its telemetry has been missing.
    pub silent: Duration,
    /// The counts of the former release.
    pub old: Counts,
    /// Its counts, including synthetic orders of probes.
    pub new: Counts,
}

/// The decision about a release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Continue to observe.
    Wait,
    /// There is too little data: process synthetic orders on its nodes.
    Probe,
    /// Continue the rollout to the other nodes.
    GoOn,
    /// Withdraw it.
    Halt(Why),
}
