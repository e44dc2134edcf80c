//! Pages for browsers: one self-contained file that fetches nothing and opens from disk.
//!
//! Events, prevention and commands are plain markup; a script adds the run itself, step by step. Text of the model is
//! never markup.

mod article;
mod data;
mod escape;
pub mod live;
mod nearest;
mod pair;
mod rows;
mod summary;

use crate::certificate::Certificate;
use crate::commands::Program;
use crate::groups::{Group, groups};
use crate::layout::Style;
use crate::matrix::{self, Matrix};
use crate::records::{CampaignResult, FailureContext, Finding};
use crate::terminal;
use article::RunView;
use escape::Text;
use shakedown_sim::Trace;
use shakedown_sim::search::Failure;
use summary::Summary;

const STYLE: &str = include_str!("../../assets/page.css");
/// What steps through a run.
const EXPLORER: [&str; 3] = [
    include_str!("../../assets/run.js"),
    include_str!("../../assets/lanes.js"),
    include_str!("../../assets/explorer.js"),
];
const PAGE_SCRIPT: &str = include_str!("../../assets/page.js");

/// The greatest number of failing runs that a page shows; further ones are listed.
const RUNS_MAX: usize = 24;

/// Writes the results of campaigns or of a run: a summary of each, then an article for each run to show.
pub fn campaigns(all: &[CampaignResult]) -> String {
    let findings: Vec<&Finding> = all.iter().flat_map(|result| by_cause(&result.findings)).collect();
    let summaries = all.iter().map(Summary::of_campaign).collect();
    let mut runs = failures(&findings);
    let passing = all.iter().filter(|result| result.findings.is_empty());
    for trace in passing.filter_map(|result| result.trace.as_ref()) {
        runs.push(article::article(&RunView::of_run(trace), runs.len() + 1));
    }
    summarized(summaries, &findings, runs)
}

/// Writes certificates: a summary of each, then an article for each failing run.
pub fn certificates(all: &[Certificate]) -> String {
    let findings: Vec<&Finding> =
        all.iter().flat_map(|certificate| by_cause(&certificate.findings)).collect();
    let summaries = all.iter().map(Summary::of_certificate).collect();
    summarized(summaries, &findings, failures(&findings))
}

/// Returns the findings, those to show in full first.
fn by_cause(findings: &[Finding]) -> Vec<&Finding> {
    let groups = groups(findings);
    let shown = groups.iter().map(Group::shown);
    shown.chain(groups.iter().flat_map(Group::others)).collect()
}

/// Writes a page of summaries and the articles of these findings.
fn summarized(summaries: Vec<Summary<'_>>, findings: &[&Finding], runs: Vec<String>) -> String {
    let articles = terminal::by_script(findings.iter().copied());
    let articles = articles.iter().map(|run| &run[0].failure.shrunk).collect();
    let sections = summaries.iter().zip(1..).map(|(summary, number)| summary.section(&articles, number));
    let title = title(
        findings.first().map(|finding| &finding.failure),
        summaries.first().map(|summary| summary.scenario),
    );
    page(&title, &sections.chain(runs).collect::<Vec<_>>())
}

/// Writes a matrix and each of its failures.
pub fn matrix(all: &Matrix) -> String {
    let findings: Vec<&Finding> = all.findings().collect();
    let mut parts = vec![table("Without each guardrail", &matrix::human(Style::PLAIN, all))];
    parts.extend(failures(&findings));
    page("What fails without which guardrail", &parts)
}

/// Writes one failure. `path` is the path of its trace, as a user types it.
pub fn failure(failure: &Failure, path: &str, context: &FailureContext) -> String {
    let view = RunView {
        trace: &failure.trace,
        failure: Some(failure),
        also: Vec::new(),
        command: Some(context.program.of_trace("replay", path)),
        context,
    };
    page(&title(Some(failure), None), &[article::article(&view, 1)])
}

/// Writes a run that holds. `program` is what the reader runs.
pub fn passing_run(trace: &Trace, path: &str, program: &Program) -> String {
    let scenario = Some(trace.script.scenario.as_str());
    let view = RunView { command: Some(program.of_trace("replay", path)), ..RunView::of_run(trace) };
    page(&title(None, scenario), &[article::article(&view, 1)])
}

/// Returns an article for each failing run; findings that shrank to one script share one.
fn failures(findings: &[&Finding]) -> Vec<String> {
    let runs = terminal::by_script(findings.iter().copied());
    let article_of = |(at, run): (usize, &Vec<&Finding>)| {
        let (first, failure) = (run[0], &run[0].failure);
        let also = run[1..].iter().map(|finding| &finding.failure.violation).collect();
        let (trace, context) = (&failure.trace, &first.context);
        let command = Some(context.program.of_trace("replay", &first.trace));
        article::article(&RunView { trace, failure: Some(failure), also, command, context }, at + 1)
    };
    runs.iter().take(RUNS_MAX).enumerate().map(article_of).collect()
}

fn table(title: &str, text: &str) -> String {
    format!(
        "<section><h1>{}</h1>\n<pre class=\"matrix\" tabindex=\"0\">{}</pre></section>\n",
        Text(title),
        Text(text)
    )
}

fn title(failure: Option<&Failure>, scenario: Option<&str>) -> String {
    match failure {
        Some(failure) => format!("{}: {}", failure.shrunk.scenario, failure.violation.message),
        None => scenario.unwrap_or("no run").to_owned(),
    }
}

fn page(title: &str, parts: &[String]) -> String {
    // The policy forbids every fetch; everything is inline.
    let policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} · Shakedown</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         <script type=\"module\">\n{script}</script>\n</body>\n</html>\n",
        title = Text(title),
        body = parts.concat(),
        script = EXPLORER.concat() + PAGE_SCRIPT,
    )
}
