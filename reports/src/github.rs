//! Output for GitHub Actions: annotations, as workflow commands to print in a step, and the job summary, as Markdown
//! for `$GITHUB_STEP_SUMMARY`.
//!
//! GitHub silently drops everything beyond its limits, so the output stays within them and states how much is left
//! out: ten errors and ten warnings a step (actions/toolkit, `docs/problem-matchers.md`), one mebibyte of summary a
//! step (GitHub Docs, "Workflow commands for GitHub Actions").

use crate::counts::Counts;
use crate::groups::{Group, groups};
use crate::markdown::{self, sentence};
use crate::matrix::{self, Matrix};
use crate::printable::printable;
use crate::records::{CampaignResult, Finding, Verdict};
use crate::story::{self, plural};
use std::fmt::Write as _;

/// The number of annotations of one kind that a step may have.
pub const ANNOTATIONS_MAX: usize = 10;
/// The bytes that the summary of a step may have.
pub const SUMMARY_BYTES_MAX: usize = 1 << 20;

/// Writes an error for each group of findings and a warning for each inconclusive scenario.
pub fn annotations(all: &[CampaignResult]) -> String {
    let errors = all.iter().flat_map(|result| {
        let counts = Counts::of(result).to_string();
        groups(&result.findings).iter().map(|group| error(group, &counts)).collect::<Vec<_>>()
    });
    let inconclusive = all.iter().filter(|result| result.verdict == Verdict::Inconclusive);
    let warnings = inconclusive.map(|result| inconclusive_warning(&result.scenario));
    within_limit("error", errors.collect()) + &within_limit("warning", warnings.collect())
}

fn inconclusive_warning(scenario: &str) -> String {
    command("warning", scenario, "inconclusive: no invariant is violated, but the runs do not suffice")
}

/// Returns an error about the finding that represents a group. `counts` states the total numbers.
fn error(group: &Group<'_>, counts: &str) -> String {
    let finding = group.shown();
    let failure = &finding.failure;
    let script = &failure.shrunk;
    let title = format!("{}: {}", script.scenario, failure.violation.invariant);
    let mut lines = vec![failure.violation.message.clone()];
    lines.extend(story::deviations(&failure.trace).into_iter().map(|one| one.sentence));
    lines.extend(finding.context.restored.iter().map(story::put_back));
    if let Some(further @ 1..) = group.findings.len().checked_sub(1) {
        lines.push(format!("and {}, {}", plural(further as u64, "more finding"), group.cause));
    }
    lines.push(counts.to_owned());
    lines.push(finding.context.program.of_trace("replay", &finding.trace));
    command("error", &title, &lines.join("\n"))
}

fn within_limit(kind: &str, mut commands: Vec<String>) -> String {
    if commands.len() > ANNOTATIONS_MAX {
        let beyond = commands.split_off(ANNOTATIONS_MAX - 1).len() as u64;
        let text = format!("{beyond} more of these; the job summary lists them");
        commands.push(command(kind, "and more", &text));
    }
    commands.concat()
}

fn command(kind: &str, title: &str, message: &str) -> String {
    let title = data(&printable(title)).replace(':', "%3A").replace(',', "%2C");
    let lines: Vec<_> = message.lines().map(printable).collect();
    format!("::{kind} title={title}::{}\n", data(&lines.join("\n")))
}

/// Escapes text for a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Writes a table of results, then a page for each group of findings, as many as fit.
pub fn summary(all: &[CampaignResult]) -> String {
    let mut out = String::from("| scenario | without | verdict | result |\n|---|---|---|---|\n");
    for result in all {
        let verdict = match result.verdict {
            Verdict::Held => "held",
            Verdict::Violated => "**violated**",
            Verdict::Inconclusive => "inconclusive",
        };
        let (scenario, without) = (sentence(&result.scenario), sentence(&result.without.join(", ")));
        let _ = writeln!(out, "| {scenario} | {without} | {verdict} | {} |", Counts::of(result));
    }
    add_pages(&mut out, all.iter().flat_map(|result| &result.findings));
    out
}

/// Adds a page for each group of findings, as many as a summary has room for.
fn add_pages<'a>(out: &mut String, findings: impl Iterator<Item = &'a Finding>) {
    let groups = groups(findings);
    for (at, group) in groups.iter().enumerate() {
        let shown = group.shown();
        let page = format!("\n{}", markdown::page(&shown.failure, &shown.context));
        let left_out = format!(
            "\n{} left out: a summary has no more room.\n",
            plural((groups.len() - at) as u64, "group")
        );
        if out.len() + page.len() + left_out.len() > SUMMARY_BYTES_MAX {
            out.push_str(&left_out);
            break;
        }
        out.push_str(&page);
    }
}

/// Writes an error for each missing guardrail that was not caught and for each group of findings of a whole design,
/// and a warning for each whole design with an inconclusive result.
pub fn matrix_annotations(matrix: &Matrix) -> String {
    let survivors =
        matrix.rows.iter().filter(|row| !row.is_caught()).map(|row| {
            command("error", &format!("{}: without {}", row.scenario, row.guardrail), &row.story())
        });
    let violated = matrix.guarded.iter().flat_map(|guarded| {
        let runs = plural(guarded.runs, "run");
        groups(&guarded.findings).iter().map(|group| error(group, &runs)).collect::<Vec<_>>()
    });
    let inconclusive = matrix.guarded.iter().filter(|guarded| guarded.verdict == Verdict::Inconclusive);
    let warnings = inconclusive.map(|guarded| inconclusive_warning(&guarded.scenario));
    within_limit("error", survivors.chain(violated).collect()) + &within_limit("warning", warnings.collect())
}

/// Writes the matrix, then a page for each group of findings of the whole designs, as many as fit.
pub fn matrix_summary(all: &Matrix) -> String {
    let mut out = matrix::page(all);
    add_pages(&mut out, all.guarded.iter().flat_map(|guarded| &guarded.findings));
    out
}
