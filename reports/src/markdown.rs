//! What a reviewer reads in a diff: one page for each failure. Small and stable: nothing in it changes unless
//! the story does, so there are no times, seeds, digests or paths, and steps are numbered within the page.

use crate::knowledge;
use crate::mermaid;
use crate::records::{Beside, Finished};
use crate::story::{self, Row};
use shakedown_sim::Trace;
use shakedown_sim::search::Failure;
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
    let _ = writeln!(out, "{}.\n\n## What happened\n", story::capital(&sentence(&failure.violation.message)));
    out.push_str(&happened(failure, beside));
    out.push_str("\n## Why\n\n");
    out.push_str(&steps(&failure.trace, &rows));
    out.push_str("\n## What would have prevented it\n\n");
    out.push_str(&prevented(failure, beside));
    let _ = write!(out, "\n## How to see it again\n\n```sh\n{}\n```\n", story::command(script));
    out.push_str("\n## Who tells whom\n\n");
    let _ = write!(out, "```mermaid\n{}```\n", mermaid::diagram(&failure.trace, &rows));
    out
}

/// What was built, and where it left the happy path.
fn happened(failure: &Failure, beside: &Beside) -> String {
    let script = &failure.shrunk;
    let mut out = String::new();
    for one in &beside.put_back {
        let _ = writeln!(out, "Built without `{}`: {}.", one.guardrail, sentence(&one.instead));
    }
    if !script.variant.0.is_empty() {
        let _ = writeln!(out, "Run with `{}`.", script.variant);
    }
    if script.deviations.is_empty() {
        out.push_str("Nothing goes wrong.\n");
        return out;
    }
    out.push_str("All goes well, except:\n\n");
    let told = story::befalls(&failure.trace);
    for (number, deviation) in story::exceptions(script) {
        let words = told.iter().find(|(written, _)| *written == deviation.to_string());
        let _ = match words {
            Some((_, words)) => writeln!(out, "{number}. {} (`{deviation}`)", sentence(words)),
            None => writeln!(out, "{number}. `{deviation}`"),
        };
    }
    out
}

fn prevented(failure: &Failure, beside: &Beside) -> String {
    let guardrails = beside.put_back.iter().map(|one| {
        format!(
            "**{}**: {}. {}",
            one.guardrail,
            sentence(&one.about),
            story::capital(&sentence(&story::put_back(one)))
        )
    });
    let sentences = story::needed(&failure.needed).into_iter().chain(story::nearest(failure));
    let lines = guardrails.chain(sentences.map(|text| format!("As it was built, {}", sentence(&text))));
    lines.map(|line| format!("- {line}.\n")).collect()
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
