//! `run`: one run, its timeline and its verdict.

use super::Session;
use super::amount;
use super::exit::{CliError, Exit};
use super::input::read_text;
use super::self_check;
use crate::campaign::DEFAULT_PROFILE;
use crate::entry::Entry;
use crate::watchdog::Watchdog;
use crate::{findings, quiet, supervision, traces};
use shakedown_reports::{CampaignResult, EndReason, Finding, GoalTally, Search, Verdict, json, terminal};
use shakedown_sim::search::fit;
use shakedown_sim::{Deviation, Moment, Offered, Outcome, Plan, Rehearse, Script, Trace, Variant};
use std::path::PathBuf;
use std::time::Duration;

/// Runs a scenario once: the happy path, or the run of a seed, a script or deviations
#[derive(clap::Args)]
pub(super) struct Run {
    /// The scenario
    scenario: String,
    /// The seed that draws the variant and the deviations
    #[arg(long, env = "SHAKEDOWN_SEED", value_name = "N", conflicts_with_all = ["script", "deviate", "variant"])]
    seed: Option<u64>,
    /// A file with the script to run
    #[arg(long, env = "SHAKEDOWN_SCRIPT", value_name = "FILE", conflicts_with_all = ["deviate", "variant"])]
    script: Option<PathBuf>,
    /// A deviation from the happy path (repeatable)
    #[arg(long, env = "SHAKEDOWN_DEVIATE", value_name = "SITE@SCOPE#N=ALT", value_delimiter = ';')]
    deviate: Vec<Deviation>,
    /// The parameters of the run that differ from their defaults
    #[arg(long, env = "SHAKEDOWN_VARIANT", value_name = "k=v ...")]
    variant: Option<Variant>,
    /// Take a guardrail out of the design (repeatable), in addition to those that a script takes out
    #[arg(long, env = "SHAKEDOWN_WITHOUT", value_name = "GUARDRAIL", value_delimiter = ',')]
    without: Vec<String>,
    /// Also repeat the run: in this process, after other runs, and in a fresh process. A
    /// difference gives exit code 5
    #[arg(long, env = "SHAKEDOWN_TWICE")]
    twice: bool,
    /// The directory for the trace of a failure
    #[arg(long, env = "SHAKEDOWN_TRACES", value_name = "DIR", default_value = traces::DIRECTORY)]
    traces: PathBuf,
    /// The time limit of the run; a run that takes longer is a violation
    #[arg(long, env = "SHAKEDOWN_WATCHDOG", value_name = "DURATION", default_value = "60s", value_parser = amount::span)]
    watchdog: Duration,
}

/// The source of the run's decisions, validated.
enum RunSource {
    Seed(u64),
    Script(Script),
}

impl RunSource {
    fn plan(&self) -> Plan<'_> {
        match self {
            RunSource::Seed(seed) => Plan::Profiled(*seed, DEFAULT_PROFILE),
            RunSource::Script(script) => Plan::Script(script),
        }
    }
}

impl Run {
    pub(super) fn execute(self, session: &Session) -> Result<Exit, CliError> {
        let output = &session.output;
        let entry = session.catalogue.find(&self.scenario)?;
        let script = self.read_script()?;
        let mut without = script.as_ref().map(|script| script.without.clone()).unwrap_or_default();
        let added = self.without.iter().filter(|name| !without.contains(name)).cloned().collect::<Vec<_>>();
        without.extend(added);
        let mut runner = entry.runner(&without).map_err(CliError::input)?;
        supervision::set_timeout(self.watchdog);
        let _watchdog = self.guard(entry);
        let source = self.source(runner.as_mut(), script)?;
        let reports = output.open()?;

        let (outcome, trace) = quiet::running(|| runner.record(source.plan()));
        let unmet: Vec<CliError> = outcome.unapplied.iter().map(|one| unmet(one, &runner.offers())).collect();
        let found = findings::of_run(entry, runner.as_mut(), &trace, &self.traces)
            .map_err(|error| traces::unwritable(&self.traces, &error))?;
        let checks = match self.twice {
            true => self_check::check(entry, &without, source.plan(), &trace)?,
            false => Vec::new(),
        };
        let result = [campaign_of_one(entry, runner.as_ref(), &outcome, &trace, found)];
        output.print(
            |style| {
                let story = match result[0].findings.as_slice() {
                    [] => terminal::held(style, &trace, outcome.ended, &reached(runner.as_ref(), &outcome)),
                    failures => terminal::failures_of(style, failures),
                };
                story + &terminal::self_check(style, &checks)
            },
            || json::campaigns(&result, &checks),
        )?;
        reports.write(&result)?;
        for cli_error in unmet {
            eprintln!("{cli_error}");
        }
        Ok(Exit::of([
            if outcome.violations.is_empty() { Exit::Held } else { Exit::Violation },
            if outcome.unapplied.is_empty() { Exit::Held } else { Exit::Drift },
            if result[0].findings.iter().all(|finding| finding.replays_identical) {
                Exit::Held
            } else {
                Exit::Drift
            },
            if checks.iter().all(|check| check.same) { Exit::Held } else { Exit::Drift },
        ]))
    }

