//! `explain`: the causal story of a trace.

use super::Session;
use super::exit::{CliError, Exit};
use super::output::{Kind, Story};
use crate::{context, quiet, traces};
use shakedown_reports::{likely, terminal};
use shakedown_sim::search::{Likelihood, fit, likelihood};
use shakedown_sim::{Rehearse, TraceFile};
use std::path::PathBuf;

/// Tells the story of a trace: each step with the steps that it follows from
///
/// The story is that of the recorded run; `replay` says whether the code still makes it.
#[derive(clap::Args)]
pub(super) struct Explain {
    /// The trace, as explore or run wrote it
    trace: PathBuf,
    /// Also work out how likely the failure was along the run's steps, with N continuations of each point
    #[arg(long, env = "SHAKEDOWN_LIKELIHOOD", value_name = "N", num_args = 0..=1, default_missing_value = "64",
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    likelihood: Option<u32>,
}

impl Explain {
    pub(super) fn execute(self, session: &Session) -> Result<Exit, CliError> {
        let output = &session.output;
        let file = traces::read(&self.trace)?;
        let (entry, mut runner) = traces::runner_of(&session.catalogue, &self.trace, &file)?;
        let reports = output.open_for("explain", &Kind::OF_A_TRACE)?;
        let failure = file.failure();
        let likely =
            self.likelihood.map(|count| self.likelihood(&file, runner.as_mut(), count)).transpose()?;
        let context =
            failure.as_ref().map(|failure| context::of(entry, runner.as_mut(), failure)).unwrap_or_default();
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

    fn likelihood(
        &self,
        file: &TraceFile,
        runner: &mut dyn Rehearse,
        count: u32,
    ) -> Result<Likelihood, CliError> {
        let wrong = |what: String| CliError::input(what).at(self.trace.display());
        let explained =
            file.explained.as_ref().ok_or_else(|| wrong("it holds no failure to be likely".to_owned()))?;
        let script =
            quiet::running(|| fit(runner, &file.trace.script)).map_err(|misfit| wrong(misfit.to_string()))?;
        Ok(quiet::running(|| likelihood(runner, &script, &explained.violation, count)))
    }
}
