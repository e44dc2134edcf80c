//! Output for terminals.

use crate::clock::{self, Clock};
use crate::counts::Counts;
use crate::groups::groups;
use crate::json::{Replayed, SelfCheck};
use crate::knowledge;
use crate::layout::{Style, indented, labelled, side_by_side, table};
use crate::printable::printable;
use crate::records::{
    CampaignResult, Canary, EndReason, FailureContext, Finding, ListedScenario, REPLAYS, Verdict, is_fatal,
};
use crate::story::{self, Row, plural};
use shakedown_sim::search::Failure;
use shakedown_sim::{Moment, Script, Trace, Violation};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Writes a failure: the violation, the deviations, the reasons, and the next commands.
pub fn failure(style: Style, finding: &Finding) -> String {
    failures(style, finding, &[])
}

/// Writes a failure without the commands that replay and pin its trace: for a scenario that is in no binary.
pub fn failure_without_commands(style: Style, finding: &Finding) -> String {
    failures_without_commands(style, finding, &[])
}

/// Writes the failures of a run, each script once.
pub fn failures_of(style: Style, findings: &[Finding]) -> String {
    let runs = by_script(findings.iter()).into_iter();
    runs.map(|run| failures(style, run[0], &run[1..])).collect::<Vec<_>>().join("\n")
}

/// Groups findings that shrank to the same script, in the order of the first of each.
pub(crate) fn by_script<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<Vec<&'a Finding>> {
    let mut runs: Vec<Vec<&Finding>> = Vec::new();
    for finding in findings {
        match runs.iter_mut().find(|run| run[0].failure.shrunk == finding.failure.shrunk) {
            Some(run) => run.push(finding),
            None => runs.push(vec![finding]),
        }
    }
    runs
}

/// Writes a failure and the other violations of its run: `also` holds findings that shrank to the same script.
pub(crate) fn failures(style: Style, finding: &Finding, also: &[&Finding]) -> String {
    let mut out = failures_without_commands(style, finding, also);
    if finding.trace.is_empty() {
        out.push_str("  trace     not written\n");
        return out;
    }
    for command in ["replay", "pin"] {
        let command_line = finding.context.program.of_trace(command, &finding.trace);
        let _ = writeln!(out, "  {command:<10}{}", printable(&command_line));
    }
    out
}

fn failures_without_commands(style: Style, finding: &Finding, also: &[&Finding]) -> String {
    let failure = &finding.failure;
    let mut out = headline(style, &style.bad("FAIL"), &failure.shrunk, finding.seed);
    let also = also.iter().map(|other| &other.failure.violation);
    for violation in std::iter::once(&failure.violation).chain(also.clone()) {
        let claim = format!("{}: {}", violation.invariant, violation.message);
        out.push_str(&indented(2, &claim, style.width));
    }
    out.push('\n');
    out.push_str(&except(style, &failure.shrunk));
    let _ = writeln!(out, "  {}", style.strong("why"));
    let shown = also.flat_map(|violation| violation.events.iter().copied());
    let steps: BTreeSet<u32> = failure.slice.iter().copied().chain(shown).collect();
    let mut rows = story::rows(&failure.trace, &steps.into_iter().collect::<Vec<_>>());
    add_unknown_facts(&failure.trace, &mut rows);
    out.push_str(&timeline(style, &rows));
    out.push('\n');
    for sentence in story::needed(failure) {
        out.push_str(&labelled("  needed    ", &sentence, style.width));
    }
    for one in &finding.context.restored {
        out.push_str(&labelled("  guarded   ", &story::put_back(one), style.width));
    }
    if let Some(sentence) = story::nearest(failure) {
        out.push_str(&labelled("  nearest   ", &sentence, style.width));
    }
    out.push_str(&labelled("  shrunk    ", &shrinking(finding), style.width));
    out
}

