//! What a reviewer reads in a diff: one page for each failure. Small and stable: nothing in it changes unless
//! the story does, so there are no times, seeds, digests or paths, and steps are numbered within the page.

use crate::knowledge;
use crate::mermaid;
use crate::records::{Beside, Finished, Setting};
use crate::story::{self, Row};
use shakedown_sim::search::Failure;
use shakedown_sim::{Deviation, Script, Trace};
use std::fmt::Write as _;

/// All failures of these campaigns, one page after the other; a line for each scenario without any.
pub fn finished(all: &[Finished]) -> String {
    let mut pages = Vec::new();
    for finished in all {
        if let (true, Some(trace)) = (finished.findings.is_empty(), &finished.trace) {
            pages.push(account(trace));
        } else if finished.findings.is_empty() {
            let title = title(&finished.scenario, &finished.without);
            pages.push(format!("# {title}\n\nNo invariant is broken in {} runs.\n", up_to(finished.runs)));
        }
        pages.extend(finished.findings.iter().map(|finding| {
            let found = format!("\nFound within {} runs.\n", up_to(finding.runs_to_find));
            page(&finding.failure, &finding.beside) + &found
        }));
    }
    pages.join("\n---\n\n")
}

/// The page of one failure: what happened and why, what would have prevented it, how to see it again.
pub fn page(failure: &Failure, beside: &Beside) -> String {
    let script = &failure.shrunk;
    let rows = story::of_failure(failure);
    let mut out =
        format!("# {}: {}\n\n", title(&script.scenario, &script.without), failure.violation.invariant);
    let _ = writeln!(out, "{}.", story::capital(&sentence(&failure.violation.message)));
    if !beside.claim.is_empty() {
        let _ = writeln!(out, "\nThe claim that this breaks: {}.", sentence(&beside.claim));
    }
    out.push_str("\n## What happened\n\n");
    out.push_str(&happened(failure, beside));
    out.push_str("\n## Why\n\n");
    out.push_str(&steps(&failure.trace, &rows));
    out.push_str("\n## What would have prevented it\n\n");
    out.push_str(&prevented(failure, beside));
    out.push_str("\n## How to see it again\n\n");
    out.push_str(&again(script, beside));
    out.push_str("\n## Who tells whom\n\n");
    let _ = write!(out, "```mermaid\n{}```\n", mermaid::diagram(&failure.trace, &rows));
    out
}

