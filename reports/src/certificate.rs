//! Certificates: the result of an exhaustive search up to a number of deviations, in each form.

use crate::clock;
use crate::json;
use crate::junit;
use crate::layout::{Style, labelled, side_by_side};
use crate::markdown;
use crate::records::{CampaignResult, EndReason, Fact, Finding, Search, Verdict};
use crate::story::plural;
use crate::terminal;
use serde::Serialize;
use shakedown_sim::{Digest, Duration};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The result of an exhaustive search of one scenario.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The scenario.
    pub scenario: String,
    /// The guardrails that were taken out.
    pub without: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// The reason why the search ended.
    pub end_reason: EndReason,
    /// The requested number of deviations.
    pub deviations: usize,
    /// The number of deviations up to which every script was run; `None` if not even the happy paths were.
    pub reached: Option<usize>,
    /// The shard of the scripts with the most deviations, and the number of shards.
    pub shard: Option<(usize, usize)>,
    /// Each variant, and the number of alternatives that its happy path offers.
    pub variants: Vec<(String, u64)>,
    /// The choice sites that deviated, each with its alternatives, the benign one first.
    pub sites: BTreeMap<String, Vec<String>>,
    /// Whether scripts also deviate in task order.
    pub task_order: bool,
    /// The runs by number of deviations, from none.
    pub depths: Vec<Depth>,
    /// The digest over all runs, in order.
    pub digest: Digest,
    /// The virtual time, summed over the runs.
    pub simulated: Duration,
    /// The names of all invariants.
    pub invariants: Vec<String>,
    /// Further facts that say what the verdict is worth, such as until when faults were possible.
    pub worth: Vec<Fact>,
    /// The scenario's assumptions.
    pub assumptions: Vec<String>,
    /// The violations of the first failing script.
    pub findings: Vec<Finding>,
}

/// The scripts with one number of deviations.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Depth {
    /// The number of runs.
    pub runs: u64,
    /// The number of them that were not continued, because another one is equivalent.
    pub pruned: u64,
    /// The number of runs with one more deviation that this saved.
    pub runs_saved: u64,
}

impl Certificate {
    /// Returns the number of runs.
    pub fn runs(&self) -> u64 {
        self.depths.iter().map(|depth| depth.runs).sum()
    }

    fn pruned(&self) -> u64 {
        self.depths.iter().map(|depth| depth.pruned).sum()
    }

    fn runs_saved(&self) -> u64 {
        self.depths.iter().map(|depth| depth.runs_saved).sum()
    }

    /// Returns the search in the form of a campaign, for forms that do not distinguish the two.
    pub fn campaign(&self) -> CampaignResult {
        CampaignResult {
            scenario: self.scenario.clone(),
            seeds: None,
            build: String::new(),
            worth: self.worth.clone(),
            without: self.without.clone(),
            verdict: self.verdict,
            end_reason: self.end_reason,
            runs: self.runs(),
            failing: u64::from(!self.findings.is_empty()),
            digest: self.digest,
            simulated: self.simulated,
            goals: Vec::new(),
            variants: Vec::new(),
            invariants: self.invariants.clone(),
            findings: self.findings.clone(),
            trace: None,
            search: Search { task_order: self.task_order, ..Search::default() },
            canaries: Vec::new(),
            assumptions: self.assumptions.clone(),
        }
    }

    /// Returns how its scripts treat task order, as a sentence without a full stop.
    fn order(&self) -> &'static str {
        if self.task_order {
            "task order included: what is next may yield to what else is ready or due at that instant"
        } else {
            terminal::FIFO
        }
    }

    fn title(&self) -> String {
        let without: String = self.without.iter().map(|part| format!(" without {part}")).collect();
        format!("{}{without}", self.scenario)
    }

    /// Returns the claim, as a sentence without a full stop.
    pub(crate) fn claim(&self) -> String {
        let deviations = |count: usize| match count {
            0 => "on the happy paths".to_owned(),
            count => format!("with up to {}", plural(count as u64, "deviation")),
        };
        match (self.verdict, self.reached, self.shard) {
            (Verdict::Violated, ..) => {
                let needs = self.findings.first().map_or(0, |one| one.failure.shrunk.deviations.len());
                match needs {
                    0 => "the happy path violates an invariant".to_owned(),
                    1 => "1 deviation violates an invariant".to_owned(),
                    needs => format!("{needs} deviations violate an invariant"),
                }
            }
            (Verdict::Inconclusive, _, Some((shard, of))) => {
                format!(
                    "no invariant is violated in shard {shard} of {of}; a certificate {} needs all shards",
                    deviations(self.deviations)
                )
            }
            (Verdict::Inconclusive, ..) if self.end_reason == EndReason::Undisturbed => {
                terminal::UNDISTURBED.to_owned()
            }
            (Verdict::Inconclusive, ..) if self.end_reason == EndReason::Trivial => format!(
                "nothing was tested: no run has {} (--allow-trivial accepts this)",
                plural(self.deviations as u64, "deviation")
            ),
            (Verdict::Held, ..) => {
                format!("no invariant is violated in any script {}", deviations(self.deviations))
            }
            (Verdict::Inconclusive, Some(reached), _) => format!(
                "stopped; no invariant is violated in any script {} so far; {} requested",
                deviations(reached),
                plural(self.deviations as u64, "deviation")
            ),
            (Verdict::Inconclusive, None, _) => "stopped before any result".to_owned(),
        }
    }
}

