//! Names that are cheap to compare: a literal with its hash computed at compile time.
//!
//! The hash is polynomial, so the hash of a concatenated text can be computed from the hashes of its parts: a choice
//! site such as `worker/after pay.charge` is identified on the hot path without formatting it, and still has the hash
//! of its full text.

use crate::hash::{BASE, mix};
use std::fmt;

/// A hash of a text that can be continued with another text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TextHash {
    sum: u64,
    power: u64,
}

impl TextHash {
    pub(crate) const fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let (mut sum, mut power) = (0u64, 1u64);
        let mut at = 0;
        while at < bytes.len() {
            sum = sum.wrapping_mul(BASE).wrapping_add(bytes[at] as u64 + 1);
            power = power.wrapping_mul(BASE);
            at += 1;
        }
        Self { sum, power }
    }

    pub(crate) const fn then(self, next: Self) -> Self {
        Self {
            sum: self.sum.wrapping_mul(next.power).wrapping_add(next.sum),
            power: self.power.wrapping_mul(next.power),
        }
    }

    pub(crate) const fn finish(self) -> u64 {
        mix(self.sum, self.power)
    }
}

/// A literal name: of a node's role, an operation, a part of a choice site, an entity.
///
/// ```
/// use shakedown_sim::Label;
/// const WORKER: Label = Label::new("worker");
/// assert_eq!(WORKER, Label::from("worker"));
/// assert_eq!(WORKER.to_string(), "worker");
/// ```
#[derive(Clone, Copy)]
pub struct Label {
    text: &'static str,
    hash: TextHash,
    /// The hash of the complete text.
    word: u64,
}

impl Label {
    /// Creates the label `text`. In a `const` the hash is computed at compile time.
    pub const fn new(text: &'static str) -> Self {
        let hash = TextHash::of(text);
        Self { text, hash, word: hash.finish() }
    }

    /// Returns the text itself.
    pub const fn text(self) -> &'static str {
        self.text
    }

    pub(crate) const fn hash(self) -> TextHash {
        self.hash
    }

    /// Returns the word for the text in digests and names of choices.
    pub(crate) const fn word(self) -> u64 {
        self.word
    }
}

impl From<&'static str> for Label {
    fn from(text: &'static str) -> Self {
        Self::new(text)
    }
}

impl PartialEq for Label {
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word && self.text == other.text
    }
}

impl Eq for Label {}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_hashes_like_its_parts_in_a_row() {
        let whole = TextHash::of("worker/after pay.charge");
        let parts = ["worker", "/", "after", " ", "pay.charge"].map(TextHash::of);
        assert_eq!(parts.into_iter().reduce(TextHash::then), Some(whole));
        assert_ne!(TextHash::of("ab").finish(), TextHash::of("ba").finish());
    }
}
