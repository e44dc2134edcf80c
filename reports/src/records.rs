//! What there is to report: the finished records of runs and campaigns.

use crate::comparison::{Comparison, compare};
use shakedown_sim::search::Failure;
use shakedown_sim::{Digest, Duration, Script, Trace};

/// What a campaign, or a single run, says of its scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No invariant was broken, and the runs were enough to say so.
    Held,
    /// An invariant was broken.
    Violated,
    /// No invariant was broken, but the runs were too few, or missed a state that they had to reach.
    Inconclusive,
}

/// Why a campaign ended where it did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Every run that was asked for was made.
    Complete,
    /// As many runs failed as were allowed to.
    MaxFail,
    /// The time that was given is used up.
    Budget,
    /// Somebody stopped it.
    Interrupted,
}

/// A rare state, and how many runs reached it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GoalTally {
    /// Its name.
    pub name: String,
    /// How many runs reached it.
    pub reached: u64,
    /// How many runs a campaign must make before not reaching it says anything.
    pub need: u64,
}

/// How runs were chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Search {
    /// How restless they were.
    pub profile: String,
    /// Whether they were made of runs that reached something new. Then they are no sample of anything.
    pub guided: bool,
}

impl Default for Search {
    fn default() -> Self {
        Self { profile: "mixed".to_owned(), guided: false }
    }
}

/// A design that lacks one guardrail, and that a campaign must catch.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Canary {
    /// The guardrail.
    pub name: String,
    /// Whether a run without it failed.
    pub caught: bool,
    /// How many runs were made of it.
    pub runs: u64,
}

/// One bug: a failure that stands for all failures with its signature.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The failure, shrunk and explained.
    pub failure: Failure,
    /// The first seed that found it; none if a script did.
    pub seed: Option<u64>,
    /// How many runs failed in this way.
    pub count: u64,
    /// How many runs it took to meet it first.
    pub runs_to_find: u64,
    /// Whether replaying the shrunk script [`REPLAYS`] times gave the same run each time.
    pub steady: bool,
    /// Where its trace is, as one would type it.
    pub trace: String,
    /// The runs that one wants to see beside it.
    pub beside: Beside,
}

/// Runs to compare a failing run with.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Beside {
    /// What the broken invariant claims.
    pub claim: String,
    /// What the run was built from.
    pub settings: Vec<Setting>,
    /// The same script with each of the missing guardrails put back, one at a time.
    pub put_back: Vec<PutBack>,
    /// The nearest run that holds; none if none is known.
    pub holding: Option<Holding>,
}

/// The nearest run that holds, as far as one wants to see it beside a failing one.
#[derive(Clone, PartialEq, Debug)]
pub struct Holding {
    /// Its script.
    pub script: Script,
    /// Where the two part, and what each tells from there on.
    pub comparison: Comparison,
}

impl Holding {
    /// What one wants to see of this run beside a failure.
    pub fn of(failure: &Failure, run: &Trace) -> Self {
        Self { script: run.script.clone(), comparison: compare(&failure.trace, &failure.slice, run) }
    }
}

/// A parameter of a run, its value, and what both mean.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// As a script's `variant` line has it: `partner=neither`.
    pub written: String,
    /// What the parameter decides.
    pub about: String,
}

/// A failing script, run in the design that has one of the missing guardrails again.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct PutBack {
    /// The guardrail.
    pub guardrail: String,
    /// What it does.
    pub about: String,
    /// What the failing design does instead.
    pub instead: String,
    /// The invariants that the run still breaks; empty if it holds.
    pub still_broken: Vec<String>,
    /// Whether the run met every choice at which the script deviates. If not, the guardrail has left no place
    /// for it.
    pub met: bool,
    /// What it states and the failing run does not, from where the two part: `partner creates reservation R1`.
    pub otherwise: Vec<String>,
}

/// How often a failure is replayed before it is reported.
pub const REPLAYS: usize = 3;

/// What a campaign or a run of one scenario came to.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The scenario.
    pub scenario: String,
    /// What its design lacked.
    pub without: Vec<String>,
    /// What the runs say.
    pub verdict: Verdict,
    /// Why they ended.
    pub ending: Ending,
    /// How many there were.
    pub runs: u64,
    /// How many failed.
    pub failing: u64,
    /// Over all of them, in order.
    pub digest: Digest,
    /// Virtual time, summed over the runs.
    pub simulated: Duration,
    /// In the scenario's order.
    pub goals: Vec<GoalTally>,
    /// For each parameter, how many runs had each of its values.
    pub variants: Vec<(String, Vec<(String, u64)>)>,
    /// Names of all invariants that judged.
    pub invariants: Vec<String>,
    /// One for each signature, in the order of their first runs.
    pub findings: Vec<Finding>,
    /// The run itself, recorded, if it was but one and no finding tells it.
    pub trace: Option<Trace>,
    /// How the runs were chosen.
    pub search: Search,
    /// What they had to catch.
    pub canaries: Vec<Canary>,
    /// What the scenario takes for granted.
    pub assumptions: Vec<String>,
}

impl Finished {
    /// The run to show, where one can be shown: the first failing one, or the only one.
    pub fn shown(&self) -> Option<&Trace> {
        self.findings.first().map(|finding| &*finding.failure.trace).or(self.trace.as_ref())
    }
}

/// A scenario, as a list shows it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What it rehearses.
    pub about: String,
    /// What runs are built from.
    pub parameters: Vec<ListedParameter>,
    /// What can be taken out of the design.
    pub guardrails: Vec<ListedGuardrail>,
    /// What judges.
    pub invariants: Vec<ListedInvariant>,
    /// Which rare states a campaign must reach.
    pub goals: Vec<ListedGoal>,
    /// Where the world can go another way.
    pub sites: Vec<ListedSite>,
    /// What is taken for granted.
    pub assumptions: Vec<String>,
}

/// A parameter in a list.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ListedParameter {
    /// Its name.
    pub name: String,
    /// What it decides.
    pub about: String,
    /// Its values, the default first.
    pub values: Vec<String>,
    /// Those that make small worlds.
    pub small: Vec<String>,
}

/// A guardrail in a list.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ListedGuardrail {
    /// Its name, as one would type it.
    pub name: String,
    /// The part of the design that it belongs to.
    pub system: String,
    /// What it prevents.
    pub about: String,
}

/// An invariant in a list.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ListedInvariant {
    /// Its name.
    pub name: String,
    /// What it verifies, and what it does not.
    pub about: String,
}

/// A goal in a list.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ListedGoal {
    /// Its name.
    pub name: String,
    /// How many runs a campaign must make before not reaching it says anything.
    pub need: u64,
}

/// A choice site in a list.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct ListedSite {
    /// Its written form.
    pub site: String,
    /// What it offers, the benign alternative first.
    pub alternatives: Vec<String>,
}
