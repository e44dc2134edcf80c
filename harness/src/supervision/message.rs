//! The messages between parent and child: one JSON value per line.

use super::fatal_run::FatalRun;
use crate::checkpoint::Part;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shakedown_sim::search::{Campaign, FailingRun, Tally};
use shakedown_sim::{Profile, SitesMet, Step, Violation};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::ops::Range;

/// How a child makes its runs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) enum Attempt {
    /// On all threads, without messages about single runs.
    #[default]
    Normal,
    /// On one thread; each run is announced.
    Careful,
    /// Like `Careful`; the steps of the run with this name are streamed, too.
    Watching(String),
}

/// The messages from the parent.
#[derive(Serialize, Deserialize)]
pub(crate) enum ToChild {
    /// The first message.
    Begin(Begin),
    /// The user has sent an interrupt.
    Stop,
}

/// The information that a child needs before it begins.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Begin {
    pub(crate) attempt: Attempt,
    /// Runs that must not be made because they end the process.
    pub(crate) fatal: Vec<FatalRun>,
    /// The progress of earlier campaigns, by name.
    pub(crate) campaigns: BTreeMap<String, CampaignState>,
    /// The parts of exhaustive searches that earlier processes ran, by the search.
    pub(crate) parts: BTreeMap<String, Vec<Part>>,
    /// The results of a test's rehearsals, in order. They are not searched for again.
    pub(crate) results: Vec<serde_json::Value>,
    /// Whether a run has blocked a process of this command. If so, the next blocked run is detected sooner.
    pub(crate) was_blocked: bool,
    /// Whether the parent captures the child's stderr. If so, notes are sent as messages.
    pub(crate) forwards_notes: bool,
    /// Whether the user has already sent an interrupt.
    pub(crate) stopped: bool,
}

/// The messages from the child.
#[derive(Serialize, Deserialize)]
pub(crate) enum ToParent {
    /// A run begins.
    Running { key: String, subject: String },
    /// The run's script without deviations.
    Happy(String),
    /// A step of the run.
    Step(usize, Box<Step>),
    /// The run has ended.
    Over,
    /// A run takes longer than this many milliseconds; the process ends now.
    Blocked(u64),
    /// A thread that the code under test started has panicked with this message; the process ends now.
    ThreadPanicked(String),
    /// A line for the user.
    Note(String),
    /// The progress of a campaign.
    Campaign(String, CampaignState),
    /// Further parts of the last layer of an exhaustive search.
    Parts(String, Vec<Part>),
    /// A search ended before its last run: with more threads, runs beyond its end may have been made.
    EndedEarly,
    /// The work is done, with this exit code.
    Done(u8),
    /// A rehearsal begins this search.
    Searching(String),
    /// The result of the search.
    Searched(serde_json::Value),
    /// The failure of the last search has been shrunk and explained.
    Explained,
}

/// Writes a message.
pub(crate) fn write(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// Reads a message. Returns `None` at the end of the stream or if the line is not a valid message.
pub(crate) fn read<T: DeserializeOwned>(from: &mut impl BufRead) -> Option<T> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line).ok()?;
    serde_json::from_slice(&line).ok()
}

/// The progress of a campaign.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CampaignState {
    seeds: Range<u64>,
    tally: Tally,
    failing: Vec<FailingState>,
    sites: SitesMet,
    /// For each round of a guided campaign, the runs that discovered something.
    rounds: Vec<Vec<u64>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct FailingState {
    seed: u64,
    script: Option<String>,
    violations: Vec<Violation>,
    so_far: Tally,
}

impl CampaignState {
    /// Copies the progress of a campaign, which has learned from these rounds if it is guided.
    pub(crate) fn of(campaign: &Campaign, rounds: &[Vec<u64>]) -> Self {
        let failing = campaign.failing.iter().map(|run| FailingState {
            seed: run.seed,
            script: run.script.as_ref().map(ToString::to_string),
            violations: run.violations.clone(),
            so_far: run.so_far.clone(),
        });
        let (seeds, tally) = (campaign.seeds.clone(), campaign.tally.clone());
        let (sites, rounds) = (campaign.sites.clone(), rounds.to_vec());
        Self { seeds, tally, failing: failing.collect(), sites, rounds }
    }

    /// Restores the campaign.
    pub(crate) fn campaign(&self, profile: Profile) -> Campaign {
        let failing = self.failing.iter().map(|run| FailingRun {
            seed: run.seed,
            script: run.script.as_ref().and_then(|script| script.parse().ok()),
            violations: run.violations.clone(),
            so_far: run.so_far.clone(),
        });
        let (seeds, tally, sites) = (self.seeds.clone(), self.tally.clone(), self.sites.clone());
        Campaign { seeds, profile, tally, failing: failing.collect(), sites }
    }

    /// Returns, for each round of a guided campaign, the runs that discovered something.
    pub(crate) fn rounds(&self) -> &[Vec<u64>] {
        &self.rounds
    }
}
