//! Traces on disk: one file for each failure, named by its scenario and signature.

use crate::atomic_file;
use crate::catalogue::Catalogue;
use crate::cli::{CliError, read_text};
use crate::entry::Entry;
use shakedown_reports::FailureContext;
use shakedown_sim::digest::Digest;
use shakedown_sim::script::Script;
use shakedown_sim::search::Failure;
use shakedown_sim::{Rehearse, TraceFile, TraceFileError};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The default directory of traces, below the working directory.
pub const DIRECTORY: &str = "target/shakedown";

/// Returns the directory of a test's traces: `shakedown` in cargo's target directory, which contains the running
/// binary.
pub fn directory_of_tests() -> PathBuf {
    let binary = std::env::current_exe().unwrap_or_default();
    // `target/debug/deps/TEST-HASH`; a documentation test runs elsewhere.
    let deps = binary.ancestors().find(|path| path.file_name().is_some_and(|name| name == "deps"));
    let target = deps.and_then(|deps| Some(deps.parent()?.parent()?.to_owned()));
    target.unwrap_or_else(std::env::temp_dir).join("shakedown")
}

/// Writes the trace of a failure into a directory, which is created if it is missing, with the runs to compare it
/// with. Returns its path.
///
/// # Errors
/// If the disk fails.
pub fn save(directory: &Path, failure: &Failure, context: &FailureContext) -> io::Result<String> {
    fs::create_dir_all(directory)?;
    let file = TraceFile { context: serde_json::to_value(context).ok(), ..TraceFile::from(failure) };
    let path = directory.join(format!("{}.trace.jsonl", stem(&file)));
    atomic_file::write(&path, &file.to_string())?;
    Ok(path.display().to_string())
}

/// Checks that [`save`] can write into a directory, without creating it.
///
/// # Errors
/// If neither the directory nor the nearest one that exists above it can hold a new file.
pub(crate) fn check(directory: &Path) -> Result<(), CliError> {
    let exists = |path: &&Path| path.as_os_str().is_empty() || path.exists();
    let nearest = directory.ancestors().find(exists).unwrap_or(Path::new(""));
    atomic_file::check(&nearest.join("check.trace.jsonl")).map_err(|error| unwritable(directory, &error))
}

/// Returns the name of a trace's file without its ending: scenario, ablated guardrails, and signature (or the digest of
/// a run without an explanation). Failures of two ablations have two names, even with one signature.
pub fn stem(file: &TraceFile) -> String {
    let signature = file.explained.as_ref().map_or(&file.trace.digest, |explained| &explained.signature);
    let Script { scenario, without, .. } = &file.trace.script;
    let named = match without.len() {
        0 => String::new(),
        1 | 2 => format!("-without-{}", without.join("-").replace(':', ".")),
        many => {
            let mut digest = Digest::default();
            without.iter().for_each(|name| digest.text(name));
            format!("-without-{many}-guardrails-{:08x}", digest.bits() >> 32)
        }
    };
    format!("{scenario}{named}-{signature}")
}

/// Reads a trace.
///
/// # Errors
/// If it cannot be read or is damaged.
pub fn read(path: &Path) -> Result<TraceFile, CliError> {
    let text = read_text(path)
        .map_err(|error| error.remedy("`explore` and `run` write the traces of failing runs"))?;
    text.parse().map_err(|error: TraceFileError| CliError::input(error.to_string()).at(path.display()))
}

/// Returns the runs in a trace to compare its failure with; `None` if its version stored none.
pub fn context(file: &TraceFile) -> Option<FailureContext> {
    serde_json::from_value(file.context.clone()?).ok()
}

/// Finds the entry of a trace's scenario, and creates a runner of the recorded design.
///
/// # Errors
/// If the trace names a scenario or guardrail that is not in the catalogue.
pub fn runner_of<'a>(
    catalogue: &'a Catalogue,
    path: &Path,
    file: &TraceFile,
) -> Result<(&'a Entry, Box<dyn Rehearse>), CliError> {
    let script = &file.trace.script;
    let entry =
        catalogue.find(&script.scenario).map_err(|unknown| CliError::from(unknown).at(path.display()))?;
    let runner = entry.runner(&script.without).map_err(|what| CliError::input(what).at(path.display()))?;
    Ok((entry, runner))
}

/// Returns the error about a directory into which no trace can be written.
pub fn unwritable(directory: &Path, error: &io::Error) -> CliError {
    CliError::input(format!("a trace cannot be written: {error}"))
        .at(directory.display())
        .remedy("name a directory for traces with --traces")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_checked_without_being_created() {
        let here = tempfile::tempdir().expect("a directory");
        let here = here.path();
        check(&here.join("target/shakedown")).expect("it could be created");
        check(here).expect("it exists");
        assert_eq!(fs::read_dir(here).expect("it can be listed").count(), 0);
        fs::write(here.join("file"), "").expect("it is written");
        for below in ["file", "file/traces", "file/traces/deep"] {
            let refused = check(&here.join(below)).expect_err("a file holds no traces").to_string();
            assert!(refused.contains(below) && refused.contains("--traces"), "{refused}");
        }
    }
}
