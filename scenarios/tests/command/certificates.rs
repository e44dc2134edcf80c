//! `certify`: certificates and least failures, neither of which depends on the division of the work.

use super::{answer, code, interrupt, json, shakedown, stderr, stdout};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::tempdir;

/// One variant, two deviations: about six thousand runs.
const SMALL: [&str; 8] = [
    "certify",
    "booking",
    "--deviations",
    "2",
    "--variant",
    "partner=keys isolation=read-committed reviews=left",
    "--format",
    "json",
];

fn certify(directory: &Path, more: &[&str]) -> Output {
    answer(directory, &[&SMALL, more].concat())
}

fn certificate(output: &Output) -> Value {
    json(output)["certificates"][0].clone()
}

#[test]
fn a_certificate_is_the_same_at_any_number_of_jobs() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let reports = ["--report", "md=page.md", "--report", "json=page.json", "--report", "junit=page.xml"];
    let one = certify(here, &[&["--jobs", "1"][..], &reports].concat());
    assert_eq!(code(&one), 0, "{}", stderr(&one));
    let read = |name| fs::read_to_string(here.join(name)).expect("written");
    let pages = ["page.md", "page.json", "page.xml"].map(read);
    let three = certify(here, &[&["--jobs", "3"][..], &reports].concat());
    assert_eq!(stdout(&one), stdout(&three));
    assert_eq!(pages, ["page.md", "page.json", "page.xml"].map(read));
    assert_eq!(pages[1], stdout(&one));
    let certificate = certificate(&one);
    assert_eq!((&certificate["verdict"], &certificate["deviations"]), (&"held".into(), &2.into()));
    assert_eq!(certificate["runs_by_depth"].as_array().map(Vec::len), Some(3));
    assert!(certificate["violation"].is_null() && certificate["pruned"].as_u64() > Some(0));
    assert!(stderr(&one).contains("1 variant of"), "it says what it is about to do: {}", stderr(&one));
}

#[test]
fn pruning_changes_no_verdict_and_no_failure() {
    let here = tempdir().expect("a directory");
    let whole = certificate(&certify(here.path(), &["--no-pruning"]));
    let pruned = certificate(&certify(here.path(), &[]));
    assert_eq!(whole["verdict"], pruned["verdict"]);
    let runs = |certificate: &Value| certificate["runs"].as_u64().expect("a number");
    assert_eq!(runs(&whole), runs(&pruned) + pruned["spared"].as_u64().expect("a number"));
    for guardrail in ["execution-log", "idempotency-store", "booking-contract"] {
        let without = ["--without", guardrail];
        let whole = certificate(&certify(here.path(), &[&without[..], &["--no-pruning"]].concat()));
        assert_eq!(whole["violation"], certificate(&certify(here.path(), &without))["violation"]);
    }
}

#[test]
fn the_least_failure_is_told_like_any_other() {
    let here = tempdir().expect("a directory");
    let arguments = ["certify", "booking", "--without", "execution-log", "--deviations", "2"];
    let output = answer(here.path(), &arguments);
    assert_eq!(code(&output), 1);
    let told = stdout(&output);
    assert!(told.starts_with("FAIL  booking  without execution-log") && told.contains("needed"), "{told}");
    let replay = told.lines().find_map(|line| line.trim().strip_prefix("replay    ")?.rsplit(' ').next());
    let replayed = answer(here.path(), &["replay", replay.expect("a line to paste"), "--format", "json"]);
    assert_eq!((code(&replayed), &json(&replayed)["replay"]), (1, &"exact".into()));
    let failing = answer(here.path(), &[&arguments[..], &["--format", "json"]].concat());
    let violation = &certificate(&failing)["violation"];
    assert_eq!(violation["deviations"].as_array().map(Vec::len), Some(1), "the first layer has it");
    assert_eq!(violation["steady"], true);
}

#[test]
fn shards_put_together_are_the_whole() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let whole = certify(here, &[]);
    for (shard, file) in [("1/3", "a"), ("2/3", "b"), ("3/3", "c")] {
        let output = certify(here, &["--shard", shard, "--checkpoint", file]);
        assert_eq!(code(&output), 3, "a shard certifies nothing by itself: {}", stderr(&output));
        assert_eq!(certificate(&output)["shard"][1], 3);
        assert_eq!(certificate(&output)["verdict"], "inconclusive");
        assert_ne!(certificate(&output)["digest"], certificate(&whole)["digest"]);
    }
    let together = certify(here, &["--resume", "c", "--resume", "a", "--resume", "b"]);
    assert_eq!(stdout(&together), stdout(&whole));
    let gap_filled = certify(here, &["--resume", "b"]);
    assert_eq!(stdout(&gap_filled), stdout(&whole));
}

