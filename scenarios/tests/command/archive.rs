//! `--archive` and `history`: new, returned and gone findings, with their builds; and two concurrent writers.

use super::{answer, check_schema, code, json, shakedown, stderr, stdout};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use tempfile::tempdir;

/// Runs a campaign of one design and records it as this build.
fn record(here: &Path, build: &str, seeds: &str) -> Value {
    let output = answer(
        here,
        &[
            "explore",
            "booking",
            "--without",
            "execution-log",
            "--seeds",
            seeds,
            "--archive",
            "team.db",
            "--build",
            build,
            "--format",
            "json",
        ],
    );
    assert!([1, 3].contains(&code(&output)), "{}", stderr(&output));
    json(&output)
}

fn history(here: &Path) -> Value {
    let output = answer(here, &["history", "--archive", "team.db", "--format", "json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    check_schema(&json(&output), "history");
    json(&output)["designs"][0].clone()
}

#[test]
fn a_history_tells_new_and_standing_findings_by_build() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let first = record(here, "b1", "300");
    let found = first["scenarios"][0]["violations"].as_array().expect("a list").len();
    assert!(found > 0);
    let one = history(here);
    assert_eq!((&one["new"]["count"], &one["last"]["build"]), (&found.into(), &"b1".into()));
    // Recording the same campaign again adds no campaign.
    record(here, "b1", "300");
    assert_eq!(history(here), one);
    let second = record(here, "b2", "300");
    let two = history(here);
    assert_eq!(
        first["scenarios"][0]["digest"], second["scenarios"][0]["digest"],
        "known failures first, then the same runs"
    );
    assert_eq!((&two["standing"]["count"], &two["new"]["count"]), (&found.into(), &0.into()));
    let standing = &two["standing"]["findings"][0];
    assert_eq!((&standing["first_build"], &standing["last_build"]), (&"b1".into(), &"b2".into()));
    assert_eq!((&two["campaigns"], &two["gone"]["count"]), (&2.into(), &0.into()));
    let human = answer(here, &["history", "--archive", "team.db"]);
    assert!(stdout(&human).contains("standing") && stdout(&human).contains("since b1"), "{}", stdout(&human));
}

#[test]
fn known_failures_are_run_first() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let first = record(here, "b1", "300");
    // One seed finds nothing by itself, but the archive knows the scripts to run.
    let next = record(here, "b2", "1");
    let signatures = |result: &Value| {
        let all = result["scenarios"][0]["violations"].as_array().expect("a list").clone();
        let mut all: Vec<String> = all.iter().map(|one| one["signature"].to_string()).collect();
        all.sort();
        all
    };
    assert_eq!(signatures(&first), signatures(&next));
    assert_eq!(next["scenarios"][0]["violations"][0]["seed"], Value::Null);
    assert_eq!(next["scenarios"][0]["verdict"], "violated");
}

#[test]
fn two_writers_lose_nothing() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let writers: Vec<_> = (0..6)
        .map(|writer| {
            let build = format!("b{writer}");
            let arguments = [
                "explore",
                "booking",
                "--seeds",
                "20",
                "--canary",
                "none",
                "--archive",
                "team.db",
                "--build",
                &build,
            ];
            shakedown(here, &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs")
        })
        .collect();
    for mut writer in writers {
        assert_eq!(writer.wait().expect("it ends").code(), Some(3), "20 seeds are inconclusive");
    }
    let campaigns = &history(here)["campaigns"];
    assert_eq!(campaigns, 6);
}

#[test]
fn merged_shards_are_recorded_once() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    for shard in ["1/2", "2/2"] {
        let arguments =
            ["explore", "booking", "--seeds", "600", "--canary", "none", "--shard", shard, "--into", "s"];
        assert_eq!(code(&answer(here, &arguments)), 3);
    }
    for _ in 0..2 {
        let merged = answer(here, &["merge", "s", "--archive", "team.db", "--build", "b1"]);
        assert_eq!(code(&merged), 3, "{}", stderr(&merged));
    }
    assert_eq!(history(here)["campaigns"], 1);
    assert_eq!(history(here)["last"]["runs"], 600);
}

#[test]
fn what_is_no_archive_is_refused() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let missing = answer(here, &["history", "--archive", "nowhere.db"]);
    assert_eq!(code(&missing), 2);
    assert!(stderr(&missing).contains("nowhere.db: there is no such archive"), "{}", stderr(&missing));
    std::fs::write(here.join("text.db"), "no database").expect("written");
    let text = answer(here, &["history", "--archive", "text.db"]);
    assert_eq!(code(&text), 2);
    assert!(stderr(&text).contains("text.db: the archive cannot be used"), "{}", stderr(&text));
}
