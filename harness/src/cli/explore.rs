//! `explore`: a seeded campaign.

mod merge;
mod shard;

use super::Session;
use super::amount;
use super::archive::{ArchiveArgs, add_known};
use super::exit::{CliError, Exit};
use super::progress::Progress;
use super::self_check;
use super::shard::ShardArgs;
use crate::campaign::{self, CampaignRequest, InternalError, Strategy};
use crate::canary;
use crate::entry::{Entry, LEAST_NEED};
use crate::{findings, supervision, worth};
use shakedown_reports::{
    CampaignResult, Canary, EndReason, Finding, GoalTally, Search, Verdict, json, terminal,
};
use shakedown_sim::search::{Campaign, fit};
use shakedown_sim::{Profile, Script, Variant, small_variants};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Runs many seeds of scenarios, and shrinks and explains each failure
///
/// The result covers the seeds from the first one on without a gap. It does not depend on the number of threads.
#[derive(clap::Args)]
pub(super) struct Explore {
    /// The scenarios [default: all]
    scenarios: Vec<String>,
    /// The number of seeds, from 0 on; or a range A..B, without B [default: as many as the goals need]
    #[arg(long, env = "SHAKEDOWN_SEEDS", value_name = "N|A..B", value_parser = amount::seeds)]
    seeds: Option<Range<u64>>,
    /// The number of threads [default: the number of processors]
    #[arg(long, short, env = "SHAKEDOWN_JOBS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Stop after this number of failing runs
    #[arg(long, env = "SHAKEDOWN_MAX_FAIL", value_name = "M", default_value = "8",
        value_parser = clap::value_parser!(u32).range(1..))]
    max_fail: u32,
    /// Stop after this time, such as 30s or 10min
    #[arg(long, env = "SHAKEDOWN_BUDGET", value_name = "DURATION", value_parser = amount::span)]
    budget: Option<Duration>,
    /// Fix these parameters; seeds draw the others. Not with --guided or --around-goals
    #[arg(long, env = "SHAKEDOWN_VARIANT", value_name = "k=v ...", conflicts_with_all = ["guided", "around_goals"])]
    variant: Option<Variant>,
    /// Take a guardrail out of the design (repeatable)
    #[arg(long, env = "SHAKEDOWN_WITHOUT", value_name = "GUARDRAIL", value_delimiter = ',')]
    without: Vec<String>,
    /// The fault-rate profile: mixed, calm, storm, or even (plain random testing, for comparison)
    #[arg(long, env = "SHAKEDOWN_PROFILE", value_name = "NAME", default_value = "mixed", value_parser = profile)]
    profile: Profile,
    /// Run tasks first in, first out in all runs. Without this flag, half of the runs draw the order of tasks
    #[arg(long, env = "SHAKEDOWN_FIFO")]
    fifo: bool,
    /// In three of four runs, also draw pauses and lost connections before the statements of transactions
    #[arg(long, env = "SHAKEDOWN_STATEMENTS")]
    statements: bool,
    /// Derive half of the runs from earlier runs that reached something new
    #[arg(long, env = "SHAKEDOWN_GUIDED")]
    guided: bool,
    /// In each block of 256 runs, derive half of them from one that reached a rare goal. Not with --guided
    #[arg(long, env = "SHAKEDOWN_AROUND_GOALS", conflicts_with = "guided")]
    around_goals: bool,
    /// A canary: a guardrail whose removal the campaign must catch (repeatable); `none` for no canary. Not with --without
    /// [default: those of the scenario]
    #[arg(
        long,
        env = "SHAKEDOWN_CANARY",
        value_name = "GUARDRAIL",
        value_delimiter = ',',
        conflicts_with = "without"
    )]
    canary: Vec<String>,
    /// Accept a scenario without choices, or with most of its work after the last possible fault
    #[arg(long, env = "SHAKEDOWN_ALLOW_TRIVIAL")]
    allow_trivial: bool,
    /// The directory for the traces of failures
    #[arg(long, env = "SHAKEDOWN_TRACES", value_name = "DIR", default_value = crate::traces::DIRECTORY)]
    traces: PathBuf,
    /// The time limit of one run; a run that takes longer is a violation
    #[arg(long, env = "SHAKEDOWN_WATCHDOG", value_name = "DURATION", default_value = "60s", value_parser = amount::span)]
    watchdog: Duration,
    #[command(flatten)]
    shard: ShardArgs,
    #[command(flatten)]
    archive: ArchiveArgs,
}

