//! Counts of runs, findings and traces, computed once and stated in the same words in every form.

use crate::clock::count;
use crate::groups::groups;
use crate::records::{CampaignResult, Finding};
use crate::story::plural;
use std::collections::BTreeSet;
use std::fmt;

/// The counts of one campaign.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Counts {
    /// The number of runs.
    pub runs: u64,
    /// The number of failing runs.
    pub failing: u64,
    /// The number of findings: failures with different signatures.
    pub findings: usize,
    /// The number of groups of findings with one cause.
    pub groups: usize,
    /// The number of trace files.
    pub traces: usize,
}

impl Counts {
    /// Counts the findings of a campaign.
    pub fn of(result: &CampaignResult) -> Self {
        Self::of_findings(result.runs, result.failing, &result.findings)
    }

    /// Counts these findings of `failing` failing runs out of `runs`.
    pub fn of_findings<'a>(runs: u64, failing: u64, findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let findings: Vec<&Finding> = findings.into_iter().collect();
        let traces: BTreeSet<&str> = findings.iter().map(|finding| finding.trace.as_str()).collect();
        let groups = groups(findings.iter().copied()).len();
        Self { runs, failing, findings: findings.len(), groups, traces: traces.len() }
    }
}

impl fmt::Display for Counts {
    /// Writes `8 of 72 runs fail: 12 findings in 1 group, 12 traces`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failing, runs) = (count(self.failing), plural(self.runs, "run"));
        let verb = if self.failing == 1 { "fails" } else { "fail" };
        let [findings, groups, traces] =
            [(self.findings, "finding"), (self.groups, "group"), (self.traces, "trace")]
                .map(|(number, thing)| plural(number as u64, thing));
        write!(f, "{failing} of {runs} {verb}: {findings} in {groups}, {traces}")
    }
}
