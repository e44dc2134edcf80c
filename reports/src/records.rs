//! The finished records of runs and campaigns, from which every report is made.

use crate::commands::Program;
use crate::comparison::{Comparison, compare};
use shakedown_sim::judge::PROCESS_SURVIVES;
use shakedown_sim::search::Failure;
use shakedown_sim::{Digest, Duration, Script, Trace, Violation};
use std::ops::Range;

/// The verdict of a campaign, or of a single run, on its scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No invariant was violated, and the runs are sufficient evidence.
    Held,
    /// An invariant was violated.
    Violated,
    /// No invariant was violated, but the runs were too few, or missed a required state.
    Inconclusive,
}

/// The reason why a campaign ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// Every requested run was made.
    Complete,
    /// The allowed number of runs failed.
    MaxFail,
    /// The time budget is used up.
    Budget,
    /// The user interrupted it.
    Interrupted,
    /// Every run was made, but none had a choice that could deviate.
    Trivial,
    /// Every run was made, and most of the workload comes when faults are no longer possible.
    Undisturbed,
}

/// A rare state, and the number of runs that reached it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GoalTally {
    /// Its name.
    pub name: String,
    /// The number of runs that reached it.
    pub reached: u64,
    /// The number of runs from which on a campaign that misses it counts as a failure.
    pub need: u64,
}

/// How the search chose its runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Search {
    /// The fault-rate profile.
    pub profile: String,
    /// Whether runs were derived from earlier ones that reached something new. Such runs are not a random sample.
    pub guided: bool,
    /// Whether task order was drawn in some of them.
    pub task_order: bool,
}

impl Default for Search {
    fn default() -> Self {
        Self { profile: "mixed".to_owned(), guided: false, task_order: false }
    }
}

/// A design without one guardrail, which a campaign must catch.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Canary {
    /// The guardrail.
    pub name: String,
    /// Whether a run without it failed.
    pub caught: bool,
    /// The number of its runs.
    pub runs: u64,
}

/// One bug: a failure that represents all failures with its signature.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The failure, shrunk and explained.
    pub failure: Failure,
    /// The first seed that found it; `None` if a script found it.
    pub seed: Option<u64>,
    /// The number of runs that failed in this way.
    pub count: u64,
    /// The number of runs until it was found first.
    pub runs_to_find: u64,
    /// Whether replaying the shrunk script [`REPLAYS`] times in one process gave the same run and the same violation each
    /// time.
    pub replays_identical: bool,
    /// The path of its trace, as a user types it.
    pub trace: String,
    /// The context of the failure.
    pub context: FailureContext,
}

/// The context of a failure: the parameters of its run, and runs to compare it with.
#[derive(Clone, PartialEq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct FailureContext {
    /// The claim of the violated invariant.
    pub claim: String,
    /// The parameters of the run.
    pub settings: Vec<Setting>,
    /// The same script with each missing guardrail put back, one at a time.
    pub restored: Vec<RestoredGuardrail>,
    /// The nearest passing run; `None` if none is known.
    pub passing: Option<PassingRun>,
    /// The program that the reader runs.
    #[serde(skip)]
    pub program: Program,
}

/// The nearest passing run, compared with the failing one.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct PassingRun {
    /// Its script.
    #[serde(with = "crate::as_text")]
    pub script: Script,
    /// The shared rows of both runs, and the rows of each from the first difference on.
    pub comparison: Comparison,
}

impl PassingRun {
    /// Compares a passing run with a failure.
    pub fn of(failure: &Failure, run: &Trace) -> Self {
        Self { script: run.script.clone(), comparison: compare(&failure.trace, &failure.slice, run) }
    }
}

/// A parameter of a run with its value and its meaning.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Setting {
    /// Parameter and value as in a script's `variant` line: `partner=neither`.
    pub written: String,
    /// The meaning of the parameter.
    pub about: String,
}

/// A failing script, run again with one of the missing guardrails put back.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct RestoredGuardrail {
    /// The guardrail.
    pub guardrail: String,
    /// A description of the guardrail.
    pub about: String,
    /// The behaviour of the failing design instead.
    pub instead: String,
    /// The invariants that the run still violates; empty if it holds.
    #[serde(rename = "still_broken")]
    pub still_violated: Vec<String>,
    /// Whether the run met every choice at which the script deviates. If not, the guardrail removed such a choice.
    #[serde(rename = "met")]
    pub all_offered: bool,
    /// The facts that only this run has, from the first difference on: `partner creates reservation R1`.
    #[serde(rename = "otherwise")]
    pub facts_instead: Vec<String>,
}

