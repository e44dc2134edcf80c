//! Checkpoints: what was run of an exhaustive search, on disk.
//!
//! A checkpoint holds parts of the last layer, which takes nearly all the time. A part ends at a fixed block of parents,
//! wherever it was run, so that parts of different shards fit together. The layers above are run again, which shows
//! whether it is still the same search.
//!
//! The file is sealed like a trace, which detects accidents. Since anybody can seal a changed file again, each part is
//! also checked against the search: its indices, its number of runs, which the layer above determines, and for a
//! sample of parts the result itself, by running it again.

use crate::certification::joined;
use crate::records::{Records, RecordsError};
use serde::{Deserialize, Serialize};
use shakedown_sim::digest::Digest;
use shakedown_sim::seal;
use shakedown_sim::search::{Bounded, Layer, Parent};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// The form of the files that this version writes and reads.
pub const SCHEMA: &str = "shakedown-certify/2";

/// Parents in a block. Parts and shards are cut at multiples of it.
pub const BLOCK: usize = 32;

/// Parts of a checkpoint that are run again before it is continued.
const SAMPLE: usize = 3;

/// Which search a checkpoint belongs to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The form of the file.
    pub schema: String,
    /// The scenario.
    pub scenario: String,
    /// The guardrails that its design lacks.
    pub without: Vec<String>,
    /// The variants that are searched.
    pub variants: Vec<String>,
    /// Up to how many deviations.
    pub deviations: usize,
    /// Whether equivalent scripts are continued once only.
    pub pruning: bool,
    /// Whether the order of tasks may deviate.
    pub task_order: bool,
    /// Whether tasks may pause before statements.
    #[serde(default)]
    pub statements: bool,
    /// The engine's version, and the digest of all layers above the last. Another digest means another build or design.
    pub build: String,
}

impl Identity {
    /// Returns the first field in which another search differs, as a user types it; none if they are the same search. The
    /// build is not compared.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let fields = [
            ("the scenario", self.scenario != other.scenario),
            ("--without", self.without != other.without),
            ("--variant", self.variants != other.variants),
            ("--deviations", self.deviations != other.deviations),
            ("--no-pruning", self.pruning != other.pruning),
            ("--schedules", self.task_order != other.task_order),
            ("--statements", self.statements != other.statements),
        ];
        fields.into_iter().find_map(|(name, differs)| differs.then_some(name))
    }
}

/// Returns the identity of a build of the design: the engine's version and the digest of the layers that `search` has
/// run. It is the same for separately compiled binaries of one source.
pub fn build_of(search: &Bounded) -> String {
    format!("{} {}", env!("CARGO_PKG_VERSION"), search.digest())
}

/// A part of the last layer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its first parent.
    pub from: usize,
    /// The parent after its last.
    pub to: usize,
    /// What the children of these parents came to.
    pub layer: Layer,
}

/// What was run of a search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Which search.
    pub identity: Identity,
    /// Parts of the last layer, by their first parent.
    parts: Vec<Part>,
}

/// Why a checkpoint cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] RecordsError),
    /// It belongs to another search.
    #[error("it belongs to another search: {field} differs")]
    OtherSearch {
        /// What differs.
        field: &'static str,
    },
    /// The same runs do not give the same results any more.
    #[error("its runs are not those of today's code")]
    OtherBuild,
    /// A part contradicts the search.
    #[error("parents {from} to {to}: {problem}: the file was changed")]
    Forged {
        /// Its first parent.
        from: usize,
        /// The parent after its last.
        to: usize,
        /// What is wrong.
        problem: String,
    },
}

impl Checkpoint {
    /// Makes a checkpoint of a search of which nothing was run.
    pub fn new(identity: Identity) -> Self {
        Self { identity, parts: Vec::new() }
    }

