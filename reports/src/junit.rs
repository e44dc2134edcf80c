//! Output for CI servers: JUnit XML, a suite for each scenario, a case for each invariant and one for the goals.

use crate::counts::Counts;
use crate::layout::Style;
use crate::printable::printable;
use crate::records::{CampaignResult, Finding, Verdict};
use crate::terminal;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// Writes the results of campaigns. It states no durations: equal campaigns give equal files.
pub fn campaigns(all: &[CampaignResult]) -> String {
    document("shakedown", all.iter().map(suite))
}

/// Writes a document of these suites.
pub(crate) fn document(name: &str, suites: impl Iterator<Item = TestSuite>) -> String {
    let mut report = Report::new(name);
    report.add_test_suites(suites);
    report.to_string().expect("a report in memory takes every text")
}

fn suite(result: &CampaignResult) -> TestSuite {
    let name: String = std::iter::once(result.scenario.clone())
        .chain(result.without.iter().map(|part| format!(" without {part}")))
        .collect();
    let mut suite = TestSuite::new(printable(&name));
    suite.add_property(("runs", result.runs.to_string().as_str()));
    let counts = Counts::of(result);
    for (name, count) in [("findings", counts.findings), ("groups", counts.groups), ("traces", counts.traces)]
    {
        suite.add_property((name, count.to_string().as_str()));
    }
    suite.add_property(("failing", result.failing.to_string().as_str()));
    suite.add_property(("digest", result.digest.to_string().as_str()));
    for invariant in &result.invariants {
        let findings: Vec<&Finding> = findings_of(result, invariant).collect();
        suite.add_test_case(case(invariant, &findings, &name));
    }
    suite.add_test_case(goals(result, &name));
    suite
}

fn findings_of<'a>(result: &'a CampaignResult, invariant: &'a str) -> impl Iterator<Item = &'a Finding> {
    result.findings.iter().filter(move |finding| finding.failure.violation.invariant == invariant)
}

fn case(invariant: &str, findings: &[&Finding], suite: &str) -> TestCase {
    let Some(first) = findings.first() else { return passed(invariant, suite) };
    let stories: Vec<String> =
        findings.iter().map(|finding| terminal::failure(Style::PLAIN, finding)).collect();
    failed(invariant, suite, "violation", &first.failure.violation.message, &stories.join("\n"))
}

/// Returns a case that holds.
pub(crate) fn passed(name: &str, suite: &str) -> TestCase {
    named(name, suite, TestCaseStatus::success())
}

/// Returns a case that fails, with this kind of reason.
pub(crate) fn failed(name: &str, suite: &str, kind: &str, message: &str, story: &str) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(kind).set_message(printable(message));
    if !story.is_empty() {
        status.set_description(story);
    }
    named(name, suite, status)
}

fn named(name: &str, suite: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(printable(name), status);
    case.set_classname(printable(suite));
    case
}

fn goals(result: &CampaignResult, suite: &str) -> TestCase {
    if result.verdict != Verdict::Inconclusive {
        return passed("goals", suite);
    }
    let missed = result.goals.iter().filter(|goal| goal.reached == 0).map(|goal| goal.name.as_str());
    let missed = missed.collect::<Vec<_>>().join(", ");
    let survivors = result.canaries.iter().filter(|canary| !canary.caught);
    let survivors = survivors.map(|canary| canary.name.as_str()).collect::<Vec<_>>().join(", ");
    let message = match (survivors.is_empty(), missed.is_empty()) {
        (false, _) => format!("canaries that survived: {survivors}"),
        (true, true) => "the campaign did not end".to_owned(),
        (true, false) => format!("never reached: {missed}"),
    };
    failed("goals", suite, "inconclusive", &message, "")
}
