//! Output for programs: one object with stable keys in a stable order. Keys may be added.

use crate::counts::Counts;
use crate::groups::{self, groups};
use crate::knowledge;
use crate::records::{CampaignResult, Canary, EndReason, Fact, ListedScenario, RestoredGuardrail, Verdict};
use crate::story::{self, Row};
use serde::Serialize;
use shakedown_sim::Trace;
use shakedown_sim::search::{Failure, Likelihood};

#[derive(Serialize)]
struct Campaigns<'a> {
    scenarios: Vec<Scenario<'a>>,
    #[serde(skip_serializing_if = "<[SelfCheck]>::is_empty")]
    self_check: &'a [SelfCheck],
}

#[derive(Serialize)]
struct Scenario<'a> {
    name: &'a str,
    without: &'a [String],
    verdict: Verdict,
    ending: EndReason,
    runs: u64,
    failing: u64,
    findings: usize,
    groups: Vec<Group>,
    traces: usize,
    digest: String,
    simulated_s: u64,
    goals: Tally<'a>,
    variants: Vec<Parameter<'a>>,
    violations: Vec<Violation<'a>>,
    profile: &'a str,
    guided: bool,
    task_order: bool,
    worth: &'a [Fact],
    canaries: &'a [Canary],
    assumptions: &'a [String],
}

/// An object that keeps the scenario's order.
struct Tally<'a>(Vec<(&'a str, u64)>);

impl Serialize for Tally<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

#[derive(Serialize)]
struct Parameter<'a> {
    parameter: &'a str,
    runs: Tally<'a>,
}

/// Findings with one cause.
#[derive(Serialize)]
struct Group {
    /// The prevention.
    cause: String,
    /// Their signatures, that of the finding to show first.
    signatures: Vec<String>,
}

impl Group {
    fn of(group: &groups::Group<'_>) -> Self {
        let all = std::iter::once(group.shown()).chain(group.others());
        Self {
            cause: group.cause.to_string(),
            signatures: all.map(|finding| finding.failure.signature.clone()).collect(),
        }
    }
}

/// A finding for a machine.
#[derive(Serialize)]
pub(crate) struct Violation<'a> {
    invariant: &'a str,
    message: &'a str,
    signature: &'a str,
    seed: Option<u64>,
    count: u64,
    runs_to_find: u64,
    steady: bool,
    variant: String,
    deviations: Vec<String>,
    needed: Vec<Needed<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<Nearest>,
    put_back: &'a [RestoredGuardrail],
    trace: &'a str,
}

#[derive(Serialize)]
struct Needed<'a> {
    deviation: String,
    still_broken: &'a [String],
}

/// The least change of the deviations that avoids the failure.
#[derive(Serialize)]
struct Nearest {
    deviation: String,
    change: String,
    deviations: Vec<String>,
}

impl Nearest {
    fn of(failure: &Failure) -> Option<Self> {
        let nearest = failure.nearest.as_ref()?;
        let script = nearest.script(&failure.shrunk);
        Some(Self {
            deviation: nearest.deviation.compact(),
            change: nearest.change.to_string(),
            deviations: script.deviations.iter().map(|one| one.compact()).collect(),
        })
    }
}

/// Writes the result of `explore` and `run`, with the self-check if there was one.
pub fn campaigns(all: &[CampaignResult], self_check: &[SelfCheck]) -> String {
    pretty(&Campaigns { scenarios: all.iter().map(scenario).collect(), self_check })
}

fn scenario(result: &CampaignResult) -> Scenario<'_> {
    let tally = |values: &'_ [(String, u64)]| values.iter().map(|(_, runs)| *runs).collect::<Vec<_>>();
    let counts = Counts::of(result);
    Scenario {
        name: &result.scenario,
        without: &result.without,
        verdict: result.verdict,
        ending: result.end_reason,
        runs: result.runs,
        failing: result.failing,
        findings: counts.findings,
        groups: groups(&result.findings).iter().map(Group::of).collect(),
        traces: counts.traces,
        digest: result.digest.to_string(),
        simulated_s: result.simulated.as_secs(),
        goals: Tally(result.goals.iter().map(|goal| (goal.name.as_str(), goal.reached)).collect()),
        variants: result
            .variants
            .iter()
            .map(|(name, values)| Parameter {
                parameter: name,
                runs: Tally(values.iter().map(|(value, _)| value.as_str()).zip(tally(values)).collect()),
            })
            .collect(),
        violations: result.findings.iter().map(violation).collect(),
        profile: &result.search.profile,
        guided: result.search.guided,
        task_order: result.search.task_order,
        worth: &result.worth,
        canaries: &result.canaries,
        assumptions: &result.assumptions,
    }
}

