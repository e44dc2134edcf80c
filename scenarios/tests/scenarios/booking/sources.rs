//! Judges know nothing of the platform's structure.

use shakedown_model::GUARDRAILS;
use std::fs;
use std::path::{Path, PathBuf};

/// Returns the source files of all invariants, goals and ledgers.
fn judges() -> Vec<PathBuf> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let within = |directory: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).into_iter().flatten();
        entries.map(|entry| entry.expect("readable").path()).collect()
    };
    let mut files = within(&sources.join("invariants"));
    for scenario in within(&sources) {
        files.extend(within(&scenario.join("invariants")));
        let beside = ["goals.rs", "ledger.rs", "post.rs"].map(|name| scenario.join(name));
        files.extend(beside.into_iter().filter(|file| file.exists()));
    }
    files
}

#[test]
fn no_judge_names_a_guardrail_or_its_wiring() {
    let named =
        GUARDRAILS.iter().flat_map(|guardrail| [guardrail.name.to_owned(), guardrail.name.replace('-', "_")]);
    let words: Vec<String> =
        named.chain(["guardrail", "wiring", "design", "without("].map(str::to_owned)).collect();
    let files = judges();
    assert!(files.len() > 15, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).expect("readable").to_lowercase();
        let found: Vec<_> = words.iter().filter(|word| text.contains(word.as_str())).collect();
        assert!(found.is_empty(), "{}: {found:?}", file.display());
    }
}
