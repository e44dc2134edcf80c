//! Findings are grouped by what would prevent them, and every form states the same counts.

use super::finding;
use shakedown_reports::counts::Counts;
use shakedown_reports::{
    CampaignResult, FailureContext, Finding, RestoredGuardrail, Style, github, html, json, junit, markdown,
    terminal,
};

/// A finding of its own bug. `guardrail` prevents it.
fn of(at: usize, guardrail: Option<&str>) -> Finding {
    let mut finding = finding().0;
    finding.failure.signature = format!("{at:012}");
    finding.trace = format!("target/shakedown/till-{at:012}.trace.jsonl");
    let restored = guardrail.map(|name| RestoredGuardrail {
        guardrail: name.to_owned(),
        about: "an order is charged once".to_owned(),
        instead: "every request charges".to_owned(),
        still_violated: Vec::new(),
        all_offered: true,
        facts_instead: Vec::new(),
    });
    finding.context =
        FailureContext { restored: restored.into_iter().collect(), ..FailureContext::default() };
    finding
}

/// Twelve findings: seven of one missing guardrail, four of another, one of a deviation.
fn twelve() -> CampaignResult {
    let mut findings: Vec<Finding> = (0..7).map(|at| of(at, Some("memory"))).collect();
    findings.extend((7..11).map(|at| of(at, Some("receipt"))));
    findings.push(of(11, None));
    CampaignResult { runs: 1_072, failing: 8, findings, ..finding().1 }
}

#[test]
fn one_finding_of_each_group_is_shown_in_full_and_the_others_in_a_line_each() {
    let result = twelve();
    let text = terminal::campaign(Style::PLAIN, &result);
    assert_eq!(text.matches("\n  why\n").count(), 3, "{text}");
    for line in ["6 further findings, prevented by memory", "3 further findings, prevented by receipt"] {
        assert!(text.contains(line), "{text}");
    }
    for finding in &result.findings {
        assert!(text.contains(&finding.trace), "{} is missing:\n{text}", finding.trace);
    }
    let page = markdown::campaigns(&[result]);
    assert_eq!(page.matches("\n## Why\n").count(), 3, "{page}");
    assert_eq!(
        page.matches("\n- charged-once: order-1 is charged twice; `till.charge/response = lost`").count(),
        12,
        "{page}"
    );
    assert!(page.contains("\nNeeds till.charge/response = lost:\n"), "{page}");
}

#[test]
fn counts_agree_in_all_forms() {
    let result = twelve();
    let counts = Counts::of(&result);
    let sentence = "8 of 1,072 runs fail: 12 findings in 3 groups, 12 traces";
    assert_eq!(counts.to_string(), sentence);
    let all = [result];
    let read: serde_json::Value = serde_json::from_str(&json::campaigns(&all, &[])).expect("JSON");
    let scenario = &read["scenarios"][0];
    assert_eq!((&scenario["runs"], &scenario["failing"]), (&1_072.into(), &8.into()));
    assert_eq!((&scenario["findings"], &scenario["traces"]), (&12.into(), &12.into()));
    assert_eq!(scenario["violations"].as_array().map(Vec::len), Some(12));
    let groups = scenario["groups"].as_array().expect("a list");
    let sizes: Vec<usize> =
        groups.iter().map(|group| group["signatures"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(sizes, [7, 4, 1]);
    let junit = junit::campaigns(&all);
    for (name, value) in [("runs", 1_072), ("failing", 8), ("findings", 12), ("groups", 3), ("traces", 12)] {
        assert!(junit.contains(&format!("<property name=\"{name}\" value=\"{value}\"/>")), "{junit}");
    }
    let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in [
        terminal::campaign(Style::PLAIN, &all[0]),
        markdown::campaigns(&all),
        github::summary(&all),
        github::annotations(&all),
        html::campaigns(&all),
    ] {
        assert!(words(text.clone()).contains(sentence), "{text}");
    }
}

#[test]
fn a_markdown_report_has_at_most_400_lines() {
    let many: Vec<Finding> = (0..600).map(|at| of(at, Some(&format!("guardrail-{at}")))).collect();
    let result = CampaignResult { findings: many, ..twelve() };
    let report = markdown::campaigns(&[result.clone(), result]);
    assert!(report.lines().count() <= markdown::LINES_MAX, "{} lines", report.lines().count());
    assert!(report.trim_end().ends_with("left out: the report has no more room."), "{report}");

    let mut long = finding().0;
    long.failure.slice = (0..long.failure.trace.steps.len() as u32).cycle().take(900).collect();
    let page = markdown::page(&long.failure, &FailureContext::default());
    assert!(page.lines().count() <= markdown::LINES_MAX, "{} lines", page.lines().count());
    assert!(page.contains(" steps left out | | |"), "{page}");
}
