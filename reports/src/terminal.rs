//! What an engineer reads at a terminal.

use crate::clock::{self, Clock};
use crate::json::{Replayed, SelfCheck};
use crate::knowledge;
use crate::layout::{Style, labelled, side_by_side, table, wrap};
use crate::records::{Beside, Canary, Ending, Finding, Finished, Listed, REPLAYS, Verdict};
use crate::story::{self, Row, plural};
use shakedown_sim::search::Failure;
use shakedown_sim::{Moment, Script, Trace, Violation};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A failure: what broke, the happy path except, why, and what to type next.
pub fn failure(style: Style, finding: &Finding) -> String {
    failures(style, finding, &[])
}

/// The failures of a run, each script told once.
pub fn failures_of(style: Style, findings: &[Finding]) -> String {
    let told = by_script(findings.iter()).into_iter();
    told.map(|run| failures(style, run[0], &run[1..])).collect::<Vec<_>>().join("\n")
}

/// Findings that shrank to one script together, in the order of the first of each.
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

/// A failure, and what else its run breaks: `also` holds findings that shrank to the same script.
pub(crate) fn failures(style: Style, finding: &Finding, also: &[&Finding]) -> String {
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
    add_what_was_unheard(&failure.trace, &mut rows);
    out.push_str(&timeline(style, &rows));
    out.push('\n');
    for sentence in story::needed(&failure.needed) {
        out.push_str(&labelled("  needed    ", &sentence, style.width));
    }
    for one in &finding.beside.put_back {
        out.push_str(&labelled("  guarded   ", &story::put_back(one), style.width));
    }
    if let Some(sentence) = story::nearest(failure) {
        out.push_str(&labelled("  nearest   ", &sentence, style.width));
    }
    out.push_str(&labelled("  shrunk    ", &shrinking(finding), style.width));
    let _ = writeln!(out, "  replay    shakedown replay {}", finding.trace);
    let _ = writeln!(out, "  pin       shakedown pin {}", finding.trace);
    out
}

fn shrinking(finding: &Finding) -> String {
    let failure = &finding.failure;
    let (from, to) = (failure.found.deviations.len() as u64, failure.shrunk.deviations.len());
    let runs = plural(u64::from(failure.runs), "run");
    let replays = match finding.steady {
        true => format!("replayed {REPLAYS} times, identical"),
        false => format!("replayed {REPLAYS} times and NOT identical: `run --twice` says where"),
    };
    format!("{} to {to} in {runs}; {replays}", plural(from, "deviation"))
}

