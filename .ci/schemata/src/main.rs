//! Mutant schemata (Untch, Offutt and Harrold, "Mutation analysis using mutant schemata", 1993): all mutants of a sample go into one
//! build, each behind a switch that is read when the tests run. cargo-mutants names the mutants, but builds each apart, which here takes
//! four times as long as its tests.
//!
//!     schemata MUTANTS TREE OUTPUT     MUTANTS: what `cargo mutants --list --json` prints; TREE: a copy of the repository
//!
//! Writes the switches into TREE, builds it, tries each mutant, and writes the lists of mutants by outcome into OUTPUT.
//!
//! Reading order: [`mutant`] (what cargo-mutants lists), [`sites`] (where in the syntax a mutant acts), [`switches`] (the
//! source with switches), [`build`] (which mutants build), [`trial`] (which of them the tests catch), [`report`].

mod build;
mod mutant;
mod report;
mod sites;
mod switches;
mod trial;

use mutant::Mutant;
use report::Report;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use switches::Source;

/// Why there is no result.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Reads the sources that have mutants.
fn sources(tree: &Path, mutants: &[Mutant]) -> Result<Vec<Source>, Failure> {
    let mut files: Vec<&str> = mutants.iter().map(|mutant| mutant.file.as_str()).collect();
    files.sort_unstable();
    files.dedup();
    files.into_iter().map(|file| Source::read(tree, file, mutants)).collect()
}

fn run(list: &Path, tree: &Path, output: &Path) -> Result<(), Failure> {
    let mutants: Vec<Mutant> = serde_json::from_str(&std::fs::read_to_string(list)?)?;
    let mut sources = sources(tree, &mutants)?;
    let mut report = Report::new(output, &mutants)?;
    for (number, outcome) in sources.iter_mut().flat_map(Source::drop_impossible) {
        report.add(number, &outcome)?;
    }
    let built = build::build(tree, &mut sources)?;
    for (number, outcome) in built.dropped {
        report.add(number, &outcome)?;
    }
    let tests = trial::run_without_mutant(tree, &built.binaries)?;
    trial::try_all(tree, &tests, &report.undecided(), |number, outcome| report.add(number, &outcome))?;
    println!("{}", report.table());
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [list, tree, output] = arguments.as_slice() else {
        eprintln!("usage: schemata MUTANTS TREE OUTPUT");
        return ExitCode::from(2);
    };
    match run(list, tree, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