fn shrinking(finding: &Finding) -> String {
    let failure = &finding.failure;
    let (from, to) = (failure.found.deviations.len() as u64, failure.shrunk.deviations.len());
    let runs = plural(u64::from(failure.runs), "run");
    let replays = if is_fatal(&failure.violation) {
        "not replayed, because it ends its process".to_owned()
    } else if finding.replays_identical {
        format!("replayed {REPLAYS} times in this process, identical")
    } else {
        format!(
            "replayed {REPLAYS} times in this process, NOT identical: `run --twice` names the first difference"
        )
    };
    format!("{} to {to} in {runs}; {replays}", plural(from, "deviation"))
}

/// Writes a run that holds: its timeline, the goals that it reached, and when it came to rest.
pub fn held(style: Style, trace: &Trace, ended: Moment, reached: &[&str]) -> String {
    let mut out = headline(style, &style.good("HELD"), &trace.script, trace.seed);
    out.push('\n');
    out.push_str(&except(style, &trace.script));
    let _ = writeln!(out, "  {}", style.strong("what happened"));
    out.push_str(&timeline(style, &story::of_run(trace)));
    out.push('\n');
    if !reached.is_empty() {
        out.push_str(&labelled("  reached   ", &reached.join(", "), style.width));
    }
    let (ended, steps) = (Clock::up_to(ended).text(ended), plural(trace.steps.len() as u64, "step"));
    let _ = writeln!(out, "  at rest   {ended}, after {steps}; no invariant is violated");
    let _ = writeln!(out, "  digest    {}", printable(&trace.digest));
    out
}

fn headline(style: Style, word: &str, script: &Script, seed: Option<u64>) -> String {
    let mut parts = vec![script.scenario.clone()];
    parts.extend(script.without.iter().map(|part| format!("without {part}")));
    parts.extend((!script.variant.0.is_empty()).then(|| script.variant.to_string()));
    parts.extend(seed.map(|seed| format!("seed {seed}")));
    side_by_side(word, &parts, style.width)
}

fn except(style: Style, script: &Script) -> String {
    if script.deviations.is_empty() {
        return format!("  {}\n\n", style.strong("the happy path"));
    }
    let mut out = format!("  {}\n", style.strong("the happy path, except"));
    for (number, deviation) in story::numbered(script) {
        let _ = writeln!(out, "  {number:>3}  {}", printable(&deviation.to_string()));
    }
    out.push('\n');
    out
}

fn timeline(style: Style, rows: &[Row]) -> String {
    let clock = Clock::up_to(rows.iter().map(|row| row.time).max().unwrap_or_default());
    let cell = |row: &Row| [clock.text(row.time), row.node.clone(), row.what.clone(), row.why.clone()];
    let cells: Vec<[String; 4]> = rows.iter().map(cell).collect();
    table(4, &cells, style.width)
}

/// Adds to each reason the facts that the node could not know.
fn add_unknown_facts(trace: &Trace, rows: &mut [Row]) {
    let unknown = knowledge::unknown(trace, rows);
    for (row, unknown) in rows.iter_mut().zip(unknown) {
        if let Some(unknown) = unknown {
            let join = if row.why.is_empty() { "" } else { "; " };
            row.why.push_str(&format!("{join}however, {unknown}"));
        }
    }
}

/// Writes a self-check, a line for each way in which the run was repeated.
pub fn self_check(style: Style, ways: &[SelfCheck]) -> String {
    let line = |way: &SelfCheck| match &way.first_difference {
        None => format!("  {}    {}\n", style.good("same"), printable(way.way)),
        Some(difference) => labelled(
            &format!("  {}  ", style.bad("differs")),
            &format!("{}: {difference}", way.way),
            style.width,
        ),
    };
    ways.iter().map(line).collect()
}

/// Writes the causal story of a failure, each step with the steps that it follows from.
pub fn explanation(style: Style, failure: &Failure, context: &FailureContext) -> String {
    let mut out = headline(style, &style.bad("FAIL"), &failure.shrunk, None);
    let claim = format!("{}: {}", failure.violation.invariant, failure.violation.message);
    out.push_str(&indented(2, &claim, style.width));
    out.push('\n');
    out.push_str(&except(style, &failure.shrunk));
    let _ = writeln!(out, "  {}", style.strong("why, step by step"));
    out.push_str(&causal(style, &failure.trace, &story::of_failure(failure)));
    out.push('\n');
    for sentence in story::needed(failure) {
        out.push_str(&labelled("  needed    ", &sentence, style.width));
    }
    for one in &context.restored {
        out.push_str(&labelled("  guarded   ", &story::put_back(one), style.width));
    }
    if let Some(sentence) = story::nearest(failure) {
        out.push_str(&labelled("  nearest   ", &sentence, style.width));
    }
    out
}

