//! The union of many files: their blocks, independent of the shards that ran them and of repetitions.
//!
//! A file must belong to the same command and have the same searches as the first. Blocks that are in two files must be
//! equal. Missing blocks are found by walking each search from its first block.

use super::Shard;
use super::file::{Header, Section, ShardFile};
use super::seeded::{SeedBlock, SeededSearch};
use crate::checkpoint::{Identity, Part};
use shakedown_sim::search::Campaign;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A file with its path, as messages name it.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path.
    pub path: PathBuf,
    /// Its content.
    pub file: ShardFile,
}

/// Blocks by their first item, each with the number of its source.
pub type Blocks<K, V> = BTreeMap<K, (V, usize)>;

/// One search over all files.
#[derive(Clone, Debug)]
pub enum Search {
    /// Runs by seed.
    Seeds(SeededSearch, Blocks<u64, SeedBlock>),
    /// Parts of an exhaustive search.
    Scripts(Identity, Blocks<usize, Part>),
}

/// The union of files.
#[derive(Clone, Debug)]
pub struct Union {
    /// The header of the first file.
    pub header: Header,
    /// The files.
    pub sources: Vec<Source>,
    /// The searches, in the order of the first file.
    pub searches: Vec<Search>,
}

/// The reason why files cannot be merged.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UnionError {
    /// A file belongs to another command than the first.
    #[error("it is a part of something else than {}: {field} differs", .first.display())]
    OtherCommand {
        /// Its path.
        path: PathBuf,
        /// The path of the first file.
        first: PathBuf,
        /// The field that differs, in the user's terms.
        field: &'static str,
    },
    /// Two files hold different results of the same runs.
    #[error("it and {} hold different results of the same runs: {what}", .other.display())]
    Conflict {
        /// The path of one.
        path: PathBuf,
        /// The path of the other.
        other: PathBuf,
        /// The runs.
        what: String,
    },
    /// A block contradicts itself or its search.
    #[error("{what}: {problem}: the file was changed")]
    Changed {
        /// The path of its file.
        path: PathBuf,
        /// The runs.
        what: String,
        /// The problem.
        problem: String,
    },
    /// Some runs are in no file, and the file of their shard is present.
    #[error("it is incomplete: {what} are missing")]
    Incomplete {
        /// The path of the shard's file.
        path: PathBuf,
        /// The shard.
        shard: Shard,
        /// The runs.
        what: String,
    },
    /// Some runs are in no file, and the file of their shard is missing.
    #[error("{what} are missing, which shard {shard} runs")]
    Missing {
        /// The path that its file would have.
        path: PathBuf,
        /// The shard.
        shard: Shard,
        /// The runs.
        what: String,
    },
}

impl UnionError {
    /// Returns the path of the first file.
    pub fn path(&self) -> &PathBuf {
        match self {
            Self::OtherCommand { path, .. }
            | Self::Conflict { path, .. }
            | Self::Changed { path, .. }
            | Self::Incomplete { path, .. }
            | Self::Missing { path, .. } => path,
        }
    }
}

impl Union {
    /// Merges files.
    ///
    /// # Errors
    /// If they belong to different commands, or disagree on the result of a run.
    ///
    /// # Panics
    /// If there is no file.
    pub fn of(sources: Vec<Source>) -> Result<Self, UnionError> {
        let header = sources.first().expect("at least one file").file.header.clone();
        let mut union = Self { header, sources: Vec::new(), searches: Vec::new() };
        for source in sources {
            union.add(source)?;
        }
        Ok(union)
    }

    fn add(&mut self, source: Source) -> Result<(), UnionError> {
        let other_command = |field| UnionError::OtherCommand {
            path: source.path.clone(),
            first: self.sources[0].path.clone(),
            field,
        };
        let header = &source.file.header;
        if header.catalogue != self.header.catalogue {
            return Err(other_command("the catalogue"));
        }
        if header.command.name() != self.header.command.name() {
            return Err(other_command("the command"));
        }
        if header.command != self.header.command {
            return Err(other_command("an option of the command"));
        }
        let place = self.sources.len();
        for section in &source.file.sections {
            let search = match self.searches.iter_mut().find(|search| search.is_of(section)) {
                Some(search) => search,
                None => {
                    self.searches.push(Search::empty(section));
                    self.searches.last_mut().expect("just added")
                }
            };
            if let Some(field) = search.difference(section) {
                return Err(other_command(field));
            }
            search.take(section, place).map_err(|problem| match problem {
                Problem::Conflict(other, what) => UnionError::Conflict {
                    path: source.path.clone(),
                    other: self.sources.get(other).unwrap_or(&source).path.clone(),
                    what,
                },
                Problem::Changed(what, problem) => {
                    UnionError::Changed { path: source.path.clone(), what, problem }
                }
            })?;
        }
        self.sources.push(source);
        Ok(())
    }

