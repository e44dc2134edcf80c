//! `replay`: runs a trace again.

use super::Session;
use super::exit::{CliError, Exit};
use super::run::campaign_of_one;
use crate::entry::Entry;
use crate::{context, findings, quiet, traces};
use shakedown_reports::{CampaignResult, Finding, json, terminal};
use shakedown_sim::Rehearse;
use shakedown_sim::search::{Replay as Replayed, Verdict, replay};
use std::path::PathBuf;

/// Repeats the run of a trace and compares both: exact, equivalent, drifted or lost
#[derive(clap::Args)]
pub(super) struct Replay {
    /// The trace file that `explore`, `certify`, `matrix` or `run` wrote
    trace: PathBuf,
}

impl Replay {
    pub(super) fn execute(self, session: &Session) -> Result<Exit, CliError> {
        let output = &session.output;
        let file = traces::read(&self.trace)?;
        let (entry, mut runner) = traces::runner_of(&session.catalogue, &self.trace, &file)?;
        let reports = output.open()?;
        let replayed = quiet::running(|| replay(runner.as_mut(), &file));
        let replayed =
            replayed.map_err(|misfit| CliError::input(misfit.to_string()).at(self.trace.display()))?;
        let (word, meaning) = meaning(&replayed.verdict);
        let violations = &replayed.trace.violations;
        let path = self.trace.display().to_string();
        let result = json::Replayed {
            trace: &path,
            replay: word,
            meaning: &meaning,
            digest: replayed.trace.digest.clone(),
            first_difference: first_difference(&replayed),
            violations: violations.iter().map(|violation| violation.invariant.as_str()).collect(),
            unapplied: replayed.outcome.unapplied.iter().map(|deviation| deviation.compact()).collect(),
        };
        output.print(
            |style| terminal::replayed(style, &result, &replayed.trace, violations),
            || json::replayed(&result),
        )?;
        reports.write_replay(&result, &self.run(entry, runner.as_mut(), &replayed))?;
        Ok(match replayed.verdict {
            Verdict::Drifted { .. } | Verdict::Lost => Exit::Drift,
            Verdict::Exact | Verdict::Equivalent if violations.is_empty() => Exit::Held,
            Verdict::Exact | Verdict::Equivalent => Exit::Violation,
        })
    }
}

impl Replay {
    /// Returns the new run in the form of a campaign.
    fn run(&self, entry: &Entry, runner: &mut dyn Rehearse, replayed: &Replayed) -> CampaignResult {
        let findings = replayed.failure.iter().map(|failure| Finding {
            context: context::of(entry, runner, failure),
            failure: failure.clone(),
            seed: replayed.trace.seed,
            count: 1,
            runs_to_find: 1,
            replays_identical: findings::replays_identically(runner, failure),
            trace: self.trace.display().to_string(),
        });
        let findings = findings.collect();
        campaign_of_one(entry, runner, &replayed.outcome, &replayed.trace, findings)
    }
}

fn first_difference(replayed: &Replayed) -> Option<u32> {
    match replayed.verdict {
        Verdict::Drifted { at, .. } => Some(at),
        _ => None,
    }
}

fn meaning(verdict: &Verdict) -> (&'static str, String) {
    match verdict {
        Verdict::Exact => ("exact", "the same run, event for event".to_owned()),
        Verdict::Equivalent => ("equivalent", "the code has changed, the failure has not".to_owned()),
        Verdict::Drifted { why, .. } => ("drifted", why.clone()),
        Verdict::Lost => ("lost", "every deviation applied, and nothing is broken any more".to_owned()),
    }
}
