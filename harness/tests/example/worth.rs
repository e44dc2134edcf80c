//! What a green result is worth: it says so, and a result that is worth nothing is none.

use super::{code, command, json, stderr, stdout};
use std::path::Path;
use std::process::Output;
use tempfile::tempdir;

fn run(directory: &Path, arguments: &[&str]) -> Output {
    command("fatal", directory, arguments).output().expect("the binary runs")
}

#[test]
fn a_result_that_another_process_does_not_repeat_is_none() {
    let here = tempdir().expect("a directory");
    for scenario in ["clock", "hash"] {
        for arguments in
            [&["explore", scenario, "--seeds", "50"][..], &["certify", scenario, "--deviations", "1"]]
        {
            let output = run(here.path(), arguments);
            assert_eq!(code(&output), 5, "{arguments:?}: {}", stdout(&output));
            let says = stderr(&output);
            assert!(says.contains("two runs of one plan differ from step "), "{arguments:?}: {says}");
            assert!(says.contains("counter stamps it "), "{arguments:?}: {says}");
            assert!(
                stdout(&output).contains("made again in another process: DIFFERENT"),
                "{}",
                stdout(&output)
            );
            assert!(!stdout(&output).contains("HELD"), "{}", stdout(&output));
        }
    }
}

#[test]
fn the_last_lines_say_what_a_green_is_worth() {
    let here = tempdir().expect("a directory");
    let lines = |arguments: &[&str]| {
        let output = run(here.path(), arguments);
        assert_eq!(code(&output), 0, "{arguments:?}: {}", stderr(&output));
        stdout(&output)
    };
    let campaign = lines(&["explore", "nothing", "--seeds", "50"]);
    let certificate = lines(&["certify", "nothing", "--deviations", "1"]);
    for (report, said) in [
        (&campaign, "order     task order drawn in half of the runs"),
        (&campaign, "delays    at their named values and over their ranges"),
        (&certificate, "order     task order not included: tasks run first in, first out"),
        (&certificate, "delays    at their named values only, not over their ranges"),
        (&campaign, "faults    possible in the first 1 min of each run, in which 93 % of its events come"),
        (&certificate, "faults    possible in the first 1 min of each run, in which "),
        (&campaign, " of them deviated"),
        (&certificate, " of them deviated"),
        (&campaign, "sites     3 met: counter.count/request, counter.count/response, counter/schedule"),
        (&campaign, "happened  3 of 3 alternatives: counter.count/response = lost ("),
        (&campaign, "repeated  4 runs made again in another process: equal"),
        (&certificate, " made again in another process: equal"),
    ] {
        assert!(report.contains(said), "{said}\n{report}");
    }
}

#[test]
fn a_workload_that_is_mostly_undisturbed_shows_nothing() {
    let here = tempdir().expect("a directory");
    let output = run(here.path(), &["explore", "late", "--seeds", "20", "--format", "json"]);
    let campaign = &json(&output)["scenarios"][0];
    assert_eq!((code(&output), &campaign["ending"]), (3, &"undisturbed".into()), "{campaign}");
    let certify = ["certify", "late", "--deviations", "0"];
    assert_eq!(code(&run(here.path(), &certify)), 3);
    let accepted = run(here.path(), &[&certify[..], &["--allow-trivial"]].concat());
    assert_eq!(code(&accepted), 0, "{}", stderr(&accepted));
}
