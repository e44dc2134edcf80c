//! The self-check of `run --twice`: the same run again, in this process, after other runs, and in a fresh
//! process with another environment and working directory.

use super::Session;
use super::exit::{CliError, Exit};
use crate::campaign::DEFAULT_PROFILE;
use crate::entry::Entry;
use crate::quiet;
use shakedown_reports::json::SelfCheck;
use shakedown_sim::{Divergence, Plan, Script, ScriptError, Trace, TraceFile, TraceFileError};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Runs that come before in the sweep.
const SWEEP: u64 = 64;

/// Makes the run in each other way, and compares each with `first`.
pub(super) fn check(
    entry: &Entry,
    without: &[String],
    plan: Plan<'_>,
    first: &Trace,
) -> Result<Vec<SelfCheck>, CliError> {
    let again = here(entry, without, plan, 0)?;
    let after = here(entry, without, plan, SWEEP)?;
    let elsewhere = elsewhere(entry, without, plan)?;
    Ok(vec![
        compare("again in this process", first, &again),
        compare("in a sweep, after other runs in the same world", first, &after),
        compare("in a fresh process with another environment and directory", first, &elsewhere),
    ])
}

fn here(entry: &Entry, without: &[String], plan: Plan<'_>, before: u64) -> Result<Trace, CliError> {
    let mut runner = entry.runner(without).map_err(CliError::input)?;
    Ok(quiet::running(|| {
        for seed in 0..before {
            runner.run(Plan::Profiled(seed, DEFAULT_PROFILE));
        }
        runner.record(plan).1
    }))
}

fn compare(way: &'static str, first: &Trace, second: &Trace) -> SelfCheck {
    let divergence = first.first_difference(second).map(|step| {
        let (left, right) = (first.steps.get(step).cloned(), second.steps.get(step).cloned());
        Divergence { step, left, right }.to_string()
    });
    SelfCheck { way, same: divergence.is_none(), first_difference: divergence }
}

/// The run in a child process: other variables, another directory, another hash seed, other addresses.
fn elsewhere(entry: &Entry, without: &[String], plan: Plan<'_>) -> Result<Arc<Trace>, CliError> {
    let failed = |what: String| CliError::new(Exit::Internal, format!("the fresh process: {what}"));
    let myself = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(myself);
    command.args(["record", entry.name.as_str()]).args(without.iter().flat_map(|name| ["--without", name]));
    if let Plan::Profiled(seed, _) = plan {
        command.args(["--seed", &seed.to_string()]);
    }
    command.env_clear().envs([("TZ", "Asia/Kathmandu"), ("LANG", "tr_TR.UTF-8"), ("HOME", "/nonexistent")]);
    command.envs([("RUST_BACKTRACE", "full"), ("RUST_LOG", "trace"), ("MALLOC_ARENA_MAX", "1")]);
    command.current_dir(std::env::temp_dir());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let script = if let Plan::Script(script) = plan { script.to_string() } else { String::new() };
    // A child that does not read its input has failed, and says so below.
    let _ = child.stdin.take().map(|mut input| input.write_all(script.as_bytes()));
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let file: TraceFile = text.parse().map_err(|error: TraceFileError| failed(error.to_string()))?;
    Ok(file.trace)
}

/// Records one run and writes its trace to stdout: the other end of a self-check
#[derive(clap::Args)]
pub(super) struct Record {
    scenario: String,
    #[arg(long)]
    without: Vec<String>,
    /// The seed to run; without it, the script on stdin
    #[arg(long)]
    seed: Option<u64>,
}

impl Record {
    pub(super) fn execute(self, session: &Session) -> Result<Exit, CliError> {
        let entry = session.catalogue.find(&self.scenario)?;
        let mut runner = entry.runner(&self.without).map_err(CliError::input)?;
        let mut script = Script::default();
        if self.seed.is_none() {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| CliError::input(format!("cannot be read: {error}")).at("stdin"))?;
            script = text.parse().map_err(|error: ScriptError| CliError::input(error.to_string()))?;
        }
        let plan = self.seed.map_or(Plan::Script(&script), |seed| Plan::Profiled(seed, DEFAULT_PROFILE));
        let (_, trace) = quiet::running(|| runner.record(plan));
        let text = TraceFile::of_run(trace).to_string();
        std::io::stdout()
            .write_all(text.as_bytes())
            .map_err(|error| CliError::input(error.to_string()).at("stdout"))?;
        Ok(Exit::Held)
    }
}
