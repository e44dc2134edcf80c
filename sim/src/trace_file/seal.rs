//! The last line of a trace file: a checksum over everything before it, and a short one for each line, by
//! which the first line that was changed is found.

use super::TraceFileError;
use crate::digest::Digest;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Seal {
    checksum: String,
    /// Four hexadecimal digits for each line.
    lines: String,
    record: String,
}

/// The last line for a file whose lines so far are `text`.
pub(super) fn seal(text: &str) -> String {
    let lines: String = text.split_inclusive('\n').map(sum).collect();
    let mut checksum = Digest::default();
    checksum.text(text);
    checksum.text(&lines);
    let seal = Seal { checksum: checksum.to_string(), lines, record: "end".to_owned() };
    serde_json::to_string(&seal).expect("a seal is a JSON object") + "\n"
}

fn sum(line: &str) -> String {
    let mut digest = Digest::default();
    digest.text(line);
    format!("{:04x}", digest.bits() & 0xFFFF)
}

/// The lines of a sealed file without its last one.
pub(super) fn open(text: &str) -> Result<&str, TraceFileError> {
    let count = text.split_inclusive('\n').count();
    let last = text.split_inclusive('\n').next_back().unwrap_or_default();
    let before = &text[..text.len() - last.len()];
    let Ok(found) = serde_json::from_str::<Seal>(last) else {
        return Err(TraceFileError::Truncated { line: count });
    };
    if last == seal(before) {
        return Ok(before);
    }
    let sums = found.lines.as_bytes().chunks(4);
    let mut lines = before.split_inclusive('\n').map(sum).zip(1..);
    let mut expected = sums.clone();
    let changed = lines.find(|(sum, _)| expected.next() != Some(sum.as_bytes())).map(|(_, line)| line);
    let missing = (sums.len() >= count).then_some(count);
    Err(TraceFileError::Damaged { line: changed.or(missing).unwrap_or(count) })
}
