//! Shards and `merge`: the union of shards is the result of one run, and every misfit is one clear error.

use super::{answer, code, json, shakedown, stderr, stdout};
use shakedown::shard::file::{Section, ShardFile};
use std::fs;
use std::path::Path;
use std::process::Output;
use tempfile::tempdir;

fn run_shards(here: &Path, command: &[&str], count: usize, into: &str) {
    for number in 1..=count {
        run_shard(here, command, &format!("{number}/{count}"), into);
    }
}

fn run_shard(here: &Path, command: &[&str], shard: &str, into: &str) {
    let output = answer(here, &[command, &["--shard", shard, "--into", into, "--shard-ok"]].concat());
    assert_eq!(code(&output), 0, "{shard}: {}", stderr(&output));
}

fn merge(here: &Path, files: &[&str]) -> Output {
    answer(here, &[&["merge"], files, &["--format", "json"]].concat())
}

#[test]
fn merged_shards_of_a_campaign_are_one_run() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let holds = ["explore", "booking", "--seeds", "1100", "--format", "json"];
    let fails = [
        &["explore", "booking", "restore", "--seeds", "1100", "--max-fail", "5"][..],
        &["--format", "json", "--canary", "none"],
    ]
    .concat();
    let broken = [
        "explore",
        "booking",
        "--seeds",
        "1000..2100",
        "--variant",
        "partner=keys",
        "--without",
        "execution-log",
        "--fifo",
        "--format",
        "json",
    ];
    for (at, command) in [&holds[..], &fails, &broken].into_iter().enumerate() {
        let whole = answer(here, command);
        for count in [1, 3, 16] {
            let into = format!("shards-{at}-{count}");
            run_shards(here, command, count, &into);
            let merged = merge(here, &[&into]);
            assert_eq!(stdout(&merged), stdout(&whole), "{count} shards: {}", stderr(&merged));
            assert_eq!(code(&merged), code(&whole));
        }
        let all: Vec<String> = [1, 3, 16].map(|count| format!("shards-{at}-{count}")).to_vec();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(stdout(&merge(here, &all)), stdout(&whole), "overlaps that agree change nothing");
    }
}

#[test]
fn merged_shards_of_a_campaign_around_goals_are_one_run() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let command = |more: &[&'static str]| {
        [&["explore", "booking", "--around-goals", "--seeds", "600", "--format", "json"], more].concat()
    };
    let holds = command(&["--canary", "none"]);
    // Runs of both halves of a block fail.
    let fails = command(&["--without", "execution-log", "--max-fail", "100"]);
    for (command, into) in [(&holds, "holds"), (&fails, "fails")] {
        let whole = answer(here, command);
        run_shards(here, command, 3, into);
        let merged = merge(here, &[into]);
        assert_eq!(stdout(&merged), stdout(&whole), "{}", stderr(&merged));
        assert_eq!(code(&merged), code(&whole));
    }
}

#[test]
fn merged_shards_of_a_certificate_are_one_run() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let variant = "partner=keys isolation=read-committed reviews=left";
    let holds = ["certify", "booking", "--deviations", "2", "--variant", variant, "--format", "json"];
    let fails = [&holds[..], &["--without", "idempotency-store"]].concat();
    for (at, command) in [&holds[..], &fails].into_iter().enumerate() {
        let whole = answer(here, command);
        for count in [1, 3, 16] {
            let into = format!("shards-{at}-{count}");
            if count == 16 {
                let prepared = answer(here, &[command, &["--prepare", "--into", &into]].concat());
                assert_eq!(code(&prepared), 0, "{}", stderr(&prepared));
            }
            run_shards(here, command, count, &into);
            let merged = merge(here, &[&into]);
            assert_eq!(stdout(&merged), stdout(&whole), "{count} shards: {}", stderr(&merged));
            assert_eq!(code(&merged), code(&whole));
        }
    }
    fs::remove_file(here.join("shards-0-3/certify-2-of-3.shard.jsonl")).expect("it was there");
    let lacking = merge(here, &["shards-0-3"]);
    assert_eq!(code(&lacking), 2);
    assert!(stderr(&lacking).contains("which shard 2/3 runs"), "{}", stderr(&lacking));
}