/// One fact about a campaign.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Fact {
    /// A label of one or two words: `faults`.
    pub label: String,
    /// The sentence.
    pub text: String,
}

/// Returns whether the run of a violation ends its process. Such a run is made only under supervision, and not replayed.
pub fn is_fatal(violation: &Violation) -> bool {
    violation.invariant == PROCESS_SURVIVES.0 || violation.roles == "thread-panic"
}

/// The number of replays before a failure is reported.
pub const REPLAYS: usize = 3;

/// The result of a campaign or of one run of a scenario.
#[derive(Clone, Debug)]
pub struct CampaignResult {
    /// The scenario.
    pub scenario: String,
    /// The guardrails that were taken out.
    pub without: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why the campaign ended.
    pub end_reason: EndReason,
    /// The seeds of the runs that were made, which are fewer than requested if the campaign ended early; `None` if a script
    /// decided the run.
    pub seeds: Option<Range<u64>>,
    /// The number of runs.
    pub runs: u64,
    /// The number of failing runs.
    pub failing: u64,
    /// The digest over all runs, in order.
    pub digest: Digest,
    /// The virtual time, summed over the runs.
    pub simulated: Duration,
    /// The goals, in the scenario's order.
    pub goals: Vec<GoalTally>,
    /// For each parameter, the number of runs with each of its values.
    pub variants: Vec<(String, Vec<(String, u64)>)>,
    /// The names of all invariants.
    pub invariants: Vec<String>,
    /// One finding for each signature, in the order of their first runs.
    pub findings: Vec<Finding>,
    /// The recorded run, if there was only one and it holds.
    pub trace: Option<Trace>,
    /// How the search chose its runs.
    pub search: Search,
    /// The canaries that were run.
    pub canaries: Vec<Canary>,
    /// The build that made the runs: name and version.
    pub build: String,
    /// Further facts about the evidence behind the verdict, such as the time until which faults were possible.
    pub worth: Vec<Fact>,
    /// The scenario's assumptions.
    pub assumptions: Vec<String>,
}

impl CampaignResult {
    /// Returns the run that forms of a single run show: the first failing one, or the only one.
    pub fn shown(&self) -> Option<&Trace> {
        self.findings.first().map(|finding| &*finding.failure.trace).or(self.trace.as_ref())
    }
}

/// A scenario in a list.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ListedScenario {
    /// Its name.
    pub name: String,
    /// A description.
    pub about: String,
    /// The parameters of runs.
    pub parameters: Vec<ListedParameter>,
    /// The guardrails that can be taken out of the design.
    pub guardrails: Vec<ListedGuardrail>,
    /// The invariants.
    pub invariants: Vec<ListedInvariant>,
    /// The rare states that a campaign must reach.
    pub goals: Vec<ListedGoal>,
    /// The choice sites.
    pub sites: Vec<ListedSite>,
    /// The scenario's assumptions.
    pub assumptions: Vec<String>,
}

/// A parameter in a list.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ListedParameter {
    /// Its name.
    pub name: String,
    /// A description.
    pub about: String,
    /// Its values, the default first.
    pub values: Vec<String>,
    /// The values that make small worlds.
    pub small: Vec<String>,
}

/// A guardrail in a list.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ListedGuardrail {
    /// Its name, as a user types it.
    pub name: String,
    /// The part of the design that it belongs to.
    pub system: String,
    /// A description.
    pub about: String,
}

/// An invariant in a list.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ListedInvariant {
    /// Its name.
    pub name: String,
    /// What it verifies, and what it does not verify.
    pub about: String,
}

/// A goal in a list.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ListedGoal {
    /// Its name.
    pub name: String,
    /// The number of runs from which on a campaign that misses it counts as a failure.
    pub need: u64,
}

/// A choice site in a list.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct ListedSite {
    /// Its name.
    pub site: String,
    /// Its alternatives, the benign one first.
    pub alternatives: Vec<String>,
}
