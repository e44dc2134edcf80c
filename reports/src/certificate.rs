//! Certificates: what an exhaustive search up to so many deviations came to, for a terminal, a machine and a
//! reviewer.

use crate::clock;
use crate::json;
use crate::junit;
use crate::layout::{Style, labelled, side_by_side};
use crate::markdown;
use crate::records::{Ending, Finding, Finished, Search, Verdict};
use crate::story::plural;
use crate::terminal;
use serde::Serialize;
use shakedown_sim::{Digest, Duration};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What an exhaustive search of one scenario came to.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The scenario.
    pub scenario: String,
    /// What its design lacked.
    pub without: Vec<String>,
    /// What the runs say.
    pub verdict: Verdict,
    /// Why they ended.
    pub ending: Ending,
    /// Up to how many deviations were asked for.
    pub deviations: usize,
    /// Up to how many were run, all of them; none if not even the happy paths were.
    pub reached: Option<usize>,
    /// Which shard of the scripts with most deviations this is, of how many.
    pub shard: Option<(usize, usize)>,
    /// Each variant, and how many alternatives its happy path offers.
    pub variants: Vec<(String, u64)>,
    /// Choice sites that deviated, each with its alternatives, the benign one first.
    pub sites: BTreeMap<String, Vec<String>>,
    /// By number of deviations, from none.
    pub depths: Vec<Depth>,
    /// Over all runs, in order.
    pub digest: Digest,
    /// Virtual time, summed over the runs.
    pub simulated: Duration,
    /// Names of all invariants that judged.
    pub invariants: Vec<String>,
    /// What the scenario takes for granted.
    pub assumptions: Vec<String>,
    /// What the first failing script broke.
    pub findings: Vec<Finding>,
}

/// The scripts of one number of deviations.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Depth {
    /// How many were run.
    pub runs: u64,
    /// How many of them were not continued, since another comes to the same.
    pub pruned: u64,
    /// How many runs with one deviation more that saved.
    pub spared: u64,
}

impl Certificate {
    /// How many runs there were.
    pub fn runs(&self) -> u64 {
        self.depths.iter().map(|depth| depth.runs).sum()
    }

    fn pruned(&self) -> u64 {
        self.depths.iter().map(|depth| depth.pruned).sum()
    }

    fn spared(&self) -> u64 {
        self.depths.iter().map(|depth| depth.spared).sum()
    }

    /// The search in the form of a campaign, for forms that make no difference.
    pub fn finished(&self) -> Finished {
        Finished {
            scenario: self.scenario.clone(),
            without: self.without.clone(),
            verdict: self.verdict,
            ending: self.ending,
            runs: self.runs(),
            failing: u64::from(!self.findings.is_empty()),
            digest: self.digest,
            simulated: self.simulated,
            goals: Vec::new(),
            variants: Vec::new(),
            invariants: self.invariants.clone(),
            findings: self.findings.clone(),
            trace: None,
            search: Search::default(),
            canaries: Vec::new(),
            assumptions: self.assumptions.clone(),
        }
    }

    fn title(&self) -> String {
        let without: String = self.without.iter().map(|part| format!(" without {part}")).collect();
        format!("{}{without}", self.scenario)
    }

    /// What it claims, in a sentence without full stop.
    fn claim(&self) -> String {
        let things = |count| plural(count as u64, "thing");
        match (self.verdict, self.reached, self.shard) {
            (Verdict::Violated, ..) => {
                let needs = self.findings.first().map_or(0, |one| one.failure.shrunk.deviations.len());
                match needs {
                    0 => "an invariant is broken though nothing goes wrong".to_owned(),
                    needs => format!("{} going wrong break an invariant", things(needs))
                        .replace("1 thing going wrong break", "1 thing going wrong breaks"),
                }
            }
            (Verdict::Held, _, Some((shard, of))) => {
                format!(
                    "no invariant is broken by shard {shard} of {of} of what {} can do",
                    things(self.deviations)
                )
            }
            (Verdict::Held, ..) => {
                format!("no invariant is broken, whatever {} go wrong", things(self.deviations))
                    .replace("1 thing go ", "1 thing goes ")
            }
            (Verdict::Inconclusive, Some(reached), _) => format!(
                "stopped; no invariant is broken by any {} so far, {} were asked for",
                things(reached),
                self.deviations
            ),
            (Verdict::Inconclusive, None, _) => "stopped before anything was known".to_owned(),
        }
    }
}

