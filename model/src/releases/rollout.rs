//! A roll-out: as it is kept, what it has to get along with, and what is seen of it.

use super::machine::Build;
use super::telemetry::Counts;
use serde::Serialize;
use shakedown_sim::{Duration, Moment, Row};

/// Which release is to follow which.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// The number of the release that runs.
    pub from: u32,
    /// The number of the one that is to run.
    pub to: u32,
    /// Whether that one runs already, and the column that it no longer needs is to be dropped.
    pub drops: bool,
}

/// How far a roll-out has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Phase {
    /// What the new release stands on is seen to.
    Preparing,
    /// One machine of each tier gets the new build.
    Canary,
    /// These are watched.
    Baking {
        /// Since then.
        since: Moment,
    },
    /// The other machines get it.
    Rolling,
    /// What can only be done once it runs everywhere.
    Finishing {
        /// Since then.
        since: Moment,
    },
    /// It runs everywhere.
    Done,
    /// The former build goes back to every machine.
    Withdrawing(Why),
    /// The former build runs everywhere.
    Withdrawn(Why),
}

/// Why a release was withdrawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Why {
    /// A person recalled it.
    Recalled,
    /// Something could not be read.
    Unreadable,
    /// It turns down more than the former one.
    Results,
    /// Nothing was heard of it.
    NoNews,
}

/// The roll-out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Rollout {
    /// What ran before.
    pub from: Build,
    /// What is to run.
    pub to: Build,
    /// How many forms of that release were turned away before this one.
    pub turned_away: u32,
    /// How far it has come.
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
    /// Whether it is over, or on its way back.
    pub fn is_withdrawn(&self) -> bool {
        matches!(self.phase, Phase::Withdrawing(_) | Phase::Withdrawn(_))
    }
}

/// Texts that rest somewhere.
#[derive(Clone, Default, Debug)]
pub struct Resting {
    /// Rows.
    pub rows: Vec<String>,
    /// Messages of jobs that are not over, dead letters among them.
    pub messages: Vec<String>,
}

/// What is known of a release that is being watched.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// For how long it has been watched.
    pub baked: Duration,
    /// For how long nothing was heard.
    pub silent: Duration,
    /// What the former release did.
    pub old: Counts,
    /// What it did, orders that a probe made up among it.
    pub new: Counts,
}

/// What to do about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Watch on.
    Wait,
    /// Too little is known: have its nodes work orders that are made up.
    Probe,
    /// It goes to the other nodes.
    GoOn,
    /// It is withdrawn.
    Halt(Why),
}
