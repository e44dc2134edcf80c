//! The record of a campaign in an archive.

use shakedown_reports::{CampaignResult, Verdict};
use std::time::{SystemTime, UNIX_EPOCH};

/// A campaign, as an archive stores it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CampaignRecord {
    /// The catalogue.
    pub catalogue: String,
    /// The command: `explore` or `certify`.
    pub command: String,
    /// The scenario.
    pub scenario: String,
    /// The ablated guardrails, separated by commas.
    pub without: String,
    /// The name of the build.
    pub build: String,
    /// The seeds and the profile of the search.
    pub search: String,
    /// The verdict.
    pub verdict: String,
    /// The number of runs.
    pub runs: i64,
    /// The number of failing runs.
    pub failing: i64,
    /// The digest over all runs.
    pub digest: String,
    /// The time of recording, in seconds since 1970.
    pub recorded_s: i64,
    /// For each goal, the number of runs that reached it.
    pub goals: Vec<(String, i64)>,
    /// The findings, one for each signature.
    pub findings: Vec<FindingRecord>,
}

/// A finding, as an archive stores it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FindingRecord {
    /// Its signature.
    pub signature: String,
    /// The violated invariant.
    pub invariant: String,
    /// The violation in a sentence.
    pub message: String,
    /// The shrunk script.
    pub script: String,
    /// The number of runs that failed in this way.
    pub runs: i64,
}

impl CampaignRecord {
    /// Creates the record of a result.
    pub fn of(catalogue: &str, command: &str, build: &str, result: &CampaignResult) -> Self {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let finding = |finding: &shakedown_reports::Finding| FindingRecord {
            signature: finding.failure.signature.clone(),
            invariant: finding.failure.violation.invariant.clone(),
            message: finding.failure.violation.message.clone(),
            script: finding.failure.shrunk.to_string(),
            runs: count(finding.count),
        };
        let seeds = result.seeds.as_ref().map(|seeds| format!("seeds {}..{}", seeds.start, seeds.end));
        let order = if result.search.task_order { "" } else { ", first in, first out" };
        let guided = if result.search.guided { ", guided" } else { "" };
        let mut signatures: Vec<&str> = Vec::new();
        let mut findings = Vec::new();
        for one in &result.findings {
            if !signatures.contains(&one.failure.signature.as_str()) {
                signatures.push(&one.failure.signature);
                findings.push(finding(one));
            }
        }
        Self {
            catalogue: catalogue.to_owned(),
            command: command.to_owned(),
            scenario: result.scenario.clone(),
            without: result.without.join(","),
            build: build.to_owned(),
            search: match seeds {
                Some(seeds) => format!("{}{order}{guided}, {seeds}", result.search.profile),
                None => format!("every script{order}"),
            },
            verdict: match result.verdict {
                Verdict::Held => "held",
                Verdict::Violated => "violated",
                Verdict::Inconclusive => "inconclusive",
            }
            .to_owned(),
            runs: count(result.runs),
            failing: count(result.failing),
            digest: result.digest.to_string(),
            recorded_s: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
            goals: result.goals.iter().map(|goal| (goal.name.clone(), count(goal.reached))).collect(),
            findings,
        }
    }
}