#[test]
fn a_shard_checks_the_frontier_that_it_continues_from() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let variant = "partner=keys isolation=read-committed reviews=left";
    let command = ["certify", "booking", "--deviations", "2", "--variant", variant];
    let ran = |more: &[&str]| answer(here, &[&command[..], more, &["--into", "shards"]].concat());
    let prepared = ran(&["--prepare", "--format", "json"]);
    let expected = json(&prepared)[0]["runs_left"].as_u64().expect("a number");
    assert_eq!((code(&prepared), &json(&prepared)[0]["complete"]), (0, &true.into()));
    let frontier = here.join("shards/booking.frontier.jsonl");
    let text = fs::read_to_string(&frontier).expect("it was written");
    let refused = |text: &str, exit: i32, says: &str| {
        fs::write(&frontier, text).expect("written");
        let shard = ran(&["--shard", "1/2"]);
        assert_eq!(code(&shard), exit, "{}", stderr(&shard));
        assert!(stderr(&shard).contains("booking.frontier.jsonl"), "{}", stderr(&shard));
        assert!(stderr(&shard).contains(says), "{says}: {}", stderr(&shard));
    };
    refused(&text[..text.len() / 2], 2, "cut off");
    refused(
        &text.replacen("\"turns\":[{\"choice\":0", "\"turns\":[{\"choice\":1", 1),
        2,
        "the checksum does not match",
    );
    refused(&resealed(&text.replacen("\"deviations\":2", "\"deviations\":3", 1)), 2, "--deviations differs");
    refused(&resealed(&text.replacen("\"events\":", "\"events\":1", 1)), 5, "the happy path does not give");
    // Scripts that are left out are missed by a sample of the rest, and noticed by the merge, which makes its own.
    let lines: Vec<&str> = text.lines().collect();
    let shorter: String = lines[..lines.len() / 2].iter().map(|line| format!("{line}\n")).collect();
    fs::write(&frontier, resealed(&shorter)).expect("written");
    for shard in ["1/2", "2/2"] {
        assert_eq!(code(&ran(&["--shard", shard, "--shard-ok"])), 0);
    }
    let merged = merge(here, &["shards"]);
    assert_eq!(code(&merged), 2, "{}", stderr(&merged));
    fs::remove_dir_all(here.join("shards")).expect("it was there");
    assert_eq!(code(&ran(&["--shard", "1/1", "--shard-ok"])), 0, "a shard makes the frontier that it misses");
    assert_eq!(fs::read_to_string(&frontier).expect("it was written"), text);
    assert!(expected > 1_000, "{expected}");
    let fails = ["--without", "idempotency-store", "--prepare", "--into", "violated", "--format", "json"];
    let violated = answer(here, &[&command[..], &fails].concat());
    let violated = &json(&violated)[0];
    assert_eq!((&violated["violated"], &violated["runs_left"]), (&true.into(), &0.into()), "{violated}");
    let refused = answer(here, &["certify", "booking", "--deviations", "1", "--prepare"]);
    assert_eq!(code(&refused), 2);
    assert!(stderr(&refused).contains("has no layer to prepare"), "{}", stderr(&refused));
}

#[test]
fn a_single_shard_proves_nothing() {
    let here = tempdir().expect("a directory");
    let command = ["explore", "booking", "--seeds", "600", "--format", "json"];
    let output = answer(here.path(), &[&command[..], &["--shard", "2/2"]].concat());
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert_eq!((&json(&output)["shard"][0], &json(&output)["complete"]), (&2.into(), &true.into()));
    assert_eq!(json(&output)["searches"][0]["runs"], 600 - 256);
}

#[test]
fn a_shard_that_was_killed_continues() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let command = ["explore", "booking", "--seeds", "8000", "--canary", "none", "--format", "json"];
    let whole = answer(here, &command);
    for number in 1..=2 {
        let shard = format!("{number}/2");
        let arguments = [&command[..], &["--shard", &shard, "--into", "shards", "--shard-ok"]].concat();
        for pause_ms in [200, 500, 900] {
            let mut child = shakedown(here, &arguments)
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .expect("it runs");
            std::thread::sleep(std::time::Duration::from_millis(pause_ms));
            // SIGKILL; it may have ended by itself.
            let _ = child.kill();
            child.wait().expect("it ends");
        }
        run_shard(here, &command, &shard, "shards");
    }
    let leftover = fs::read_dir(here.join("shards")).expect("a folder").count();
    assert!(leftover >= 2, "the two shards, and perhaps a file that a killed process did not rename");
    assert_eq!(stdout(&merge(here, &["shards"])), stdout(&whole));
}

/// A campaign that holds, so that each of its shards is needed.
const TWO: [&str; 8] = ["explore", "booking", "--seeds", "1500", "--canary", "none", "--format", "json"];

/// Runs it as two shards into `shards`, and returns the second.
fn two_shards(here: &Path) -> String {
    run_shards(here, &TWO, 2, "shards");
    fs::read_to_string(here.join("shards/explore-2-of-2.shard.jsonl")).expect("it was written")
}

fn put(here: &Path, name: &str, text: &str) {
    fs::write(here.join("shards").join(name), text).expect("written");
}

/// Seals a file again after its content was changed.
fn resealed(text: &str) -> String {
    let body: String = text
        .lines()
        .filter(|line| !line.contains("\"record\":\"end\""))
        .map(|line| format!("{line}\n"))
        .collect();
    format!("{body}{}", shakedown_sim::seal::seal(&body))
}

/// Replaces the first digest of a file.
fn with_another_sum(text: &str) -> String {
    let (before, rest) = text.split_once("\"sum\":").expect("a tally has one");
    let sum: String = rest.chars().take_while(char::is_ascii_digit).collect();
    format!("{before}\"sum\":{}{}", sum.len(), &rest[sum.len()..])
}