/// What was built, and where it left the happy path.
fn happened(failure: &Failure, beside: &Beside) -> String {
    let built = beside
        .put_back
        .iter()
        .map(|one| format!("Built without `{}` on purpose: {}.\n", one.guardrail, sentence(&one.instead)));
    let setting = |one: &Setting| format!("- `{}`: {}.\n", one.written, sentence(&one.about));
    let settings: String = beside.settings.iter().map(setting).collect();
    let settings = if settings.is_empty() { settings } else { format!("Run with\n\n{settings}") };
    let paragraphs = [built.collect(), settings, exceptions(failure)];
    paragraphs.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

fn exceptions(failure: &Failure) -> String {
    let script = &failure.shrunk;
    if script.deviations.is_empty() {
        return "Nothing goes wrong.\n".to_owned();
    }
    let told = story::befalls(&failure.trace);
    let line = |(number, deviation): (usize, &Deviation)| {
        let words = told.iter().find(|(written, _)| *written == deviation.to_string());
        let words = words.map(|(_, words)| format!("{}: ", sentence(words))).unwrap_or_default();
        format!("- ({number}) {words}`{deviation}`\n")
    };
    let lines: String = story::exceptions(script).into_iter().map(line).collect();
    format!("All goes well, except:\n\n{lines}")
}

fn prevented(failure: &Failure, beside: &Beside) -> String {
    let guardrails = beside.put_back.iter().map(|one| {
        let ends = story::capital(&sentence(&story::put_back(one)));
        let instead: String = one.otherwise.iter().map(|text| format!("\n  - {}", sentence(text))).collect();
        let then = if instead.is_empty() { "." } else { ", and this is what happens instead:" };
        format!("- **{}**: {}. {ends}{then}{instead}\n", one.guardrail, sentence(&one.about))
    });
    let sentences = story::needed(&failure.needed).into_iter().chain(story::nearest(failure));
    guardrails.chain(sentences.map(|text| format!("- As it was built, {}.\n", sentence(&text)))).collect()
}

/// The command that runs it again, and how to see it hold.
fn again(script: &Script, beside: &Beside) -> String {
    let mut out = format!("```sh\n{}\n```\n\n", story::command(script));
    out.push_str("This ends with exit code 1 and the story above");
    let held = beside.put_back.iter().filter(|one| one.still_broken.is_empty());
    let options: Vec<String> = held.map(|one| format!("`--without {}`", one.guardrail)).collect();
    if !options.is_empty() {
        let _ = write!(out, "; without {} it holds, and ends with 0", options.join(" or "));
    }
    out.push_str(".\n");
    out
}

fn title(scenario: &str, without: &[String]) -> String {
    let without: String = without.iter().map(|part| format!(" without {part}")).collect();
    format!("{scenario}{without}")
}

/// Text that a table cell or a paragraph takes literally.
pub(crate) fn sentence(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace('*', "\\*").replace('<', "&lt;").replace('\n', " ")
}

/// The least power of two that is at least `count`: a count that rarely changes.
pub(crate) fn up_to(count: u64) -> u64 {
    count.max(1).next_power_of_two()
}

/// The page of a run that nobody has explained: what happened, and who told whom.
pub fn account(trace: &Trace) -> String {
    let (script, rows) = (&trace.script, story::of_run(trace));
    format!(
        "# {}\n\nNo invariant is broken.\n\n## What happened\n\n{}\n## Who tells whom\n\n```mermaid\n{}```\n",
        title(&script.scenario, &script.without),
        steps(trace, &rows),
        mermaid::diagram(trace, &rows)
    )
}

/// What judges what, as a table: a line for each invariant, a column for each scenario.
pub fn catalogue(scenarios: &[(String, Vec<String>)]) -> String {
    let mut invariants: Vec<&str> = Vec::new();
    for invariant in scenarios.iter().flat_map(|(_, invariants)| invariants) {
        if !invariants.contains(&invariant.as_str()) {
            invariants.push(invariant);
        }
    }
    let names: String = scenarios.iter().map(|(name, _)| format!(" {} |", sentence(name))).collect();
    let rules = "---|".repeat(scenarios.len() + 1);
    let mut out = format!("# What judges what\n\n| invariant |{names}\n|{rules}\n");
    for invariant in invariants {
        let judges = |(_, own): &(String, Vec<String>)| match own.iter().any(|name| name == invariant) {
            true => " yes |",
            false => " – |",
        };
        let cells: String = scenarios.iter().map(judges).collect();
        let _ = writeln!(out, "| {} |{cells}", sentence(invariant));
    }
    out
}

/// A page is not longer than this many steps; what is left out stands between the two halves.
const MOST_STEPS: usize = 300;

fn steps(trace: &Trace, rows: &[Row]) -> String {
    let mut out = String::from("| step | node | what happens | why | after |\n|---:|---|---|---|---|\n");
    let causes = story::causes(trace, rows);
    let half = MOST_STEPS / 2;
    let however = knowledge::however(trace, rows);
    for (at, (row, causes)) in rows.iter().zip(causes).enumerate() {
        if rows.len() > MOST_STEPS && at == half {
            let _ = writeln!(out, "| … | | {} steps left out | | |", rows.len() - MOST_STEPS);
        }
        if rows.len() > MOST_STEPS && (half..rows.len() - half).contains(&at) {
            continue;
        }
        let after: Vec<String> = causes.iter().map(|cause| (cause + 1).to_string()).collect();
        let however = however[at].as_ref().map(|unheard| format!("however, {unheard}"));
        let why: Vec<&str> = [Some(row.why.as_str()), however.as_deref()]
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
    fn a_model_s_text_cannot_break_a_table() {
        assert_eq!(sentence("a|b <i>*c*"), "a\\|b &lt;i>\\*c\\*");
    }

    #[test]
    fn counts_change_rarely() {
        assert_eq!([0, 1, 5, 64, 65].map(up_to), [1, 1, 8, 64, 128]);
    }
}
