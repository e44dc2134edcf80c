//! `explain`: the causal story of a trace.

use super::exit::{Complaint, Exit};
use super::output::Output;
use crate::traces;
use shakedown_reports::{json, story, terminal};
use std::path::PathBuf;

/// Tells the story of a trace: each step with the steps that it follows from
///
/// The story is that of the recorded run; `replay` says whether the code still makes it.
#[derive(clap::Args)]
pub(super) struct Explain {
    /// The trace, as explore or run wrote it
    trace: PathBuf,
}

impl Explain {
    pub(super) fn answer(self, output: &Output) -> Result<Exit, Complaint> {
        output.without_reports("explain")?;
        let (file, _) = traces::load(&self.trace)?;
        let failure = file.failure();
        let rows = failure.as_ref().map_or_else(|| story::of_run(&file.trace), story::of_failure);
        output.print(
            |paper| match &failure {
                Some(failure) => terminal::explanation(paper, failure),
                None => terminal::account(paper, &file.trace),
            },
            || json::story(&file.trace, &rows),
        );
        Ok(Exit::Held)
    }
}
