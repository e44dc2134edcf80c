//! Traces on disk: one file for each failure, named by its scenario and signature.

use crate::catalogue::Catalogue;
use crate::cli::CliError;
use crate::entry::Entry;
use shakedown_sim::search::Failure;
use shakedown_sim::{Rehearse, TraceFile, TraceFileError};
use std::path::Path;
use std::{fs, io};

/// Where traces go unless somebody says otherwise, below the working directory.
pub const DIRECTORY: &str = "target/shakedown";

/// Writes the trace of a failure into a directory, which is made if it is missing. Answers its path.
///
/// # Errors
/// If the disk refuses.
pub fn save(directory: &Path, failure: &Failure) -> io::Result<String> {
    fs::create_dir_all(directory)?;
    let file = TraceFile::from(failure);
    let path = directory.join(format!("{}.trace.jsonl", stem(&file)));
    fs::write(&path, file.to_string())?;
    Ok(path.display().to_string())
}

/// What a trace is called: its scenario and its signature, or its digest if nobody has explained it.
pub fn stem(file: &TraceFile) -> String {
    let signature = file.explained.as_ref().map_or(&file.trace.digest, |explained| &explained.signature);
    format!("{}-{signature}", file.trace.script.scenario)
}

/// Reads a trace.
///
/// # Errors
/// If it cannot be read or is damaged.
pub fn read(path: &Path) -> Result<TraceFile, CliError> {
    let wrong = |what: String| CliError::input(what).at(path.display());
    let bytes = fs::read(path).map_err(|error| {
        wrong(format!("cannot be read: {error}"))
            .remedy("`shakedown explore` and `shakedown run` write traces of what fails")
    })?;
    // A byte that is no text any more is damage like any other: the checksum says in which line it is.
    String::from_utf8_lossy(&bytes).parse().map_err(|error: TraceFileError| wrong(error.to_string()))
}

/// Finds the entry of a trace's scenario, and makes a runner of the design that it was recorded of.
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

/// The cli_error about a directory into which no trace can be written.
pub fn unwritable(directory: &Path, error: &io::Error) -> CliError {
    CliError::input(format!("a trace cannot be written: {error}"))
        .at(directory.display())
        .remedy("--traces says where traces go")
}
