//! What parent and child tell each other: a JSON value a line.

use super::fatal_run::FatalRun;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shakedown_sim::search::{Campaign, FailingRun, Tally};
use shakedown_sim::{Profile, Step, Violation};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::ops::Range;

/// How a child makes its runs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) enum Attempt {
    /// On all threads, without a word about single runs.
    #[default]
    Normal,
    /// On one thread; each run is announced.
    Careful,
    /// As careful; of the run with this name the steps are streamed, too.
    Watching(String),
}

/// What the parent says.
#[derive(Serialize, Deserialize)]
pub(crate) enum ToChild {
    /// The first message.
    Begin(Begin),
    /// The user interrupts.
    Stop,
}

/// What a child must know before it begins.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Begin {
    pub(crate) attempt: Attempt,
    /// Runs that must not be made, as they end the process.
    pub(crate) fatal: Vec<FatalRun>,
    /// How far campaigns had come, by their names.
    pub(crate) campaigns: BTreeMap<String, CampaignState>,
    /// The results of a test's rehearsals, in order: they are not searched again.
    pub(crate) results: Vec<serde_json::Value>,
    /// Whether a run has blocked a process of this command, so that the next is noticed sooner.
    pub(crate) was_blocked: bool,
    /// Whether the parent takes what the child prints as errors: notes are then messages.
    pub(crate) is_heard: bool,
    /// Whether the user has interrupted already.
    pub(crate) stopped: bool,
}

/// What the child says.
#[derive(Serialize, Deserialize)]
pub(crate) enum ToParent {
    /// A run begins.
    Running { key: String, subject: String },
    /// Its script without deviations.
    Happy(String),
    /// One of its steps.
    Step(usize, Box<Step>),
    /// The run is over.
    Over,
    /// A run takes more than this many milliseconds: the process ends now.
    Blocked(u64),
    /// A thread that the code under test has started panicked with this message: the process ends now.
    ThreadPanicked(String),
    /// A line for the user.
    Note(String),
    /// How far a campaign has come.
    Campaign(String, CampaignState),
    /// The work is done, with this exit code.
    Done(u8),
    /// A rehearsal begins this search.
    Searching(String),
    /// The result of the search.
    Searched(serde_json::Value),
    /// What was found is shrunk and explained.
    Explained,
}

/// Writes a message.
pub(crate) fn write(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// Reads a message; none at the end of the stream, or if the other side does not speak this language.
pub(crate) fn read<T: DeserializeOwned>(from: &mut impl BufRead) -> Option<T> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line).ok()?;
    serde_json::from_slice(&line).ok()
}

/// How far a campaign has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CampaignState {
    seeds: Range<u64>,
    tally: Tally,
    failing: Vec<FailingState>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct FailingState {
    seed: u64,
    script: Option<String>,
    violations: Vec<Violation>,
    so_far: Tally,
}

impl CampaignState {
    /// Takes what a campaign has come to.
    pub(crate) fn of(campaign: &Campaign) -> Self {
        let failing = campaign.failing.iter().map(|run| FailingState {
            seed: run.seed,
            script: run.script.as_ref().map(ToString::to_string),
            violations: run.violations.clone(),
            so_far: run.so_far.clone(),
        });
        let (seeds, tally) = (campaign.seeds.clone(), campaign.tally.clone());
        Self { seeds, tally, failing: failing.collect() }
    }

    /// Makes it a campaign again.
    pub(crate) fn campaign(&self, profile: Profile) -> Campaign {
        let failing = self.failing.iter().map(|run| FailingRun {
            seed: run.seed,
            script: run.script.as_ref().and_then(|script| script.parse().ok()),
            violations: run.violations.clone(),
            so_far: run.so_far.clone(),
        });
        let (seeds, tally) = (self.seeds.clone(), self.tally.clone());
        Campaign { seeds, profile, tally, failing: failing.collect() }
    }
}
