//! `matrix`: what breaks without which guardrail.

mod merge;
mod shard;

use super::Session;
use super::amount;
use super::exit::{CliError, Exit};
use super::explore::{processors, stop_on_interrupt};
use super::output::{Output, Reports};
use super::progress::Progress;
use super::shard::ShardArgs;
use crate::catalogue::{Catalogue, Place};
use crate::entry::Entry;
use crate::matrix::{self, Error, MatrixRequest};
use crate::names::suggest;
use crate::{supervision, traces};
use shakedown_reports::matrix::{AblationResult, Guarded, Matrix, Row};
use shakedown_reports::{Verdict, matrix as report};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Takes each guardrail out in turn, and shows which invariant is then violated, by how few deviations, after how many runs
///
/// If another guardrail hides the damage, both are taken out, and the row says so. The complete designs are run too.
#[derive(clap::Args)]
pub(super) struct Chart {
    /// The guardrails, or naive forms of guardrails [default: all]
    guardrails: Vec<String>,
    /// The number of seeds of each complete design, from 0 on; or a range A..B, without B
    #[arg(long, env = "SHAKEDOWN_SEEDS", value_name = "N|A..B", default_value = "2000",
        value_parser = amount::seeds)]
    seeds: Range<u64>,
    /// The number of runs without a violation after which an ablation has survived
    #[arg(long, env = "SHAKEDOWN_GIVE_UP", value_name = "N", default_value = "20000",
        value_parser = clap::value_parser!(u64).range(1..))]
    give_up: u64,
    /// The number of threads [default: the number of processors]
    #[arg(long, short, env = "SHAKEDOWN_JOBS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// The directory for the traces of failures
    #[arg(long, env = "SHAKEDOWN_TRACES", value_name = "DIR", default_value = traces::DIRECTORY)]
    traces: PathBuf,
    /// The time limit of one run; a run that takes longer is a violation
    #[arg(long, env = "SHAKEDOWN_WATCHDOG", value_name = "DURATION", default_value = "60s", value_parser = amount::span)]
    watchdog: Duration,
    #[command(flatten)]
    shard: ShardArgs,
}

impl Chart {
    pub(super) fn execute(self, session: &Session) -> Result<Exit, CliError> {
        let output = &session.output;
        self.check_names(&session.catalogue)?;
        if session.catalogue.places(&self.guardrails).is_empty() {
            let message = "nothing is selected: no scenario has a guardrail that can be taken out";
            return Err(CliError::new(Exit::Nothing, message)
                .remedy("`Entry::guardrail` adds one, with the naive form that is built in its place"));
        }
        if self.seeds.is_empty() {
            return Err(CliError::new(Exit::Nothing, "nothing is selected: no seed"));
        }
        if let Some(shard) = self.shard.shard()? {
            return self.execute_shard(session, shard);
        }
        traces::check(&self.traces)?;
        let reports = output.open()?;
        let stop = stop_on_interrupt();
        supervision::set_timeout(self.watchdog);
        let matrix = self.chart(&session.catalogue, &stop)?;
        print(&matrix, output, reports)?;
        let stopped = stop.load(Ordering::Relaxed).then_some(Exit::Inconclusive);
        Ok(Exit::of(stopped.into_iter().chain([exit(&matrix)])))
    }

    fn check_names(&self, catalogue: &Catalogue) -> Result<(), CliError> {
        let places = catalogue.places(&[]);
        let valid: Vec<String> = places.iter().map(Place::name).collect();
        for name in &self.guardrails {
            if !valid.contains(name) && !places.iter().any(|place| place.guardrail.name == *name) {
                let like = suggest(name, valid.iter().map(String::as_str));
                let like = like.map(|like| format!(", did you mean `{like}`?")).unwrap_or_default();
                return Err(CliError::input(format!("there is no guardrail `{name}`{like}"))
                    .remedy(format!("there are: {}", valid.join(", "))));
            }
        }
        Ok(())
    }

    fn chart(&self, catalogue: &Catalogue, stop: &AtomicBool) -> Result<Matrix, CliError> {
        let request = self.request(stop);
        let places = catalogue.places(&self.guardrails);
        let mut matrix = Matrix::default();
        for place in &places {
            let mut progress = Progress::begin(&format!("without {}", place.name()), self.give_up);
            let row = matrix::row(&request, place, |campaign| progress.show(campaign));
            progress.end();
            matrix.rows.extend(row.map_err(|error| self.complain(error))?);
        }
        for entry in exercised(catalogue, &places) {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let mut progress = Progress::begin(&entry.name, self.seeds.end - self.seeds.start);
            let guarded =
                matrix::guarded(&request, entry, self.seeds.clone(), |campaign| progress.show(campaign));
            progress.end();
            matrix.guarded.push(guarded.map_err(|error| self.complain(error))?);
        }
        Ok(matrix)
    }

    fn request<'a>(&'a self, stop: &'a AtomicBool) -> MatrixRequest<'a> {
        MatrixRequest {
            jobs: self.jobs.map_or_else(processors, usize::from),
            runs_max: self.give_up,
            stop,
            timeout: self.watchdog,
            traces: &self.traces,
        }
    }

    fn complain(&self, error: Error) -> CliError {
        match error {
            Error::Design(what) => CliError::input(what),
            Error::Internal(broken) => CliError::new(Exit::Internal, broken.to_string()),
            Error::Trace(error) => traces::unwritable(&self.traces, &error),
        }
    }
}

/// Returns the scenarios from whose designs something is taken out, in the order of the catalogue.
fn exercised<'a>(catalogue: &'a Catalogue, places: &[Place<'_>]) -> Vec<&'a Entry> {
    let is_exercised = |entry: &&Entry| places.iter().any(|place| place.entry.name == entry.name);
    catalogue.entries().iter().filter(is_exercised).collect()
}

/// Puts a matrix on stdout and into the files of `--report`.
fn print(matrix: &Matrix, output: &Output, reports: Reports) -> Result<(), CliError> {
    output.print(|style| report::human(style, matrix), || report::json(matrix))?;
    reports.write_matrix(matrix)
}

fn exit(matrix: &Matrix) -> Exit {
    let rows = matrix.rows.iter().map(exit_of_row);
    Exit::of(rows.chain(matrix.guarded.iter().map(exit_of_guarded)))
}

fn exit_of_row(row: &Row) -> Exit {
    match &row.result {
        AblationResult::Caught(finding) if !finding.replays_identical => Exit::Drift,
        AblationResult::Caught(_) => Exit::Held,
        AblationResult::Survived { .. } | AblationResult::FailsOnHappyPath { .. } => Exit::CanarySurvived,
    }
}

fn exit_of_guarded(guarded: &Guarded) -> Exit {
    match guarded.verdict {
        Verdict::Held => Exit::Held,
        Verdict::Violated => Exit::Violation,
        Verdict::Inconclusive => Exit::Inconclusive,
    }
}
