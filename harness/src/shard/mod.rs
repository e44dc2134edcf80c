//! Shards: parts of a campaign, a certificate or a matrix that run anywhere, at any time, and are merged into the result of
//! one run.
//!
//! This module has no scheduler. The contract is a shard's number, a folder, and a merge. In reading order: [`Shard`] (the
//! part), [`scheduler`] (how existing schedulers number a process), [`seeded`] (a shard's runs by seed),
//! [`file`](mod@file) (the sealed file that each shard writes) and [`union`](mod@union) (the union of many files).
//!
//! A shard holds whole blocks, whose limits do not depend on the number of shards. So the same runs give the same
//! blocks, two files that both hold a block must agree on it, and a shard that ran twice is not an error.

pub mod file;
pub mod scheduler;
pub mod seeded;
pub mod union;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// One of several shards.
///
/// ```
/// use shakedown::shard::Shard;
/// let shard: Shard = "2/3".parse().unwrap();
/// assert_eq!((shard.number(), shard.count()), (2, 3));
/// assert!("4/3".parse::<Shard>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "(usize, usize)", into = "(usize, usize)")]
pub struct Shard {
    number: usize,
    count: usize,
}

/// The error of a shard's number that does not exist.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected which shard of how many, such as `1/4`")]
pub struct NoSuchShard;

impl Shard {
    /// Returns shard `number`, counted from 1, of `count`; `None` if there is no such shard.
    pub fn new(number: usize, count: usize) -> Option<Self> {
        (1..=count).contains(&number).then_some(Self { number, count })
    }

    /// Returns its number, from 1.
    pub fn number(self) -> usize {
        self.number
    }

    /// Returns the number of shards.
    pub fn count(self) -> usize {
        self.count
    }

    /// Returns its share of `whole`: whole blocks of `block` items, counted from the first, divided as evenly as
    /// possible.
    pub fn share(self, whole: Range<u64>, block: u64) -> Range<u64> {
        let items = whole.end.saturating_sub(whole.start);
        let blocks = u128::from(items.div_ceil(block));
        let cut = |at: usize| {
            let first = (blocks * at as u128 / self.count as u128) as u64;
            whole.start + first.saturating_mul(block).min(items)
        };
        cut(self.number - 1)..cut(self.number)
    }
}

impl From<Shard> for (usize, usize) {
    fn from(shard: Shard) -> Self {
        (shard.number, shard.count)
    }
}

impl TryFrom<(usize, usize)> for Shard {
    type Error = NoSuchShard;

    fn try_from((number, count): (usize, usize)) -> Result<Self, NoSuchShard> {
        Self::new(number, count).ok_or(NoSuchShard)
    }
}

impl FromStr for Shard {
    type Err = NoSuchShard;

    fn from_str(text: &str) -> Result<Self, NoSuchShard> {
        let number = |text: &str| text.trim().parse::<usize>().ok();
        let (which, count) = text.split_once('/').ok_or(NoSuchShard)?;
        number(which).zip(number(count)).and_then(|(which, count)| Self::new(which, count)).ok_or(NoSuchShard)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_whole_blocks_and_cover_everything_once() {
        for whole in [0..0, 0..1, 0..256, 7..2_000, 0..100_000, u64::MAX - 1_000..u64::MAX, 0..u64::MAX] {
            for count in [1, 2, 3, 16, 1_000] {
                let shares: Vec<_> = (1..=count)
                    .map(|number| Shard::new(number, count).expect("valid").share(whole.clone(), 256))
                    .collect();
                assert_eq!((shares[0].start, shares[count - 1].end), (whole.start, whole.end));
                assert!(shares.windows(2).all(|pair| pair[0].end == pair[1].start), "{whole:?} of {count}");
                let is_cut = |at: u64| (at - whole.start).is_multiple_of(256) || at == whole.end;
                assert!(shares.iter().all(|share| is_cut(share.start) && is_cut(share.end)));
            }
        }
    }

    #[test]
    fn a_shard_reads_as_it_is_written() {
        let shard = Shard::new(2, 3).expect("valid");
        assert_eq!(shard.to_string().parse(), Ok(shard));
        for wrong in ["", "3", "0/3", "4/3", "1/0", "a/b", "1/2/3", "-1/3"] {
            assert_eq!(wrong.parse::<Shard>(), Err(NoSuchShard), "{wrong}");
        }
    }
}