/// Writes the causal story of a run that holds, each step with the steps that it follows from.
pub fn passing_run(style: Style, trace: &Trace) -> String {
    let mut out = headline(style, &style.good("HELD"), &trace.script, trace.seed);
    out.push('\n');
    out.push_str(&except(style, &trace.script));
    let _ = writeln!(out, "  {}", style.strong("what happened, step by step"));
    out.push_str(&causal(style, trace, &story::of_run(trace)));
    out
}

fn causal(style: Style, trace: &Trace, rows: &[Row]) -> String {
    let clock = Clock::up_to(rows.iter().map(|row| row.time).max().unwrap_or_default());
    let (causes, unknown) = (story::causes(trace, rows), knowledge::unknown(trace, rows));
    let cells: Vec<[String; 5]> = rows
        .iter()
        .zip(causes)
        .enumerate()
        .map(|(at, (row, causes))| {
            let after: Vec<String> = causes.iter().map(|cause| format!("[{}]", cause + 1)).collect();
            let after = if after.is_empty() { String::new() } else { format!("after {}", after.join(" ")) };
            let unknown = unknown[at].as_ref().map(|unknown| format!("; however, {unknown}"));
            let why = if row.why.is_empty() { String::new() } else { format!(", {}", row.why) };
            let what = format!("{}{why}{}", row.what, unknown.unwrap_or_default());
            [format!("[{}]", at + 1), clock.text(row.time), row.node.clone(), what, after]
        })
        .collect();
    table(4, &cells, style.width)
}

/// Writes the result of a campaign: one finding of each group in full, the others in a line each, and the summary.
pub fn campaign(style: Style, result: &CampaignResult) -> String {
    let mut out = String::new();
    for group in groups(&result.findings) {
        let finding = group.shown();
        out.push_str(&failures(style, finding, &group.same_run()));
        let of = if result.runs == 1 { String::new() } else { format!(" of {}", clock::count(result.runs)) };
        let found = match finding.runs_to_find {
            0 => "known before; its script fails again".to_owned(),
            runs => format!("in {}{of}; first after {}", plural(finding.count, "run"), plural(runs, "run")),
        };
        out.push_str(&labelled("  seen      ", &found, style.width));
        let others = group.others();
        if !others.is_empty() {
            let title = format!("{}, {}", plural(others.len() as u64, "further finding"), group.cause);
            let _ = writeln!(out, "\n  {}", style.strong(&title));
            out.push_str(&table(4, &others.iter().map(|other| brief(other)).collect::<Vec<_>>(), usize::MAX));
        }
        out.push('\n');
    }
    out.push_str(&summary(style, result));
    out
}

/// Formats a finding in one line.
fn brief(finding: &Finding) -> [String; 3] {
    let failure = &finding.failure;
    [failure.violation.invariant.clone(), story::in_brief(&failure.shrunk), finding.trace.clone()]
}

fn summary(style: Style, result: &CampaignResult) -> String {
    let mut out = verdict_line(style, result);
    for (label, text) in facts(result) {
        out.push_str(&labelled(&format!("  {:<10}", printable(label)), &text, style.width));
    }
    out
}

/// Why a search says little that leaves most of the workload alone.
pub(crate) const UNDISTURBED: &str = "little was tested: more than half of the happy path's events come when faults are no longer possible (--allow-trivial accepts this)";

/// The limit of a search without task order.
pub(crate) const FIFO: &str = "task order not included: tasks run first in, first out";

