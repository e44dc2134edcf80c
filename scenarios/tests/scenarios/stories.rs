//! The pages that reviewers read: one for each story (each committed script that violates an invariant), the catalogue,
//! the matrix of guardrails, and for each scenario its happy path and a certificate.
//!
//! A page changes only when its content does. Update the pages with
//! `INSTA_UPDATE=always cargo test -p shakedown-scenarios --test scenarios stories` and read the diff before the commit.

use shakedown::regression::{Expected, Regression};
use shakedown::{context, quiet};
use shakedown_reports::markdown;
use shakedown_scenarios::catalogue::catalogue;
use shakedown_sim::Plan;
use shakedown_sim::search::{explain, fit};
use std::path::Path;
use std::process::Command;

/// The longest page that a reviewer reads.
const LINES_MAX: usize = 400;

/// Returns the committed scripts that violate an invariant, by name.
pub(crate) fn stories() -> Vec<(String, Regression)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let files = std::fs::read_dir(directory).expect("the directory is committed");
    let mut stories: Vec<(String, Regression)> = files
        .map(|file| file.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "script"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("readable");
            let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
            (name, text.parse().expect("a regression"))
        })
        .filter(|(_, regression): &(String, Regression)| matches!(regression.expected, Expected::Violates(_)))
        .collect();
    stories.sort_by(|one, other| one.0.cmp(&other.0));
    stories
}

fn page(story: &Regression) -> String {
    let Expected::Violates(invariant) = &story.expected else { panic!("it breaks something") };
    let catalogue = catalogue();
    let entry = catalogue.find(&story.script.scenario).expect("in the catalogue");
    let mut runner = entry.runner(&story.script.without).expect("it can be built");
    let script = fit(runner.as_mut(), &story.script).expect("it fits the scenario of today");
    let violations = quiet::running(|| runner.run(Plan::Script(&script))).violations;
    let broken = violations.iter().find(|violation| violation.invariant == *invariant);
    let violation = broken.unwrap_or_else(|| panic!("it no longer breaks {invariant}: {script}"));
    let failure = quiet::running(|| explain(runner.as_mut(), &script, violation));
    let context = context::of(entry, runner.as_mut(), &failure);
    markdown::page(&failure, &context)
}

#[test]
fn every_story_has_its_page() {
    let stories = stories();
    assert!(stories.iter().any(|(name, _)| name == "timed-out-but-created"));
    for (name, story) in stories {
        let page = page(&story);
        assert!(page.lines().count() <= LINES_MAX, "{name}");
        assert!(page.contains(" in place it holds"), "{name}: a guardrail would have prevented it");
        assert!(page.contains("```sh\nshakedown run "), "{name}: how to see it again");
        insta::assert_snapshot!(name, page);
    }
}

/// The catalogue for reviewers: the invariants of each scenario.
#[test]
fn the_catalogue_has_its_page() {
    let scenarios: Vec<(String, Vec<String>)> = catalogue()
        .entries()
        .iter()
        .map(|entry| {
            let runner = entry.runner(&[]).expect("the whole design can be built");
            (
                entry.name.to_owned(),
                runner.invariants().into_iter().map(|(name, _)| name.to_owned()).collect(),
            )
        })
        .collect();
    insta::assert_snapshot!("catalogue", markdown::catalogue(&scenarios));
}

/// What each scenario does when nothing goes wrong, step by step, with the routine that the pages of stories leave out.
#[test]
fn every_scenario_has_the_page_of_its_happy_path() {
    for entry in catalogue().entries() {
        let ran = Command::new(env!("CARGO_BIN_EXE_shakedown")).args(["run", &entry.name]).output();
        let ran = ran.expect("the command runs");
        assert!(ran.status.success(), "{}: {}", entry.name, String::from_utf8_lossy(&ran.stderr));
        let page = String::from_utf8(ran.stdout).expect("text");
        assert!(page.lines().count() <= LINES_MAX, "{}", entry.name);
        insta::assert_snapshot!(format!("happy-path-{}", entry.name), page);
    }
}

/// Returns the page that the command writes for reviewers.
fn page_of(arguments: &[&str]) -> String {
    let here = tempfile::tempdir().expect("a directory of its own");
    let ran = Command::new(env!("CARGO_BIN_EXE_shakedown"))
        .args(arguments)
        .args(["--report", "md=page.md"])
        .current_dir(here.path())
        .output()
        .expect("the command runs");
    assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    std::fs::read_to_string(here.path().join("page.md")).expect("written")
}

/// Each guardrail is taken out and caught. Few seeds suffice for the whole designs: other tests run many.
#[test]
fn the_matrix_has_its_page() {
    let page = page_of(&["matrix", "--seeds", "64"]);
    assert!(page.lines().count() <= LINES_MAX);
    insta::assert_snapshot!("matrix", page);
}

/// Each whole design holds in every script of one deviation.
#[test]
fn every_scenario_has_the_page_of_its_certificate() {
    for entry in catalogue().entries() {
        let page = page_of(&["certify", &entry.name, "--deviations", "1"]);
        assert!(page.starts_with("# Certificate: ") && page.lines().count() <= LINES_MAX, "{}", entry.name);
        insta::assert_snapshot!(format!("certificate-{}", entry.name), page);
    }
}
