//! The screens of the README and of the book are what the command prints, and their code is that of the files that they name.
//! `INSTA_UPDATE=always` puts there what the command prints now; read it before it is committed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
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

/// The README and the pages of the book, by their path from the root.
fn documents() -> BTreeMap<PathBuf, String> {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("readable").path();
            match path.is_dir() {
                true => walk(&path, found),
                false => found.extend(path.extension().is_some_and(|end| end == "md").then_some(path)),
            }
        }
    }
    let mut found = vec![root().join("README.md")];
    walk(&root().join("docs/src"), &mut found);
    found.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).expect("text"))).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a member of the workspace")
}

#[test]
fn the_screens_of_the_readme_and_the_book_are_real() {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for (path, text) in documents() {
        let mut real = text.clone();
        for (arguments, place) in screens(&text).into_iter().rev() {
            let screen = known.entry(arguments.join(" ")).or_insert_with(|| printed(&arguments));
            real.replace_range(place, screen);
        }
        if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
            std::fs::write(&path, &real).expect("written");
        } else {
            let differs = real.lines().zip(text.lines()).find(|(real, shown)| real != shown);
            assert!(
                real == text,
                "{}: a screen differs from what the command prints: {differs:?}",
                path.display()
            );
        }
    }
    assert!(known.len() >= 4, "the documents show screens: {known:?}");
}

/// A block of code that is said to be part of a file is there, however it is indented.
#[test]
fn code_of_the_book_is_part_of_the_files_that_it_names() {
    const MARK: &str = "<!-- part of: ";
    let flat = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let mut found = 0;
    for (path, text) in documents() {
        for (at, _) in text.match_indices(MARK) {
            let rest = &text[at + MARK.len()..];
            let (file, rest) = rest.split_once(" -->\n").expect("the mark ends with -->");
            let block = rest.split_once('\n').and_then(|(_, rest)| rest.split_once("\n```"));
            let (block, _) = block.expect("a block of code follows the mark");
            assert!(
                flat(&document(file)).contains(&flat(block)),
                "{}: not in {file}: {block}",
                path.display()
            );
            found += 1;
        }
    }
    assert!(found >= 5, "{found}");
}

#[test]
fn every_page_of_the_book_is_in_its_summary_and_every_entry_is_a_page() {
    let summary = document("docs/src/SUMMARY.md");
    let pages = documents().into_keys().filter_map(|path| {
        Some(path.strip_prefix(root().join("docs/src")).ok()?.to_str().expect("a name").to_owned())
    });
    let mut pages: Vec<String> = pages.filter(|page| page != "SUMMARY.md").collect();
    let mut listed: Vec<String> = summary
        .split("](")
        .skip(1)
        .map(|rest| rest.split(')').next().unwrap_or_default().to_owned())
        .collect();
    pages.sort();
    listed.sort();
    assert_eq!(pages, listed);
}

/// Returns a text with each run of white space as one space.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn document(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).expect("the document is there")
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
fn the_help_wraps_at_the_width_of_the_terminal() {
    const WIDTH: usize = 64;
    let help = Command::new(env!("CARGO_BIN_EXE_shakedown"))
        .arg("--help")
        .env("COLUMNS", WIDTH.to_string())
        .output();
    let help = String::from_utf8(help.expect("it runs").stdout).expect("text");
    let tail = help.split("Every flag has a variable").nth(1).and_then(|rest| rest.split("Examples:").next());
    let lines: Vec<&str> = tail.expect("the help says how flags are set").lines().collect();
    for pair in lines.windows(2).filter(|pair| !pair[0].is_empty() && !pair[1].is_empty()) {
        let next = pair[1].split(' ').next().unwrap_or_default();
        assert!(pair[0].len() <= WIDTH, "too wide: {}", pair[0]);
        assert!(pair[0].len() + 1 + next.len() > WIDTH - 26, "broken too early: {}", pair[0]);
    }
}

#[test]
fn no_step_names_its_node_twice() {
    let run =
        Command::new(env!("CARGO_BIN_EXE_shakedown")).args(["run", "booking"]).output().expect("it runs");
    let text = String::from_utf8(run.stdout).expect("text");
    let steps = text.lines().filter(|line| line.contains("customer-1"));
    let repeated: Vec<&str> = steps.filter(|line| line.matches("customer-1").count() > 1).collect();
    assert_eq!(repeated, Vec::<&str>::new());
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
