//! Flags go before variables, and an empty variable is none.

use super::{code, command, json, stderr, stdout};
use std::path::Path;
use std::process::Output;
use tempfile::tempdir;

fn run(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut till = command("till", directory, arguments);
    till.envs(variables.iter().copied()).output().expect("the binary runs")
}

#[test]
fn empty_variables_are_absent() {
    let here = tempdir().expect("a directory");
    let names = [
        "SEEDS",
        "JOBS",
        "MAX_FAIL",
        "BUDGET",
        "WITHOUT",
        "FIFO",
        "CANARY",
        "REPORT",
        "CONFIG",
        "MEMORY_LIMIT",
    ];
    let names: Vec<String> = names.iter().map(|name| format!("SHAKEDOWN_{name}")).collect();
    let empty: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let campaign = ["explore", "till", "--without", "order-memory", "--max-fail", "1"];
    let (plain, with_empty) = (run(here.path(), &campaign, &[]), run(here.path(), &campaign, &empty));
    assert_eq!(code(&plain), 1, "{}", stderr(&plain));
    assert_eq!(stdout(&plain), stdout(&with_empty), "{}", stderr(&with_empty));
}

#[test]
fn a_flag_goes_before_a_variable_that_contradicts_it() {
    let here = tempdir().expect("a directory");
    let script = here.path().join("happy.script");
    std::fs::write(&script, "scenario till\n").expect("written");
    let script = script.to_str().expect("text");
    let output = run(here.path(), &["run", "till", "--script", script], &[("SHAKEDOWN_SEED", "7")]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let both = [("SHAKEDOWN_SEED", "7"), ("SHAKEDOWN_SCRIPT", script)];
    let output = run(here.path(), &["run", "till"], &both);
    assert_eq!(code(&output), 2, "two variables contradict each other: {}", stdout(&output));
}

#[test]
fn a_matrix_takes_the_same_seeds_as_a_campaign() {
    let here = tempdir().expect("a directory");
    let seeds = [("SHAKEDOWN_SEEDS", "500..600")];
    let output = run(here.path(), &["matrix", "order-memory", "--format", "json"], &seeds);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(json(&output)["guarded"][0]["runs"], 100);
}