/// A certificate at a terminal; or the failure, and how far the search went.
pub fn human(style: Style, certificate: &Certificate) -> String {
    let mut out = String::new();
    for run in terminal::by_script(certificate.findings.iter()) {
        out.push_str(&terminal::failures(style, run[0], &run[1..]));
        out.push('\n');
    }
    let word = match certificate.verdict {
        Verdict::Held => style.good("CERTIFIED"),
        Verdict::Violated => style.bad("FAIL"),
        Verdict::Inconclusive => style.strong("INCONCLUSIVE"),
    };
    let mut parts = vec![certificate.scenario.clone()];
    parts.extend(certificate.without.iter().map(|part| format!("without {part}")));
    parts.push(certificate.claim());
    out.push_str(&side_by_side(&word, &parts, style.width));
    let mut say =
        |label: &str, text: &str| out.push_str(&labelled(&format!("  {label:<10}"), text, style.width));
    for (at, (variant, alternatives)) in certificate.variants.iter().enumerate() {
        let variant = if variant.is_empty() { "the only variant" } else { variant };
        say(
            if at == 0 { "over" } else { "" },
            &format!("{variant}: {}", plural(*alternatives, "alternative")),
        );
    }
    for (deviations, depth) in certificate.depths.iter().enumerate() {
        let of = plural(deviations as u64, "deviation");
        say(if deviations == 0 { "runs" } else { "" }, &format!("{} of {of}", clock::count(depth.runs)));
    }
    say("", &format!("{} of virtual time", clock::span(certificate.simulated)));
    if certificate.pruned() > 0 {
        say("pruned", &pruned(certificate));
    }
    let alternatives: usize = certificate.sites.values().map(|names| names.len() - 1).sum();
    let sites = plural(certificate.sites.len() as u64, "site");
    say("sites", &format!("{sites} with {}", plural(alternatives as u64, "alternative")));
    say("digest", &certificate.digest.to_string());
    for (at, assumption) in certificate.assumptions.iter().enumerate() {
        say(if at == 0 { "assumes" } else { "" }, assumption);
    }
    out
}

fn pruned(certificate: &Certificate) -> String {
    let (scripts, runs) = (certificate.pruned(), certificate.spared());
    format!(
        "{} that come to the same as another, which saved at least {}",
        plural(scripts, "script"),
        plural(runs, "run")
    )
}

/// Certificates for a machine.
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
        ending: Ending,
        reached: Option<usize>,
        shard: Option<(usize, usize)>,
        variants: Vec<Variant<'a>>,
        sites: &'a BTreeMap<String, Vec<String>>,
        invariants: &'a [String],
        assumptions: &'a [String],
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
        spared: certificate.spared(),
        digest: certificate.digest.to_string(),
        violation: certificate.findings.first().map(json::violation),
        also_broken: certificate.findings[also(certificate)..]
            .iter()
            .map(|finding| finding.failure.violation.invariant.as_str())
            .collect(),
        ending: certificate.ending,
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
    });
    json::pretty(&Certificates { certificates: certificates.collect() })
}

/// Certificates as pages for reviewers: nothing in them changes unless what they say does.
pub fn page(all: &[Certificate]) -> String {
    all.iter().map(one_page).collect::<Vec<_>>().join("\n---\n\n")
}

fn one_page(certificate: &Certificate) -> String {
    if !certificate.findings.is_empty() {
        return markdown::finished(&[certificate.finished()]);
    }
    let mut out = format!("# Certificate: {}\n\n", certificate.title());
    let mut claim = certificate.claim();
    claim[..1].make_ascii_uppercase();
    let _ = writeln!(out, "{claim}.\n\n## Every script was run\n");
    out.push_str("| deviations | runs, up to |\n|---:|---:|\n");
    for (deviations, depth) in certificate.depths.iter().enumerate() {
        let _ = writeln!(out, "| {deviations} | {} |", markdown::up_to(depth.runs));
    }
    out.push_str("\n## Over these variants\n\n");
    for (variant, _) in &certificate.variants {
        let variant = if variant.is_empty() { "the only one".to_owned() } else { format!("`{variant}`") };
        let _ = writeln!(out, "- {variant}");
    }
    out.push_str("\n## What went wrong\n\n| site | happy path | instead |\n|---|---|---|\n");
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
    list("Taken for granted", &certificate.assumptions);
    out
}

/// Certificates for a CI server.
pub fn junit(all: &[Certificate]) -> String {
    junit::finished(&all.iter().map(Certificate::finished).collect::<Vec<_>>())
}

/// What is about to be searched, before it begins: the alternatives that each variant's happy path offers, and
/// about how many runs that makes, in how much time.
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

/// An estimate is no better than its first two digits.
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
    fn an_estimate_is_told_in_two_digits() {
        let text = estimate("till", &[100, 300], 1, 4_027.0, 100.0);
        assert_eq!(
            text,
            "till: 2 variants of 100 to 300 alternatives; about 4,000 runs of at most 1 deviation, about 41 s"
        );
        let told = [0.4, 7.0, 99.4, 99.6, 2_217_892.0].map(two_digits);
        assert_eq!(told, [0, 7, 99, 100, 2_200_000]);
    }
}