#[test]
fn what_does_not_fit_is_one_error_that_names_the_file() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let second = two_shards(here);
    let name = "explore-2-of-2.shard.jsonl";
    let refused = |exit: i32, says: &[&str]| {
        let output = merge(here, &["shards"]);
        assert_eq!((code(&output), stdout(&output).as_str()), (exit, ""), "{}", stderr(&output));
        for says in says {
            assert!(stderr(&output).contains(says), "{says}: {}", stderr(&output));
        }
    };
    fs::remove_file(here.join("shards").join(name)).expect("it was there");
    refused(2, &[name, "which shard 2/2 runs", "run it with `--shard 2/2`"]);
    put(here, name, &second.replacen("\"runs\":", "\"runs\": ", 1));
    refused(2, &[name, "line 3: the checksum does not match", "run this shard again"]);
    put(here, name, &second[..second.len() / 2]);
    refused(2, &[name, "cut off"]);
    put(here, name, &resealed(&with_another_sum(&second)));
    refused(2, &[name, "do not add up"]);
    put(here, name, &resealed(&second.replace("\"build\":\"0.1.0 ", "\"build\":\"0.1.0 f")));
    refused(2, &[name, "the build differs"]);
    put(here, name, &resealed(&second.replace("\"failures_max\":8", "\"failures_max\":9")));
    refused(2, &[name, "--max-fail differs"]);
    // A change that is consistent and sealed is found when the runs are repeated.
    let mut changed: ShardFile = second.parse().expect("a shard");
    let Section::Seeds(_, blocks) = &mut changed.sections[0] else { panic!("a campaign") };
    blocks[0].tally.events += 1;
    put(here, name, &changed.to_string());
    refused(5, &[name, "do not give the recorded result"]);
    let mut conflicting: ShardFile = second.parse().expect("a shard");
    let Section::Seeds(_, blocks) = &mut conflicting.sections[0] else { panic!("a campaign") };
    blocks[0].tally.events += 1;
    put(here, name, &second);
    put(here, "other.shard.jsonl", &conflicting.to_string());
    refused(2, &["other.shard.jsonl", "hold different results of the same runs"]);
    fs::remove_file(here.join("shards/other.shard.jsonl")).expect("it was there");
    let first = fs::read_to_string(here.join("shards/explore-1-of-2.shard.jsonl")).expect("it was written");
    for (name, text) in [("explore-1-of-2.shard.jsonl", &first), (name, &second)] {
        put(here, name, &resealed(&text.replace("\"build\":\"0.1.0 ", "\"build\":\"0.1.0 f")));
    }
    refused(5, &["another build"]);
    put(here, "explore-1-of-2.shard.jsonl", &first);
    put(here, name, &second);
    let other = resealed(&second.replace("\"shard\":[2,2]", "\"shard\":[1,2]"));
    put(here, "again.shard.jsonl", &other);
    assert_eq!(stdout(&merge(here, &["shards"])), stdout(&answer(here, &TWO)), "a copy changes nothing");
}

#[test]
fn what_cannot_be_divided_is_refused() {
    let here = tempdir().expect("a directory");
    let refused = |more: &[&str], says: &str| {
        let output = answer(here.path(), &[&["explore", "booking", "--shard", "1/2"], more].concat());
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    };
    refused(&["--budget", "10s"], "a budget of time");
    refused(&["--guided"], "learns from all runs");
    refused(&["--shards", "3"], "contradict each other");
    refused(&["--report", "md=page.md"], "writes no report files");
    let auto = answer(here.path(), &["explore", "booking", "--shard", "auto"]);
    assert_eq!(code(&auto), 2);
    assert!(stderr(&auto).contains("no scheduler says which shard this is"), "{}", stderr(&auto));
    let nothing = answer(here.path(), &["merge", "."]);
    assert_eq!(code(&nothing), 4, "{}", stderr(&nothing));
}

#[test]
fn a_scheduler_says_which_shard_it_is() {
    let here = tempdir().expect("a directory");
    let command = ["explore", "booking", "--seeds", "600", "--shard", "auto", "--format", "json"];
    let output = shakedown(here.path(), &command)
        .env("JOB_COMPLETION_INDEX", "1")
        .env("SHAKEDOWN_SHARDS", "2")
        .env("SHAKEDOWN_SHARD_OK", "true")
        .output()
        .expect("it runs");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(json(&output)["shard"], serde_json::json!([2, 2]));
}

#[test]
fn merged_shards_of_a_matrix_are_one_run() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let command = [
        "matrix",
        "execution-log",
        "idempotency-store",
        "outbox",
        "--seeds",
        "600",
        "--give-up",
        "600",
        "--format",
        "json",
    ];
    let whole = answer(here, &command);
    for count in [1, 3, 16] {
        let into = format!("shards-{count}");
        run_shards(here, &command, count, &into);
        let merged = merge(here, &[&into]);
        assert_eq!(stdout(&merged), stdout(&whole), "{count} shards: {}", stderr(&merged));
        assert_eq!(code(&merged), code(&whole));
    }
    fs::remove_file(here.join("shards-3/matrix-1-of-3.shard.jsonl")).expect("it was there");
    let lacking = merge(here, &["shards-3"]);
    assert_eq!(code(&lacking), 2);
    assert!(stderr(&lacking).contains("which shard 1/3 runs"), "{}", stderr(&lacking));
}
