//! A campaign in the background: one at a time, with its progress for everybody who watches.

use super::lock;
use super::refusal::Refusal;
use super::{Options, address};
use crate::campaign::{self, CampaignRequest, DEFAULT_PROFILE, Strategy};
use crate::catalogue::Catalogue;
use crate::{findings, quiet};
use serde::{Deserialize, Serialize};
use shakedown_reports::html::live;
use shakedown_sim::SitesMet;
use shakedown_sim::search::Campaign;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Which campaign to run.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CampaignAsked {
    scenario: String,
    #[serde(default)]
    without: Vec<String>,
    /// The number of seeds, from 0.
    seeds: u64,
}

/// How far a campaign is.
#[derive(Clone, Default, Serialize)]
pub(super) struct Progress {
    state: RunState,
    scenario: String,
    without: Vec<String>,
    runs: u64,
    total: u64,
    /// The number of failing runs.
    failing: u64,
    goals: Vec<GoalReached>,
    /// Failing runs by invariant, as they are found.
    groups: Vec<FailingGroup>,
    /// How goals and coverage grew.
    points: Vec<Point>,
    /// The findings, shrunk and by their cause, as markup; once the campaign has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
enum RunState {
    #[default]
    None,
    Running,
    /// The runs are made; failures are being shrunk.
    Shrinking,
    Done,
    Failed,
}

#[derive(Clone, Serialize)]
struct GoalReached {
    name: String,
    /// The number of runs that reached it.
    reached: u64,
}

#[derive(Clone, Serialize)]
struct FailingGroup {
    invariant: String,
    roles: String,
    runs: u64,
}

/// One point of the plot.
#[derive(Clone, Copy, Serialize)]
struct Point {
    runs: u64,
    /// The number of goals reached at least once.
    goals: usize,
    /// The number of deviations that choices offered, by site and alternative.
    offered: usize,
    /// How many of them were taken at least once.
    taken: usize,
}

/// The campaign that runs, or ran last.
pub(super) struct Board {
    shown: Arc<watch::Sender<Arc<Progress>>>,
    /// Ends the campaign that is shown.
    stop: Arc<Mutex<Arc<AtomicBool>>>,
}

impl Default for Board {
    fn default() -> Self {
        Self { shown: Arc::new(watch::Sender::default()), stop: Arc::default() }
    }
}

/// A campaign of the page has at most this many runs.
const SEEDS_MAX: u64 = 100_000_000;
/// A campaign ends at this many failing runs.
const FAILURES_MAX: usize = 8;
/// Progress is shown at most this often.
const PAUSE: Duration = Duration::from_millis(100);
/// The plot has at most this many points: then every second one is dropped.
const POINTS_MAX: usize = 240;

impl Board {
    /// Returns what changes as the campaign proceeds.
    pub(super) fn watch(&self) -> watch::Receiver<Arc<Progress>> {
        self.shown.subscribe()
    }

    /// Stops the campaign, if one runs.
    pub(super) fn stop(&self) {
        lock(&self.stop).store(true, Ordering::Relaxed);
    }

    /// Starts a campaign on a thread of its own; one that runs is stopped.
    ///
    /// # Errors
    /// If the request names what the catalogue does not have.
    pub(super) fn start(&self, options: &Options, asked: CampaignAsked) -> Result<(), Refusal> {
        let entry = options.catalogue.find(&asked.scenario);
        let entry = entry.map_err(|unknown| Refusal::input(unknown.to_string()))?;
        let goals = entry.runner(&asked.without).map_err(Refusal::input)?.goals();
        if !(1..=SEEDS_MAX).contains(&asked.seeds) {
            return Err(Refusal::input(format!("expected 1 to {SEEDS_MAX} seeds")));
        }
        let stop = Arc::new(AtomicBool::new(false));
        std::mem::replace(&mut *lock(&self.stop), Arc::clone(&stop)).store(true, Ordering::Relaxed);
        let progress = Progress {
            state: RunState::Running,
            scenario: asked.scenario.clone(),
            without: asked.without.clone(),
            total: asked.seeds,
            ..Progress::default()
        };
        let live = Live {
            shown: Arc::clone(&self.shown),
            stop,
            current: Arc::clone(&self.stop),
            progress,
            goals: goals.into_iter().map(str::to_owned).collect(),
            sites: Mutex::default(),
            due: Instant::now(),
        };
        live.show();
        let job = Job {
            catalogue: options.catalogue.clone(),
            traces: options.traces.clone(),
            jobs: options.jobs,
            timeout: options.timeout,
            asked,
        };
        std::thread::spawn(move || job.run(live));
        Ok(())
    }
}

/// What the thread of a campaign owns.
struct Job {
    catalogue: Catalogue,
    traces: PathBuf,
    jobs: usize,
    timeout: Duration,
    asked: CampaignAsked,
}

impl Job {
    fn run(&self, mut live: Live) {
        let result = catch_unwind(AssertUnwindSafe(|| self.findings(&mut live)));
        let result = result.unwrap_or_else(|panic| Err(quiet::message_of(panic.as_ref())));
        match result {
            Ok(findings) => {
                live.progress.findings = Some(findings);
                live.progress.state = RunState::Done;
            }
            Err(error) => {
                live.progress.error = Some(error);
                live.progress.state = RunState::Failed;
            }
        }
        live.show();
    }