#[test]
fn an_interrupted_certificate_goes_on_to_the_same_end() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let arguments = ["certify", "booking", "--deviations", "2", "--format", "json", "--checkpoint", "half"];
    let mut command = shakedown(here, &arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    std::thread::sleep(std::time::Duration::from_millis(900));
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()));
    let output = child.wait_with_output().expect("it ends");
    let half = certificate(&output);
    if half["ending"] == "interrupted" {
        assert_eq!((code(&output), &half["verdict"]), (3, &"inconclusive".into()));
    }
    let whole = answer(here, &arguments[..6]);
    let resume: &[&str] = if here.join("half").exists() { &["--resume", "half"] } else { &[] };
    assert_eq!(stdout(&answer(here, &[&arguments[..6], resume].concat())), stdout(&whole));
}

#[test]
fn a_terminated_campaign_still_says_what_it_found() {
    for signal in ["-TERM", "-HUP"] {
        let here = tempdir().expect("a directory");
        let arguments = ["explore", "booking", "--seeds", "0..18446744073709551615", "--canary", "none"];
        let output = interrupt(shakedown(here.path(), &arguments), signal);
        assert_eq!(code(&output), 3, "{signal}: {}", stderr(&output));
        assert!(stdout(&output).starts_with("INCONCLUSIVE  booking"), "{signal}: {}", stdout(&output));
    }
}

#[test]
fn a_campaign_ends_at_the_greatest_seed() {
    let here = tempdir().expect("a directory");
    let seeds = "18446744073709551600..18446744073709551615";
    let output = answer(
        here.path(),
        &["explore", "booking", "--seeds", seeds, "--canary", "none", "--format", "json"],
    );
    assert_eq!(
        (code(&output), &json(&output)["scenarios"][0]["runs"]),
        (3, &15.into()),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_checkpoint_of_something_else_is_refused() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let kept = certify(here, &["--shard", "1/40", "--checkpoint", "kept"]);
    assert_eq!(code(&kept), 3, "a shard without any run is a part, too: {}", stderr(&kept));
    let refused = |more: &[&str], exit: i32, says: &str| {
        let output = certify(here, more);
        assert_eq!(code(&output), exit, "{}", stderr(&output));
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    };
    refused(&["--resume", "kept", "--without", "execution-log"], 2, "another search: --without differs");
    refused(&["--resume", "nowhere"], 2, "nowhere: cannot be read");
    refused(&["--resume", "nowhere"], 2, "`certify --checkpoint FILE` writes one");
    refused(&["--resume", "/dev/zero"], 2, "/dev/zero: it is not a regular file");
    fs::write(here.join("damaged"), "{}").expect("written");
    refused(&["--resume", "damaged"], 2, "not a checkpoint");
    refused(&["--checkpoint", "damaged"], 2, "the file exists and is not a checkpoint");
    assert_eq!(fs::read_to_string(here.join("damaged")).expect("it is there"), "{}");
    let unknown = answer(here, &["certify", "booking", "--variant", "partner=nobody"]);
    assert_eq!(code(&unknown), 2);
    assert!(stderr(&unknown).contains("short-keys"), "{}", stderr(&unknown));
}

/// Writes `text` with its last line, the seal, replaced by a valid one.
fn reseal(file: &Path, text: &str) {
    let body: String = text
        .lines()
        .filter(|line| !line.contains("\"record\":\"end\""))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(file, format!("{body}{}", shakedown_sim::seal::seal(&body))).expect("written");
}

#[test]
fn a_checkpoint_that_was_changed_and_sealed_again_is_refused() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    assert_eq!(code(&certify(here, &["--shard", "1/2", "--checkpoint", "half"])), 3);
    let text = fs::read_to_string(here.join("half")).expect("it was written");
    fs::write(here.join("edited"), text.replacen("\"to\":32", "\"to\":64", 1)).expect("written");
    let check = |file: &str, exit: i32, says: &str| {
        let output = certify(here, &["--resume", file]);
        assert_eq!(code(&output), exit, "{}", stderr(&output));
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    };
    check("edited", 2, "line 2: the checksum does not match");
    let runs = text.split("\"runs\":").nth(1).and_then(|rest| rest.split(',').next()).expect("a number");
    let sum = text.split("\"sum\":").nth(1).and_then(|rest| rest.split(',').next()).expect("a number");
    let build =
        text.split("\"build\":\"0.1.0 ").nth(1).and_then(|rest| rest.split('"').next()).expect("a digest");
    for (change, by, exit, says) in [
        ("\"to\":32", "\"to\":64", 2, "was changed"),
        ("\"from\":0", "\"from\":5", 2, "was changed"),
        (&*format!("\"runs\":{runs}"), "\"runs\":1", 2, "1 runs instead of"),
        (&*format!("\"sum\":{sum}"), "\"sum\":7", 5, "do not give the recorded result"),
        (build, "0000000000000000", 5, "today's code"),
    ] {
        assert!(text.contains(change), "{change}");
        reseal(&here.join("forged"), &text.replacen(change, by, 1));
        check("forged", exit, says);
    }
}