    fn guard(&self, entry: &Entry) -> Watchdog {
        let run = self.seed.map_or_else(|| "the run".to_owned(), |seed| format!("seed {seed}"));
        let watchdog = Watchdog::new(1, self.watchdog, &entry.name, move |_| run.clone());
        watchdog.begin(0, 0);
        watchdog
    }

    fn read_script(&self) -> Result<Option<Script>, CliError> {
        let Some(path) = &self.script else { return Ok(None) };
        let wrong = |what: String| CliError::input(what).at(path.display());
        let text = read_text(path)?;
        text.parse().map(Some).map_err(|error: shakedown_sim::ScriptError| wrong(error.to_string()))
    }

    fn source(&self, runner: &mut dyn Rehearse, script: Option<Script>) -> Result<RunSource, CliError> {
        if let Some(seed) = self.seed {
            return Ok(RunSource::Seed(seed));
        }
        let happy = runner.happy(0);
        let script = match script {
            Some(script) => Script { without: happy.without, ..script },
            None => {
                let variant = self.variant.clone().unwrap_or_default();
                Script { variant, deviations: self.deviate.clone(), ..happy }
            }
        };
        let fitted = quiet::running(|| fit(runner, &script));
        fitted.map(RunSource::Script).map_err(|misfit| {
            let cli_error = CliError::input(misfit.to_string());
            let cli_error = match &self.script {
                Some(path) => cli_error.at(path.display()),
                None => cli_error,
            };
            cli_error.remedy(format!("`{} list {}` shows what there is", super::program(), self.scenario))
        })
    }
}

/// Returns the error about a deviation that was never offered, with the scopes at which its site was met.
fn unmet(deviation: &Deviation, offers: &[Offered]) -> CliError {
    let site = offers.iter().filter(|offered| offered.id.site == deviation.id.site);
    let places: Vec<String> =
        site.map(|offered| format!("{} #{}", offered.id.scope, offered.id.nth)).collect();
    let elsewhere = match places.as_slice() {
        [] => "its site is not met in this run at all".to_owned(),
        [first, _, _, _, .., last] => {
            format!("this run meets its site {} times, from {first} to {last}", places.len())
        }
        few => format!("this run meets its site at {}", few.join(", ")),
    };
    CliError::new(Exit::Drift, format!("`{deviation}` was never offered")).remedy(elsewhere)
}

fn reached(runner: &dyn Rehearse, outcome: &Outcome) -> Vec<&'static str> {
    let goals = runner.goals().into_iter().enumerate();
    goals.filter(|(bit, _)| outcome.goals >> bit & 1 == 1).map(|(_, name)| name).collect()
}

/// Returns a single run in the form of a campaign.
pub(super) fn campaign_of_one(
    entry: &Entry,
    runner: &dyn Rehearse,
    outcome: &Outcome,
    trace: &Trace,
    findings: Vec<Finding>,
) -> CampaignResult {
    let goals = runner.goals().into_iter().enumerate().map(|(bit, name)| GoalTally {
        name: name.to_owned(),
        reached: outcome.goals >> bit & 1,
        need: entry.need(name),
    });
    let variants =
        trace.script.variant.0.iter().map(|(name, value)| (name.clone(), vec![(value.clone(), 1)]));
    CampaignResult {
        scenario: entry.name.to_owned(),
        without: trace.script.without.clone(),
        verdict: if outcome.violations.is_empty() { Verdict::Held } else { Verdict::Violated },
        end_reason: EndReason::Complete,
        runs: 1,
        failing: u64::from(!outcome.violations.is_empty()),
        digest: outcome.digest,
        seeds: trace.seed.map(|seed| seed..seed.saturating_add(1)),
        build: super::BUILD.to_owned(),
        worth: Vec::new(),
        simulated: outcome.ended - Moment::START,
        goals: goals.collect(),
        variants: variants.collect(),
        invariants: runner.invariants().into_iter().map(|(name, _)| name.to_owned()).collect(),
        trace: findings.is_empty().then(|| trace.clone()),
        findings,
        search: Search::default(),
        canaries: Vec::new(),
        assumptions: entry.assumptions.clone(),
    }
}