impl Explore {
    pub(super) fn execute(self, session: &Session) -> Result<Exit, CliError> {
        let output = &session.output;
        let entries = session.catalogue.select(&self.scenarios)?;
        for entry in &entries {
            let mut runner = entry.runner(&self.without).map_err(CliError::input)?;
            if let Some(variant) = &self.variant {
                let script = Script { variant: variant.clone(), ..runner.happy(0) };
                crate::quiet::running(|| fit(runner.as_mut(), &script))
                    .map_err(|misfit| CliError::input(misfit.to_string()))?;
            }
            for canary in self.canaries(entry) {
                entry.runner(&canary).map_err(CliError::input)?;
            }
        }
        if entries.is_empty() || self.seeds.as_ref().is_some_and(Range::is_empty) {
            return Err(CliError::new(Exit::Nothing, "nothing is selected: no scenario, or no seed"));
        }
        if let Some(shard) = self.shard.shard()? {
            return self.execute_shard(session, &entries, shard);
        }
        crate::traces::check(&self.traces)?;
        let reports = output.open()?;
        let stop = stop_on_interrupt();
        supervision::set_timeout(self.watchdog);
        let deadline = self.budget.map(|budget| Instant::now() + budget);
        let (mut results, mut repeated) = (Vec::new(), Vec::new());
        for entry in entries {
            let known = self.known_failures(session, entry)?;
            let (mut result, campaign) = self.campaign(entry, deadline, &stop)?;
            repeated.push(self.repeat(entry, &campaign, &mut result)?);
            add_known(&mut result, known);
            results.push(result);
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        output.print(
            |style| results.iter().map(|one| terminal::campaign(style, one)).collect::<Vec<_>>().join("\n"),
            || json::campaigns(&results, &[]),
        )?;
        reports.write(&results)?;
        self.archive.record(session, "explore", &results)?;
        Ok(Exit::of(results.iter().map(exit).chain(repeated)))
    }

    /// Returns the failures that the archive knows and that still fail.
    fn known_failures(&self, session: &Session, entry: &Entry) -> Result<Vec<Finding>, CliError> {
        self.archive.known_failures(session.catalogue.name(), entry, &self.without, &self.traces)
    }

    fn campaign(
        &self,
        entry: &Entry,
        deadline: Option<Instant>,
        stop: &AtomicBool,
    ) -> Result<(CampaignResult, Campaign), CliError> {
        let request = self.request(entry, deadline, stop)?;
        let mut progress = Progress::begin(&entry.name, request.seeds.end - request.seeds.start);
        let ran = campaign::run(&request, |campaign| progress.show(campaign));
        progress.end();
        let (campaign, end_reason) = ran.map_err(failed)?;
        Ok((self.conclude(&request, &campaign, end_reason)?, campaign))
    }

    /// Returns the profile with what is drawn beside faults.
    fn drawn(&self) -> Profile {
        let profile = if self.fifo { self.profile } else { self.profile.with_task_order() };
        if self.statements { profile.with_statements() } else { profile }
    }

    /// Returns the name of the profile, with what is drawn beside faults and task order.
    fn profile_text(&self) -> String {
        let statements =
            if self.statements { ", pauses before statements in three of four runs" } else { "" };
        let around = if self.around_goals { ", half of the runs around rare goals" } else { "" };
        format!("{}{statements}{around}", self.profile.name)
    }

    /// Returns how runs are chosen.
    fn strategy(&self) -> Strategy {
        match (self.guided, self.around_goals) {
            (true, _) => Strategy::Guided,
            (false, true) => Strategy::AroundGoals,
            (false, false) => Strategy::Seeds,
        }
    }

    /// Returns what is to be run of a scenario.
    ///
    /// # Errors
    /// If its design cannot be built.
    pub(super) fn request<'a>(
        &'a self,
        entry: &'a Entry,
        deadline: Option<Instant>,
        stop: &'a AtomicBool,
    ) -> Result<CampaignRequest<'a>, CliError> {
        let goals = entry.runner(&self.without).map_err(CliError::input)?.goals();
        let need = goals.iter().map(|goal| entry.need(goal)).max().unwrap_or(LEAST_NEED);
        Ok(CampaignRequest {
            entry,
            without: &self.without,
            variant: self.variant.as_ref(),
            seeds: self.seeds.clone().unwrap_or(0..need),
            profile: self.drawn(),
            strategy: self.strategy(),
            jobs: self.jobs.map_or_else(processors, usize::from),
            failures_max: self.max_fail as usize,
            deadline,
            stop,
            timeout: self.watchdog,
            sites: None,
        })
    }

    /// Shrinks what failed in a finished campaign, runs the canaries, and returns the result. It depends on nothing but the
    /// campaign, so that shards put together give the result of one run.
    ///
    /// # Errors
    /// If the harness itself failed, or a trace cannot be written.
    pub(super) fn conclude(
        &self,
        request: &CampaignRequest<'_>,
        campaign: &Campaign,
        end_reason: EndReason,
    ) -> Result<CampaignResult, CliError> {
        let entry = request.entry;
        let mut runner = entry.runner(&self.without).map_err(CliError::input)?;
        let goals = runner.goals();
        let end_reason = match end_reason {
            EndReason::Complete if !self.allow_trivial => {
                let fixed = self.variant.clone().unwrap_or_default();
                let variants = small_variants(runner.parameters(), &fixed);
                worth::weakness(runner.as_mut(), variants).unwrap_or(end_reason)
            }
            other => other,
        };
        let canaries = match end_reason {
            EndReason::Interrupted => Vec::new(),
            _ => self.run_canary(request)?,
        };
        let found = findings::of_campaign(entry, runner.as_mut(), campaign, &self.traces)
            .map_err(|error| crate::traces::unwritable(&self.traces, &error))?;
        let reached = campaign.tally.goals.iter().copied().chain(std::iter::repeat(0));
        let goals = goals.iter().zip(reached).map(|(name, reached)| GoalTally {
            name: (*name).to_owned(),
            reached,
            need: entry.need(name),
        });
        let mut result = CampaignResult {
            scenario: entry.name.to_owned(),
            without: self.without.clone(),
            verdict: Verdict::Held,
            end_reason,
            seeds: Some(campaign.seeds.clone()),
            runs: campaign.tally.runs,
            failing: campaign.failing.len() as u64,
            digest: campaign.tally.digest(),
            build: super::BUILD.to_owned(),
            worth: worth::facts(&campaign.tally)
                .into_iter()
                .chain(worth::choices_met(campaign, end_reason))
                .collect(),
            simulated: campaign.tally.simulated,
            goals: goals.collect(),
            variants: match self.strategy() {
                // The variant of a run is then not the one that its number draws.
                Strategy::Guided | Strategy::AroundGoals => Vec::new(),
                Strategy::Seeds => campaign::variants(
                    runner.as_ref(),
                    &self.variant.clone().unwrap_or_default(),
                    campaign.seeds.clone(),
                ),
            },
            invariants: runner.invariants().into_iter().map(|(name, _)| name.to_owned()).collect(),
            findings: found,
            trace: None,
            search: Search {
                profile: self.profile_text(),
                guided: self.strategy() != Strategy::Seeds,
                task_order: !self.fifo,
            },
            canaries,
            assumptions: entry.assumptions.clone(),
        };
        result.verdict = verdict(&result, campaign);
        Ok(result)
    }

    /// The guardrails whose lack must be caught, each with those that mask it. A design that already lacks
    /// something has none.
    fn canaries(&self, entry: &Entry) -> Vec<Vec<String>> {
        match self.canary.as_slice() {
            _ if !self.without.is_empty() => Vec::new(),
            [] => entry.canaries(),
            [none] if none == "none" => Vec::new(),
            named => named.iter().map(|name| vec![name.clone()]).collect(),
        }
    }

    fn run_canary(&self, request: &CampaignRequest<'_>) -> Result<Vec<Canary>, CliError> {
        let canaries = self.canaries(request.entry).into_iter();
        let canaries_run =
            canaries.map(|name| canary::run_canary(request, &name)).collect::<Result<Vec<_>, _>>();
        // One that was stopped has neither been caught nor survived.
        canaries_run.map_err(failed).map(|mut canaries_run| {
            canaries_run.retain(|canary| canary.caught || canary.runs == canary::RUNS_MAX);
            canaries_run
        })
    }

    /// Repeats a sample of the runs of a campaign in another process, and adds to its result whether they were the same.
    /// A difference is printed on stderr.
    ///
    /// # Errors
    /// If the other process fails.
    fn repeat(
        &self,
        entry: &Entry,
        campaign: &Campaign,
        result: &mut CampaignResult,
    ) -> Result<Exit, CliError> {
        if result.end_reason == EndReason::Interrupted {
            return Ok(Exit::Held);
        }
        let mut runner = entry.runner(&self.without).map_err(CliError::input)?;
        let fixed = self.variant.as_ref();
        let sample = worth::sample_of_campaign(runner.as_mut(), campaign, fixed, self.strategy());
        let exit = self_check::repeat(entry, &self.without, &sample, &mut result.worth)?;
        if exit == Exit::Drift && result.verdict == Verdict::Held {
            result.verdict = Verdict::Inconclusive;
        }
        Ok(exit)
    }
}

