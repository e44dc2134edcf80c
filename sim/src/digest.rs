//! The digest of a run: an order-sensitive hash over explicit little-endian integers.
//!
//! Equal digests mean equal runs, in any process and on any machine. The digest therefore must not depend on the
//! width of `usize`, an address, a hash seed or a float: values enter through `serde`, field by field.

use crate::fields::{self, Intake, Unfit};
use crate::hash::{KEYS, fold, join};
use serde::ser::{Error, Serialize};
use std::fmt;

/// An order-sensitive hash.
///
/// ```
/// use shakedown_sim::Digest;
/// let of = |words: &[u64]| words.iter().fold(Digest::default(), |mut digest, word| { digest.word(*word); digest });
/// assert_ne!(of(&[1, 2]), of(&[2, 1]));
/// assert_eq!(of(&[1, 2]).to_string().len(), 16);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Digest(u64);

impl Digest {
    /// Adds one word.
    ///
    /// The word is hashed independently of the current digest, so that only one operation depends on the previous
    /// one. That operation is invertible, so two different digests never become equal by equal additions.
    #[inline]
    pub fn word(&mut self, word: u64) {
        self.step(join(word, KEYS[2]));
    }

    /// Adds two words at the cost of one.
    #[inline]
    pub(crate) fn pair(&mut self, one: u64, other: u64) {
        self.step(join(one, other));
    }

    /// Adds four words.
    #[inline]
    pub(crate) fn four(&mut self, [a, b, c, d]: [u64; 4]) {
        self.step(join(a, b).wrapping_add(fold(c ^ KEYS[2], d ^ KEYS[3])));
    }

    #[inline]
    fn step(&mut self, hashed: u64) {
        let product = (self.0 ^ hashed).wrapping_mul(KEYS[4]);
        self.0 = product ^ (product >> 32);
    }

    /// Adds a text, with its length.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Adds bytes, with their number.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }

    /// Adds a value, field by field, through `serde`.
    ///
    /// # Panics
    /// If the value contains a float, whose arithmetic differs between machines.
    pub fn value<T: Serialize + ?Sized>(&mut self, value: &T) {
        fields::give(value, self).expect("a digested value has no float and serializes without error");
    }

    /// Returns the value of the digest.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Creates the digest with this value.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Digest {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bits = (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten();
        bits.map(Self).ok_or_else(|| format!("`{text}` is no digest: expected 16 hexadecimal digits"))
    }
}

impl Intake for Digest {
    fn number(&mut self, number: u64) {
        self.word(number);
    }
    fn variant(&mut self, index: u32) {
        self.word(u64::from(index));
    }
    fn text(&mut self, text: &str) {
        Digest::text(self, text);
    }
    fn bytes(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.word(u64::from(*byte)));
    }
    fn length(&mut self, length: Option<usize>) {
        self.word(length.map_or(u64::MAX, |length| length as u64));
    }
    fn float(&mut self) -> Result<(), Unfit> {
        Err(Error::custom("a float cannot be digested"))
    }
    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unfit> {
        fields::give(key, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize)]
    enum Shape {
        Dot,
        Line { length: u32, name: Option<&'static str> },
        Path(Vec<i8>),
    }

    fn of(value: &impl Serialize) -> Digest {
        let mut digest = Digest::default();
        digest.value(value);
        digest
    }

    #[test]
    fn values_that_differ_digest_differently() {
        let all = [
            of(&Shape::Dot),
            of(&Shape::Line { length: 1, name: None }),
            of(&Shape::Line { length: 1, name: Some("") }),
            of(&Shape::Line { length: 2, name: None }),
            of(&Shape::Path(vec![1, 2])),
            of(&Shape::Path(vec![2, 1])),
            of(&Shape::Path(vec![])),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn words_added_together_differ_by_value_position_and_order() {
        let of = |pairs: &[(u64, u64)]| {
            let mut digest = Digest::default();
            pairs.iter().for_each(|(one, other)| digest.pair(*one, *other));
            digest
        };
        let all = [
            of(&[]),
            of(&[(0, 0)]),
            of(&[(0, 0), (0, 0)]),
            of(&[(1, 0)]),
            of(&[(0, 1)]),
            of(&[(1, 2)]),
            of(&[(2, 1)]),
            of(&[(1, 2), (3, 4)]),
            of(&[(3, 4), (1, 2)]),
            of(&[(1, 4), (3, 2)]),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn every_bit_of_four_words_reaches_half_of_a_digest() {
        let plain = [5_000_000, 0x1F2E_3D4C_5B6A_7988, 3, 0];
        let of = |words| {
            let mut digest = Digest::from_bits(0x0123_4567_89AB_CDEF);
            digest.four(words);
            digest.pair(0, 0);
            digest.bits()
        };
        for bit in 0..256 {
            let mut other = plain;
            other[bit / 64] ^= 1 << (bit % 64);
            let changed = (of(plain) ^ of(other)).count_ones();
            assert!((12..=52).contains(&changed), "bit {bit} changes {changed} bits");
        }
    }

    #[test]
    fn a_digest_is_the_same_on_every_machine() {
        let mut four = Digest::default();
        four.four([1, 2, 3, 4]);
        assert_eq!(four.to_string(), "f50c233f2ede11d5");
        assert_eq!(of(&Shape::Line { length: 7, name: Some("seven") }).to_string(), "240eba4cad0b27ea");
    }
}
