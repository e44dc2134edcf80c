//! `bisect`: the commit since which a script fails, over the builds of a real repository.

use super::{answer, check_schema, code, json, shakedown, stderr, stdout};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::tempdir;

fn git(here: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"];
    let output =
        Command::new("git").current_dir(here).args(identity).args(arguments).output().expect("git runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Commits a build: a program that runs this binary, with or without a guardrail.
fn commit(here: &Path, subject: &str, without: &str, builds: bool) {
    let program = format!("#!/bin/sh\nexec {} \"$@\" {without}\n", env!("CARGO_BIN_EXE_shakedown"));
    fs::write(here.join("program"), program).expect("written");
    fs::write(here.join("builds"), if builds { "yes" } else { "no" }).expect("written");
    fs::write(here.join("subject"), subject).expect("written");
    git(here, &["add", "."]);
    git(here, &["commit", "--quiet", "-m", subject]);
}

/// Writes the script of a failure that needs a missing guardrail, without naming the guardrail.
fn script(here: &Path) {
    let failing = answer(
        here,
        &["explore", "booking", "--without", "execution-log", "--seeds", "300", "--format", "json"],
    );
    let violation = &json(&failing)["scenarios"][0]["violations"][0];
    let deviations = violation["deviations"].as_array().expect("a list");
    let deviations: String =
        deviations.iter().map(|one| format!("{}\n", one.as_str().expect("text"))).collect();
    let variant = violation["variant"].as_str().expect("text");
    fs::write(here.join("failing.script"), format!("scenario booking\nvariant {variant}\n{deviations}"))
        .expect("written");
}

#[test]
fn the_commit_that_broke_it_is_found() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    script(here);
    let repository = here.join("repository");
    fs::create_dir(&repository).expect("made");
    git(&repository, &["init", "--quiet"]);
    let broken = "--without execution-log";
    commit(&repository, "begin", "", true);
    commit(&repository, "write a page", "", true);
    commit(&repository, "remove the log", broken, true);
    commit(&repository, "break the build", broken, false);
    commit(&repository, "repair the build", broken, true);
    let build = "test \"$(cat builds)\" = yes && cp program built && chmod +x built";
    let bisect = |good: &str, bad: &str, more: &[&str]| {
        let arguments = [
            &["bisect", "../failing.script", "--good", good, "--bad", bad, "--build-command", build][..],
            &["--program", "built", "--work-trees", "../trees"],
            more,
        ];
        shakedown(&repository, &arguments.concat()).output().expect("it runs")
    };
    let found = bisect("HEAD~4", "HEAD", &["--format", "json"]);
    assert_eq!(code(&found), 0, "{}", stderr(&found));
    check_schema(&json(&found), "bisect");
    assert_eq!(json(&found)["suspects"][0]["subject"], "remove the log", "{}", stderr(&found));
    assert!(json(&found)["first_bad"].is_string());
    let human = bisect("HEAD~4", "HEAD", &[]);
    assert!(stdout(&human).starts_with("the first commit that fails\n"), "{}", stdout(&human));
    let trees =
        Command::new("git").current_dir(&repository).args(["worktree", "list"]).output().expect("git runs");
    assert_eq!(String::from_utf8_lossy(&trees.stdout).lines().count(), 1, "no work tree is left");

    let holds = bisect("HEAD~4", "HEAD~3", &[]);
    assert_eq!(code(&holds), 2);
    assert!(stderr(&holds).contains("--bad: the script holds in it"), "{}", stderr(&holds));
    let fails = bisect("HEAD~2", "HEAD", &[]);
    assert_eq!(code(&fails), 2);
    assert!(stderr(&fails).contains("--good: the script fails in it as well"), "{}", stderr(&fails));
    let reversed = bisect("HEAD", "HEAD~4", &[]);
    assert_eq!(code(&reversed), 2);
    assert!(stderr(&reversed).contains("no ancestor"), "{}", stderr(&reversed));
}