/// Returns the error about a harness that failed.
pub(super) fn failed(broken: InternalError) -> CliError {
    CliError::new(Exit::Internal, broken.to_string())
}

fn profile(name: &str) -> Result<Profile, String> {
    let names: Vec<&str> = Profile::ALL.iter().map(|profile| profile.name).collect();
    let found = Profile::ALL.into_iter().find(|profile| profile.name == name);
    found.ok_or_else(|| format!("there is no profile `{name}`; there are: {}", names.join(", ")))
}

pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Returns a flag that the first SIGINT, SIGTERM or SIGHUP sets, so that the campaign ends at a chunk with its summary. The second one
/// ends the process.
pub(super) fn stop_on_interrupt() -> Arc<AtomicBool> {
    if let Some(link) = supervision::link() {
        return link.stop();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    let set = ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("stopping; once more to quit without a result");
    });
    if let Err(error) = set {
        eprintln!("an interrupt will end this without a result: {error}");
    }
    stop
}

/// A design that lacks something on purpose has no goals to reach: it is expected to break.
fn verdict(result: &CampaignResult, campaign: &Campaign) -> Verdict {
    let missed = result.goals.iter().any(|goal| goal.reached == 0);
    match result.end_reason {
        _ if !campaign.failing.is_empty() => Verdict::Violated,
        EndReason::Interrupted | EndReason::Trivial | EndReason::Undisturbed => Verdict::Inconclusive,
        _ if result.runs == 0 => Verdict::Inconclusive,
        _ if result.canaries.iter().any(|canary| !canary.caught) => Verdict::Inconclusive,
        _ if result.without.is_empty() && missed => Verdict::Inconclusive,
        _ => Verdict::Held,
    }
}

