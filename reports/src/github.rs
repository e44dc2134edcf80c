//! What GitHub Actions reads: annotations, as workflow commands to be printed in a step, and the job summary, as
//! Markdown for `$GITHUB_STEP_SUMMARY`.
//!
//! GitHub drops what is beyond its limits without a word, so they are kept here and what is left out is said:
//! ten errors and ten warnings a step (actions/toolkit, `docs/problem-matchers.md`), one mebibyte of summary a
//! step (GitHub Docs, "Workflow commands for GitHub Actions").

use crate::clock;
use crate::markdown::{self, sentence};
use crate::matrix::{self, Matrix};
use crate::records::{Finding, Finished, Verdict};
use crate::story::{self, plural};
use std::fmt::Write as _;

/// Annotations of one kind that a step may have.
pub const ANNOTATIONS_MAX: usize = 10;
/// Bytes that a step's summary may have.
pub const SUMMARY_BYTES_MAX: usize = 1 << 20;

/// An error for each failure, a warning for each scenario of which too little is known.
pub fn annotations(all: &[Finished]) -> String {
    let findings = all.iter().flat_map(|finished| &finished.findings).map(error).collect();
    let doubts = all.iter().filter(|finished| finished.verdict == Verdict::Inconclusive);
    let doubts = doubts.map(|finished| doubt(&finished.scenario));
    within_limit("error", findings) + &within_limit("warning", doubts.collect())
}

fn doubt(scenario: &str) -> String {
    command("warning", scenario, "no invariant is broken, but the runs say too little")
}

fn error(finding: &Finding) -> String {
    let failure = &finding.failure;
    let script = &failure.shrunk;
    let title = format!("{}: {}", script.scenario, failure.violation.invariant);
    let mut lines = vec![failure.violation.message.clone()];
    lines.extend(story::befalls(&failure.trace).into_iter().map(|(_, words)| words));
    lines.extend(finding.beside.put_back.iter().map(story::put_back));
    lines.push(format!("shakedown replay {}", finding.trace));
    command("error", &title, &lines.join("\n"))
}

fn within_limit(kind: &str, mut commands: Vec<String>) -> String {
    if commands.len() > ANNOTATIONS_MAX {
        let beyond = commands.split_off(ANNOTATIONS_MAX - 1).len() as u64;
        let text = format!("{beyond} more of these; the job summary has them");
        commands.push(command(kind, "and more", &text));
    }
    commands.concat()
}

fn command(kind: &str, title: &str, message: &str) -> String {
    let title = message_data(title).replace(':', "%3A").replace(',', "%2C");
    format!("::{kind} title={title}::{}\n", message_data(message))
}

/// Text in the form that workflow commands take.
fn message_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A table of what each scenario came to, then a page for each failure, as many as fit.
pub fn summary(all: &[Finished]) -> String {
    let mut out =
        String::from("| scenario | without | verdict | runs | failures |\n|---|---|---|---:|---:|\n");
    for finished in all {
        let verdict = match finished.verdict {
            Verdict::Held => "held",
            Verdict::Violated => "**violated**",
            Verdict::Inconclusive => "inconclusive",
        };
        let (scenario, without) = (sentence(&finished.scenario), sentence(&finished.without.join(", ")));
        let (runs, failures) = (clock::count(finished.runs), finished.findings.len());
        let _ = writeln!(out, "| {scenario} | {without} | {verdict} | {runs} | {failures} |");
    }
    let findings: Vec<&Finding> = all.iter().flat_map(|finished| &finished.findings).collect();
    add_pages(&mut out, &findings);
    out
}

/// Adds a page for each failure, as many as a summary has room for.
fn add_pages(out: &mut String, findings: &[&Finding]) {
    for (at, finding) in findings.iter().enumerate() {
        let page = format!("\n{}", markdown::page(&finding.failure, &finding.beside));
        let left_out = format!(
            "\n{} left out: a summary has no more room.\n",
            plural((findings.len() - at) as u64, "failure")
        );
        if out.len() + page.len() + left_out.len() > SUMMARY_BYTES_MAX {
            out.push_str(&left_out);
            break;
        }
        out.push_str(&page);
    }
}

/// An error for each guardrail whose lack nothing caught and for each failure of a whole design, a warning for
/// each whole design of which too little is known.
pub fn matrix_annotations(matrix: &Matrix) -> String {
    let survivors =
        matrix.rows.iter().filter(|row| !row.is_caught()).map(|row| {
            command("error", &format!("{}: without {}", row.scenario, row.guardrail), &row.story())
        });
    let broken = matrix.guarded.iter().flat_map(|guarded| &guarded.findings).map(error);
    let doubts = matrix.guarded.iter().filter(|guarded| guarded.verdict == Verdict::Inconclusive);
    let doubts = doubts.map(|guarded| doubt(&guarded.scenario));
    within_limit("error", survivors.chain(broken).collect()) + &within_limit("warning", doubts.collect())
}

/// The matrix, then a page for each failure of a whole design, as many as fit.
pub fn matrix_summary(all: &Matrix) -> String {
    let mut out = matrix::page(all);
    add_pages(&mut out, &all.guarded.iter().flat_map(|guarded| &guarded.findings).collect::<Vec<_>>());
    out
}
