//! What an engineer reads in a browser: one self-contained file that fetches nothing and opens from disk.
//!
//! What happened, what would have prevented it and how to see it again stand in plain markup; a script adds the
//! run itself, step by step. Whatever the model printed is text here, never markup.

mod article;
mod beside;
mod data;
mod escape;
mod rows;

use crate::certificate::{self, Certificate};
use crate::layout::Style;
use crate::matrix::{self, Matrix};
use crate::records::{Beside, Finding, Finished};
use crate::terminal;
use article::Telling;
use escape::Text;
use shakedown_sim::Trace;
use shakedown_sim::search::Failure;

const STYLE: &str = include_str!("../../assets/page.css");
const SCRIPTS: [&str; 3] = [
    include_str!("../../assets/run.js"),
    include_str!("../../assets/lanes.js"),
    include_str!("../../assets/page.js"),
];

/// A page tells at most this many failing runs; further ones are named.
const RUNS_MAX: usize = 24;

/// The results of campaigns or of a run.
pub fn finished(all: &[Finished]) -> String {
    let findings: Vec<&Finding> = all.iter().flat_map(|finished| &finished.findings).collect();
    let held = all.iter().filter(|finished| finished.findings.is_empty());
    let mut parts: Vec<String> = failures(&findings);
    for finished in held {
        parts.push(match &finished.trace {
            Some(trace) => article::article(&Telling::of_run(trace, None), 1),
            None => summary(&finished.scenario, &terminal::campaign(Style::PLAIN, finished)),
        });
    }
    page(
        &title(
            findings.first().map(|finding| &finding.failure),
            all.first().map(|one| one.scenario.as_str()),
        ),
        &parts,
    )
}

/// Certificates, or the failures that there are in their place.
pub fn certificates(all: &[Certificate]) -> String {
    let findings: Vec<&Finding> = all.iter().flat_map(|certificate| &certificate.findings).collect();
    let held = all.iter().filter(|certificate| certificate.findings.is_empty());
    let mut parts = failures(&findings);
    parts.extend(held.map(|one| summary(&one.scenario, &certificate::human(Style::PLAIN, one))));
    page(
        &title(
            findings.first().map(|finding| &finding.failure),
            all.first().map(|one| one.scenario.as_str()),
        ),
        &parts,
    )
}

/// What breaks without which guardrail: every failure of a matrix, and how it was made to fail.
pub fn matrix(all: &Matrix) -> String {
    let findings: Vec<&Finding> = all.findings().collect();
    let mut parts = vec![summary("Without each guardrail", &matrix::human(Style::PLAIN, all))];
    parts.extend(failures(&findings));
    page("What breaks without which guardrail", &parts)
}

/// One failure. `path` is where its trace is, as one would type it.
pub fn failure(failure: &Failure, path: &str, beside: &Beside) -> String {
    let telling =
        Telling { trace: &failure.trace, failure: Some(failure), also: Vec::new(), path: Some(path), beside };
    page(&title(Some(failure), None), &[article::article(&telling, 1)])
}

/// A run that nobody has explained.
pub fn account(trace: &Trace, path: &str) -> String {
    let scenario = Some(trace.script.scenario.as_str());
    page(&title(None, scenario), &[article::article(&Telling::of_run(trace, Some(path)), 1)])
}

/// An article for each failing run; findings that shrank to one script are told in one.
fn failures(findings: &[&Finding]) -> Vec<String> {
    let runs = terminal::by_script(findings.iter().copied());
    let tell = |(at, run): (usize, &Vec<&Finding>)| {
        let (first, failure) = (run[0], &run[0].failure);
        let also = run[1..].iter().map(|finding| &finding.failure.violation).collect();
        let (trace, path, beside) = (&failure.trace, Some(first.trace.as_str()), &first.beside);
        article::article(&Telling { trace, failure: Some(failure), also, path, beside }, at + 1)
    };
    let contents = (runs.len() > 1).then(|| contents(&runs));
    contents.into_iter().chain(runs.iter().take(RUNS_MAX).enumerate().map(tell)).collect()
}

fn contents(runs: &[Vec<&Finding>]) -> String {
    let item = |(at, run): (usize, &Vec<&Finding>)| {
        let violation = &run[0].failure.violation;
        let (invariant, message) = (Text(&violation.invariant), Text(&violation.message));
        match at < RUNS_MAX {
            true => format!("<li><a href=\"#run-{}\">{message}</a> <span>{invariant}</span></li>\n", at + 1),
            false => {
                let command = format!("shakedown explain {}", run[0].trace);
                format!("<li>{message} <span>{invariant}</span> <code>{}</code></li>\n", Text(&command))
            }
        }
    };
    let (count, items) = (runs.len(), runs.iter().enumerate().map(item).collect::<String>());
    format!(
        "<nav class=\"contents\" aria-label=\"Failing runs\"><h2>{count} runs fail, each for its own reason</h2>\n<ol>\n{items}</ol></nav>\n"
    )
}

fn summary(scenario: &str, text: &str) -> String {
    format!(
        "<article><h1>{}</h1>\n<pre class=\"summary\" tabindex=\"0\">{}</pre></article>\n",
        Text(scenario),
        Text(text)
    )
}

fn title(failure: Option<&Failure>, scenario: Option<&str>) -> String {
    match failure {
        Some(failure) => format!("{}: {}", failure.shrunk.scenario, failure.violation.message),
        None => scenario.unwrap_or("nothing was run").to_owned(),
    }
}

fn page(title: &str, parts: &[String]) -> String {
    // The policy forbids every fetch; what is inline is all there is.
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
        script = SCRIPTS.concat(),
    )
}
