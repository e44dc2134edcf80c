//! What a reviewer reads in a diff: one page for each failure. Small and stable: nothing in it changes unless
//! the story does, so there are no times, seeds, digests or paths, and steps are numbered within the page.

use crate::records::{Finding, Finished};
use crate::story::{self, Row};
use shakedown_sim::Trace;
use std::fmt::Write as _;

/// All failures of these campaigns, one page after the other; a line for each scenario without any.
pub fn finished(all: &[Finished]) -> String {
    let mut pages = Vec::new();
    for finished in all {
        if finished.findings.is_empty() {
            let title = title(&finished.scenario, &finished.without);
            pages.push(format!("# {title}\n\nNo invariant is broken in {} runs.\n", up_to(finished.runs)));
        }
        pages.extend(finished.findings.iter().map(page));
    }
    pages.join("\n---\n\n")
}

/// The page of one failure.
pub fn page(finding: &Finding) -> String {
    let failure = &finding.failure;
    let script = &failure.shrunk;
    let rows = story::of_failure(failure);
    let mut out =
        format!("# {}: {}\n\n", title(&script.scenario, &script.without), failure.violation.invariant);
    let _ = writeln!(out, "{}.\n", sentence(&failure.violation.message));
    if !script.variant.0.is_empty() {
        let _ = writeln!(out, "Variant: `{}`\n", script.variant);
    }
    if script.deviations.is_empty() {
        out.push_str("It needs nothing to go wrong.\n\n");
    } else {
        out.push_str("The happy path, except\n\n");
        for (number, deviation) in story::exceptions(script) {
            let _ = writeln!(out, "{number}. `{deviation}`");
        }
        out.push('\n');
    }
    out.push_str("## Why\n\n");
    out.push_str(&steps(&failure.trace, &rows));
    out.push_str("\n## What it needs\n\n");
    for sentence in story::needed(&failure.needed) {
        let _ = writeln!(out, "- {}", self::sentence(&sentence));
    }
    let _ = writeln!(out, "- found within {} runs", up_to(finding.runs_to_find));
    out.push_str("\n## Who tells whom\n\n");
    out.push_str(&sequence(&failure.trace, &rows));
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

/// A page is not longer than this many steps; what is left out stands between the two halves.
const MOST_STEPS: usize = 300;

fn steps(trace: &Trace, rows: &[Row]) -> String {
    let mut out = String::from("| step | node | what happens | why | after |\n|---:|---|---|---|---|\n");
    let causes = story::causes(trace, rows);
    let half = MOST_STEPS / 2;
    for (at, (row, causes)) in rows.iter().zip(causes).enumerate() {
        if rows.len() > MOST_STEPS && at == half {
            let _ = writeln!(out, "| … | | {} steps left out | | |", rows.len() - MOST_STEPS);
        }
        if rows.len() > MOST_STEPS && (half..rows.len() - half).contains(&at) {
            continue;
        }
        let after: Vec<String> = causes.iter().map(|cause| (cause + 1).to_string()).collect();
        let (what, why) = (sentence(&row.what), sentence(&row.why));
        let _ = writeln!(out, "| {} | {} | {what} | {why} | {} |", at + 1, row.node, after.join(", "));
    }
    out
}

const MOST_MESSAGES: usize = 40;

/// A mermaid sequence diagram: each step as a note on its node, or as a message if it follows from a step of
/// another node. Nodes get short aliases, since a participant called `end` would not parse.
fn sequence(trace: &Trace, rows: &[Row]) -> String {
    let mut nodes: Vec<&str> = Vec::new();
    for row in rows {
        if !nodes.contains(&row.node.as_str()) {
            nodes.push(&row.node);
        }
    }
    let alias = |node: &str| {
        nodes.iter().position(|other| *other == node).map(|at| format!("n{}", at + 1)).unwrap_or_default()
    };
    let mut out = String::from("```mermaid\nsequenceDiagram\n");
    for node in &nodes {
        let _ = writeln!(out, "    participant {} as {}", alias(node), plain(node));
    }
    let causes = story::causes(trace, rows);
    for (at, (row, causes)) in rows.iter().zip(causes).enumerate().take(MOST_MESSAGES) {
        let sender = causes.iter().rev().map(|cause| &rows[*cause].node).find(|node| **node != row.node);
        let (to, number) = (alias(&row.node), at + 1);
        let _ = match sender {
            Some(from) => writeln!(out, "    {}->>{to}: {number}. {}", alias(from), plain(&row.what)),
            None => writeln!(out, "    Note over {to}: {number}. {}", plain(&row.what)),
        };
        if row.deviates {
            let _ = writeln!(out, "    Note over {to}: {}", plain(&row.why));
        }
    }
    if rows.len() > MOST_MESSAGES {
        let _ = writeln!(out, "    Note over n1: {} further steps", rows.len() - MOST_MESSAGES);
    }
    out.push_str("```\n");
    out
}

/// Text that mermaid takes literally: it ends a statement at `;` and begins a comment at `%%`, and `#` begins
/// an entity.
fn plain(text: &str) -> String {
    text.replace(';', ",").replace("%%", "%").replace('#', "no. ").replace(['\n', '<', '>'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_s_text_cannot_break_a_table_or_a_diagram() {
        assert_eq!(sentence("a|b <i>*c*"), "a\\|b &lt;i>\\*c\\*");
        assert_eq!(plain("x; y #1 %% z"), "x, y no. 1 % z");
    }

    #[test]
    fn counts_change_rarely() {
        assert_eq!([0, 1, 5, 64, 65].map(up_to), [1, 1, 8, 64, 128]);
    }
}