/// Writes a certificate for a terminal; or the failure, and the extent of the search.
pub fn human(style: Style, certificate: &Certificate) -> String {
    let mut out = String::new();
    for run in terminal::by_script(certificate.findings.iter()) {
        out.push_str(&terminal::failures(style, run[0], &run[1..]));
        out.push('\n');
    }
    let word = match certificate.verdict {
        Verdict::Held => style.good("CERTIFIED"),
        Verdict::Violated => style.bad("FAIL"),
        Verdict::Inconclusive if certificate.shard.is_some() => style.strong("PART"),
        Verdict::Inconclusive => style.strong("INCONCLUSIVE"),
    };
    let mut parts = vec![certificate.scenario.clone()];
    parts.extend(certificate.without.iter().map(|part| format!("without {part}")));
    parts.push(certificate.claim());
    out.push_str(&side_by_side(&word, &parts, style.width));
    for (label, text) in facts(certificate) {
        out.push_str(&labelled(&format!("  {label:<10}"), &text, style.width));
    }
    out
}

/// The delays that a certificate covers.
const DELAYS: &str = "at their named values only, not over their ranges";

/// Returns the extent of the search: labels and sentences. A sentence without a label belongs to the one before.
pub(crate) fn facts(certificate: &Certificate) -> Vec<(&str, String)> {
    let mut facts = Vec::new();
    for (at, (variant, alternatives)) in certificate.variants.iter().enumerate() {
        let variant = if variant.is_empty() { "the only variant" } else { variant };
        let label = if at == 0 { "over" } else { "" };
        facts.push((label, format!("{variant}: {}", plural(*alternatives, "alternative"))));
    }
    for (deviations, depth) in certificate.depths.iter().enumerate() {
        let of = plural(deviations as u64, "deviation");
        facts.push((
            if deviations == 0 { "runs" } else { "" },
            format!("{} of {of}", clock::count(depth.runs)),
        ));
    }
    facts.push(("", format!("{} of virtual time", clock::span(certificate.simulated))));
    facts.push(("order", certificate.order().to_owned()));
    facts.push(("delays", DELAYS.to_owned()));
    if certificate.pruned() > 0 {
        facts.push(("pruned", pruned(certificate)));
    }
    let alternatives: usize = certificate.sites.values().map(|names| names.len() - 1).sum();
    let sites = plural(certificate.sites.len() as u64, "site");
    facts.push(("sites", format!("{sites} with {}", plural(alternatives as u64, "alternative"))));
    facts.extend(certificate.worth.iter().map(|fact| (fact.label.as_str(), fact.text.clone())));
    facts.push(("digest", certificate.digest.to_string()));
    for (at, assumption) in certificate.assumptions.iter().enumerate() {
        facts.push((if at == 0 { "assumes" } else { "" }, assumption.clone()));
    }
    facts
}

fn pruned(certificate: &Certificate) -> String {
    let (scripts, runs) = (certificate.pruned(), certificate.runs_saved());
    format!(
        "{} that are equivalent to another, which saved at least {}",
        plural(scripts, "script"),
        plural(runs, "run")
    )
}

/// Writes certificates for a machine.
pub fn json(all: &[Certificate]) -> String {
    #[derive(Serialize)]
    struct Certificates<'a> {
        certificates: Vec<One<'a>>,
    }
    #[derive(Serialize)]
    struct Variant<'a> {
        variant: &'a str,
        alternatives: u64,
    }
    #[derive(Serialize)]
    struct One<'a> {
        scenario: &'a str,
        without: &'a [String],
        verdict: Verdict,
        deviations: usize,
        runs: u64,
        runs_by_depth: Vec<u64>,
        pruned: u64,
        spared: u64,
        digest: String,
        violation: Option<json::Violation<'a>>,
        also_broken: Vec<&'a str>,
        ending: EndReason,
        task_order: bool,
        delays: &'static str,
        reached: Option<usize>,
        shard: Option<(usize, usize)>,
        variants: Vec<Variant<'a>>,
        sites: &'a BTreeMap<String, Vec<String>>,
        invariants: &'a [String],
        assumptions: &'a [String],
        worth: &'a [Fact],
    }
    let one = |certificate: &'_ Certificate| -> Vec<u64> {
        certificate.depths.iter().map(|depth| depth.runs).collect()
    };
    let also = |certificate: &'_ Certificate| certificate.findings.len().min(1);
    let certificates = all.iter().map(|certificate| One {
        scenario: &certificate.scenario,
        without: &certificate.without,
        verdict: certificate.verdict,
        deviations: certificate.deviations,
        runs: certificate.runs(),
        runs_by_depth: one(certificate),
        pruned: certificate.pruned(),
        spared: certificate.runs_saved(),
        digest: certificate.digest.to_string(),
        violation: certificate.findings.first().map(json::violation),
        also_broken: certificate.findings[also(certificate)..]
            .iter()
            .map(|finding| finding.failure.violation.invariant.as_str())
            .collect(),
        ending: certificate.end_reason,
        task_order: certificate.task_order,
        delays: "named values",
        reached: certificate.reached,
        shard: certificate.shard,
        variants: certificate
            .variants
            .iter()
            .map(|(variant, alternatives)| Variant { variant, alternatives: *alternatives })
            .collect(),
        sites: &certificate.sites,
        invariants: &certificate.invariants,
        assumptions: &certificate.assumptions,
        worth: &certificate.worth,
    });
    json::pretty(&Certificates { certificates: certificates.collect() })
}

