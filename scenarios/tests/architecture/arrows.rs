//! The allowed dependencies between modules, within the members and between them.

use crate::imports::{self, Imports, Sources};
use crate::{files, read, root};

/// Returns the sources of a member.
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

/// Words that only the flows have.
const FLOW_WORDS: [&str; 10] = [
    "booking",
    "visit",
    "filing",
    "offer",
    "reservation",
    "clinic",
    "patient",
    "hotel",
    "traveller",
    "quote",
];

/// Returns the lines of the backbone's code that contain a word of a flow.
fn flow_words(sources: Sources) -> Vec<String> {
    let backbone = sources.into_iter().filter(|(file, _)| is_below(file, &["backbone"]));
    imports::lines_with_words(&backbone.collect(), &FLOW_WORDS)
}

#[test]
fn the_backbone_names_no_flow() {
    assert_none(&flow_words(sources("model")));
}

#[test]
fn a_flow_word_planted_in_the_backbone_is_found() {
    let mut planted = sources("model");
    let events = planted.get_mut("backbone/events.rs").expect("the backbone has events");
    events.insert_str(0, "pub enum Subject { Booking(u32) }\n");
    assert_eq!(flow_words(planted), ["backbone/events.rs says `booking`: pub enum Subject { Booking(u32) }"]);
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

/// Returns the sources and the manifest of the database, without the line with its own name.
fn database() -> Sources {
    let manifest = read(&root().join("sim/database/Cargo.toml"));
    let own = "name = \"shakedown-database\"";
    assert!(manifest.contains(own));
    let manifest = ("Cargo.toml".to_owned(), manifest.replace(own, ""));
    sources("sim/database").into_iter().chain([manifest]).collect()
}

#[test]
fn the_database_knows_nothing_of_the_engine() {
    assert_none(&imports::lines_with_words(&database(), &["shakedown"]));
}

#[test]
fn an_import_of_the_engine_planted_in_the_database_is_found() {
    let plants =
        [("lib.rs", "use shakedown_sim::Env;\n"), ("Cargo.toml", "shakedown-sim = { path = \"..\" }\n")];
    for (file, line) in plants {
        let mut planted = database();
        planted.get_mut(file).expect("the database has it").insert_str(0, line);
        let found = imports::lines_with_words(&planted, &["shakedown"]);
        assert_eq!(found, [format!("{file} says `shakedown`: {}", line.trim())]);
    }
}
