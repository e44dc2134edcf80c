//! Designs that end, exhaust or block their process, and interrupts: `examples/fatal.rs`, driven through its binary.

use super::{code, command, json, stderr, stdout};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::tempdir;

/// The one deviation that leads to the end.
const LOST: &str = "counter.count/response @ request-1/attempt-1 #1 = lost";

fn fatal(directory: &Path, arguments: &[&str]) -> Command {
    command("fatal", directory, arguments)
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    fatal(directory, arguments).output().expect("the binary runs")
}

#[test]
fn a_run_that_ends_the_process_is_a_violation_with_seed_script_and_trace() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    for (scenario, invariant, says) in [
        ("exit", "process-survives", "ends the process with exit code 0"),
        ("abort", "process-survives", "aborts the process"),
        ("double-panic", "process-survives", "panics while a panic is handled"),
        ("recursion", "process-survives", "overflows its stack"),
        ("thread-panic", "no-panic", "panics on a thread that it started: a panic on another thread"),
    ] {
        let output =
            run(here, &["explore", scenario, "--seeds", "100", "--max-fail", "2", "--format", "json"]);
        assert_eq!(code(&output), 1, "{scenario}: {}", stderr(&output));
        let campaign = &json(&output)["scenarios"][0];
        assert_eq!(campaign["failing"], 2, "{scenario}");
        let violation = &campaign["violations"][0];
        assert_eq!(violation["invariant"], invariant, "{scenario}");
        let message = violation["message"].as_str().expect("a text");
        assert!(message.contains(says), "{scenario}: {message}");
        assert_eq!(violation["deviations"].as_array().map(Vec::len), Some(1), "{scenario}: {violation}");
        assert!(violation["seed"].is_u64() || violation["seed"].is_string(), "{violation}");
        let trace = violation["trace"].as_str().expect("a path");
        let replayed = run(here, &["replay", trace, "--format", "json"]);
        assert_eq!((code(&replayed), &json(&replayed)["replay"]), (1, &"exact".into()), "{scenario}");
    }
}

#[test]
fn a_run_that_blocks_the_process_or_exhausts_its_memory_is_a_violation() {
    let here = tempdir().expect("a directory");
    for (scenario, limit, says) in [
        ("loop", ["--watchdog", "1s"], "without waiting for anything"),
        #[cfg(target_os = "linux")]
        ("allocation", ["--memory-limit", "400MB"], "exhausts the memory"),
    ] {
        let output = run(here.path(), &["run", scenario, "--deviate", LOST, limit[0], limit[1]]);
        assert_eq!(code(&output), 1, "{scenario}: {}", stderr(&output));
        let report = stdout(&output);
        assert!(report.contains("process-survives: ") && report.contains(says), "{scenario}: {report}");
        assert!(report.contains(&format!("1  {LOST}")), "{scenario}: {report}");
    }
}

#[test]
fn the_results_of_other_runs_are_kept_and_do_not_depend_on_the_number_of_threads() {
    let here = tempdir().expect("a directory");
    let campaign = |jobs: &str| {
        let output = run(here.path(), &["explore", "nothing", "exit", "--seeds", "600", "--jobs", jobs]);
        assert_eq!(code(&output), 1, "{}", stderr(&output));
        stdout(&output)
    };
    let report = campaign("1");
    assert!(report.contains("HELD  nothing  no invariant is violated"), "{report}");
    assert!(report.contains("FAIL  exit  8 of "), "{report}");
    assert_eq!(campaign("3"), report);
    let alone = stdout(&run(here.path(), &["explore", "nothing", "--seeds", "600"]));
    assert!(report.contains(alone.trim_end()), "{alone}\n{report}");
}

