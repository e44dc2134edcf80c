//! Builds the tree with its switches. Mutants that do not build are taken out until the rest does.

use crate::Failure;
use crate::report::Outcome;
use crate::switches::{Source, Switched};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A line that cargo prints.
#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Line {
    CompilerMessage {
        message: Message,
    },
    CompilerArtifact {
        target: Target,
        manifest_path: PathBuf,
        executable: Option<PathBuf>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Message {
    level: String,
    message: String,
    rendered: Option<String>,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    byte_start: usize,
    is_primary: bool,
}

/// A program with tests.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    /// The name of its target.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// The folder of its package, in which its tests run.
    pub(crate) folder: PathBuf,
}

/// The result of one call of cargo.
enum Compiled {
    Binaries(Vec<Binary>),
    Errors(Vec<Message>),
}

/// Returns the names of the tests of the model that are programs of their own.
fn tests_of_model(tree: &Path) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(tree.join("model/tests"))? {
        let path = entry?.path();
        names.extend(path.file_stem().and_then(|name| name.to_str()).map(str::to_owned));
    }
    Ok(names)
}

/// Builds the test binary `scenarios`, and the tests of the model.
fn compile(tree: &Path) -> Result<Compiled, Failure> {
    let arguments = "test --no-run --quiet --locked --message-format=json --profile mutants \
        --package shakedown-model --package shakedown-scenarios --lib --test scenarios";
    let tests = tests_of_model(tree)?.into_iter().flat_map(|name| ["--test".to_owned(), name]);
    let cargo = Command::new("cargo")
        .args(arguments.split(' '))
        .args(tests)
        .current_dir(tree)
        .stderr(Stdio::inherit())
        .output()?;
    let lines = String::from_utf8(cargo.stdout)?;
    let (mut errors, mut binaries) = (Vec::new(), Vec::new());
    for line in lines.lines() {
        match serde_json::from_str(line)? {
            Line::CompilerMessage { message } if message.level == "error" => errors.push(message),
            Line::CompilerArtifact { target, manifest_path, executable: Some(path) } => {
                let folder = manifest_path.parent().ok_or("a manifest has no folder")?.to_owned();
                binaries.push(Binary { name: target.name, path, folder });
            }
            _ => {}
        }
    }
    Ok(if cargo.status.success() { Compiled::Binaries(binaries) } else { Compiled::Errors(errors) })
}

/// Returns the mutants to take out for an error.
fn blamed(error: &Message, files: &[Switched]) -> Vec<(u32, Outcome)> {
    let mut blamed = Vec::new();
    for file in files {
        let here = |primary: bool| -> Vec<usize> {
            let spans =
                error.spans.iter().filter(|span| file.is(&span.file_name) && span.is_primary == primary);
            spans.map(|span| span.byte_start).collect()
        };
        let (numbers, own) = file.blamed(&here(true), &here(false));
        let outcome = if own {
            Outcome::Unviable(error.message.clone())
        } else {
            Outcome::NotTried(format!("its switch does not build: {}", error.message))
        };
        blamed.extend(numbers.into_iter().map(|number| (number, outcome.clone())));
    }
    blamed
}

/// A build of all mutants but those that do not build.
pub(crate) struct Built {
    pub(crate) binaries: Vec<Binary>,
    pub(crate) dropped: BTreeMap<u32, Outcome>,
}

/// Writes the switches into the tree and builds it.
pub(crate) fn build(tree: &Path, sources: &mut [Source]) -> Result<Built, Failure> {
    let mut dropped = BTreeMap::new();
    loop {
        let files: Vec<Switched> = sources.iter().map(Source::switched).collect();
        for file in &files {
            file.save(tree)?;
        }
        println!("building; {} mutants do not build so far", dropped.len());
        let errors = match compile(tree)? {
            Compiled::Binaries(binaries) => return Ok(Built { binaries, dropped }),
            Compiled::Errors(errors) => errors,
        };
        let new: BTreeMap<u32, Outcome> = errors.iter().flat_map(|error| blamed(error, &files)).collect();
        if new.is_empty() {
            let errors: Vec<String> = errors.into_iter().filter_map(|error| error.rendered).collect();
            return Err(format!("the tree does not build:\n{}", errors.join("\n")).into());
        }
        for number in new.keys() {
            sources.iter_mut().for_each(|source| source.drop(*number));
        }
        dropped.extend(new);
    }
}