    /// Returns the parts, by their first parent.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Checks that this checkpoint belongs to `search`, whose layers above the last were run.
    ///
    /// # Errors
    /// If it belongs to another search or build, or if a part has indices or a number of runs that the search cannot have.
    pub fn check(&self, identity: &Identity, search: &Bounded) -> Result<(), CheckpointError> {
        self.check_identity(identity)?;
        let mut last = 0;
        for part in &self.parts {
            let forged = |problem: &str| CheckpointError::Forged {
                from: part.from,
                to: part.to,
                problem: problem.to_owned(),
            };
            let parents = search.parents().len();
            if part.from < last || part.from >= part.to || part.to > parents {
                return Err(forged("the search has no such parents, or another part holds them too"));
            }
            last = part.to;
            let expected = search.expected(part.from..part.to);
            let runs = part.layer.tally.runs;
            match &part.layer.broken {
                None if !part.from.is_multiple_of(BLOCK)
                    || (!part.to.is_multiple_of(BLOCK) && part.to != parents) =>
                {
                    return Err(forged("it is not cut at blocks"));
                }
                None if runs != expected => {
                    return Err(forged(&format!("{runs} runs instead of {expected}")));
                }
                Some(broken) if runs > expected || !continues(search, part, &broken.script) => {
                    return Err(forged("the script that broke an invariant is not one of its runs"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks that this checkpoint belongs to the search with this identity.
    ///
    /// # Errors
    /// If it does not; the error names what differs.
    pub fn check_identity(&self, wanted: &Identity) -> Result<(), CheckpointError> {
        match self.identity.difference(wanted) {
            Some(field) => Err(CheckpointError::OtherSearch { field }),
            None if self.identity.build != wanted.build => Err(CheckpointError::OtherBuild),
            None => Ok(()),
        }
    }

    /// Returns the parts that are to be run again before the checkpoint is continued: the first, the last, one that its
    /// content chooses, and each that holds a broken script.
    pub fn sample(&self) -> Vec<&Part> {
        let count = self.parts.len();
        let mut content = Digest::default();
        self.parts.iter().for_each(|part| content.word(part.layer.tally.digest().bits()));
        let chosen = (content.bits() % count.max(1) as u64) as usize;
        let mut places: Vec<usize> = [0, chosen, count.wrapping_sub(1)].into_iter().take(SAMPLE).collect();
        places.extend((0..count).filter(|at| self.parts[*at].layer.broken.is_some()));
        places.sort_unstable();
        places.dedup();
        places.into_iter().filter_map(|at| self.parts.get(at)).collect()
    }

    /// Adds a part. One that overlaps a part that is there is left out.
    pub fn add(&mut self, part: Part) {
        let overlaps = |other: &Part| part.from < other.to && other.from < part.to;
        if part.from < part.to && !self.parts.iter().any(overlaps) {
            let at = self.parts.partition_point(|other| other.from < part.from);
            self.parts.insert(at, part);
        }
    }

    /// Returns what is missing of these parents; nothing after the first part with a broken script.
    pub fn gaps(&self, mut wanted: Range<usize>) -> Vec<Range<usize>> {
        if let Some(broken) = self.parts.iter().find(|part| part.layer.broken.is_some()) {
            wanted.end = wanted.end.min(broken.to);
        }
        let (mut gaps, mut from) = (Vec::new(), wanted.start);
        for part in &self.parts {
            if part.from > from {
                gaps.push(from..part.from.min(wanted.end));
            }
            from = from.max(part.to);
        }
        gaps.push(from..wanted.end);
        gaps.retain(|gap| gap.start < gap.end && gap.start >= wanted.start);
        gaps
    }

    /// Returns how many runs its parts took.
    pub fn runs(&self) -> u64 {
        self.parts.iter().map(|part| part.layer.tally.runs).sum()
    }

    /// Returns all parts as one layer, in order.
    pub fn layer(&self) -> Layer {
        joined(self.parts.clone())
    }
}

/// Whether a script is a child of one of the part's parents.
fn continues(search: &Bounded, part: &Part, script: &Parent) -> bool {
    let Some((last, above)) = script.turns.split_last() else { return false };
    let is_parent = |parent: &Parent| parent.variant == script.variant && parent.turns == above;
    let is_later = above.last().is_none_or(|parent| parent.choice < last.choice);
    is_later && search.parents()[part.from..part.to].iter().any(is_parent)
}

/// Returns the parents of shard `shard` (counted from 1) of `of`: whole blocks, as evenly as they can be cut.
pub fn shard(parents: usize, shard: usize, of: usize) -> Range<usize> {
    let blocks = parents.div_ceil(BLOCK);
    let cut = |at: usize| {
        let block = (blocks as u128 * at as u128 / of as u128) as usize;
        (block * BLOCK).min(parents)
    };
    cut(shard - 1)..cut(shard)
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = line(&self.identity);
        self.parts.iter().for_each(|part| text.push_str(&line(part)));
        f.write_str(&text)?;
        f.write_str(&seal::seal(&text))
    }
}

fn line(record: &impl Serialize) -> String {
    serde_json::to_string(record).expect("a checkpoint has text keys") + "\n"
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let (identity, mut records) = Records::open(text, "checkpoint", SCHEMA)?;
        Ok(Self { identity, parts: records.rest()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_sim::seal::seal;

    fn identity() -> Identity {
        Identity {
            schema: SCHEMA.to_owned(),
            scenario: "till".to_owned(),
            without: Vec::new(),
            variants: vec!["clients=1".to_owned()],
            deviations: 3,
            pruning: true,
            task_order: false,
            statements: false,
            build: "0.1.0 0000000000000000".to_owned(),
        }
    }

    fn checkpoint(parts: &[Range<usize>]) -> Checkpoint {
        let mut checkpoint = Checkpoint::new(identity());
        let part = |range: &Range<usize>| Part { from: range.start, to: range.end, layer: Layer::default() };
        parts.iter().map(part).for_each(|part| checkpoint.add(part));
        checkpoint
    }

    #[test]
    fn what_is_missing_is_what_no_part_holds() {
        type Span = (usize, usize);
        fn check(parts: &[Span], of: Span, missing: &[Span]) {
            let parts: Vec<_> = parts.iter().map(|(from, to)| *from..*to).collect();
            let gaps = checkpoint(&parts).gaps(of.0..of.1);
            let gaps: Vec<Span> = gaps.iter().map(|gap| (gap.start, gap.end)).collect();
            assert_eq!(gaps, missing, "{of:?} of {parts:?}");
        }
        check(&[], (0, 9), &[(0, 9)]);
        check(&[(5, 7), (0, 3)], (0, 9), &[(3, 5), (7, 9)]);
        check(&[(0, 3), (3, 9)], (0, 9), &[]);
        check(&[(0, 3)], (3, 6), &[(3, 6)]);
        check(&[(6, 9)], (0, 3), &[(0, 3)]);
        check(&[(0, 5), (3, 9)], (0, 9), &[(5, 9)]); // an overlap is not counted twice
    }

    #[test]
    fn shards_are_whole_blocks_and_cover_all_parents_once() {
        for (parents, of) in
            [(0, 1), (1, 4), (31, 2), (32, 2), (1_000, 3), (1_000, usize::MAX), (usize::MAX / 64, 7)]
        {
            let numbers = 1..=of.min(50);
            let shards: Vec<_> = numbers.map(|number| shard(parents, number, of)).collect();
            assert_eq!(shards[0].start, 0);
            assert!(shards.windows(2).all(|pair| pair[0].end == pair[1].start), "{parents} of {of}");
            if of <= 50 {
                assert_eq!(shards[of - 1].end, parents, "{parents} of {of}");
            }
            assert!(shards.iter().all(|shard| shard.end.is_multiple_of(BLOCK) || shard.end == parents));
        }
        assert_eq!(shard(1_000, usize::MAX, usize::MAX).end, 1_000);
    }

    #[test]
    fn a_checkpoint_reads_as_it_was_written() {
        let checkpoint = checkpoint(&[0..32, 64..96]);
        assert_eq!(checkpoint.to_string().parse(), Ok(checkpoint));
    }

    #[test]
    fn a_damaged_checkpoint_names_the_line() {
        fn check(change: impl Fn(&str) -> String, message: &str) {
            let text = checkpoint(&[0..32, 32..64]).to_string();
            let error = change(&text).parse::<Checkpoint>().expect_err("it is refused").to_string();
            assert!(error.starts_with(message), "{error}");
        }
        check(|_| String::new(), "line 1: it is not a checkpoint");
        check(|_| "{}".to_owned(), "line 1: it is not a checkpoint");
        check(|text| text.replace("\"to\":64", "\"to\":63"), "line 3: the checksum does not match");
        check(|text| text[..text.len() / 2].to_owned(), "line 2: the file is cut off");
        let resealed = |body: String| body.clone() + &seal(&body);
        let body = |text: &str| text.lines().take(2).map(|line| format!("{line}\n")).collect::<String>();
        check(|text| resealed(body(text).replace("\"to\":32", "\"to\":-1")), "line 2: invalid value");
        check(|text| resealed(body(text).replace("\"from\":0,", "")), "line 2: missing field");
    }
}