#[test]
fn a_certificate_names_the_script_that_ends_the_process() {
    let here = tempdir().expect("a directory");
    let output = run(here.path(), &["certify", "exit", "--deviations", "2", "--format", "json"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let violation = &json(&output)["certificates"][0]["violation"];
    assert_eq!(violation["invariant"], "process-survives");
    assert_eq!(violation["deviations"].as_array().map(Vec::len), Some(1), "{violation}");
}

/// A panic is caught within the process, so its search is never interrupted: the same search has to come out where each
/// failing run ends the process.
#[test]
fn a_search_that_learns_continues_after_a_run_that_ends_the_process() {
    let here = tempdir().expect("a directory");
    let search = |arguments: &[&str], scenario: &str| {
        let arguments = [&arguments[..1], &[scenario, "--format", "json"], &arguments[1..]].concat();
        let output = run(here.path(), &arguments);
        assert_eq!(code(&output), 1, "{arguments:?}: {}", stderr(&output));
        json(&output)
    };
    let guided = |scenario| {
        let arguments = ["explore", "--guided", "--seeds", "600", "--max-fail", "100"];
        let campaign = search(&arguments, scenario)["scenarios"][0].clone();
        let worth = campaign["worth"].as_array().expect("what it is worth").clone();
        let happened = worth.into_iter().find(|fact| fact["label"] == "happened").expect("faults");
        let text = happened["text"].as_str().expect("a text").to_owned();
        (campaign["runs"].as_u64(), campaign["failing"].as_u64(), text.split(':').next().map(str::to_owned))
    };
    let expected = (Some(600), Some(56), Some("3 of 3 alternatives".to_owned()));
    assert_eq!([guided("exit"), guided("panic")], [expected.clone(), expected]);
    let certified = |scenario| {
        let certificate = search(&["certify", "--deviations", "2"], scenario)["certificates"][0].clone();
        let depths = certificate["runs_by_depth"].clone();
        assert!(depths.as_array().is_some_and(|depths| depths.len() > 1), "{certificate}");
        depths
    };
    assert_eq!(certified("exit"), certified("panic"));
}

/// Begins a campaign that would take hours, and waits until it runs.
#[cfg(target_os = "linux")]
fn endless(directory: &Path) -> (std::process::Child, u32) {
    let arguments = ["explore", "nothing", "--seeds", "0..4000000000", "--format", "json"];
    let mut command = fatal(directory, &arguments);
    let parent = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs");
    let child = (0..1_000).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        child_of(parent.id())
    });
    (parent, child.expect("it has a child"))
}

/// Returns a child of a process, of whose parent the file system of processes tells.
#[cfg(target_os = "linux")]
fn child_of(parent: u32) -> Option<u32> {
    let is_child = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        after_name.split_whitespace().nth(1) == Some(&parent.to_string())
    };
    let processes = std::fs::read_dir("/proc").ok()?.filter_map(Result::ok);
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find(is_child)
}

#[test]
#[cfg(target_os = "linux")]
fn the_child_ends_with_its_parent() {
    let here = tempdir().expect("a directory");
    let (mut parent, child) = endless(here.path());
    parent.kill().expect("it is killed");
    parent.wait().expect("it has ended");
    let is_gone = || {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    };
    let ends = (0..1_000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        is_gone()
    });
    assert!(ends, "process {child} outlives its parent");
}

#[test]
#[cfg(target_os = "linux")]
fn each_signal_that_ends_a_process_leaves_a_result() {
    let here = tempdir().expect("a directory");
    for signal in ["-INT", "-TERM", "-HUP"] {
        let (parent, _) = endless(here.path());
        // The child must have begun its campaign.
        std::thread::sleep(std::time::Duration::from_millis(300));
        let kill = Command::new("kill").args([signal, &parent.id().to_string()]).status();
        assert!(kill.is_ok_and(|status| status.success()));
        let output = parent.wait_with_output().expect("it ends");
        let scenario = &json(&output)["scenarios"][0];
        assert_eq!((&scenario["ending"], code(&output)), (&"interrupted".into(), 3), "{signal}");
    }
}

#[test]
fn an_interrupt_ends_shrinking_and_tells_what_was_found() {
    let here = tempdir().expect("a directory");
    let arguments = ["explore", "slow", "--seeds", "2", "--max-fail", "1", "--format", "json"];
    let mut command = fatal(here.path(), &arguments);
    let parent = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs");
    // Shrinking alone would take several times as long.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let kill = Command::new("kill").args(["-INT", &parent.id().to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()));
    let output = parent.wait_with_output().expect("it ends");
    let violation = &json(&output)["scenarios"][0]["violations"][0];
    assert_eq!((code(&output), &violation["invariant"]), (1, &"no-panic".into()), "{violation}");
    let deviations = violation["deviations"].as_array().map(Vec::len);
    assert!(deviations.is_some_and(|count| count > 1), "it was shrunk to its end: {violation}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_takes_the_trace_and_not_the_result() {
    let here = tempdir().expect("a directory");
    std::fs::create_dir(here.path().join("traces")).expect("made");
    let binary = fatal(here.path(), &[]).get_program().to_string_lossy().into_owned();
    let shell = format!("trap '' XFSZ; ulimit -f 0; exec {binary} explore panic --seeds 100 --traces traces");
    let output = Command::new("sh").args(["-c", &shell]).current_dir(here.path()).output().expect("a shell");
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("a trace cannot be written"), "{}", stderr(&output));
    let report = stdout(&output);
    assert!(
        report.contains("no-panic: counter panicked") && report.contains(&format!("1  {LOST}")),
        "{report}"
    );
    assert!(!report.contains(" replay "), "{report}");
}
