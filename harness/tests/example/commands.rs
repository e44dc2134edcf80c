//! Each command, with its exit code and what it prints.

use super::{ABLATION, code, json, run, stderr, stdout, till, trace};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use tempfile::tempdir;

#[test]
fn the_example_is_at_most_150_lines() {
    let text =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/till.rs")).expect("readable");
    assert!(text.lines().count() <= 150, "{} lines", text.lines().count());
}

#[test]
fn list_shows_what_the_entry_brings() {
    let here = tempdir().expect("a directory");
    let listed = json(&run(here.path(), &["list", "--format", "json"]));
    let till = &listed["scenarios"][0];
    let names = |key: &str, name: &str| -> Vec<String> {
        let all = till[key].as_array().expect("a list").iter();
        all.map(|one| one[name].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names("guardrails", "name"), ["order-memory", "retries"]);
    assert_eq!(names("parameters", "name"), ["clients"]);
    assert_eq!(names("goals", "name"), ["the till receives an order again"]);
    assert_eq!(names("invariants", "name")[..2], ["charged-once", "every-order-charged"]);
    assert!(names("sites", "site").contains(&"till.charge/response".to_owned()));
    assert_eq!(till["assumptions"][0], "neither the till nor a client crashes");
}

#[test]
fn a_directory_that_cannot_hold_traces_is_rejected_before_the_search() {
    let here = tempdir().expect("a directory");
    fs::write(here.path().join("file"), "").expect("it is written");
    for search in [&["explore", "till"][..], &["certify", "till"], &["matrix"]] {
        let output = run(here.path(), &[search, &["--traces", "file/traces"]].concat());
        assert_eq!(code(&output), 2, "{search:?}: {}", stdout(&output));
        let error = stderr(&output);
        assert!(error.starts_with("error: file/traces: a trace cannot be written: "), "{search:?}: {error}");
        assert!(error.contains("name a directory for traces with --traces"), "{search:?}: {error}");
    }
}

#[test]
fn run_holds_on_the_happy_path_and_is_deterministic() {
    let here = tempdir().expect("a directory");
    let output = run(here.path(), &["run", "till", "--twice"]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert!(stdout(&output).starts_with("HELD  till"), "{}", stdout(&output));
}

#[test]
fn explore_holds_catches_both_canaries_and_reaches_the_goal() {
    let here = tempdir().expect("a directory");
    let output = run(here.path(), &["explore", "--format", "json"]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    let scenario = &json(&output)["scenarios"][0];
    assert_eq!((&scenario["verdict"], &scenario["runs"]), (&"held".into(), &100.into()));
    let canaries = scenario["canaries"].as_array().expect("canaries");
    assert!(canaries.len() == 2 && canaries.iter().all(|canary| canary["caught"] == true), "{canaries:?}");
}

#[test]
fn a_failure_names_the_binary_and_is_replayed_pinned_and_explained() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let output = run(here, &[&["explore", "--seeds", "100"][..], &ABLATION].concat());
    assert_eq!(code(&output), 1);
    let report = stdout(&output);
    let line =
        |label: &str| report.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::to_owned);
    assert_eq!(line("guarded   "), Some("with order-memory in place it holds".to_owned()), "{report}");
    let command = line("replay    ").expect("a line to paste");
    let pasted = std::process::Command::new("sh").args(["-c", &command]).current_dir(here).output();
    let pasted = pasted.expect("a shell");
    assert_eq!(code(&pasted), 1, "{command}: {}", stderr(&pasted));
    let replay = command.rsplit(' ').next().expect("it names the trace").to_owned();
    for _ in 0..3 {
        let output = run(here, &["replay", &replay, "--format", "json"]);
        assert_eq!((code(&output), &json(&output)["replay"]), (1, &"exact".into()));
    }
    let explained = run(here, &["explain", &replay]);
    assert_eq!(code(&explained), 0, "{}", stderr(&explained));
    assert!(stdout(&explained).contains("charges order-1"), "{}", stdout(&explained));

    let pinned = run(here, &["pin", &replay, "--name", "charged-twice"]);
    assert_eq!(code(&pinned), 0, "{}", stderr(&pinned));
    let again = run(here, &["run", "till", "--script", "regressions/charged-twice.script"]);
    assert_eq!(code(&again), 1, "{}", stderr(&again));
}

#[test]
fn certify_finds_nothing_in_the_whole_design_and_one_deviation_without_a_guardrail() {
    let here = tempdir().expect("a directory");
    let output = run(here.path(), &["certify", "--deviations", "2", "--format", "json"]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    let certificate = &json(&output)["certificates"][0];
    assert_eq!((&certificate["verdict"], &certificate["deviations"]), (&"held".into(), &2.into()));
    let failing = run(here.path(), &["certify", "--without", "retries", "--format", "json"]);
    assert_eq!(code(&failing), 1);
    let violation = &json(&failing)["certificates"][0]["violation"];
    assert_eq!(violation["invariant"], "every-order-charged");
    assert_eq!(violation["deviations"].as_array().map(Vec::len), Some(1));
}

#[test]
fn matrix_has_a_row_for_each_guardrail() {
    let here = tempdir().expect("a directory");
    let output = run(here.path(), &["matrix", "--seeds", "100", "--format", "json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let matrix = json(&output);
    let rows: Vec<(&str, &str)> = matrix["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| (row["guardrail"].as_str().unwrap_or(""), row["invariant"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(rows, [("order-memory", "charged-once"), ("retries", "every-order-charged")]);
    assert_eq!(matrix["guarded"][0]["verdict"], "held");
}

#[test]
fn a_campaign_with_a_fixed_parameter_draws_the_others_only() {
    let here = tempdir().expect("a directory");
    let explore = |variant: &str| {
        let arguments =
            [&["explore", "--seeds", "200", "--format", "json", "--variant", variant][..], &ABLATION];
        run(here.path(), &arguments.concat())
    };
    let output = explore("clients=3");
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let violation = &json(&output)["scenarios"][0]["violations"][0];
    let replayed = run(here.path(), &["replay", violation["trace"].as_str().expect("a trace")]);
    assert_eq!(code(&replayed), 1, "{}", stderr(&replayed));
    let report = stdout(&run(
        here.path(),
        &["explore", "--seeds", "50", "--canary", "none", "--variant", "clients=2"],
    ));
    assert!(report.contains("clients: 1 in 0, 2 in 50, 3 in 0"), "{report}");
    for (variant, says) in
        [("clients=9", "`9` is no value of `clients`"), ("tills=1", "unknown parameter `tills`")]
    {
        let output = explore(variant);
        assert_eq!(code(&output), 2, "{variant}");
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    }
}

#[test]
fn shells_complete_every_command_and_each_has_a_manual_page() {
    let here = tempdir().expect("a directory");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let completions = stdout(&run(here.path(), &["completions", shell]));
        assert!(
            completions.contains("explore") && completions.contains("max-fail"),
            "{shell}: {completions}"
        );
    }
    let output = run(here.path(), &["man", "pages"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for page in ["till.1", "till-explore.1", "till-replay.1"] {
        let text = fs::read_to_string(here.path().join("pages").join(page)).expect(page);
        assert!(text.contains(".SH SYNOPSIS"), "{page}: {text}");
    }
}

#[test]
fn an_interrupt_leaves_a_result() {
    let here = tempdir().expect("a directory");
    let arguments = ["explore", "--seeds", "0..400000000", "--format", "json"];
    let mut command = till(here.path(), &arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut errors = BufReader::new(child.stderr.take().expect("piped"));
    let mut progress = String::new();
    errors.read_line(&mut progress).expect("text");
    assert!(progress.contains(" % of "), "the first line shows progress: {progress}");
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()));
    let output = child.wait_with_output().expect("it ends");
    let scenario = &json(&output)["scenarios"][0];
    assert_eq!((&scenario["ending"], code(&output)), (&"interrupted".into(), 3));
}

#[test]
fn names_that_do_not_exist_are_answered_with_those_that_do() {
    let here = tempdir().expect("a directory");
    let trace = trace(here.path());
    assert!(here.path().join(&trace).exists());
    for (arguments, says) in [
        (["run", "tell"], "did you mean `till`?"),
        (["explore", "--without=order-memry"], "did you mean `order-memory`?"),
        (["matrix", "retry"], "did you mean `retries`?"),
    ] {
        let output = run(here.path(), &arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
    }
}