/// Returns the work of a campaign and the evidence behind its verdict: labels and sentences. A sentence without a
/// label belongs to the one before.
pub(crate) fn facts(result: &CampaignResult) -> Vec<(&str, String)> {
    let mut facts = Vec::new();
    let runs = format!("{}{}", plural(result.runs, "run"), end_reason(result.end_reason));
    facts.push(("runs", format!("{runs}; {} of virtual time", clock::span(result.simulated))));
    let way = if result.search.guided { "guided" } else { "seeded" };
    facts.push(("search", format!("{way}, profile {}", result.search.profile)));
    let order = if result.search.task_order { "task order drawn in half of the runs" } else { FIFO };
    facts.push(("order", order.to_owned()));
    facts.push(("delays", "at their named values and over their ranges".to_owned()));
    for (parameter, values) in &result.variants {
        let counts: Vec<String> =
            values.iter().map(|(value, runs)| format!("{value} in {}", clock::count(*runs))).collect();
        facts.push(("over", format!("{parameter}: {}", counts.join(", "))));
    }
    facts.extend(goals(result));
    if !result.canaries.is_empty() {
        facts.push(("canaries", canaries(&result.canaries)));
    }
    facts.extend(result.worth.iter().map(|fact| (fact.label.as_str(), fact.text.clone())));
    facts.push(("digest", result.digest.to_string()));
    if result.failing == 0 && result.runs > 0 {
        facts.push(("bound", bound(result)));
    }
    for (at, assumption) in result.assumptions.iter().enumerate() {
        facts.push((if at == 0 { "assumes" } else { "" }, assumption.clone()));
    }
    facts
}

fn goals(result: &CampaignResult) -> Vec<(&'static str, String)> {
    if result.goals.is_empty() {
        return Vec::new();
    }
    let reached = result.goals.iter().filter(|goal| goal.reached > 0).count();
    let mut facts = vec![("goals", format!("{reached} of {} reached", result.goals.len()))];
    for goal in result.goals.iter().filter(|_| result.verdict != Verdict::Violated) {
        let runs = match goal.reached {
            0 => format!("never (needs at least {})", plural(goal.need, "run")),
            reached => format!("in {}", plural(reached, "run")),
        };
        facts.push(("", format!("{}: {runs}", goal.name)));
    }
    facts
}

/// Returns the bound on the failure rate that runs without a failure give: by the rule of three, if runs are
/// independent.
fn bound(result: &CampaignResult) -> String {
    let runs = clock::count(result.runs);
    if result.search.guided {
        return format!(
            "0 failures in {runs} runs, and no bound: a guided run depends on earlier ones, so the runs are no random sample"
        );
    }
    format!(
        "0 failures in {runs} runs: less than 3/{runs} per run at 95 %, for this distribution of scripts only"
    )
}

fn canaries(canaries: &[Canary]) -> String {
    let survivors: Vec<&Canary> = canaries.iter().filter(|canary| !canary.caught).collect();
    let mut text = format!("caught {} of {}", canaries.len() - survivors.len(), canaries.len());
    let slowest = canaries.iter().filter(|canary| canary.caught).map(|canary| canary.runs).max();
    if let Some(runs) = slowest {
        let _ = write!(text, ", each within {}", plural(runs, "run"));
    }
    for survivor in survivors {
        let _ = write!(
            text,
            "; without {} no invariant was violated in {}",
            survivor.name,
            plural(survivor.runs, "run")
        );
    }
    text
}

fn verdict_line(style: Style, result: &CampaignResult) -> String {
    let word = match result.verdict {
        Verdict::Held => style.good("HELD"),
        Verdict::Violated => style.bad("FAIL"),
        Verdict::Inconclusive => style.strong("INCONCLUSIVE"),
    };
    let mut parts = vec![result.scenario.clone()];
    parts.extend(result.without.iter().map(|part| format!("without {part}")));
    parts.push(verdict_in_words(result));
    side_by_side(&word, &parts, style.width)
}

/// Returns the verdict of a campaign, as a sentence without a full stop.
pub(crate) fn verdict_in_words(result: &CampaignResult) -> String {
    match result.verdict {
        Verdict::Held => "no invariant is violated".to_owned(),
        Verdict::Violated => Counts::of(result).to_string(),
        Verdict::Inconclusive => why_inconclusive(result),
    }
}

