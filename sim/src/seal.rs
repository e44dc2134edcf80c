//! Seals: the last line of a file in JSON Lines form. It holds a checksum over everything before it, and a short one
//! for each line, which finds the first line that changed. A seal detects accidents; it does not stop an
//! attacker, who can compute it again.

use crate::digest::Digest;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Seal {
    checksum: String,
    /// Four hexadecimal digits for each line.
    lines: String,
    record: String,
}

/// The reason why a sealed file cannot be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SealError {
    /// The last line is not a seal.
    #[error("line {line}: the file is cut off here: the checksum line is missing")]
    Truncated {
        /// The last line of the file, counted from 1.
        line: usize,
    },
    /// The file differs from what was sealed.
    #[error("line {line}: the checksum does not match: the file was edited or cut")]
    Damaged {
        /// The first line that differs, counted from 1.
        line: usize,
    },
}

/// Returns the seal, a separate line, for a file whose lines so far are `text`.
pub fn seal(text: &str) -> String {
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

/// Checks a sealed file and returns its lines without the seal.
///
/// # Errors
/// If the seal is missing or does not match; the error names the line.
///
/// ```
/// use shakedown_sim::seal::{SealError, open, seal};
/// let text = "{\"a\":1}\n{\"b\":2}\n";
/// let sealed = format!("{text}{}", seal(text));
/// assert_eq!(open(&sealed), Ok(text));
/// assert_eq!(open(&sealed.replace("2}", "3}")), Err(SealError::Damaged { line: 2 }));
/// assert_eq!(open(text), Err(SealError::Truncated { line: 2 }));
/// ```
pub fn open(text: &str) -> Result<&str, SealError> {
    let count = text.split_inclusive('\n').count();
    let last = text.split_inclusive('\n').next_back().unwrap_or_default();
    let before = &text[..text.len() - last.len()];
    let Ok(found) = serde_json::from_str::<Seal>(last) else {
        return Err(SealError::Truncated { line: count });
    };
    if last == seal(before) {
        return Ok(before);
    }
    let sums = found.lines.as_bytes().chunks(4);
    let mut lines = before.split_inclusive('\n').map(sum).zip(1..);
    let mut expected = sums.clone();
    let changed = lines.find(|(sum, _)| expected.next() != Some(sum.as_bytes())).map(|(_, line)| line);
    let missing = (sums.len() >= count).then_some(count);
    Err(SealError::Damaged { line: changed.or(missing).unwrap_or(count) })
}
