//! Every command that has a result writes every kind of report.

use super::{ABLATION, code, run, stderr, trace};
use std::fs;
use tempfile::tempdir;

/// Each kind of report, and how its file begins where something is violated.
const KINDS: [(&str, &str); 9] = [
    ("junit", "<?xml"),
    ("md", "# "),
    ("html", "<!doctype html>"),
    ("json", "{"),
    ("github", "::error title=till"),
    ("summary", "| scenario |"),
    ("mermaid", "sequenceDiagram\n    participant n1 as "),
    ("chrome", "{\"traceEvents\":[{"),
    ("shiviz", "(?<event>.*)"),
];

/// How a report of this kind begins; none if the command has none.
fn beginning(command: &str, kind: &str, begins: &'static str) -> Option<&'static str> {
    match (command, kind) {
        ("explain", "junit" | "github" | "summary") => None,
        ("matrix", "github") => Some(""),
        ("matrix", "summary") => Some("# What fails without which guardrail"),
        _ => Some(begins),
    }
}

#[test]
fn every_kind_is_written_by_every_command_that_has_a_result() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let trace = trace(here);
    let lost = "till.charge/response@order-1/attempt-1#1=lost";
    let commands: [&[&str]; 6] = [
        &["run", "till", "--deviate", lost, ABLATION[0], ABLATION[1]],
        &["explore", "--seeds", "100", "--max-fail", "1", ABLATION[0], ABLATION[1]],
        &["certify", "--deviations", "1", ABLATION[0], ABLATION[1]],
        &["matrix", "order-memory", "--seeds", "1"],
        &["replay", &trace],
        &["explain", &trace],
    ];
    for arguments in commands {
        let kinds =
            KINDS.iter().filter_map(|(kind, begins)| Some((*kind, beginning(arguments[0], kind, begins)?)));
        let kinds: Vec<(&str, &str)> = kinds.collect();
        let reports: Vec<String> =
            kinds.iter().map(|(kind, _)| format!("--report={kind}={kind}.out")).collect();
        let all: Vec<&str> = arguments.iter().copied().chain(reports.iter().map(String::as_str)).collect();
        let output = run(here, &all);
        assert!([0, 1].contains(&code(&output)), "{arguments:?}: {}", stderr(&output));
        for (kind, begins) in kinds {
            let text = fs::read_to_string(here.join(format!("{kind}.out"))).expect("written");
            let shown: String = text.chars().take(200).collect();
            assert!(text.starts_with(begins), "{arguments:?} {kind}: {shown}");
            fs::remove_file(here.join(format!("{kind}.out"))).expect("removed");
        }
    }
}