/// Returns why a campaign without a failure does not hold.
fn why_inconclusive(result: &CampaignResult) -> String {
    let missed: Vec<_> = result.goals.iter().filter(|goal| goal.reached == 0).collect();
    let need = missed.iter().map(|goal| goal.need).max().unwrap_or(0);
    match result.end_reason {
        EndReason::Interrupted => "no invariant is violated so far; the campaign was interrupted".to_owned(),
        EndReason::Trivial => {
            "nothing was tested: no run met a choice that could deviate (--allow-trivial accepts this)"
                .to_owned()
        }
        EndReason::Undisturbed => UNDISTURBED.to_owned(),
        _ if result.canaries.iter().any(|canary| !canary.caught) => {
            "no invariant is violated, but a canary survived: this campaign would miss real failures"
                .to_owned()
        }
        _ if result.runs < need => {
            format!("no invariant is violated, but the goals need at least {} runs", clock::count(need))
        }
        _ => format!(
            "no invariant is violated, but {} never reached",
            if missed.len() == 1 { "a goal was" } else { "goals were" }
        ),
    }
}

fn end_reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Complete => "",
        EndReason::MaxFail => ", ended by --max-fail",
        EndReason::Budget => ", ended by --budget",
        EndReason::Interrupted => ", ended by an interrupt",
        EndReason::Trivial => ", without any choice",
        EndReason::Undisturbed => ", mostly without any fault",
    }
}

/// Writes a list of scenarios.
pub fn list(style: Style, scenarios: &[ListedScenario]) -> String {
    scenarios.iter().map(|scenario| listed(style, scenario)).collect::<Vec<_>>().join("\n")
}

fn listed(style: Style, scenario: &ListedScenario) -> String {
    let mut out = labelled(&format!("{}  ", printable(&scenario.name)), &scenario.about, style.width);
    let mut section = |title: &str, rows: Vec<[String; 2]>| {
        if !rows.is_empty() {
            let _ = writeln!(out, "\n  {}", style.strong(title));
            out.push_str(&table(4, &rows, style.width));
        }
    };
    let pair = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
    let parameters = scenario
        .parameters
        .iter()
        .map(|one| pair(&one.name, &format!("{} ({})", one.values.join(", "), one.about)));
    section("parameters (the default first)", parameters.collect());
    let guardrails =
        scenario.guardrails.iter().map(|one| pair(&one.name, &format!("{}: {}", one.system, one.about)));
    section("guardrails (each can be taken out: --without NAME)", guardrails.collect());
    section("invariants", scenario.invariants.iter().map(|one| pair(&one.name, &one.about)).collect());
    let goals =
        scenario.goals.iter().map(|one| pair(&one.name, &format!("needs {}", plural(one.need, "run"))));
    section("goals", goals.collect());
    let sites = scenario.sites.iter().map(|one| pair(&one.site, &one.alternatives.join(" | ")));
    section("choice sites (the happy path first)", sites.collect());
    section("assumptions", scenario.assumptions.iter().map(|one| pair(one, "")).collect());
    out
}

/// Writes the result of a replay.
pub fn replayed(style: Style, result: &Replayed<'_>, now: &Trace, violations: &[Violation]) -> String {
    let word = match result.replay {
        "exact" | "equivalent" => style.strong(result.replay),
        _ => style.bad(result.replay),
    };
    let mut out = labelled(&format!("{word}  "), result.meaning, style.width);
    let _ = write!(out, "{}", headline(style, "  run     ", &now.script, None));
    if let Some(step) =
        result.first_difference.and_then(|at| now.steps.get(at as usize).map(|step| (at, step)))
    {
        let (at, step) = step;
        let time = Clock::up_to(step.time).text(step.time);
        let text = format!("from step {at}, {time}: {} {}", step.node, step.text);
        out.push_str(&labelled("  differs   ", &text, style.width));
    }
    for deviation in &result.unapplied {
        out.push_str(&labelled("  unmatched ", deviation, style.width));
    }
    for violation in violations {
        let claim = format!("{}: {}", violation.invariant, violation.message);
        out.push_str(&labelled("  violates  ", &claim, style.width));
    }
    if violations.is_empty() {
        out.push_str("  holds     no invariant is violated\n");
    }
    let _ = writeln!(out, "  digest    {}", printable(&result.digest));
    out
}
