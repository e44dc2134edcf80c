//! The common part of `explore`, `certify` and `matrix` with `--shard`: the flags, and the file of the shard.

use super::exit::{CliError, Exit};
use super::explore::failed;
use super::input::read_text;
use super::output::{Output, print_note};
use super::progress::Progress;
use crate::atomic_file;
use crate::campaign::{self, CampaignRequest};
use crate::records::RecordsError;
use crate::shard::file::{Header, SCHEMA, Section, ShardFile, ShardFileError};
use crate::shard::union::Source;
use crate::shard::{NoSuchShard, Shard, scheduler, seeded};
use serde::Serialize;
use shakedown_reports::clock;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Which shard to run, and where its file goes.
#[derive(clap::Args, Clone)]
pub(super) struct ShardArgs {
    /// Run only shard I of N. `auto` takes I and N from the scheduler: a Slurm array, an indexed job of Kubernetes, an
    /// array job of AWS Batch, or parallel jobs of Buildkite or GitLab. `merge` combines all shards into the result
    #[arg(long, env = "SHAKEDOWN_SHARD", value_name = "I/N|auto")]
    shard: Option<Which>,
    /// The number of shards, for `--shard auto` with a scheduler that does not state it, such as Kubernetes
    #[arg(long, env = "SHAKEDOWN_SHARDS", value_name = "N")]
    shards: Option<usize>,
    /// The directory for the shard's file. If the file exists, the shard continues from it
    #[arg(long, env = "SHAKEDOWN_INTO", value_name = "DIR", default_value = "target/shakedown/shards")]
    into: PathBuf,
    /// Exit with 0 if the shard is complete, instead of 3; for schedulers that repeat a job that fails
    #[arg(long, env = "SHAKEDOWN_SHARD_OK")]
    shard_ok: bool,
}

/// The value of `--shard`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Which {
    /// The shard that the scheduler assigns.
    Auto,
    /// This shard.
    Given(Shard),
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "auto" => Ok(Self::Auto),
            text => text.parse().map(Self::Given).map_err(|error: NoSuchShard| format!("{error}; or `auto`")),
        }
    }
}

impl ShardArgs {
    /// Creates the arguments of a command without a shard, as in a merge.
    pub(super) fn none() -> Self {
        Self { shard: None, shards: None, into: PathBuf::new(), shard_ok: false }
    }

    /// Returns the shard to run; `None` if everything is run.
    ///
    /// # Errors
    /// If `auto` does not find one, or `--shards` contradicts `--shard`.
    pub(super) fn shard(&self) -> Result<Option<Shard>, CliError> {
        match (self.shard, self.shards) {
            (None, _) => Ok(None),
            (Some(Which::Given(shard)), Some(count)) if shard.count() != count => {
                Err(CliError::input(format!("--shard {shard} and --shards {count} contradict each other"))
                    .remedy("leave --shards out, or say the same number twice"))
            }
            (Some(Which::Given(shard)), _) => Ok(Some(shard)),
            (Some(Which::Auto), count) => {
                let shard = scheduler::from_variables(count, |name| std::env::var(name).ok());
                let wrong = |unknown: scheduler::UnknownShard| {
                    CliError::input(unknown.to_string())
                        .at("--shard auto")
                        .remedy("say which shard of how many, as in `--shard 2/16`, or how many there are with --shards")
                };
                shard.map(Some).map_err(wrong)
            }
        }
    }

    /// Returns the directory for the files of shards.
    pub(super) fn folder(&self) -> &Path {
        &self.into
    }

    /// Returns whether a complete shard ends with 0.
    pub(super) fn is_ok(&self) -> bool {
        self.shard_ok
    }

    /// Returns the exit of a complete shard.
    pub(super) fn complete(&self) -> Exit {
        if self.shard_ok { Exit::Held } else { Exit::Inconclusive }
    }

