//! Every committed regression, in order: it comes to what it says, and the whole design holds under the same
//! deviations.

use shakedown_scenarios::regression::Regression;
use std::fs;
use std::path::PathBuf;

/// The files in `regressions/`, without their ending, in alphabetical order.
const REGRESSIONS: &[&str] = &[
    "bad-release-everywhere",
    "confirmed-on-the-acknowledgement",
    "crash-before-the-log-is-written",
    "filing-that-can-never-be-filed",
    "half-done-migration",
    "hold-lapsed-and-called-confirmed",
    "job-there-before-its-order",
    "lost-with-the-database",
    "mail-out-before-its-row",
    "old-worker-new-message",
    "one-outcome-in-two-words",
    "one-slow-partner-starves-another",
    "page-meets-older-api",
    "price-risen-as-it-was-booked",
    "rollback-onto-new-rows",
    "text-broken-while-mail-is-under-way",
    "timed-out-but-created",
    "told-before-it-was-stored",
    "work-for-an-order-that-never-was",
    "workers-retry-and-nobody-is-told",
];

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("regressions")
}

#[test]
fn no_file_is_forgotten() {
    let files =
        fs::read_dir(directory()).expect("the directory is committed").map(|entry| entry.expect("readable"));
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    let mut scripts: Vec<String> =
        names.filter_map(|name| name.strip_suffix(".script").map(str::to_owned)).collect();
    scripts.sort();
    assert_eq!(scripts, REGRESSIONS, "list each script of {} in this file", directory().display());
}

#[test]
fn every_regression_comes_to_what_it_says() {
    shakedown_scenarios::quiet::install();
    for name in REGRESSIONS {
        let text = fs::read_to_string(directory().join(format!("{name}.script"))).expect("listed and there");
        let regression: Regression = text.parse().unwrap_or_else(|problem| panic!("{name}: {problem}"));
        regression.check().unwrap_or_else(|problem| panic!("{name}: {problem}"));
    }
}
