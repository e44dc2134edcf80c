//! Pages for reviewers in a diff: a summary, then a page for each group of findings. They are small and stable: a page
//! changes only if the story does, so it contains no times, seeds, digests or paths, and steps are numbered within the
//! page. A report has at most [`LINES_MAX`] lines.

pub(crate) mod escape;

use crate::commands::Program;
use crate::counts::Counts;
use crate::groups::{Group, groups};
use crate::knowledge;
use crate::mermaid;
use crate::records::{CampaignResult, FailureContext, Finding, Setting, Verdict};
use crate::story::{self, Row, plural};
pub(crate) use escape::{block, code, sentence};
use shakedown_sim::search::Failure;
use shakedown_sim::{Deviation, Script, Trace};
use std::fmt::Write as _;

/// The greatest number of lines of a report.
pub const LINES_MAX: usize = 400;
/// The greatest number of listed findings; further ones are counted.
const LISTED_MAX: usize = 100;
/// The greatest number of listed deviations; further ones are counted.
const DEVIATIONS_MAX: usize = 60;

/// Writes the results of campaigns: a section for each, then a page for each group of findings, as many as there is
/// room for.
pub fn campaigns(all: &[CampaignResult]) -> String {
    let mut out = String::new();
    for result in all {
        if !out.is_empty() {
            out.push_str("\n---\n\n");
        }
        match &result.trace {
            Some(trace) if result.findings.is_empty() => out.push_str(&passing_run(trace)),
            _ => out.push_str(&section(result)),
        }
    }
    let causes: Vec<Group<'_>> = all.iter().flat_map(|result| groups(&result.findings)).collect();
    let pages = causes.iter().map(|group| {
        let shown = group.shown();
        let found = format!("\nFound within {}.\n", plural(up_to(shown.runs_to_find), "run"));
        fitting(&shown.failure, &shown.context, LINES_MAX - RESERVED - 2) + &found
    });
    let mut out = cut(&out, LINES_MAX - RESERVED);
    append_pages(&mut out, pages.collect());
    out
}

/// The lines that every report reserves for the numbers of omitted lines and pages.
const RESERVED: usize = 8;

/// Joins pages, as many as fit into a report.
pub(crate) fn joined(pages: Vec<String>) -> String {
    let mut pages = pages.into_iter();
    let mut out = pages.next().map(|first| cut(&first, LINES_MAX - RESERVED)).unwrap_or_default();
    append_pages(&mut out, pages.collect());
    out
}

/// Leaves out the lines that do not fit, and counts them.
pub(crate) fn cut(text: &str, lines: usize) -> String {
    let all = text.lines().count();
    if all <= lines {
        return text.to_owned();
    }
    let kept: String = text.lines().take(lines - 2).map(|line| format!("{line}\n")).collect();
    format!("{kept}\n{} left out.\n", plural((all - lines + 2) as u64, "line"))
}

/// Appends as many pages as there is room for.
fn append_pages(out: &mut String, pages: Vec<String>) {
    let many = pages.len();
    for (at, page) in pages.into_iter().enumerate() {
        let (taken, wanted) = (out.lines().count(), page.lines().count() + 3);
        if taken + wanted > LINES_MAX - 2 {
            let _ = writeln!(
                out,
                "\n{} left out: the report has no more room.",
                plural((many - at) as u64, "page")
            );
            return;
        }
        let _ = write!(out, "\n---\n\n{page}");
    }
}

/// Writes the verdict of a campaign and a line for each of its findings.
fn section(result: &CampaignResult) -> String {
    let title = title(&result.scenario, &result.without);
    let verdict = match result.verdict {
        Verdict::Held => "No invariant is violated",
        Verdict::Violated => "An invariant is violated",
        Verdict::Inconclusive => "The result is inconclusive",
    };
    let mut out = format!("# {title}\n\n{verdict}. {}.\n", Counts::of(result));
    let mut room = LISTED_MAX;
    for group in groups(&result.findings) {
        let _ = write!(
            out,
            "\n{}:\n\n{}",
            story::capital(&sentence(&group.cause.to_string())),
            list(&group, &mut room)
        );
    }
    out
}

