//! The first section of a page, for passing and failing campaigns alike: the verdict, the runs, the evidence behind
//! the verdict, and the findings by their cause, each with a link to its run.

use super::RUNS_MAX;
use super::escape::Text;
use crate::certificate::{self, Certificate};
use crate::groups::{Group, groups};
use crate::records::{CampaignResult, Finding, Verdict};
use crate::story::{self, plural};
use crate::terminal;
use shakedown_sim::{Deviation, Script};
use std::fmt::Write as _;

/// The articles of a page: the script of each, in order.
pub(super) type Articles<'a> = Vec<&'a Script>;

/// The summary of a campaign or a certificate.
pub(super) struct Summary<'a> {
    pub(super) scenario: &'a str,
    pub(super) without: &'a [String],
    pub(super) verdict: Verdict,
    /// The verdict as a sentence without a full stop.
    pub(super) sentence: String,
    /// Labels and sentences, as at a terminal.
    pub(super) facts: Vec<(&'a str, String)>,
    pub(super) findings: &'a [Finding],
}

impl<'a> Summary<'a> {
    /// Returns the summary of a campaign.
    pub(super) fn of_campaign(result: &'a CampaignResult) -> Self {
        Self {
            scenario: &result.scenario,
            without: &result.without,
            verdict: result.verdict,
            sentence: terminal::verdict_in_words(result),
            facts: provenance(result).into_iter().chain(terminal::facts(result)).collect(),
            findings: &result.findings,
        }
    }

    /// Returns the summary of a certificate.
    pub(super) fn of_certificate(certificate: &'a Certificate) -> Self {
        Self {
            scenario: &certificate.scenario,
            without: &certificate.without,
            verdict: certificate.verdict,
            sentence: certificate.claim(),
            facts: certificate::facts(certificate),
            findings: &certificate.findings,
        }
    }

    /// Writes the section. `number` is its number on the page, from 1.
    pub(super) fn section(&self, articles: &Articles<'_>, number: usize) -> String {
        let (class, word) = match self.verdict {
            Verdict::Held => ("good", "Held"),
            Verdict::Violated => ("bad", "Failed"),
            Verdict::Inconclusive => ("doubt", "Inconclusive"),
        };
        let out = |part: &String| format!(" <span class=\"out\">without {}</span>", Text(part));
        let without: String = self.without.iter().map(out).collect();
        format!(
            "<section class=\"summary\" aria-labelledby=\"summary-{number}\">\n\
             <p class=\"kicker\"><b>{}</b>{without}</p>\n\
             <h1 id=\"summary-{number}\"><span class=\"badge {class}\">{word}</span> {}</h1>\n{}{}</section>\n",
            Text(self.scenario),
            Text(&story::capital(&self.sentence)),
            findings(self.findings, &|finding: &Finding| anchor(finding, articles)),
            list_of_facts(&self.facts),
        )
    }
}

/// Returns the seeds of the runs, and the build that made them.
fn provenance(result: &CampaignResult) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(seeds) = result.seeds.as_ref().filter(|seeds| !seeds.is_empty()) {
        facts.push(("seeds", format!("{} to {}", seeds.start, seeds.end - 1)));
    }
    if !result.build.is_empty() {
        facts.push(("build", result.build.clone()));
    }
    facts
}

/// Writes the runs and the evidence behind the verdict.
fn list_of_facts(facts: &[(&str, String)]) -> String {
    let mut items: Vec<(&str, Vec<&str>)> = Vec::new();
    for (label, text) in facts {
        match items.last_mut().filter(|(last, _)| label.is_empty() || last == label) {
            Some((_, texts)) => texts.push(text),
            None => items.push((label, vec![text])),
        }
    }
    let mut out = String::from("<dl class=\"facts\">\n");
    for (label, texts) in items {
        let text = match texts.as_slice() {
            [only] => Text(only).to_string(),
            several => {
                let item = |text: &&str| format!("<li>{}</li>\n", Text(text));
                format!("\n<ul>\n{}</ul>", several.iter().map(item).collect::<String>())
            }
        };
        let _ = writeln!(out, "<div><dt>{}</dt><dd>{text}</dd></div>", Text(label));
    }
    out + "</dl>\n"
}

/// Returns the link to the article of a finding's run, if the page has one.
fn anchor(finding: &Finding, articles: &Articles<'_>) -> Option<String> {
    let at = articles.iter().take(RUNS_MAX).position(|script| **script == finding.failure.shrunk)?;
    Some(format!("#run-{}", at + 1))
}

/// Writes the findings of a campaign by their cause. `address` returns where the run of a finding is shown.
pub(super) fn findings(findings: &[Finding], address: &dyn Fn(&Finding) -> Option<String>) -> String {
    let groups = groups(findings);
    if groups.is_empty() {
        return String::new();
    }
    let lists: String = groups.iter().map(|group| list(group, address)).collect();
    format!("<nav class=\"contents\" aria-label=\"Findings\"><h2>Findings by cause</h2>\n{lists}</nav>\n")
}

fn list(group: &Group<'_>, address: &dyn Fn(&Finding) -> Option<String>) -> String {
    let shown = std::iter::once(group.shown()).chain(group.others());
    let items: String = shown.map(|finding| item(finding, address(finding))).collect();
    format!(
        "<h3>{} <span>{}</span></h3>\n<ol>\n{items}</ol>\n",
        Text(&story::capital(&group.cause.to_string())),
        plural(group.findings.len() as u64, "finding")
    )
}

/// Writes a link to the run of a finding, with its deviations; or the command that shows the run.
fn item(finding: &Finding, address: Option<String>) -> String {
    let failure = &finding.failure;
    let (invariant, message) = (Text(&failure.violation.invariant), Text(&failure.violation.message));
    let code = |deviation: &Deviation| format!("<code>{}</code>", Text(&deviation.to_string()));
    let deviations = match failure.shrunk.deviations.as_slice() {
        [] => "the happy path".to_owned(),
        few => few.iter().map(code).collect::<Vec<_>>().join("<br>"),
    };
    match address {
        Some(address) => format!(
            "<li><a href=\"{}\">{deviations}</a><br>{message} <span>{invariant}</span></li>\n",
            Text(&address)
        ),
        None => {
            let command = finding.context.program.of_trace("explain", &finding.trace);
            format!(
                "<li>{deviations}<br>{message} <span>{invariant}</span><br><code class=\"command\">{}</code></li>\n",
                Text(&command)
            )
        }
    }
}