    /// Returns the runs of a search by seed as one campaign, which ends at the last failing run that the search
    /// allows.
    ///
    /// # Errors
    /// If runs are missing. `owns` returns whether a shard runs the block of a seed.
    ///
    /// # Panics
    /// If the search has a profile that this build does not have.
    pub fn campaign(
        &self,
        search: &SeededSearch,
        blocks: &Blocks<u64, SeedBlock>,
        owns: impl Fn(Shard, u64) -> bool,
    ) -> Result<Campaign, UnionError> {
        let profile = search.profile().expect("the profile was checked");
        let start = search.seeds.start;
        let mut campaign = Campaign { seeds: start..start, profile, ..Campaign::default() };
        let failures_max = search.failures_max as usize;
        while campaign.seeds.end < search.seeds.end && campaign.failing.len() < failures_max {
            let next = campaign.seeds.end;
            let Some((block, _)) = blocks.get(&next) else {
                let what = format!("the runs of {} from seed {next} on", search.scenario);
                return Err(self.missing(|shard| owns(shard, next), what));
            };
            campaign.merge(block.campaign(search, profile));
        }
        campaign.cut(failures_max);
        Ok(campaign)
    }

    /// Returns the error about runs that are in no file: it names the shard that owns them in the division of the first
    /// file.
    pub fn missing(&self, owns: impl Fn(Shard) -> bool, what: String) -> UnionError {
        let count = self.header.shard.count();
        let shard = (1..=count).filter_map(|number| Shard::new(number, count)).find(|shard| owns(*shard));
        let shard = shard.unwrap_or(self.header.shard);
        match self.sources.iter().find(|source| source.file.header.shard == shard) {
            Some(source) => UnionError::Incomplete { path: source.path.clone(), shard, what },
            None => {
                let folder = self.sources[0].path.parent().map(PathBuf::from).unwrap_or_default();
                let path = Header { shard, ..self.header.clone() }.path(&folder);
                UnionError::Missing { path, shard, what }
            }
        }
    }
}

/// The problem of a section.
enum Problem {
    Conflict(usize, String),
    Changed(String, String),
}

impl Search {
    fn empty(section: &Section) -> Self {
        match section {
            Section::Seeds(search, _) => Self::Seeds(search.clone(), Blocks::new()),
            Section::Scripts(identity, _) => Self::Scripts(identity.clone(), Blocks::new()),
        }
    }

    /// Returns whether a section holds runs of a search of the same name.
    fn is_of(&self, section: &Section) -> bool {
        match (self, section) {
            (Self::Seeds(own, _), Section::Seeds(other, _)) => {
                (&own.scenario, &own.row) == (&other.scenario, &other.row)
            }
            (Self::Scripts(own, _), Section::Scripts(other, _)) => own.scenario == other.scenario,
            _ => false,
        }
    }

    fn difference(&self, section: &Section) -> Option<&'static str> {
        match (self, section) {
            (Self::Seeds(own, _), Section::Seeds(other, _)) => {
                own.difference(other).or((own.build != other.build).then_some("the build"))
            }
            (Self::Scripts(own, _), Section::Scripts(other, _)) => {
                // A shard that has not run anything does not know its build.
                let is_known = !own.build.is_empty() && !other.build.is_empty();
                own.difference(other).or((is_known && own.build != other.build).then_some("the build"))
            }
            _ => None,
        }
    }

    fn take(&mut self, section: &Section, source: usize) -> Result<(), Problem> {
        match (self, section) {
            (Self::Seeds(search, known), Section::Seeds(_, blocks)) => {
                for block in blocks {
                    let what = format!("seeds {} to {} of {}", block.from, block.to, search.scenario);
                    if let Some(problem) = search.misfit(block) {
                        return Err(Problem::Changed(what, problem));
                    }
                    insert(known, block.from, block, source)
                        .map_err(|other| Problem::Conflict(other, what))?;
                }
            }
            (Self::Scripts(identity, known), Section::Scripts(other, parts)) => {
                if identity.build.is_empty() {
                    identity.build.clone_from(&other.build);
                }
                for part in parts {
                    let what = format!("parents {} to {} of {}", part.from, part.to, identity.scenario);
                    insert(known, part.from, part, source).map_err(|other| Problem::Conflict(other, what))?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Adds a block, or returns the source of another with the same beginning that differs.
fn insert<K: Ord, V: PartialEq + Clone>(
    known: &mut Blocks<K, V>,
    key: K,
    value: &V,
    source: usize,
) -> Result<(), usize> {
    match known.get(&key) {
        Some((other, _)) if other == value => Ok(()),
        Some((_, other)) => Err(*other),
        None => {
            known.insert(key, (value.clone(), source));
            Ok(())
        }
    }
}