fn exit(result: &CampaignResult) -> Exit {
    if result.findings.iter().any(|finding| !finding.replays_identical) {
        return Exit::Drift;
    }
    if result.verdict != Verdict::Violated && result.canaries.iter().any(|canary| !canary.caught) {
        return Exit::CanarySurvived;
    }
    let missed = || result.goals.iter().filter(|goal| goal.reached == 0);
    match result.verdict {
        Verdict::Held => Exit::Held,
        Verdict::Violated => Exit::Violation,
        Verdict::Inconclusive if result.end_reason != EndReason::Complete => Exit::Inconclusive,
        Verdict::Inconclusive if missed().any(|goal| result.runs >= goal.need) => Exit::GoalMissed,
        Verdict::Inconclusive => Exit::Inconclusive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guardrail::{Guardrail, NaiveForm};
    use clap::Parser;
    use shakedown_sim::{Alternatives, At, Fact, Goals, Invariant, Role, Scenario, Site, Stage};

    /// One toss of a coin, which nobody minds and whose falling on its edge somebody hopes for.
    struct Toss;

    #[derive(serde::Serialize)]
    struct Fell(usize);

    impl Fact for Fell {
        fn sentence(&self) -> String {
            format!("falls on side {}", self.0)
        }
    }

    struct OnEdge;

    impl Goals<Fell> for OnEdge {
        fn names(&self) -> Vec<&'static str> {
            vec!["on its edge"]
        }
        fn reset(&mut self) {}
        fn observe(&mut self, _: &At<'_>, Fell(side): &Fell) -> u64 {
            u64::from(*side == 2)
        }
    }

    impl Scenario for Toss {
        type Fact = Fell;
        fn name(&self) -> &str {
            "toss"
        }
        fn build(&self, stage: &Stage<Fell>) {
            let (coin, facts) = (stage.node(Role::outside("coin".into()), |_| {}), stage.facts().clone());
            coin.clone().spawn(async move {
                let sides = Alternatives::new(&["heads", "tails"]);
                facts.state(
                    &coin,
                    &Fell(coin.choose(Site::new("coin".into(), "side".into()), &sides).index()),
                );
            });
        }
        fn invariants(&self) -> Vec<Box<dyn Invariant<Fell>>> {
            Vec::new()
        }
        fn goals(&self) -> Option<Box<dyn Goals<Fell>>> {
            Some(Box::new(OnEdge))
        }
    }

    /// An entry whose design breaks nothing, whatever it lacks.
    fn blind() -> Entry {
        let naive = || NaiveForm::new("nothing").breaks("lands");
        let hand = Guardrail::new("hand", "it is caught").naive(naive());
        let table = Guardrail::new("table", "it falls on something even").naive(naive());
        Entry::new("toss", |_| Toss).guardrail(hand).guardrail(table).needs("on its edge", 50)
    }

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        explore: Explore,
    }

    fn check(arguments: &[&str], code: u8, expected: Exit) {
        let command = Command::parse_from([&["explore"], arguments].concat());
        let result = command.explore.campaign(&blind(), None, &AtomicBool::new(false)).expect("it runs").0;
        let ended = exit(&result);
        assert_eq!((ended, ended.code()), (expected, code), "{arguments:?}");
        let told = json::campaigns(&[result], &[]);
        assert!(told.contains("\"verdict\": \"inconclusive\""), "{told}");
    }

    #[test]
    fn a_canary_that_survives_makes_a_campaign_red() {
        check(&["--seeds", "60"], 7, Exit::CanarySurvived);
        check(&["--seeds", "1", "--canary", "hand"], 7, Exit::CanarySurvived);
    }

    #[test]
    fn a_goal_that_is_never_reached_makes_a_campaign_red_once_it_had_seeds_enough() {
        check(&["--seeds", "50", "--canary", "none"], 7, Exit::GoalMissed);
        check(&["--seeds", "49", "--canary", "none"], 3, Exit::Inconclusive);
        check(&["--canary", "none"], 7, Exit::GoalMissed);
    }
}
