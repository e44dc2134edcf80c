//! Input files: scripts, traces and checkpoints. Only regular files of a reasonable size are read, so that a device or a
//! pipe is an error instead of an endless read.

use super::exit::CliError;
use std::fs;
use std::io::Read;
use std::path::Path;

/// The greatest size of a file, in bytes. The largest trace within the engine's limits is smaller.
const BYTES_MAX: u64 = 4 << 30;

/// Reads a file as text. Bytes that are not UTF-8 are replaced: a seal finds the line.
///
/// # Errors
/// If it is not a regular file, is too large, or cannot be read.
pub(crate) fn read_text(path: &Path) -> Result<String, CliError> {
    let wrong = |what: String| CliError::input(what).at(path.display());
    let unreadable = |error: std::io::Error| wrong(format!("cannot be read: {error}"));
    // Checked before the file is opened, because opening a pipe waits for its writer.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(wrong("it is not a regular file".to_owned())
            .remedy("give a file that can be read more than once"));
    }
    let file = fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(wrong(format!("it has more than {BYTES_MAX} bytes")));
    }
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}
