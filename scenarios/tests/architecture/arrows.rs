//! Which module may know which, within the members and between them.

use crate::imports::{self, Imports, Sources};
use crate::{files, read, root};

/// The sources of a member.
fn sources(member: &str) -> Sources {
    let start = format!("{member}/src/");
    let all = files(".rs").into_iter();
    all.filter_map(|(file, text)| Some((file.strip_prefix(&start)?.to_owned(), text))).collect()
}

fn model() -> Imports {
    let imports = imports::imports(&sources("model"));
    assert!(imports.values().map(|named| named.len()).sum::<usize>() > 300, "the imports are read");
    imports
}

fn is_below(file: &str, directories: &[&str]) -> bool {
    directories.iter().any(|directory| file.starts_with(&format!("{directory}/")))
}

const FLOWS: [&str; 4] = ["booking", "visit", "filing", "releases"];

#[track_caller]
fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_backbone_imports_no_flow() {
    let from = |file: &str| is_below(file, &["backbone"]);
    let above =
        |file: &str| is_below(file, &FLOWS) || is_below(file, &["facts", "outside"]) || file == "design.rs";
    assert_none(&imports::forbidden(&model(), from, above));
}

#[test]
fn no_flow_imports_what_is_assembled_of_flows() {
    let from = |file: &str| is_below(file, &FLOWS);
    let above = |file: &str| is_below(file, &["facts"]) || file == "design.rs" || file == "lib.rs";
    assert_none(&imports::forbidden(&model(), from, above));
}

#[test]
fn only_the_outside_imports_the_outside() {
    let from = |file: &str| !is_below(file, &["outside"]);
    assert_none(&imports::forbidden(&model(), from, |file| is_below(file, &["outside"])));
}

#[test]
fn no_cycle_of_imports_crosses_a_directory_of_the_model() {
    assert_none(&imports::cycles_across_directories(&model()));
}

/// Words that only a booking platform has.
const DOMAIN: [&str; 11] = [
    "booking",
    "hotel",
    "clinic",
    "customer",
    "patient",
    "guest",
    "reservation",
    "traveller",
    "registry",
    "filing",
    "mailer",
];

#[test]
fn the_engine_and_the_harness_contain_no_word_of_the_domain() {
    for member in ["sim/database", "sim", "harness"] {
        assert_none(&imports::lines_with_words(&sources(member), &DOMAIN));
    }
}

#[test]
fn the_database_knows_nothing_of_the_engine() {
    let manifest = read(&root().join("sim/database/Cargo.toml"));
    let own = "name = \"shakedown-database\"";
    assert!(manifest.contains(own));
    let sources =
        sources("sim/database").into_iter().chain([("Cargo.toml".to_owned(), manifest.replace(own, ""))]);
    assert_none(&imports::lines_with_words(&sources.collect(), &["shakedown"]));
}
