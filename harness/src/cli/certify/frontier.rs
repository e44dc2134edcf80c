//! `certify --prepare`: runs the layers above the last once and keeps their frontier, which the shards continue from.

use super::super::Session;
use super::super::exit::{CliError, Exit};
use super::super::explore::stop_on_interrupt;
use super::super::input::read_text;
use super::{Certify, CertifyRun, Coverage, Division};
use crate::atomic_file;
use crate::checkpoint::{self, Identity};
use crate::entry::Entry;
use crate::frontier::{FrontierError, FrontierFile};
use crate::{quiet, supervision};
use serde::Serialize;
use shakedown_reports::clock;
use shakedown_sim::Rehearse;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// The least number of deviations of a search with layers between the happy paths and the last.
const LAYERED: u8 = 2;

/// The result for programs.
#[derive(Serialize)]
struct Prepared {
    scenario: String,
    /// The runs of the layers above the last.
    runs: u64,
    /// The scripts that the last layer continues.
    scripts: usize,
    /// The runs of the last layer; none if an invariant is violated above it.
    runs_left: u64,
    violated: bool,
    complete: bool,
    file: String,
}

impl Certify {
    /// Runs the layers above the last of each scenario, and keeps their frontiers.
    ///
    /// # Errors
    /// If there is no such layer, a file cannot be written, or the harness itself failed.
    pub(super) fn prepare(&self, session: &Session, entries: &[&Entry]) -> Result<Exit, CliError> {
        if self.deviations < LAYERED {
            let what = format!(
                "--prepare needs at least {LAYERED} deviations: a search of fewer has no layer to prepare"
            );
            return Err(CliError::input(what).remedy("run its shards without --prepare"));
        }
        let folder = self.shard.folder();
        std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        let stop = stop_on_interrupt();
        supervision::set_timeout(self.watchdog);
        let mut all = Vec::new();
        for entry in entries {
            let prepared = self.prepare_one(entry, &stop)?;
            let complete = prepared.complete;
            all.push(prepared);
            if !complete {
                break;
            }
        }
        let human = || all.iter().map(Prepared::human).collect();
        let json = || serde_json::to_string_pretty(&all).expect("a report has text keys") + "\n";
        session.output.print(|_| human(), json)?;
        let is_complete = all.len() == entries.len() && all.iter().all(|prepared| prepared.complete);
        Ok(if is_complete { Exit::Held } else { Exit::Inconclusive })
    }

    fn prepare_one(&self, entry: &Entry, stop: &AtomicBool) -> Result<Prepared, CliError> {
        let mut runner = entry.runner(&self.without).map_err(CliError::input)?;
        let variants = self.variants(runner.as_ref());
        let mut run = self.certify_run(entry, variants, stop, None, Division::Whole)?;
        quiet::running(|| run.search.begin(runner.as_mut()));
        let complete = run.run_above()? == Coverage::Whole;
        let path = FrontierFile::path(self.shard.folder(), &entry.name);
        if complete {
            run.write_frontier(&path)?;
        }
        let search = &run.search;
        let violated = search.broken().is_some();
        Ok(Prepared {
            scenario: entry.name.clone(),
            runs: search.depths().iter().map(|depth| depth.tally.runs).sum(),
            scripts: search.parents().len(),
            runs_left: if violated { 0 } else { search.expected(0..search.parents().len()) },
            violated,
            complete,
            file: path.display().to_string(),
        })
    }
}

impl Prepared {
    fn human(&self) -> String {
        let Self { scenario, file, .. } = self;
        let [runs, left] = [self.runs, self.runs_left].map(clock::count);
        match (self.complete, self.violated) {
            (true, true) => format!(
                "PREPARED  {scenario}  {runs} runs, the last of which violates an invariant; none is left for the shards; in {file}\n"
            ),
            (true, false) => {
                format!("PREPARED  {scenario}  {runs} runs; {left} are left for the shards; in {file}\n")
            }
            (false, _) => format!("INCOMPLETE  {scenario}  {runs} runs; nothing was written\n"),
        }
    }
}

impl CertifyRun<'_> {
    /// Continues a shard from the frontier in its folder, if there is one.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub(super) fn continue_from_frontier(&mut self, runner: &mut dyn Rehearse) -> Result<(), CliError> {
        let Some(path) = self.frontier_path().filter(|path| path.exists()) else { return Ok(()) };
        let refused = |error: FrontierError| {
            let exit = match error {
                FrontierError::OtherBuild { .. } => Exit::Drift,
                _ => Exit::Input,
            };
            CliError::new(exit, error.to_string())
                .at(path.display())
                .remedy("remove it; the shard makes its own")
        };
        let file: FrontierFile = read_text(&path)?.parse().map_err(refused)?;
        let checked = quiet::running(|| file.check(&self.checkpoint.identity, &self.search, runner));
        checked.map_err(refused)?;
        self.search.continue_from(file.frontier);
        Ok(())
    }

    /// Keeps the frontier of a shard in its folder, unless there is one.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn keep_frontier(&self) -> Result<(), CliError> {
        match self.frontier_path().filter(|path| !path.exists()) {
            Some(path) => self.write_frontier(&path),
            None => Ok(()),
        }
    }

    /// Returns the path of the frontier, if this is a shard of a search that has one.
    fn frontier_path(&self) -> Option<PathBuf> {
        let is_layered = self.options.deviations >= LAYERED;
        let is_shard = matches!(self.division, Division::Shard(_)) && is_layered;
        is_shard.then(|| FrontierFile::path(self.options.shard.folder(), &self.request.entry.name))
    }

    fn write_frontier(&self, path: &Path) -> Result<(), CliError> {
        let build = checkpoint::build_of(&self.search);
        let identity = Identity { build, ..self.checkpoint.identity.clone() };
        let file = FrontierFile { identity, frontier: self.search.frontier() };
        atomic_file::write(path, &file.to_string()).map_err(|error| unwritable(path, &error))
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::input(format!("cannot be written: {error}"))
        .at(path.display())
        .remedy("name another folder with --into")
}