    fn findings(&self, live: &mut Live) -> Result<String, String> {
        let CampaignAsked { scenario, without, seeds } = &self.asked;
        let entry = self.catalogue.find(scenario).map_err(|unknown| unknown.to_string())?;
        let (stop, sites) = (Arc::clone(&live.stop), std::mem::take(&mut live.sites));
        let request = CampaignRequest {
            entry,
            without,
            variant: None,
            seeds: 0..*seeds,
            profile: DEFAULT_PROFILE,
            strategy: Strategy::Seeds,
            jobs: self.jobs,
            failures_max: FAILURES_MAX,
            deadline: None,
            stop: &stop,
            timeout: self.timeout,
            sites: Some(&sites),
        };
        let ran = campaign::run(&request, |campaign| live.follow(campaign, &sites));
        let (campaign, _) = ran.map_err(|broken| broken.to_string())?;
        live.note(&campaign, &sites);
        live.progress.state = RunState::Shrinking;
        live.show();
        let mut runner = entry.runner(without)?;
        let found = findings::of_campaign(entry, runner.as_mut(), &campaign, &self.traces)
            .map_err(|error| format!("a trace cannot be written into {}: {error}", self.traces.display()))?;
        Ok(live::findings(&found, &|finding| address::of(&finding.failure.shrunk)))
    }
}

/// The progress of one campaign, on its way to those who watch.
struct Live {
    shown: Arc<watch::Sender<Arc<Progress>>>,
    /// Set to end this campaign.
    stop: Arc<AtomicBool>,
    /// The flag of the campaign that is shown.
    current: Arc<Mutex<Arc<AtomicBool>>>,
    progress: Progress,
    goals: Vec<String>,
    sites: Mutex<SitesMet>,
    /// When progress is shown next.
    due: Instant,
}

impl Live {
    fn follow(&mut self, campaign: &Campaign, sites: &Mutex<SitesMet>) {
        if Instant::now() >= self.due {
            self.note(campaign, sites);
            self.show();
            self.due = Instant::now() + PAUSE;
        }
    }

    fn note(&mut self, campaign: &Campaign, sites: &Mutex<SitesMet>) {
        let progress = &mut self.progress;
        progress.runs = campaign.tally.runs;
        progress.failing = campaign.failing.len() as u64;
        let reached = campaign.tally.goals.iter().copied().chain(std::iter::repeat(0));
        let goals = self.goals.iter().zip(reached);
        progress.goals = goals.map(|(name, reached)| GoalReached { name: name.clone(), reached }).collect();
        let groups = campaign.groups().into_iter();
        progress.groups = groups
            .map(|group| FailingGroup { invariant: group.invariant, roles: group.roles, runs: group.count })
            .collect();
        let (offered, taken) = lock(sites).deviations();
        let goals = progress.goals.iter().filter(|goal| goal.reached > 0).count();
        // The last failing run that is wanted may cut runs off that were shown already.
        progress.points.retain(|point| point.runs < progress.runs);
        progress.points.push(Point { runs: progress.runs, goals, offered, taken });
        if progress.points.len() > POINTS_MAX {
            thin(&mut progress.points);
        }
    }

    /// Shows the progress, unless another campaign is shown by now.
    fn show(&self) {
        let current = lock(&self.current);
        if Arc::ptr_eq(&current, &self.stop) {
            self.shown.send_replace(Arc::new(self.progress.clone()));
        }
    }
}

/// Drops every second point, and keeps the last.
fn thin(points: &mut Vec<Point>) {
    let last = points.len() - 1;
    let mut at = 0..;
    points.retain(|_| at.next().is_some_and(|at| at % 2 == 0 || at == last));
}
