//! The file of a shard: JSON Lines with a seal as the last line. A header identifies the shard and its command; each search
//! follows with its blocks that were run; the last line before the seal counts them.

use super::Shard;
use super::seeded::{SeedBlock, SeededSearch};
use crate::checkpoint::{Identity, Part};
use crate::records::{Records, RecordsError};
use serde::{Deserialize, Serialize};
use shakedown_sim::digest::Digest;
use shakedown_sim::seal;
use shakedown_sim::search::Tally;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The schema of the files that this version writes and reads.
pub const SCHEMA: &str = "shakedown-shard/1";
/// The ending of the name of such a file.
pub const ENDING: &str = ".shard.jsonl";

/// The command of a file, with the options that decide its result beside its searches.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Command {
    /// Campaigns over seeds.
    Explore {
        /// The canaries, as `--canary` names them.
        canary: Vec<String>,
        /// Whether a scenario without choices is accepted.
        allow_trivial: bool,
    },
    /// Exhaustive searches.
    Certify {
        /// The requested variants, as `--variant` names them.
        variant: String,
        /// Whether a scenario without choices is accepted.
        allow_trivial: bool,
    },
    /// A matrix of guardrails.
    Matrix {
        /// The requested guardrails; all if the list is empty.
        guardrails: Vec<String>,
    },
}

impl Command {
    /// Returns its name, as a user types it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Explore { .. } => "explore",
            Self::Certify { .. } => "certify",
            Self::Matrix { .. } => "matrix",
        }
    }
}

/// The command and the shard of a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The schema of the file.
    pub schema: String,
    /// The catalogue whose scenarios were run.
    pub catalogue: String,
    /// The shard.
    pub shard: Shard,
    /// The command.
    pub command: Command,
}

impl Header {
    /// Creates the header of a shard.
    pub fn new(catalogue: &str, shard: Shard, command: Command) -> Self {
        Self { schema: SCHEMA.to_owned(), catalogue: catalogue.to_owned(), shard, command }
    }

    /// Returns the path of a shard of this command in a folder.
    pub fn path(&self, folder: &Path) -> PathBuf {
        let Shard { number, count } = self.shard;
        folder.join(format!("{}-{number}-of-{count}{ENDING}", self.command.name()))
    }
}

/// The runs of one search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Section {
    /// Runs by seed.
    Seeds(SeededSearch, Vec<SeedBlock>),
    /// Parts of the last layer of an exhaustive search.
    Scripts(Identity, Vec<Part>),
}

/// The runs of a shard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShardFile {
    /// The command and the shard.
    pub header: Header,
    /// The runs, by search.
    pub sections: Vec<Section>,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Seeds(SeededSearch),
    Block(SeedBlock),
    Scripts(Identity),
    Part(Part),
    Total(Total),
}

/// The counts over all blocks.
#[derive(PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Total {
    blocks: u64,
    runs: u64,
    failing: u64,
    digest: String,
}

/// The reason why a file is not the file of a shard.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ShardFileError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] RecordsError),
    /// The blocks do not match the counts of the last line.
    #[error("its blocks do not add up to its own totals: the file was changed")]
    Miscounted,
}

impl ShardFile {
    /// Creates the file of a shard without runs.
    pub fn new(header: Header) -> Self {
        Self { header, sections: Vec::new() }
    }

    fn total(&self) -> Total {
        let (mut total, mut digest) = (Total::default(), Digest::default());
        let mut add = |tally: &Tally, failing: usize| {
            total.blocks += 1;
            total.runs += tally.runs;
            total.failing += failing as u64;
            digest.word(tally.digest().bits());
        };
        for section in &self.sections {
            match section {
                Section::Seeds(_, blocks) => {
                    blocks.iter().for_each(|block| add(&block.tally, block.failing.len()));
                }
                Section::Scripts(_, parts) => parts
                    .iter()
                    .for_each(|part| add(&part.layer.tally, usize::from(part.layer.broken.is_some()))),
            }
        }
        total.digest = digest.to_string();
        total
    }
}

/// Writes a record under its name, as serde writes the variant [`Line`] of that name.
fn line(name: &str, record: &impl Serialize) -> String {
    let record = serde_json::to_string(record).expect("a record has text keys");
    format!("{{\"{name}\":{record}}}\n")
}

impl fmt::Display for ShardFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = serde_json::to_string(&self.header).expect("a header has text keys") + "\n";
        for section in &self.sections {
            match section {
                Section::Seeds(search, blocks) => {
                    text.push_str(&line("seeds", search));
                    blocks.iter().for_each(|block| text.push_str(&line("block", block)));
                }
                Section::Scripts(identity, parts) => {
                    text.push_str(&line("scripts", identity));
                    parts.iter().for_each(|part| text.push_str(&line("part", part)));
                }
            }
        }
        text.push_str(&line("total", &self.total()));
        f.write_str(&text)?;
        f.write_str(&seal::seal(&text))
    }
}

impl FromStr for ShardFile {
    type Err = ShardFileError;

    fn from_str(text: &str) -> Result<Self, ShardFileError> {
        let (header, mut records) = Records::open(text, "shard", SCHEMA)?;
        let (mut file, mut stated) = (Self::new(header), None);
        while let Some(line) = records.next()? {
            match (line, file.sections.last_mut()) {
                _ if stated.is_some() => return Err(misplaced(&records)),
                (Line::Seeds(search), _) => file.sections.push(Section::Seeds(search, Vec::new())),
                (Line::Scripts(identity), _) => file.sections.push(Section::Scripts(identity, Vec::new())),
                (Line::Block(block), Some(Section::Seeds(_, blocks))) => blocks.push(block),
                (Line::Part(part), Some(Section::Scripts(_, parts))) => parts.push(part),
                (Line::Total(total), _) => stated = Some(total),
                _ => return Err(misplaced(&records)),
            }
        }
        if stated.as_ref() == Some(&file.total()) { Ok(file) } else { Err(ShardFileError::Miscounted) }
    }
}

fn misplaced(records: &Records<'_>) -> ShardFileError {
    records.malformed("this record does not belong here").into()
}