/// Writes certificates as pages for reviewers: a page changes only if the results do.
pub fn page(all: &[Certificate]) -> String {
    markdown::joined(all.iter().map(one_page).collect())
}

fn one_page(certificate: &Certificate) -> String {
    if !certificate.findings.is_empty() {
        return markdown::campaigns(&[certificate.campaign()]);
    }
    let mut out = format!("# Certificate: {}\n\n", markdown::sentence(&certificate.title()));
    let mut claim = certificate.claim();
    claim[..1].make_ascii_uppercase();
    let _ = writeln!(out, "{claim}.\n\n## Every script was run\n");
    out.push_str("| deviations | runs, up to |\n|---:|---:|\n");
    for (deviations, depth) in certificate.depths.iter().enumerate() {
        let _ = writeln!(out, "| {deviations} | {} |", markdown::up_to(depth.runs));
    }
    out.push_str("\n## Over these variants\n\n");
    for (variant, _) in &certificate.variants {
        let variant = if variant.is_empty() { "the only one".to_owned() } else { markdown::code(variant) };
        let _ = writeln!(out, "- {variant}");
    }
    let mut order = certificate.order().to_owned();
    order[..1].make_ascii_uppercase();
    let _ = write!(out, "\n## Order and delays\n\n- {order}.\n- Delays were tried {DELAYS}.\n");
    out.push_str("\n## Deviations\n\n| site | happy path | instead |\n|---|---|---|\n");
    for (site, names) in &certificate.sites {
        let (benign, others) =
            names.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        let cells = [site, benign, &others.join(", ")].map(markdown::sentence);
        let _ = writeln!(out, "| {} | {} | {} |", cells[0], cells[1], cells[2]);
    }
    let mut list = |title: &str, items: &[String]| {
        if !items.is_empty() {
            let _ = writeln!(out, "\n## {title}\n");
            items.iter().for_each(|item| {
                let _ = writeln!(out, "- {}", markdown::sentence(item));
            });
        }
    };
    list("Judged by", &certificate.invariants);
    list("Assumptions", &certificate.assumptions);
    out
}

/// Writes certificates for a CI server.
pub fn junit(all: &[Certificate]) -> String {
    junit::campaigns(&all.iter().map(Certificate::campaign).collect::<Vec<_>>())
}

/// Writes an estimate before a search begins: the alternatives that each variant's happy path offers, the number of
/// runs, and their duration.
pub fn estimate(
    scenario: &str,
    alternatives: &[u64],
    deviations: usize,
    runs: f64,
    per_second: f64,
) -> String {
    let (least, most) = (alternatives.iter().min().copied(), alternatives.iter().max().copied());
    let (least, most) = (least.unwrap_or(0), most.unwrap_or(0));
    let range = if least == most { most.to_string() } else { format!("{least} to {most}") };
    let time = clock::span(Duration::from_secs((runs / per_second.max(1.0)).ceil() as u64));
    format!(
        "{scenario}: {} of {range} alternatives; about {} runs of at most {}, about {time}",
        plural(alternatives.len() as u64, "variant"),
        clock::count(two_digits(runs)),
        plural(deviations as u64, "deviation"),
    )
}

/// Rounds an estimate, whose further digits mean nothing, to its first two.
fn two_digits(estimate: f64) -> u64 {
    let mut unit = 1;
    while estimate / unit as f64 >= 100.0 {
        unit *= 10;
    }
    (estimate / unit as f64).round() as u64 * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_has_two_digits() {
        let text = estimate("till", &[100, 300], 1, 4_027.0, 100.0);
        assert_eq!(
            text,
            "till: 2 variants of 100 to 300 alternatives; about 4,000 runs of at most 1 deviation, about 41 s"
        );
        let rounded = [0.4, 7.0, 99.4, 99.6, 2_217_892.0].map(two_digits);
        assert_eq!(rounded, [0, 7, 99, 100, 2_200_000]);
    }
}