pub(crate) fn violation(finding: &crate::records::Finding) -> Violation<'_> {
    let failure = &finding.failure;
    let needed = failure.needed.iter();
    Violation {
        invariant: &failure.violation.invariant,
        message: &failure.violation.message,
        signature: &failure.signature,
        seed: finding.seed,
        count: finding.count,
        runs_to_find: finding.runs_to_find,
        steady: finding.replays_identical,
        variant: failure.shrunk.variant.to_string(),
        deviations: failure.shrunk.deviations.iter().map(|one| one.compact()).collect(),
        needed: needed
            .map(|one| Needed { deviation: one.deviation.compact(), still_broken: &one.still_broken })
            .collect(),
        nearest: Nearest::of(failure),
        put_back: &finding.context.restored,
        trace: &finding.trace,
    }
}

/// Writes the result of `list`.
pub fn list(scenarios: &[ListedScenario]) -> String {
    #[derive(Serialize)]
    struct List<'a> {
        scenarios: &'a [ListedScenario],
    }
    pretty(&List { scenarios })
}

/// The result of a replay.
#[derive(Serialize)]
pub struct Replayed<'a> {
    /// The path of the trace, as the user typed it.
    pub trace: &'a str,
    /// `exact`, `equivalent`, `drifted` or `lost`.
    pub replay: &'a str,
    /// The meaning of that word in this result.
    pub meaning: &'a str,
    /// The digest of the new run.
    pub digest: String,
    /// The first step that differs from the trace, if there is one.
    pub first_difference: Option<u32>,
    /// The invariants that the new run violates.
    pub violations: Vec<&'a str>,
    /// The deviations of the script that were never offered.
    pub unapplied: Vec<String>,
}

/// Writes the result of `replay`.
pub fn replayed(replayed: &Replayed<'_>) -> String {
    pretty(replayed)
}

/// One way in which a self-check repeated a run, and the first difference if the run was not the same.
#[derive(Clone, Debug, Serialize)]
pub struct SelfCheck {
    /// How the run was repeated.
    pub way: &'static str,
    /// Whether the run was the same.
    pub same: bool,
    /// The first event that differs, as text.
    pub first_difference: Option<String>,
}

/// A point of a failing run, and the number of continuations from it that failed.
#[derive(Serialize)]
struct Point {
    choices: u32,
    last: Option<String>,
    deviation: Option<String>,
    failed: u32,
    percent: u32,
}

/// The likelihood of a failure along its run.
#[derive(Serialize)]
struct Likely {
    continuations: u32,
    turning_point: Option<u32>,
    points: Vec<Point>,
}

impl Likely {
    fn of(likely: &Likelihood) -> Self {
        let points = likely.points.iter().map(|point| Point {
            choices: point.choices,
            last: point.last.as_ref().map(ToString::to_string),
            deviation: point.deviation.clone(),
            failed: point.failed,
            percent: likely.percent(point),
        });
        Self {
            continuations: likely.continuations,
            turning_point: likely.turning_point().map(|point| point.choices),
            points: points.collect(),
        }
    }
}

/// Writes the result of `explain`: the steps of the story, each with those that it follows from; the nearest passing
/// script; and the likelihood of the failure, if it was estimated.
pub fn story(trace: &Trace, rows: &[Row], failure: Option<&Failure>, likely: Option<&Likelihood>) -> String {
    #[derive(Serialize)]
    struct Step<'a> {
        step: u32,
        time_ns: String,
        node: &'a str,
        what: &'a str,
        why: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        however: Option<String>,
        causes: Vec<u32>,
    }
    #[derive(Serialize)]
    struct Story<'a> {
        name: &'a str,
        without: &'a [String],
        variant: String,
        deviations: Vec<String>,
        violations: Vec<&'a str>,
        steps: Vec<Step<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        nearest: Option<Nearest>,
        #[serde(skip_serializing_if = "Option::is_none")]
        likelihood: Option<Likely>,
    }
    let unknown = knowledge::unknown(trace, rows);
    let steps =
        rows.iter().zip(story::causes(trace, rows)).zip(unknown).map(|((row, causes), however)| Step {
            step: row.step,
            time_ns: row.time.nanos().to_string(),
            node: &row.node,
            what: &row.what,
            why: &row.why,
            however,
            causes: causes.into_iter().map(|cause| rows[cause].step).collect(),
        });
    let script = &trace.script;
    pretty(&Story {
        name: &script.scenario,
        without: &script.without,
        variant: script.variant.to_string(),
        deviations: script.deviations.iter().map(|one| one.compact()).collect(),
        violations: trace.violations.iter().map(|violation| violation.invariant.as_str()).collect(),
        steps: steps.collect(),
        nearest: failure.and_then(Nearest::of),
        likelihood: likely.map(Likely::of),
    })
}

pub(crate) fn pretty<T: Serialize>(value: &T) -> String {
    let mut text =
        serde_json::to_string_pretty(value).expect("records have text keys and no foreign serializer");
    text.push('\n');
    text
}