/// A run that holds: its timeline, when it came to rest, and the goals that it reached.
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
    let _ = writeln!(out, "  at rest   {ended}, after {steps}; no invariant is broken");
    let _ = writeln!(out, "  digest    {}", trace.digest);
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
    for (number, deviation) in story::exceptions(script) {
        let _ = writeln!(out, "  {number:>3}  {deviation}");
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

/// Adds to each reason what the node had not heard of.
fn add_what_was_unheard(trace: &Trace, rows: &mut [Row]) {
    let however = knowledge::however(trace, rows);
    for (row, unheard) in rows.iter_mut().zip(however) {
        if let Some(unheard) = unheard {
            let join = if row.why.is_empty() { "" } else { "; " };
            row.why.push_str(&format!("{join}however, {unheard}"));
        }
    }
}

fn indented(indent: usize, text: &str, columns: usize) -> String {
    let blanks = " ".repeat(indent);
    wrap(text, columns.saturating_sub(indent)).iter().map(|line| format!("{blanks}{line}\n")).collect()
}

/// A self-check, a line for each way in which the run was made again.
pub fn self_check(style: Style, ways: &[SelfCheck]) -> String {
    let line = |way: &SelfCheck| match &way.first_difference {
        None => format!("  {}    {}\n", style.good("same"), way.way),
        Some(difference) => labelled(
            &format!("  {}  ", style.bad("differs")),
            &format!("{}: {difference}", way.way),
            style.width,
        ),
    };
    ways.iter().map(line).collect()
}

/// The causal story of a failure, each step with the steps that it follows from.
pub fn explanation(style: Style, failure: &Failure, beside: &Beside) -> String {
    let mut out = headline(style, &style.bad("FAIL"), &failure.shrunk, None);
    let claim = format!("{}: {}", failure.violation.invariant, failure.violation.message);
    out.push_str(&indented(2, &claim, style.width));
    out.push('\n');
    out.push_str(&except(style, &failure.shrunk));
    let _ = writeln!(out, "  {}", style.strong("why, step by step"));
    out.push_str(&causal(style, &failure.trace, &story::of_failure(failure)));
    out.push('\n');
    for sentence in story::needed(&failure.needed) {
        out.push_str(&labelled("  needed    ", &sentence, style.width));
    }
    for one in &beside.put_back {
        out.push_str(&labelled("  guarded   ", &story::put_back(one), style.width));
    }
    if let Some(sentence) = story::nearest(failure) {
        out.push_str(&labelled("  nearest   ", &sentence, style.width));
    }
    out
}

/// The story of a run that holds, each step with the steps that it follows from.
pub fn account(style: Style, trace: &Trace) -> String {
    let mut out = headline(style, &style.good("HELD"), &trace.script, trace.seed);
    out.push('\n');
    out.push_str(&except(style, &trace.script));
    let _ = writeln!(out, "  {}", style.strong("what happened, step by step"));
    out.push_str(&causal(style, trace, &story::of_run(trace)));
    out
}

fn causal(style: Style, trace: &Trace, rows: &[Row]) -> String {
    let clock = Clock::up_to(rows.iter().map(|row| row.time).max().unwrap_or_default());
    let (causes, however) = (story::causes(trace, rows), knowledge::however(trace, rows));
    let cells: Vec<[String; 5]> = rows
        .iter()
        .zip(causes)
        .enumerate()
        .map(|(at, (row, causes))| {
            let after: Vec<String> = causes.iter().map(|cause| format!("[{}]", cause + 1)).collect();
            let after = if after.is_empty() { String::new() } else { format!("after {}", after.join(" ")) };
            let unheard = however[at].as_ref().map(|unheard| format!("; however, {unheard}"));
            let why = if row.why.is_empty() { String::new() } else { format!(", {}", row.why) };
            let what = format!("{}{why}{}", row.what, unheard.unwrap_or_default());
            [format!("[{}]", at + 1), clock.text(row.time), row.node.clone(), what, after]
        })
        .collect();
    table(4, &cells, style.width)
}

/// The end of a campaign: what its verdict is worth.
pub fn campaign(style: Style, finished: &Finished) -> String {
    let mut out = String::new();
    let (told, further) = simplest(&finished.findings);
    for run in by_script(told.into_iter()) {
        let finding = run[0];
        out.push_str(&failures(style, finding, &run[1..]));
        let of =
            if finished.runs == 1 { String::new() } else { format!(" of {}", clock::count(finished.runs)) };
        let found = format!(
            "in {}{of}; first after {}",
            plural(finding.count, "run"),
            plural(finding.runs_to_find, "run")
        );
        out.push_str(&labelled("  seen      ", &found, style.width));
        out.push('\n');
    }
    if !further.is_empty() {
        let _ = writeln!(out, "{}", style.strong("further reasons (`shakedown explain TRACE` tells each)"));
        let row = |finding: &&Finding| {
            let deviations = plural(finding.failure.shrunk.deviations.len() as u64, "deviation");
            [finding.failure.violation.invariant.clone(), deviations, finding.trace.clone()]
        };
        out.push_str(&table(2, &further.iter().map(row).collect::<Vec<_>>(), usize::MAX));
        out.push('\n');
    }
    out.push_str(&summary(style, finished));
    out
}

/// The simplest failure of each invariant, told in full; and all others. Both in the order found.
fn simplest(findings: &[Finding]) -> (Vec<&Finding>, Vec<&Finding>) {
    let size = |finding: &&Finding| finding.failure.shrunk.deviations.len();
    let is_simplest = |finding: &&Finding| {
        let invariant = &finding.failure.violation.invariant;
        let rivals = findings.iter().filter(|other| other.failure.violation.invariant == *invariant);
        rivals.min_by_key(size).is_some_and(|best| std::ptr::eq(best, *finding))
    };
    findings.iter().partition(is_simplest)
}

fn summary(style: Style, finished: &Finished) -> String {
    let mut out = verdict_line(style, finished);
    let mut say =
        |label: &str, text: &str| out.push_str(&labelled(&format!("  {label:<10}"), text, style.width));
    let runs = format!("{}{}", plural(finished.runs, "run"), ending(finished.ending));
    say("runs", &format!("{runs}; {} of virtual time", clock::span(finished.simulated)));
    let way = if finished.search.guided { "guided" } else { "seeded" };
    say("search", &format!("{way}, profile {}", finished.search.profile));
    for (parameter, values) in &finished.variants {
        let counts: Vec<String> =
            values.iter().map(|(value, runs)| format!("{value} in {}", clock::count(*runs))).collect();
        say("over", &format!("{parameter}: {}", counts.join(", ")));
    }
    if !finished.goals.is_empty() {
        let reached = finished.goals.iter().filter(|goal| goal.reached > 0).count();
        say("goals", &format!("{reached} of {} reached", finished.goals.len()));
        let told = finished.goals.iter().filter(|_| finished.verdict != Verdict::Violated);
        for goal in told {
            let runs = match goal.reached {
                0 => format!("never (wants at least {})", plural(goal.need, "run")),
                reached => format!("in {}", plural(reached, "run")),
            };
            say("", &format!("{}: {runs}", goal.name));
        }
    }
    if !finished.canaries.is_empty() {
        say("canaries", &canaries(&finished.canaries));
    }
    say("digest", &finished.digest.to_string());
    if finished.failing == 0 && finished.runs > 0 {
        say("bound", &bound(finished));
    }
    for (at, assumption) in finished.assumptions.iter().enumerate() {
        say(if at == 0 { "assumes" } else { "" }, assumption);
    }
    out
}

/// What no failure in so many runs says of the rate of failures: by the rule of three, if runs are independent.
fn bound(finished: &Finished) -> String {
    let runs = clock::count(finished.runs);
    if finished.search.guided {
        return format!(
            "0 failures in {runs} runs, and no bound: what a guided run does depends on those before it, so its runs are no sample of any distribution"
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
        let _ = write!(text, "; without {} nothing broke in {}", survivor.name, plural(survivor.runs, "run"));
    }
    text
}

fn verdict_line(style: Style, finished: &Finished) -> String {
    let (word, what) = match finished.verdict {
        Verdict::Held => (style.good("HELD"), "no invariant is broken".to_owned()),
        Verdict::Violated => {
            let (failing, bugs) = (plural(finished.failing, "run"), finished.findings.len() as u64);
            (style.bad("FAIL"), format!("{failing} failed, for {}", plural(bugs, "reason")))
        }
        Verdict::Inconclusive => (style.strong("INCONCLUSIVE"), doubt(finished)),
    };
    let mut parts = vec![finished.scenario.clone()];
    parts.extend(finished.without.iter().map(|part| format!("without {part}")));
    parts.push(what);
    side_by_side(&word, &parts, style.width)
}

/// Why a campaign without failure is not green.
fn doubt(finished: &Finished) -> String {
    let missed: Vec<_> = finished.goals.iter().filter(|goal| goal.reached == 0).collect();
    let need = missed.iter().map(|goal| goal.need).max().unwrap_or(0);
    match finished.ending {
        Ending::Interrupted => "no invariant is broken so far; it was stopped before its end".to_owned(),
        _ if finished.canaries.iter().any(|canary| !canary.caught) => {
            "no invariant is broken, but a canary survived: it would not have been seen".to_owned()
        }
        _ if finished.runs < need => {
            format!("no invariant is broken, but its goals want at least {} runs", clock::count(need))
        }
        _ => format!(
            "no invariant is broken, but {} never reached",
            if missed.len() == 1 { "a goal was" } else { "goals were" }
        ),
    }
}

fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Complete => "",
        Ending::MaxFail => ", ended by --max-fail",
        Ending::Budget => ", ended by --budget",
        Ending::Interrupted => ", ended by an interrupt",
    }
}

