//! The self-check of `run --twice`: repeats the run in this process, after other runs, and in a fresh process with another
//! environment and working directory. Campaigns and certificates check a sample of their runs in such a process.

use super::Session;
use super::exit::{CliError, Exit};
use crate::campaign::DEFAULT_PROFILE;
use crate::entry::Entry;
use crate::{quiet, worth};
use shakedown_reports::Fact;
use shakedown_reports::json::SelfCheck;
use shakedown_sim::{Divergence, Plan, Rehearse, Script, ScriptError, Trace, TraceFile, TraceFileError};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// The number of runs before it in the sweep.
const SWEEP: u64 = 64;

/// Repeats the run in each way, and compares the result with `first`.
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

/// Repeats a sample of runs in a fresh process, and adds to `worth` whether they were the same. A difference is printed on
/// stderr.
///
/// # Errors
/// If the fresh process fails.
pub(super) fn repeat(
    entry: &Entry,
    without: &[String],
    sample: &[Script],
    worth: &mut Vec<Fact>,
) -> Result<Exit, CliError> {
    let difference = first_difference(entry, without, sample)?;
    worth.push(worth::repeated(sample.len(), difference.is_none()));
    Ok(match difference {
        None => Exit::Held,
        Some(what) => {
            let remedy =
                "`run --twice` checks one run; a clock, a hash order, a static or an address may differ";
            eprintln!("{}", CliError::new(Exit::Drift, what).at(&entry.name).remedy(remedy));
            Exit::Drift
        }
    })
}

/// Repeats these runs in a fresh process. Returns the first difference, if there is one.
fn first_difference(
    entry: &Entry,
    without: &[String],
    sample: &[Script],
) -> Result<Option<String>, CliError> {
    if sample.is_empty() {
        return Ok(None);
    }
    let mut runner = entry.runner(without).map_err(CliError::input)?;
    let texts: Vec<String> = sample.iter().map(ToString::to_string).collect();
    let input = serde_json::to_string(&texts).map_err(|error| failed(error.to_string()))?;
    let output = in_fresh_process(entry, without, &["--digests"], &input)?;
    let digests: Vec<String> = serde_json::from_str(&output).map_err(|error| failed(error.to_string()))?;
    for (script, digest) in sample.iter().zip(digests) {
        let plan = Plan::Script(script);
        if quiet::running(|| runner.run(plan)).digest.to_string() != digest {
            let (here, there) = (quiet::running(|| runner.record(plan)).1, elsewhere(entry, without, plan)?);
            let differs = compare("in a fresh process", &here, &there).first_difference;
            let unseen = || "two runs of one plan differ, but not when they are recorded".to_owned();
            return Ok(Some(format!("{}, in the run of\n{script}", differs.unwrap_or_else(unseen))));
        }
    }
    Ok(None)
}

fn failed(what: String) -> CliError {
    CliError::new(Exit::Internal, format!("the fresh process: {what}"))
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

/// Repeats the run in a child process.
fn elsewhere(entry: &Entry, without: &[String], plan: Plan<'_>) -> Result<Arc<Trace>, CliError> {
    let text = match plan {
        Plan::Profiled(seed, _) => in_fresh_process(entry, without, &["--seed", &seed.to_string()], "")?,
        Plan::Script(script) => in_fresh_process(entry, without, &[], &script.to_string())?,
        other => return Err(failed(format!("it cannot make the run of {other:?}"))),
    };
    let file: TraceFile = text.parse().map_err(|error: TraceFileError| failed(error.to_string()))?;
    Ok(file.trace)
}

/// Runs `record` in a child process with other variables, another directory, another hash seed, other addresses. Returns
/// its output.
fn in_fresh_process(
    entry: &Entry,
    without: &[String],
    arguments: &[&str],
    input: &str,
) -> Result<String, CliError> {
    let myself = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(myself);
    command.args(["record", entry.name.as_str()]).args(without.iter().flat_map(|name| ["--without", name]));
    command.args(arguments);
    command.env_clear().envs([("TZ", "Asia/Kathmandu"), ("LANG", "tr_TR.UTF-8"), ("HOME", "/nonexistent")]);
    command.envs([("RUST_BACKTRACE", "full"), ("RUST_LOG", "trace"), ("MALLOC_ARENA_MAX", "1")]);
    command.current_dir(std::env::temp_dir());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    // A child that does not read its input has failed, which is reported below.
    let _ = child.stdin.take().map(|mut to_child| to_child.write_all(input.as_bytes()));
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
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
    /// Write only the digests of the runs of the scripts on stdin, which are a list of texts as JSON
    #[arg(long)]
    digests: bool,
}

impl Record {
    pub(super) fn execute(self, session: &Session) -> Result<Exit, CliError> {
        let entry = session.catalogue.find(&self.scenario)?;
        let mut runner = entry.runner(&self.without).map_err(CliError::input)?;
        let mut input = String::new();
        if self.seed.is_none() {
            let read = std::io::stdin().read_to_string(&mut input);
            read.map_err(|error| CliError::input(format!("cannot be read: {error}")).at("stdin"))?;
        }
        if self.digests {
            return put(&digests(runner.as_mut(), &input)?);
        }
        let script = if self.seed.is_none() { script_of(&input)? } else { Script::default() };
        let plan = self.seed.map_or(Plan::Script(&script), |seed| Plan::Profiled(seed, DEFAULT_PROFILE));
        let (_, trace) = quiet::running(|| runner.record(plan));
        put(&TraceFile::of_run(trace).to_string())
    }
}

fn put(text: &str) -> Result<Exit, CliError> {
    let written = std::io::stdout().write_all(text.as_bytes());
    written.map_err(|error| CliError::input(error.to_string()).at("stdout"))?;
    Ok(Exit::Held)
}

fn script_of(text: &str) -> Result<Script, CliError> {
    text.parse().map_err(|error: ScriptError| CliError::input(error.to_string()))
}

/// Executes the runs of these scripts and returns their digests, as JSON.
fn digests(runner: &mut dyn Rehearse, scripts: &str) -> Result<String, CliError> {
    let wrong = |error: serde_json::Error| CliError::input(error.to_string()).at("stdin");
    let scripts: Vec<String> = serde_json::from_str(scripts).map_err(wrong)?;
    let digest = |text: &String| {
        let script = script_of(text)?;
        Ok(quiet::running(|| runner.run(Plan::Script(&script))).digest.to_string())
    };
    let digests: Vec<String> = scripts.iter().map(digest).collect::<Result<_, CliError>>()?;
    serde_json::to_string(&digests).map_err(wrong)
}
