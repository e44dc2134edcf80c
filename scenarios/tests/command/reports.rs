//! `--report KIND=FILE`: every kind with every command, and files that cannot be written; and the output of `--format
//! json`, validated by its published schemas.

use super::{BROKEN, answer, check_schema, code, json, shakedown, stderr, stdout, trace};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use tempfile::tempdir;

/// Each kind of report, and the beginning of its file where an invariant is violated.
const KINDS: [(&str, &str); 9] = [
    ("junit", "<?xml"),
    ("md", "# "),
    ("html", "<!doctype html>"),
    ("json", "{"),
    ("github", "::error title=booking"),
    ("summary", "| scenario |"),
    ("mermaid", "sequenceDiagram\n    participant n1 as "),
    ("chrome", "{\"traceEvents\":[{"),
    ("shiviz", "(?<event>.*)"),
];

/// Kinds about the results of campaigns, not about the one run of `explain`.
const OF_RESULTS: [&str; 3] = ["junit", "github", "summary"];

/// Returns the commands with a result, each with a run that violates an invariant, in a directory with the files that
/// they need.
fn commands(here: &Path) -> Vec<Vec<String>> {
    let trace = trace(here);
    let pinned = answer(here, &["pin", &trace, "--dir", ".", "--name", "one"]);
    assert_eq!(code(&pinned), 0, "{}", stderr(&pinned));
    let owned = |arguments: &[&str]| arguments.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let without = |arguments: &[&str]| owned(&[arguments, BROKEN.as_slice()].concat());
    vec![
        owned(&["run", "booking", "--script", "one.script"]),
        without(&["explore", "booking", "--seeds", "300", "--max-fail", "1"]),
        without(&["certify", "booking", "--deviations", "1"]),
        owned(&["matrix", "execution-log", "--seeds", "1"]),
        owned(&["replay", &trace]),
        owned(&["explain", &trace]),
    ]
}

/// Returns the beginning of a report of this kind; `None` if the command has none.
fn beginning(command: &str, kind: &str, begins: &'static str) -> Option<&'static str> {
    match (command, kind) {
        ("explain", _) if OF_RESULTS.contains(&kind) => None,
        // Violations without a guardrail are expected.
        ("matrix", "github") => Some(""),
        ("matrix", "summary") => Some("# What fails without which guardrail"),
        _ => Some(begins),
    }
}

fn call(here: &Path, arguments: &[String], reports: &[String]) -> std::process::Output {
    let mut command = shakedown(here, &[]);
    command.args(arguments);
    for report in reports {
        command.args(["--report", report]);
    }
    command.output().expect("it runs")
}

#[test]
fn every_command_that_has_a_result_writes_every_kind_of_report() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    for arguments in commands(here) {
        let kinds: Vec<(&str, &str)> = KINDS
            .iter()
            .filter_map(|(kind, begins)| Some((*kind, beginning(&arguments[0], kind, begins)?)))
            .collect();
        let reports: Vec<String> = kinds.iter().map(|(kind, _)| format!("{kind}={kind}.out")).collect();
        let output = call(here, &arguments, &reports);
        assert!([0, 1].contains(&code(&output)), "{arguments:?}: {}", stderr(&output));
        for (kind, begins) in kinds {
            let path = here.join(format!("{kind}.out"));
            let text = fs::read_to_string(&path).expect("written");
            let shown: String = text.chars().take(200).collect();
            assert!(text.starts_with(begins), "{arguments:?} {kind}: {shown}");
            fs::remove_file(path).expect("there");
        }
    }
}

#[test]
fn a_report_that_cannot_be_written_is_said_before_anything_is_run() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    fs::create_dir(here.join("directory")).expect("made");
    fs::write(here.join("file"), "").expect("written");
    for arguments in commands(here) {
        for (kind, begins) in KINDS {
            let kept = beginning(&arguments[0], kind, begins).is_some();
            for path in ["no/such/place.out", "directory", "file/beneath"] {
                let output = call(here, &arguments, &[format!("{kind}={path}")]);
                let said = stderr(&output);
                assert_eq!(code(&output), 2, "{arguments:?} {kind}={path}: {said}");
                let problem = if kept { path } else { "writes no" };
                assert!(said.starts_with("error: ") && said.contains(problem), "{arguments:?}: {said}");
                assert!(stdout(&output).is_empty() && !said.contains("panicked"), "{arguments:?}: {said}");
            }
        }
    }
}