    /// Opens the file of a shard, with the content of an earlier process if there is one. `sections` are its sections, without
    /// blocks.
    ///
    /// # Errors
    /// If it cannot be written, or holds another shard, a damaged one, or one of another build.
    pub(super) fn open(&self, header: Header, sections: Vec<Section>) -> Result<Writer, CliError> {
        let path = header.path(&self.into);
        let unwritable = |error: std::io::Error| {
            CliError::input(format!("cannot be written: {error}"))
                .at(path.display())
                .remedy("--into names a folder for the shard's file")
        };
        std::fs::create_dir_all(&self.into).map_err(unwritable)?;
        atomic_file::check(&path).map_err(unwritable)?;
        let mut file = ShardFile { header, sections };
        if path.exists() {
            file.continue_from(read(&path)?).map_err(|field| {
                CliError::input(format!("the file is a shard of something else: {field} differs"))
                    .at(path.display())
                    .remedy("remove it, or name another folder with --into")
            })?;
        }
        Ok(Writer { path, file, written: Instant::now() })
    }
}

impl ShardFile {
    /// Adds the blocks of an earlier file of the same shard.
    ///
    /// # Errors
    /// If it is another shard; the error names what differs.
    fn continue_from(&mut self, earlier: ShardFile) -> Result<(), &'static str> {
        if earlier.header != self.header {
            return Err(match earlier.header.catalogue == self.header.catalogue {
                true => "an option of the command",
                false => "the catalogue",
            });
        }
        for section in earlier.sections {
            let own = self.sections.iter_mut().find(|own| own.is_same_search(&section));
            *own.ok_or("a search, or the build,")? = section;
        }
        Ok(())
    }
}

impl Section {
    /// Returns whether two sections hold runs of one search by one build. An exhaustive search learns its build while
    /// it runs.
    fn is_same_search(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Seeds(own, _), Self::Seeds(other, _)) => own == other,
            (Self::Scripts(own, _), Self::Scripts(other, _)) => own.difference(other).is_none(),
            _ => false,
        }
    }
}

/// The file of a shard in progress. It is written completely or not at all, from time to time and at the end.
pub(super) struct Writer {
    path: PathBuf,
    pub(super) file: ShardFile,
    written: Instant,
}

/// The interval at which the file is written while runs are made.
const WRITE_EVERY: Duration = Duration::from_secs(10);

impl Writer {
    /// Returns its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file, unless it was written recently.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn write_now_and_then(&mut self) -> Result<(), CliError> {
        if self.written.elapsed() < WRITE_EVERY { Ok(()) } else { self.write() }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn write(&mut self) -> Result<(), CliError> {
        self.written = Instant::now();
        let wrong = |error| CliError::input(format!("cannot be written: {error}")).at(self.path.display());
        atomic_file::write(&self.path, &self.file.to_string()).map_err(wrong)
    }

    /// Prints the location of the file on stderr.
    pub(super) fn announce(&self, is_complete: bool) {
        let (shard, path) = (self.file.header.shard, self.path.display());
        print_note(&match is_complete {
            true => format!("shard {shard} is complete: {path}; `merge` makes the result of all shards"),
            false => format!("shard {shard} is incomplete: {path}; the same command continues it"),
        });
    }
}

/// Reads the file of a shard.
///
/// # Errors
/// If it cannot be read, is damaged, or has another schema.
pub(super) fn read(path: &Path) -> Result<ShardFile, CliError> {
    let refused = |error: ShardFileError| {
        let remedy = match error {
            ShardFileError::File(RecordsError::Schema { .. }) => "`--shard` writes such files",
            _ => "run this shard again; use its file as it was written",
        };
        CliError::input(error.to_string()).at(path.display()).remedy(remedy)
    };
    read_text(path)?.parse().map_err(refused)
}

/// Reads the files of shards. A folder stands for all files of shards in it.
///
/// # Errors
/// As [`read`]; also if there is no file.
pub(super) fn read_all(paths: &[PathBuf]) -> Result<Vec<Source>, CliError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable = |error| CliError::input(format!("cannot be read: {error}")).at(path.display());
        let entries = std::fs::read_dir(path).map_err(unreadable)?;
        let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        found.retain(|file| file.to_string_lossy().ends_with(crate::shard::file::ENDING));
        found.sort();
        files.extend(found);
    }
    if files.is_empty() {
        return Err(CliError::new(Exit::Nothing, "there is no file of a shard")
            .remedy(format!("`--shard` writes files of the schema {SCHEMA} into the folder of `--into`")));
    }
    files.into_iter().map(|path| Ok(Source { file: read(&path)?, path })).collect()
}

/// The part of one search by seed that a shard runs.
pub(super) struct Share {
    /// The index of its section in the file.
    pub(super) section: usize,
    /// Its seeds.
    pub(super) seeds: Range<u64>,
}