/// Writes a line for each finding of a group, as far as they fit.
fn list(group: &Group<'_>, room: &mut usize) -> String {
    let listed = group.findings.len().min(*room);
    *room -= listed;
    let mut out: String = group.findings[..listed].iter().map(|finding| line(finding)).collect();
    let further = group.findings.len() - listed;
    if further > 0 {
        let _ = writeln!(out, "- {} more", plural(further as u64, "finding"));
    }
    out
}

fn line(finding: &Finding) -> String {
    let Failure { violation, shrunk, .. } = &finding.failure;
    let deviations = code(&story::in_brief(shrunk));
    format!("- {}: {}; {deviations}\n", sentence(&violation.invariant), sentence(&violation.message))
}

/// Writes the page of one failure: events and reasons, prevention, and the commands that repeat it.
pub fn page(failure: &Failure, context: &FailureContext) -> String {
    fitting(failure, context, LINES_MAX)
}

/// Writes the page with as many steps as fit.
fn fitting(failure: &Failure, context: &FailureContext, lines: usize) -> String {
    let whole = page_with(failure, context, STEPS_MAX);
    match whole.lines().count().checked_sub(lines) {
        None | Some(0) => whole,
        Some(surplus) => page_with(failure, context, STEPS_MAX.saturating_sub(surplus + 1).max(STEPS_MIN)),
    }
}

fn page_with(failure: &Failure, context: &FailureContext, steps_max: usize) -> String {
    let script = &failure.shrunk;
    let rows = story::of_failure(failure);
    let mut out = format!(
        "# {}: {}\n\n",
        title(&script.scenario, &script.without),
        sentence(&failure.violation.invariant)
    );
    let _ = writeln!(out, "{}.", sentence(&story::capital(&failure.violation.message)));
    if !context.claim.is_empty() {
        let _ = writeln!(out, "\nThe claim that this violates: {}.", sentence(&context.claim));
    }
    out.push_str("\n## What happened\n\n");
    out.push_str(&happened(failure, context));
    out.push_str("\n## Why\n\n");
    out.push_str(&steps(&failure.trace, &rows, steps_max));
    out.push_str("\n## What would have prevented it\n\n");
    out.push_str(&prevented(failure, context));
    out.push_str("\n## How to see it again\n\n");
    out.push_str(&again(script, context));
    out.push_str("\n## Messages\n\n");
    out.push_str(&block("mermaid", &mermaid::diagram(&failure.trace, &rows)));
    out
}

