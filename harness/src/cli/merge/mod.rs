//! `merge`: combines the files of shards into the result of one run on one machine.
//!
//! A file is verified as far as possible: its seal, its own totals, its agreement with the others, the build, and a sample of
//! its blocks, which are run again. Shrinking, canaries and the end of a campaign happen here, so the result does not depend on
//! how the runs were divided.

pub(super) mod seeded;

use super::Session;
use super::amount;
use super::archive::ArchiveArgs;
use super::certify::Certify;
use super::exit::{CliError, Exit};
use super::explore::{Explore, stop_on_interrupt};
use super::matrix::Chart;
use super::shard::read_all;
use crate::shard::file::Command;
use crate::shard::union::{Union, UnionError};
use crate::{supervision, traces};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Combines the files of shards into the result that one machine would have given
///
/// A file that is missing, damaged or of another build is an error, and so are two files that contradict each other. A
/// sample of the runs of each file is repeated.
#[derive(clap::Args)]
pub(super) struct Merge {
    /// The files of the shards, or the directory that contains them
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The number of threads [default: the number of processors]
    #[arg(long, short, env = "SHAKEDOWN_JOBS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) jobs: Option<u16>,
    /// The directory for the traces of failures
    #[arg(long, env = "SHAKEDOWN_TRACES", value_name = "DIR", default_value = traces::DIRECTORY)]
    pub(super) traces: PathBuf,
    /// The time limit of one run; a run that takes longer is a violation
    #[arg(long, env = "SHAKEDOWN_WATCHDOG", value_name = "DURATION", default_value = "60s", value_parser = amount::span)]
    pub(super) watchdog: Duration,
    #[command(flatten)]
    pub(super) archive: ArchiveArgs,
}

/// A merge in progress.
pub(super) struct Merging<'a> {
    pub(super) options: &'a Merge,
    pub(super) session: &'a Session,
    pub(super) union: &'a Union,
    pub(super) stop: &'a AtomicBool,
}

impl Merge {
    pub(super) fn execute(self, session: &Session) -> Result<Exit, CliError> {
        let union = Union::of(read_all(&self.files)?).map_err(refused)?;
        let (own, theirs) = (session.catalogue.name(), &union.header.catalogue);
        if own != theirs {
            return Err(CliError::input(format!("it is of the catalogue `{theirs}`, and this is `{own}`"))
                .at(union.sources[0].path.display())
                .remedy("merge with the binary that ran the shards"));
        }
        if self.archive.is_given() && matches!(union.header.command, Command::Matrix { .. }) {
            return Err(
                CliError::input("a matrix is not recorded in an archive").remedy("leave --archive out")
            );
        }
        traces::check(&self.traces)?;
        let stop = stop_on_interrupt();
        supervision::set_timeout(self.watchdog);
        let merging = Merging { options: &self, session, union: &union, stop: &stop };
        match &union.header.command {
            Command::Explore { .. } => Explore::merge(&merging),
            Command::Certify { .. } => Certify::merge(&merging),
            Command::Matrix { guardrails } => Chart::merge(&merging, guardrails),
        }
    }
}

/// Returns the error about files that do not fit together.
pub(super) fn refused(error: UnionError) -> CliError {
    let remedy = match &error {
        UnionError::OtherCommand { .. } => {
            "merge only shards of one command with the same options, from one build".to_owned()
        }
        UnionError::Conflict { .. } => {
            "run both shards again: the runs are not deterministic, or one of the files was changed"
                .to_owned()
        }
        UnionError::Changed { .. } => "run this shard again; use its file as it was written".to_owned(),
        UnionError::Incomplete { shard, .. } => {
            format!("run it again with `--shard {shard}`: it continues where it ended")
        }
        UnionError::Missing { shard, .. } => format!("run it with `--shard {shard}`, or add its file"),
    };
    CliError::input(error.to_string()).at(error.path().display()).remedy(remedy)
}
