//! One clear error for each mistake, with its place and a remedy.

use super::{answer, code, stderr, stdout, trace};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// Checks that the command fails with this code, prints these texts, and prints nothing on stdout.
fn check(directory: &Path, arguments: &[&str], exit: i32, says: &[&str]) {
    let output = answer(directory, arguments);
    let said = stderr(&output);
    assert_eq!(code(&output), exit, "{arguments:?}: {said}");
    for part in says {
        assert!(said.contains(part), "{arguments:?} does not say `{part}`: {said}");
    }
    assert!(stdout(&output).is_empty() && !said.contains("panicked"), "{said}");
}

#[test]
fn names_that_are_not_there() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    check(here, &["run", "bokking"], 2, &["no scenario `bokking`", "did you mean `booking`?"]);
    check(
        here,
        &["explore", "--without", "execution-lag"],
        2,
        &["no guardrail `execution-lag`", "did you mean `execution-log`?"],
    );
    check(here, &["run", "booking", "--variant", "partner=kees"], 2, &["kees", "partner", "keys"]);
    check(
        here,
        &["run", "booking", "--deviate", "partner.reserve/respons@intent-1=lost"],
        2,
        &["unknown site", "partner.reserve/response"],
    );
    check(here, &["run", "booking", "--deviate", "nonsense"], 2, &["no `@`", "expected SITE @ SCOPE"]);
    check(here, &["explode"], 2, &["explode"]);
}

#[test]
fn nothing_to_run() {
    let here = tempdir().expect("a directory");
    check(here.path(), &["explore", "--seeds", "7..7"], 4, &["nothing is selected"]);
}

#[test]
fn a_deviation_that_is_never_offered_is_drift() {
    let here = tempdir().expect("a directory");
    let output =
        answer(here.path(), &["run", "booking", "--deviate", "partner.reserve/response@intent-9=lost"]);
    assert_eq!(code(&output), 5);
    assert!(
        stderr(&output).contains("never offered\n  this run meets its site at intent-1"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn too_few_seeds_say_nothing_of_goals() {
    let here = tempdir().expect("a directory");
    let output = answer(here.path(), &["explore", "booking", "--seeds", "1"]);
    assert_eq!(code(&output), 3, "{}", stdout(&output));
    assert!(stdout(&output).starts_with("INCONCLUSIVE  booking"));
}

#[test]
fn a_report_that_cannot_be_written_costs_no_campaign() {
    let here = tempdir().expect("a directory");
    let arguments = ["explore", "booking", "--seeds", "400000000", "--report", "md=no/such/place.md"];
    check(here.path(), &arguments, 2, &["no/such/place.md", "a directory that exists"]);
    check(
        here.path(),
        &["list", "--report", "doc=x"],
        2,
        &["no report `doc`", "junit, md, html, json, github, summary"],
    );
}

#[test]
fn traces_that_are_not_as_they_were_written() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let whole = fs::read_to_string(here.join(trace(here))).expect("written");
    let check = |name: &str, text: &str, says: &[&str]| {
        fs::write(here.join(name), text).expect("written");
        for command in ["replay", "explain", "pin"] {
            self::check(here, &[command, name], 2, &[&[name], says].concat());
        }
    };
    check("cut", &whole[..whole.len() / 2], &["cut off", "record the run again"]);
    check("flipped", &whole.replacen("worker", "wOrker", 1), &["line ", "checksum does not match"]);
    check(
        "schema",
        &whole.replacen("shakedown-trace/3", "shakedown-trace/9", 1),
        &["line 1", "unknown schema `shakedown-trace/9`"],
    );
    check("other", "<html>", &["line 1", "no trace"]);
    check("empty", "", &["empty"]);
    self::check(here, &["replay", "nowhere"], 2, &["nowhere", "cannot be read"]);
}

#[test]
fn scripts_that_cannot_be_read() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let check = |text: &str, says: &[&str]| {
        fs::write(here.join("s.script"), text).expect("written");
        self::check(here, &["run", "booking", "--script", "s.script"], 2, &[&["s.script"], says].concat());
    };
    check("scenario booking\nnonsense\n", &["line 2", "expected SITE"]);
    check("scenario booking\npartner.reserve/nowhere @ intent-1 #1 = lost\n", &["unknown site"]);
    check("scenario shop\n", &["shop", "booking"]);
}

#[test]
fn a_file_of_flags_that_do_not_exist() {
    let here = tempdir().expect("a directory");
    let here = here.path();
    let check = |text: &str, says: &[&str]| {
        fs::write(here.join("shakedown.toml"), text).expect("written");
        self::check(here, &["explore"], 2, &[&["shakedown.toml"], says].concat());
    };
    check("job = 2\n", &["no flag for the key `job`", "did you mean `jobs`?"]);
    check("jobs = \"many\"\n", &["many", "--jobs"]);
    check("jobs = \n", &["line 1"]);
    check("[jobs]\n", &["`jobs` holds a table"]);
}
