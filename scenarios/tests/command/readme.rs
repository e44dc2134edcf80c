//! The README's screens are the output of the command. `INSTA_UPDATE=always` replaces them by the current output; read
//! it before it is committed.

use std::ops::Range;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Returns the screens in the README: the arguments of the command, and the position of its text.
fn screens(readme: &str) -> Vec<(Vec<&str>, Range<usize>)> {
    const MARK: &str = "<!-- screen: ";
    let screen = |(at, _): (usize, &str)| {
        let after = at + MARK.len();
        let end = after + readme[after..].find(" -->").expect("the mark ends with -->");
        let begin = end
            + readme[end..].find("```text\n").expect("a block of text follows the mark")
            + "```text\n".len();
        let length = readme[begin..].find("```").expect("the block ends");
        (readme[after..end].split(' ').collect(), begin..begin + length)
    };
    readme.match_indices(MARK).map(screen).collect()
}

/// Returns the output of the command, as far as a screen shows it: of a campaign that fails, the first story; and no
/// digest, which changes with every run's events and tells a reader nothing.
fn printed(arguments: &[&str]) -> String {
    let elsewhere = tempfile::tempdir().expect("a directory of its own");
    let ran = Command::new(env!("CARGO_BIN_EXE_shakedown"))
        .args(arguments)
        .arg0("shakedown")
        .env("COLUMNS", "110")
        .current_dir(elsewhere.path())
        .output()
        .expect("the command runs");
    let printed = String::from_utf8(ran.stdout).expect("text");
    let first = printed.split("\n\nFAIL").next().unwrap_or_default().trim_end();
    let shown = first.lines().filter(|line| !line.starts_with("  digest "));
    shown.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn the_screens_of_the_readme_are_real() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a member of the workspace");
    let path = root.join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README is there");
    let screens = screens(&readme);
    assert!(!screens.is_empty(), "the README shows a screen");
    let mut real = readme.clone();
    for (arguments, place) in screens.into_iter().rev() {
        real.replace_range(place, &printed(&arguments));
    }
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, &real).expect("written");
    } else {
        let differs = real.lines().zip(readme.lines()).find(|(real, shown)| real != shown);
        assert!(real == readme, "a screen differs from what the command prints: {differs:?}");
    }
}

/// Returns a text with each run of white space as one space.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn document(name: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a member of the workspace");
    std::fs::read_to_string(root.join(name)).expect("the document is there")
}

#[test]
fn the_exit_codes_of_the_readme_are_those_of_the_help() {
    let help = Command::new(env!("CARGO_BIN_EXE_shakedown")).arg("--help").output().expect("it runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let codes = help.split("Exit codes:").nth(1).and_then(|rest| rest.split("\n\n").next());
    let codes = folded(codes.expect("the help lists exit codes"));
    assert!(folded(&document("README.md")).contains(&codes), "{codes}");
}

#[test]
fn the_ratios_of_the_readme_are_those_that_were_measured() {
    let (readme, peers) = (folded(&document("README.md")), document("benchmarks/PEERS.md"));
    let ratio = |engine: &str| {
        let row = peers
            .lines()
            .find(|line| line.starts_with(&format!("| {engine} |")))
            .expect("a row of the table");
        row.split('|').nth(4).expect("a column with the ratio").trim().to_owned()
    };
    for (engine, words) in [
        ("tokio, paused", "paused Tokio"),
        ("madsim", "madsim"),
        ("turmoil, 1 ms ticks", "turmoil at its default tick"),
        ("bare loop, binary heap", "a bare event loop"),
    ] {
        let sentence = format!("{} as {words}", ratio(engine));
        assert!(readme.contains(&sentence), "{sentence}");
    }
    for figure in ["28,000", "210 µs"] {
        assert!(readme.contains(figure) && folded(&peers).contains(figure), "{figure}");
    }
}