#[test]
fn what_a_file_held_is_kept_until_there_is_something_to_put_in_its_place() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    fs::write(here.join("a.md"), "what was there before, and is longer than what comes").expect("written");
    let read = || fs::read_to_string(here.join("a.md")).expect("there");
    let refused = answer(here, &["run", "bokking", "--report", "md=a.md"]);
    assert!(code(&refused) == 2 && read().starts_with("what was there before"), "{}", read());
    assert_eq!(code(&answer(here, &["run", "booking", "--report", "md=a.md"])), 0);
    assert!(read().starts_with("# booking") && !read().contains("what was there before"), "{}", read());
}

#[test]
fn two_reports_are_not_written_over_each_other() {
    let here = tempdir().expect("a directory");
    let refused = answer(here.path(), &["run", "booking", "--report", "md=a", "--report", "json=a"]);
    assert_eq!((code(&refused), stdout(&refused).as_str()), (2, ""));
    assert!(stderr(&refused).contains("a: two reports cannot be one file"), "{}", stderr(&refused));
}

#[cfg(unix)]
#[test]
fn nobody_has_to_listen_to_the_progress() {
    let here = tempdir().expect("a directory");
    let mut command = shakedown(here.path(), &["certify", "caching", "--deviations", "1"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    drop(child.stderr.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).starts_with("CERTIFIED"), "{}", stdout(&output));
}

#[cfg(unix)]
#[test]
fn a_report_may_go_to_a_pipe() {
    let here = tempdir().expect("a directory");
    let output = answer(here.path(), &["run", "booking", "--report", "github=/dev/stderr"]);
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""), "nothing is wrong");
    let mut arguments = vec!["explore", "booking", "--seeds", "300", "--max-fail", "1"];
    arguments.extend(BROKEN.iter().chain(&["--report", "github=/dev/stdout"]));
    assert!(stdout(&answer(here.path(), &arguments)).contains("\n::error title=booking"));
}

#[test]
fn a_report_says_what_would_have_prevented_the_failure() {
    let here = tempdir().expect("a directory");
    let mut arguments = vec!["explore", "booking", "--seeds", "300", "--max-fail", "1"];
    arguments.extend(BROKEN.iter().chain(&["--report", "html=a.html", "--report", "junit=a.xml"]));
    arguments.extend(["--format", "json"]);
    let output = answer(here.path(), &arguments);
    assert_eq!(code(&output), 1);
    let read = |name| fs::read_to_string(here.path().join(name)).expect("written");
    let page = read("a.html");
    assert!(
        page.contains("With it in place, the same script <strong class=\"good\">holds</strong>"),
        "{page}"
    );
    let runs = json(&output)["scenarios"][0]["runs"].as_u64().expect("a number");
    assert!(runs < 300, "the first failure ends the campaign");
    assert!(page.contains(&format!("<dt>seeds</dt><dd>0 to {}</dd>", runs - 1)), "{page}");
    let xml = read("a.xml");
    let mut reader = quick_xml::Reader::from_str(&xml);
    while reader.read_event().expect("well-formed") != quick_xml::events::Event::Eof {}
}

/// Checks the JSON output of the command against the published schema of this name.
fn check_output(here: &Path, arguments: &[String], name: &str) {
    let output = call(here, &[arguments, &["--format".to_owned(), "json".to_owned()]].concat(), &[]);
    check_schema(&json(&output), name);
}

#[test]
fn what_is_printed_as_json_is_what_its_schema_says() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let schemas = ["campaigns", "campaigns", "certificates", "matrix", "replay", "story"];
    for (arguments, name) in commands(here).iter().zip(schemas) {
        check_output(here, arguments, name);
    }
    let owned = |arguments: &[&str]| arguments.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    check_output(here, &owned(&["list"]), "list");
    check_output(here, &owned(&["run", "booking", "--twice"]), "campaigns");
    check_output(here, &owned(&["matrix", "execution-log", "--seeds", "1", "--give-up", "1"]), "matrix");
}