/// What there is to rehearse.
pub fn list(style: Style, scenarios: &[Listed]) -> String {
    scenarios.iter().map(|scenario| listed(style, scenario)).collect::<Vec<_>>().join("\n")
}

fn listed(style: Style, scenario: &Listed) -> String {
    let mut out = labelled(&format!("{}  ", scenario.name), &scenario.about, style.width);
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
        scenario.goals.iter().map(|one| pair(&one.name, &format!("wants {}", plural(one.need, "run"))));
    section("goals", goals.collect());
    let sites = scenario.sites.iter().map(|one| pair(&one.site, &one.alternatives.join(" | ")));
    section("choice sites (the happy path first)", sites.collect());
    section("assumptions", scenario.assumptions.iter().map(|one| pair(one, "")).collect());
    out
}

/// What has become of a trace.
pub fn replayed(style: Style, result: &Replayed<'_>, now: &Trace, broken: &[Violation]) -> String {
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
        let text = format!("step {at}, {time}: {} {}", step.node, step.text);
        out.push_str(&labelled("  differs   from ", &text, style.width));
    }
    for deviation in &result.unapplied {
        out.push_str(&labelled("  unmet     ", deviation, style.width));
    }
    for violation in broken {
        let claim = format!("{}: {}", violation.invariant, violation.message);
        out.push_str(&labelled("  breaks    ", &claim, style.width));
    }
    if broken.is_empty() {
        out.push_str("  holds     no invariant is broken\n");
    }
    let _ = writeln!(out, "  digest    {}", result.digest);
    out
}
