//! `explain`: the causal story of a trace.

use super::Session;
use super::exit::{CliError, Exit};
use super::output::{Kind, Story};
use crate::{context, quiet, traces};
use shakedown_reports::{FailureContext, Program, likely, terminal};
use shakedown_sim::TraceFile;
use shakedown_sim::search::{Failure, Likelihood, fit, likelihood};
use std::path::PathBuf;

/// Explains the run of a trace: each step with its causes
///
/// The trace contains the recorded run, so the scenario is not needed, except for --likelihood. Use `replay` to learn whether
/// the current code still gives the same run.
#[derive(clap::Args)]
pub(super) struct Explain {
    /// The trace file that `explore`, `certify`, `matrix` or `run` wrote
    trace: PathBuf,
    /// Also estimate how likely the failure is from each point of the run on, with N continuations of each point
    #[arg(long, env = "SHAKEDOWN_LIKELIHOOD", value_name = "N", num_args = 0..=1, default_missing_value = "64",
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    likelihood: Option<u32>,
}

impl Explain {
    pub(super) fn execute(self, session: &Session) -> Result<Exit, CliError> {
        let output = &session.output;
        let file = traces::read(&self.trace)?;
        let reports = output.open_for("explain", &Kind::OF_A_TRACE)?;
        let failure = file.failure();
        let likely = self.likelihood.map(|count| self.likelihood(session, &file, count)).transpose()?;
        let context = failure.as_ref().map(|failure| context_of(session, &file, failure));
        let program = Program::new(super::program_path());
        let context = context.unwrap_or_else(|| FailureContext { program, ..FailureContext::default() });
        let path = self.trace.display().to_string();
        let (failure, likely) = (failure.as_ref(), likely.as_ref());
        let story = Story { trace: &file.trace, failure, context: &context, likely, path: &path };
        output.print_story(&story, |style| match failure {
            Some(failure) => {
                let story = terminal::explanation(style, failure, &context);
                story + &likely.map(|likely| likely::plot(style, likely)).unwrap_or_default()
            }
            None => terminal::passing_run(style, &file.trace),
        })?;
        reports.write_story(&story)?;
        Ok(Exit::Held)
    }

    fn likelihood(&self, session: &Session, file: &TraceFile, count: u32) -> Result<Likelihood, CliError> {
        let (_, mut runner) = traces::runner_of(&session.catalogue, &self.trace, file)?;
        let runner = runner.as_mut();
        let wrong = |what: String| CliError::input(what).at(self.trace.display());
        let explained =
            file.explained.as_ref().ok_or_else(|| wrong("it holds no failure to be likely".to_owned()))?;
        let script =
            quiet::running(|| fit(runner, &file.trace.script)).map_err(|misfit| wrong(misfit.to_string()))?;
        Ok(quiet::running(|| likelihood(runner, &script, &explained.violation, count)))
    }
}

/// What the trace holds of runs to compare with. A trace of an earlier version holds nothing: then they are made, if the
/// scenario is in the catalogue.
fn context_of(session: &Session, file: &TraceFile, failure: &Failure) -> FailureContext {
    let made = || {
        let script = &failure.shrunk;
        let entry = session.catalogue.find(&script.scenario).ok()?;
        let mut runner = entry.runner(&script.without).ok()?;
        Some(context::of(entry, runner.as_mut(), failure))
    };
    let context = traces::context(file).or_else(made).unwrap_or_default();
    FailureContext { program: Program::new(super::program_path()), ..context }
}