/// The greatest number of seeds after which a share is checked for enough failing runs.
const ROUND_MAX: u64 = 1 << 20;

/// Runs the missing blocks of a share in order, up to the last failing run that the search allows. Returns whether the
/// share is complete.
///
/// # Errors
/// If the harness itself failed, or the file cannot be written.
pub(super) fn fill(
    request: &CampaignRequest<'_>,
    share: &Share,
    writer: &mut Writer,
) -> Result<bool, CliError> {
    let mut runner = request.entry.runner(request.without).map_err(CliError::input)?;
    let total = share.seeds.end - share.seeds.start;
    let mut progress: Option<Progress> = None;
    let mut round = seeded::BLOCK;
    loop {
        let Section::Seeds(search, blocks) = &writer.file.sections[share.section] else {
            unreachable!("a share is of a search by seed")
        };
        let search = search.clone();
        let next = blocks.last().map_or(share.seeds.start, |block| block.to);
        let failing: u64 = blocks.iter().map(|block| block.failing.len() as u64).sum();
        if next >= share.seeds.end || failing >= search.failures_max {
            return Ok(true);
        }
        if request.stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        // In rounds, because a campaign that may end at a failing run would not end at a block.
        let end = next.saturating_add(round).min(share.seeds.end);
        round = (round * 2).min(ROUND_MAX);
        let before = next - share.seeds.start;
        let progress = progress.get_or_insert_with(|| Progress::resume(&request.entry.name, before, total));
        let request = CampaignRequest { seeds: next..end, failures_max: usize::MAX, ..*request };
        let mut written = Ok(());
        let ran = campaign::run_chunks(&request, |chunk, so_far| {
            let block = search.block(chunk, runner.as_mut());
            if let Section::Seeds(_, blocks) = &mut writer.file.sections[share.section] {
                blocks.push(block);
            }
            progress.show_runs(before + so_far.tally.runs, &format!("{} failing", so_far.failing.len()));
            if written.is_ok() {
                written = writer.write_now_and_then();
            }
        });
        ran.map_err(failed)?;
        written?;
    }
}

/// The result of a shard for programs.
#[derive(Serialize)]
struct Report<'a> {
    shard: Shard,
    complete: bool,
    file: String,
    searches: Vec<Searched<'a>>,
}

#[derive(Serialize)]
struct Searched<'a> {
    scenario: &'a str,
    without: &'a [String],
    runs: u64,
    failing: u64,
}

impl Writer {
    /// Prints the result, and the location of the file.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(super) fn report(&self, output: &Output, is_complete: bool) -> Result<(), CliError> {
        let searches: Vec<Searched<'_>> = self.file.sections.iter().map(searched).collect();
        let human = || {
            let word = if is_complete { "PART" } else { "INCOMPLETE" };
            let line = |one: &Searched<'_>| {
                let without = match one.without {
                    [] => String::new(),
                    names => format!("  without {}", names.join(", ")),
                };
                let (runs, failing) = (clock::count(one.runs), clock::count(one.failing));
                format!("  {}{without}  {runs} runs, {failing} failing\n", one.scenario)
            };
            let lines: String = searches.iter().map(line).collect();
            format!("{word}  shard {} in {}\n{lines}", self.file.header.shard, self.path.display())
        };
        let json = || {
            let report = Report {
                shard: self.file.header.shard,
                complete: is_complete,
                file: self.path.display().to_string(),
                searches: self.file.sections.iter().map(searched).collect(),
            };
            serde_json::to_string_pretty(&report).expect("a report has text keys") + "\n"
        };
        output.print(|_| human(), json)?;
        self.announce(is_complete);
        Ok(())
    }
}

fn searched(section: &Section) -> Searched<'_> {
    match section {
        Section::Seeds(search, blocks) => Searched {
            scenario: &search.scenario,
            without: &search.without,
            runs: blocks.iter().map(|block| block.tally.runs).sum(),
            failing: blocks.iter().map(|block| block.failing.len() as u64).sum(),
        },
        Section::Scripts(identity, parts) => Searched {
            scenario: &identity.scenario,
            without: &identity.without,
            runs: parts.iter().map(|part| part.layer.tally.runs).sum(),
            failing: parts.iter().map(|part| u64::from(part.layer.broken.is_some())).sum(),
        },
    }
}
