//! The output of the command for valid input.

use super::{BROKEN, answer, code, interrupt, json, shakedown, stderr, stdout, trace};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use tempfile::tempdir;

#[test]
fn the_list_shows_everything_that_can_be_named() {
    let here = tempdir().expect("a directory");
    let listed = json(&answer(here.path(), &["list", "--format", "json"]));
    let booking = &listed["scenarios"][0];
    for key in ["parameters", "guardrails", "invariants", "goals", "sites", "assumptions"] {
        assert!(booking[key].as_array().is_some_and(|all| !all.is_empty()), "{key}");
    }
    let human = stdout(&answer(here.path(), &["list"]));
    for site in booking["sites"].as_array().expect("sites") {
        assert!(human.contains(site["site"].as_str().expect("a name")));
    }
}

#[test]
fn the_happy_path_holds() {
    let here = tempdir().expect("a directory");
    let output = answer(here.path(), &["run", "booking"]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert!(stdout(&output).starts_with("HELD  booking"));
}

#[test]
fn a_failure_is_told_and_replayed_from_elsewhere_three_times() {
    let (here, elsewhere) = (tempdir().expect("a directory"), tempdir().expect("a directory"));
    let path = here.path().join(trace(here.path()));
    let path = path.to_str().expect("a path");
    for _ in 0..3 {
        let output = answer(elsewhere.path(), &["replay", path, "--format", "json"]);
        assert_eq!((code(&output), json(&output)["replay"].as_str()), (1, Some("exact")));
    }
    let told = stdout(&answer(elsewhere.path(), &["explain", path]));
    assert!(told.starts_with("FAIL  booking  without execution-log") && told.contains("after ["), "{told}");
}

#[test]
fn campaigns_are_the_same_at_any_number_of_jobs_and_with_other_variables() {
    let here = tempdir().expect("a directory");
    let mut arguments =
        vec!["explore", "booking", "--seeds", "600", "--max-fail", "3", "--format", "json", "--jobs"];
    arguments.extend(["1"]);
    arguments.extend(BROKEN);
    let one = stdout(&answer(here.path(), &arguments));
    arguments[9] = "2";
    assert_eq!(one, stdout(&answer(here.path(), &arguments)));
    let mut elsewhere = shakedown(here.path(), &arguments);
    elsewhere.env_clear().env("TZ", "Asia/Kathmandu").env("LANG", "tr_TR.UTF-8").env("RUST_BACKTRACE", "1");
    assert_eq!(one.as_bytes(), elsewhere.output().expect("it runs").stdout);
}

#[test]
fn campaigns_that_learn_are_the_same_at_any_number_of_jobs() {
    let here = tempdir().expect("a directory");
    let designs = [&[][..], &BROKEN];
    let both = |strategy: &'static str| designs.map(|broken| (strategy, broken));
    for (strategy, broken) in ["--guided", "--around-goals"].into_iter().flat_map(both) {
        let with = |jobs: &str| {
            let mut arguments = vec!["explore", "booking", strategy, "--profile", "calm", "--seeds", "1100"];
            arguments.extend(["--canary", "none", "--max-fail", "9", "--format", "json", "--jobs", jobs]);
            if !broken.is_empty() {
                arguments.retain(|argument| !["--canary", "none"].contains(argument));
            }
            arguments.extend(broken);
            let output = answer(here.path(), &arguments);
            assert!([0, 1, 3].contains(&code(&output)), "{}", stderr(&output));
            stdout(&output)
        };
        let one = with("1");
        assert_eq!(one, with("2"));
        assert_eq!(one, with("3"));
        assert!(one.contains("\"guided\": true") && one.contains("\"profile\": \"calm"));
    }
    let held = ["explore", "booking", "--guided", "--seeds", "500", "--canary", "none"];
    let printed = stdout(&answer(here.path(), &held));
    let words = printed.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("and no bound") && words.contains("no random sample"), "{printed}");
}

#[test]
fn profiles_differ_and_an_unknown_one_is_refused() {
    let here = tempdir().expect("a directory");
    let digest = |profile: &str| {
        let arguments = ["explore", "booking", "--seeds", "50", "--canary", "none", "--format", "json"];
        let output =
            shakedown(here.path(), &arguments).args(["--profile", profile]).output().expect("it runs");
        json(&output)["scenarios"][0]["digest"].clone()
    };
    let all: std::collections::BTreeSet<String> =
        ["mixed", "calm", "storm", "even"].map(|profile| digest(profile).to_string()).into();
    assert_eq!(all.len(), 4);
    let refused = answer(here.path(), &["explore", "booking", "--profile", "windy"]);
    assert!(code(&refused) == 2 && stderr(&refused).contains("mixed, calm, storm, even"));
}