/// Writes the design, and the deviations from the happy path.
fn happened(failure: &Failure, context: &FailureContext) -> String {
    let built = context.restored.iter().map(|one| {
        format!("Built without {} on purpose: {}.\n", code(&one.guardrail), sentence(&one.instead))
    });
    let setting = |one: &Setting| format!("- {}: {}.\n", code(&one.written), sentence(&one.about));
    let settings: String = context.settings.iter().map(setting).collect();
    let settings = if settings.is_empty() { settings } else { format!("Run with\n\n{settings}") };
    let paragraphs = [built.collect(), settings, deviations(failure)];
    paragraphs.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

fn deviations(failure: &Failure) -> String {
    let script = &failure.shrunk;
    if script.deviations.is_empty() {
        return "The happy path.\n".to_owned();
    }
    let in_words = story::deviations(&failure.trace);
    let line = |(number, deviation): (usize, &Deviation)| {
        let words = in_words.iter().find(|one| one.deviation == deviation.to_string());
        let words = words.map(|one| format!("{}: ", sentence(&one.sentence))).unwrap_or_default();
        format!("- ({number}) {words}{}\n", code(&deviation.to_string()))
    };
    let mut lines: String = story::numbered(script).into_iter().take(DEVIATIONS_MAX).map(line).collect();
    if let Some(further @ 1..) = script.deviations.len().checked_sub(DEVIATIONS_MAX) {
        let _ = writeln!(lines, "- and {} more", plural(further as u64, "deviation"));
    }
    format!("The happy path, except:\n\n{lines}")
}

fn prevented(failure: &Failure, context: &FailureContext) -> String {
    let guardrails = context.restored.iter().map(|one| {
        let result = sentence(&story::capital(&story::put_back(one)));
        let instead: String =
            one.facts_instead.iter().map(|text| format!("\n  - {}", sentence(text))).collect();
        let then = if instead.is_empty() { "." } else { ", and this happens instead:" };
        format!("- **{}**: {}. {result}{then}{instead}\n", sentence(&one.guardrail), sentence(&one.about))
    });
    let sentences = story::needed(failure).into_iter().chain(story::nearest(failure));
    guardrails.chain(sentences.map(|text| format!("- As it was built, {}.\n", sentence(&text)))).collect()
}

/// Writes the command that repeats the run, and the one with which it holds.
fn again(script: &Script, context: &FailureContext) -> String {
    let mut out = block("sh", &Program::SHAKEDOWN.run(script));
    out.push_str("\nThis ends with exit code 1 and the story above");
    let held = context.restored.iter().filter(|one| one.still_violated.is_empty());
    let options: Vec<String> = held.map(|one| code(&format!("--without {}", one.guardrail))).collect();
    if !options.is_empty() {
        let _ = write!(out, "; without {} it holds, and ends with 0", options.join(" or "));
    }
    out.push_str(".\n");
    out
}

fn title(scenario: &str, without: &[String]) -> String {
    let without: String = without.iter().map(|part| format!(" without {part}")).collect();
    sentence(&format!("{scenario}{without}"))
}

/// Returns the least power of two that is at least `count`: a count that rarely changes.
pub(crate) fn up_to(count: u64) -> u64 {
    count.max(1).next_power_of_two()
}

/// Writes the page of a run that holds: its steps and its messages.
pub fn passing_run(trace: &Trace) -> String {
    let (script, rows) = (&trace.script, story::of_run(trace));
    format!(
        "# {}\n\nNo invariant is violated.\n\n## What happened\n\n{}\n## Messages\n\n{}",
        title(&script.scenario, &script.without),
        steps(trace, &rows, STEPS_MAX / 2),
        block("mermaid", &mermaid::diagram(trace, &rows))
    )
}

/// Writes a table of the invariants of each scenario.
pub fn catalogue(scenarios: &[(String, Vec<String>)]) -> String {
    let mut invariants: Vec<&str> = Vec::new();
    for invariant in scenarios.iter().flat_map(|(_, invariants)| invariants) {
        if !invariants.contains(&invariant.as_str()) {
            invariants.push(invariant);
        }
    }
    let names: String = scenarios.iter().map(|(name, _)| format!(" {} |", sentence(name))).collect();
    let rules = "---|".repeat(scenarios.len() + 1);
    let mut out = format!("# Invariants of each scenario\n\n| invariant |{names}\n|{rules}\n");
    for invariant in invariants {
        let judges = |(_, own): &(String, Vec<String>)| {
            if own.iter().any(|name| name == invariant) { " yes |" } else { " – |" }
        };
        let cells: String = scenarios.iter().map(judges).collect();
        let _ = writeln!(out, "| {} |{cells}", sentence(invariant));
    }
    out
}

/// The greatest number of steps of a page; the steps omitted in the middle are counted.
const STEPS_MAX: usize = 300;
/// The number of steps that a page which is too long keeps.
const STEPS_MIN: usize = 20;

fn steps(trace: &Trace, rows: &[Row], steps_max: usize) -> String {
    let mut out = String::from("| step | node | what happens | why | after |\n|---:|---|---|---|---|\n");
    let causes = story::causes(trace, rows);
    let half = steps_max / 2;
    let unknown = knowledge::unknown(trace, rows);
    for (at, (row, causes)) in rows.iter().zip(causes).enumerate() {
        if rows.len() > steps_max && at == half {
            let _ =
                writeln!(out, "| … | | {} left out | | |", plural((rows.len() - 2 * half) as u64, "step"));
        }
        if rows.len() > steps_max && (half..rows.len() - half).contains(&at) {
            continue;
        }
        let after: Vec<String> = causes.iter().map(|cause| (cause + 1).to_string()).collect();
        let unknown = unknown[at].as_ref().map(|unknown| format!("however, {unknown}"));
        let why: Vec<&str> = [Some(row.why.as_str()), unknown.as_deref()]
            .into_iter()
            .flatten()
            .filter(|reason| !reason.is_empty())
            .collect();
        let (what, why) = (sentence(&row.what), sentence(&why.join("; ")));
        let _ =
            writeln!(out, "| {} | {} | {what} | {why} | {} |", at + 1, sentence(&row.node), after.join(", "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_change_rarely() {
        assert_eq!([0, 1, 5, 64, 65].map(up_to), [1, 1, 8, 64, 128]);
    }
}
