//! The files of `certify --checkpoint` and `--resume`.

use super::exit::{CliError, Exit};
use crate::atomic_file;
use crate::checkpoint::{Checkpoint, CheckpointError, Part};
use crate::records::RecordsError;
use std::path::Path;

/// Checks that a checkpoint can be written to this file, before anything is run.
///
/// # Errors
/// If it cannot, or if the file holds anything but a checkpoint.
pub(super) fn check(path: &Path) -> Result<(), CliError> {
    atomic_file::check(path).map_err(|error| unwritable(path, &error))?;
    match std::fs::read(path) {
        Ok(bytes) if !bytes.is_empty() && !bytes.starts_with(b"{\"schema\":\"shakedown-certify/") => {
            Err(CliError::input("the file exists and is not a checkpoint")
                .at(path.display())
                .remedy("name a new file, or remove this one first"))
        }
        _ => Ok(()),
    }
}

/// The remedy for a file that is no checkpoint.
const WRITTEN_BY: &str = "`certify --checkpoint FILE` writes one";

/// Reads a checkpoint.
///
/// # Errors
/// If it cannot be read, is damaged, or has another schema.
pub(super) fn read(path: &Path) -> Result<Checkpoint, CliError> {
    let text = super::input::read_text(path).map_err(|error| error.remedy(WRITTEN_BY))?;
    text.parse().map_err(|error| refused(path, &error))
}

/// Writes a checkpoint, completely or not at all; does nothing without a file.
///
/// # Errors
/// If the disk fails.
pub(super) fn write(path: Option<&Path>, checkpoint: &Checkpoint) -> Result<(), CliError> {
    let Some(path) = path else { return Ok(()) };
    atomic_file::write(path, &checkpoint.to_string()).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::input(format!("cannot be written: {error}")).at(path.display())
}

/// Returns the error about a checkpoint that cannot be used.
pub(super) fn refused(path: &Path, error: &CheckpointError) -> CliError {
    let (exit, remedy) = match error {
        CheckpointError::OtherSearch { .. } => (Exit::Input, "give the options with which it was written"),
        CheckpointError::OtherBuild => (Exit::Drift, "start again without --resume"),
        CheckpointError::File(RecordsError::Schema { .. }) => (Exit::Input, WRITTEN_BY),
        _ => (Exit::Input, "use the file as it was written, or start again without --resume"),
    };
    CliError::new(exit, error.to_string()).at(path.display()).remedy(remedy)
}

/// Returns the error about a part that was run again and gave another result.
pub(super) fn differs(path: &Path, part: &Part) -> CliError {
    let what = format!(
        "the runs of parents {} to {} do not give the recorded result: the file was changed, or the runs are not deterministic",
        part.from, part.to
    );
    CliError::new(Exit::Drift, what).at(path.display()).remedy("start again without --resume")
}