#[test]
fn canaries_are_caught_and_one_that_cannot_be_is_named() {
    let here = tempdir().expect("a directory");
    let arguments = ["explore", "booking", "--seeds", "20", "--format", "json"];
    let output = answer(here.path(), &arguments);
    let canaries = json(&output)["scenarios"][0]["canaries"].clone();
    let canaries = canaries.as_array().expect("canaries");
    assert!(canaries.len() == 7 && canaries.iter().all(|canary| canary["caught"] == true), "{canaries:?}");
    let unknown = answer(here.path(), &["explore", "booking", "--canary", "seat-belt"]);
    assert_eq!(code(&unknown), 2, "{}", stderr(&unknown));
}

#[test]
fn a_failure_is_told_with_its_likelihood_along_the_run() {
    let here = tempdir().expect("a directory");
    let trace = trace(here.path());
    let told = stdout(&answer(here.path(), &["explain", &trace, "--likelihood"]));
    assert!(told.contains("of 64 continuations each") && told.contains("turning point"), "{told}");
    let asked = || answer(here.path(), &["explain", &trace, "--likelihood", "20", "--format", "json"]);
    let (one, other) = (asked(), asked());
    assert_eq!(stdout(&one), stdout(&other));
    let points = json(&one)["likelihood"]["points"].clone();
    let last = points.as_array().and_then(|points| points.last().cloned()).expect("points");
    assert_eq!(last["percent"], 100);
}

#[test]
fn an_interrupt_leaves_a_valid_result() {
    let here = tempdir().expect("a directory");
    for more in [&[][..], &["--guided"], &["--max-fail", "4000000"]] {
        let arguments = ["explore", "booking", "--seeds", "0..400000000", "--format", "json"];
        let mut command = shakedown(here.path(), &arguments);
        command.args(more);
        let output = interrupt(command, "-INT");
        let scenario = &json(&output)["scenarios"][0];
        assert_eq!((&scenario["ending"], code(&output)), (&"interrupted".into(), 3), "{}", stdout(&output));
    }
}

#[test]
fn a_seed_has_one_digest_alone_and_in_a_campaign() {
    let here = tempdir().expect("a directory");
    let alone = json(&answer(here.path(), &["run", "booking", "--seed", "5", "--format", "json"]));
    let again = json(&answer(here.path(), &["run", "booking", "--seed", "5", "--twice", "--format", "json"]));
    assert_eq!(alone["scenarios"], again["scenarios"]);
    let ways = again["self_check"].as_array().expect("a self-check");
    assert!(ways.len() == 3 && ways.iter().all(|way| way["same"] == true), "{ways:?}");
}

#[test]
fn a_reader_may_go_away() {
    let here = tempdir().expect("a directory");
    let mut child = shakedown(here.path(), &["list"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut first).expect("a line");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[test]
fn a_story_is_printed_in_each_form_by_explain_and_by_nobody_else() {
    let here = tempdir().expect("a directory");
    let trace = trace(here.path());
    for (form, begins) in [("markdown", "# booking"), ("mermaid", "sequenceDiagram"), ("html", "<!doctype")] {
        let told = stdout(&answer(here.path(), &["explain", &trace, "--format", form]));
        assert!(told.starts_with(begins), "{told}");
        assert_eq!(code(&answer(here.path(), &["replay", &trace, "--format", form])), 2);
    }
}

#[test]
fn a_pin_is_a_script_that_runs_and_is_never_overwritten() {
    let here = tempdir().expect("a directory");
    let trace = trace(here.path());
    fs::create_dir(here.path().join("kept")).expect("made");
    let pin = || answer(here.path(), &["pin", &trace, "--dir", "kept", "--name", "one"]);
    assert_eq!((code(&pin()), code(&pin())), (0, 0), "twice is the same as once");
    let output = answer(here.path(), &["run", "booking", "--script", "kept/one.script"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    fs::write(here.path().join("kept/one.script"), "something else").expect("written");
    assert_eq!(code(&pin()), 2);
}

#[test]
fn colour_is_used_when_it_is_asked_for_and_not_otherwise() {
    let here = tempdir().expect("a directory");
    let with = |name: &str| {
        let mut command = shakedown(here.path(), &["run", "booking"]);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        let output = command.env(name, "1").output().expect("it runs");
        stdout(&output).contains('\u{1b}')
    };
    assert!(with("CLICOLOR_FORCE") && !with("NO_COLOR") && !with("NOTHING"));
}

#[test]
fn a_flag_goes_before_a_variable_and_that_before_the_file() {
    let here = tempdir().expect("a directory");
    fs::write(here.path().join("shakedown.toml"), "seeds = \"0..3\"\nformat = \"json\"\n").expect("written");
    let runs = |variable: Option<&str>, flag: &[&str]| {
        let mut arguments = vec!["explore", "booking", "--max-fail", "1000"];
        arguments.extend(flag);
        let mut command = shakedown(here.path(), &arguments);
        command.envs(variable.map(|seeds| ("SHAKEDOWN_SEEDS", seeds)));
        json(&command.output().expect("it runs"))["scenarios"][0]["runs"].as_u64()
    };
    assert_eq!(runs(None, &[]), Some(3));
    assert_eq!(runs(Some("4"), &[]), Some(4));
    assert_eq!(runs(Some("4"), &["--seeds", "5"]), Some(5));
}
