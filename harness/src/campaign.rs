//! Campaigns: many seeds of one scenario on many threads, with the same result on any number of them.
//!
//! Threads take chunks of seeds in order; one place merges the chunks in order and cuts what comes after the
//! last failing run that is wanted. So the result is a gap-free prefix of the seeds. The number of threads
//! changes nothing in it; a budget or an interrupt ends it at the end of a chunk. A guided campaign goes in
//! rounds, between which alone it learns: all threads finish a round before any begins the next. A campaign around goals learns only
//! inside a chunk, which one thread runs.

use crate::entry::Entry;
use crate::quiet;
use crate::supervision;
use crate::watchdog::Watchdog;
use shakedown_reports::EndReason;
use shakedown_sim::search::{AroundGoals, Campaign, Discovery, Guide, Round, explore_as, explore_variant};
use shakedown_sim::{Profile, Rehearse, SitesMet, Variant};
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// How a campaign chooses its runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Strategy {
    /// The seed of a run decides it.
    #[default]
    Seeds,
    /// Half of the runs are derived from earlier ones that reached something new (see [`Guide`]).
    Guided,
    /// Half of the runs of each block are a bounded search around a run that reached a rare goal (see [`AroundGoals`]).
    AroundGoals,
}

impl Strategy {
    /// Returns the number of runs, from the first one on, that are decided by their seeds alone.
    pub(crate) fn seeds_first(self) -> u64 {
        match self {
            Strategy::Seeds => u64::MAX,
            Strategy::Guided => Guide::ROUND,
            Strategy::AroundGoals => AroundGoals::SEEDS,
        }
    }
}

/// What a campaign is to do.
pub struct CampaignRequest<'a> {
    /// Which scenario.
    pub entry: &'a Entry,
    /// What its design lacks.
    pub without: &'a [String],
    /// The parameters whose values are fixed; seeds draw the others. Only with [`Strategy::Seeds`].
    pub variant: Option<&'a Variant>,
    /// Which seeds.
    pub seeds: Range<u64>,
    /// How restlessly they draw.
    pub profile: Profile,
    /// How runs are chosen.
    pub strategy: Strategy,
    /// On how many threads.
    pub jobs: usize,
    /// How many runs may fail before it ends.
    pub failures_max: usize,
    /// When it ends at the latest.
    pub deadline: Option<Instant>,
    /// Set from outside to end it.
    pub stop: &'a AtomicBool,
    /// How long a run may take.
    pub timeout: Duration,
    /// Receives the sites that runs met, soon after the runs.
    pub sites: Option<&'a Mutex<SitesMet>>,
}

/// The harness itself failed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("scenario {scenario}, {run}: {message}")]
pub struct InternalError {
    /// The scenario.
    pub scenario: String,
    /// Which of its runs.
    pub run: String,
    /// What the panic or the error says.
    pub message: String,
}

/// The profile of seeded runs, unless another is given: faults of every kind, and task order in half of the runs.
pub const DEFAULT_PROFILE: Profile = Profile::MIXED.with_task_order();

/// Seeds that a thread takes at a time: short enough that an interrupt is obeyed at once. Shards are cut at multiples of it.
pub(crate) const CHUNK: u64 = AroundGoals::BLOCK;
/// The same within a round, so that all threads have a part in it.
const CHUNK_OF_ROUND: u64 = 16;

/// Runs a campaign, and says why it ended. `watch` is shown what there is after each chunk.
///
/// # Errors
/// If the harness itself failed.
pub fn run(
    request: &CampaignRequest<'_>,
    mut watch: impl FnMut(&Campaign),
) -> Result<(Campaign, EndReason), InternalError> {
    let (supervisor, name) = (supervision::link(), request.name());
    let resumed = supervisor.and_then(|link| link.resumed(&name));
    let before = match resumed {
        Some(state) => {
            Progress { campaign: state.campaign(request.profile), rounds: state.rounds().to_vec() }
        }
        None => Progress::default(),
    };
    let keep = |campaign: &Campaign, rounds: &[Vec<u64>]| {
        supervisor.iter().for_each(|link| link.keep(&name, campaign, rounds));
    };
    run_from(request, before, &mut Watch { chunk: |_: &Campaign, campaign: &Campaign| watch(campaign), keep })
}

/// Like [`run`]; `watch` also receives each chunk of seeds before what is known with it. Chunks come in order, and each but
/// the last of a campaign that is not guided has [`CHUNK`] seeds.
///
/// # Errors
/// If the harness itself failed.
pub(crate) fn run_chunks(
    request: &CampaignRequest<'_>,
    watch: impl FnMut(&Campaign, &Campaign),
) -> Result<(Campaign, EndReason), InternalError> {
    run_from(
        request,
        Progress::default(),
        &mut Watch { chunk: watch, keep: |_: &Campaign, _: &[Vec<u64>]| {} },
    )
}

/// The runs that an earlier process has made of a campaign.
#[derive(Default)]
struct Progress {
    campaign: Campaign,
    /// For each complete round of a guided campaign, the runs that discovered something.
    rounds: Vec<Vec<u64>>,
}

/// The receivers of a campaign's progress.
struct Watch<C, K> {
    /// Receives each chunk, in order, and the campaign with it.
    chunk: C,
    /// Receives the campaign whenever another process could continue it, with the rounds that it has learned from.
    keep: K,
}

/// Runs a campaign of which an earlier process has made the first runs.
fn run_from<C: FnMut(&Campaign, &Campaign), K: FnMut(&Campaign, &[Vec<u64>])>(
    request: &CampaignRequest<'_>,
    before: Progress,
    watch: &mut Watch<C, K>,
) -> Result<(Campaign, EndReason), InternalError> {
    let enough = AtomicBool::new(false);
    let jobs = supervision::jobs(request.jobs);
    let watchdog = Watchdog::new(jobs, request.timeout, &request.entry.name, |seed| format!("seed {seed}"));
    let campaign = std::thread::scope(|scope| {
        let (send, results) = mpsc::channel();
        let workers = (0..jobs).map(|thread| {
            let (tasks, take) = mpsc::channel();
            let worker = Worker { request, thread, enough: &enough, watchdog: &watchdog };
            let send = send.clone();
            scope.spawn(move || worker.work(&take, &send));
            tasks
        });
        let team = Team { workers: workers.collect(), results, enough: &enough };
        conduct(request, before, &team, watch)
    })?;
    let end_reason = match () {
        () if campaign.failing.len() >= request.failures_max => EndReason::MaxFail,
        () if campaign.tally.runs == request.seeds.end - request.seeds.start => EndReason::Complete,
        () if request.stop.load(Ordering::Relaxed) => EndReason::Interrupted,
        () => EndReason::Budget,
    };
    if end_reason != EndReason::Complete {
        supervision::ended_early();
    }
    Ok((campaign, end_reason))
}

impl CampaignRequest<'_> {
    /// Returns the name by which the campaign is known to the next process, if this one ends early.
    fn name(&self) -> String {
        let Self { entry, without, variant, seeds, profile, strategy, failures_max, .. } = self;
        let seeds = (seeds.start, seeds.end);
        format!("{} {without:?} {variant:?} {seeds:?} {profile:?} {strategy:?} {failures_max}", entry.name)
    }
}

/// Gives the threads one task after another: all seeds at once, or a round at a time.
fn conduct<C: FnMut(&Campaign, &Campaign), K: FnMut(&Campaign, &[Vec<u64>])>(
    request: &CampaignRequest<'_>,
    Progress { mut campaign, mut rounds }: Progress,
    team: &Team<'_>,
    watch: &mut Watch<C, K>,
) -> Result<Campaign, InternalError> {
    let is_guided = request.strategy == Strategy::Guided;
    let mut guide = is_guided.then(|| relearned(request, &rounds)).transpose()?;
    let (size, chunk) = if is_guided { (Guide::ROUND, CHUNK_OF_ROUND) } else { (u64::MAX, CHUNK) };
    let mut first = request.seeds.start.max(campaign.seeds.end);
    if campaign.cut(request.failures_max) {
        return Ok(campaign);
    }
    while first < request.seeds.end {
        let seeds = first..first.saturating_add(size).min(request.seeds.end);
        first = seeds.end;
        let task = Task { next: AtomicU64::new(seeds.start), seeds, chunk, guide: guide.clone() };
        let discoveries = team.merge(request, task, &mut campaign, |chunk, campaign| {
            (watch.chunk)(chunk, campaign);
            if !is_guided {
                (watch.keep)(campaign, &[]);
            }
        })?;
        if campaign.cut(request.failures_max) || campaign.seeds.end != first {
            break;
        }
        if let Some(guide) = &mut guide {
            rounds.push(discoveries.iter().map(Discovery::number).collect());
            guide.learn(discoveries);
            (watch.keep)(&campaign, &rounds);
        }
    }
    Ok(campaign)
}

/// Returns a guide that has learned from these rounds: each run that discovered something is made again.
fn relearned(request: &CampaignRequest<'_>, rounds: &[Vec<u64>]) -> Result<Guide, InternalError> {
    let mut guide = Guide::new(request.profile);
    if rounds.is_empty() {
        return Ok(guide);
    }
    let run = "the runs that discovered something".to_owned();
    let broken = |message| InternalError { scenario: request.entry.name.clone(), run, message };
    let mut runner = request.entry.runner(request.without).map_err(broken)?;
    for round in rounds {
        let mut again =
            |number: &u64| guide.explore(runner.as_mut(), *number..number.saturating_add(1)).discoveries;
        let discoveries = round.iter().flat_map(|number| quiet::running(|| again(number)));
        let discoveries = discoveries.collect();
        guide.learn(discoveries);
    }
    Ok(guide)
}

/// Seeds for the threads to divide among themselves.
struct Task {
    seeds: Range<u64>,
    chunk: u64,
    next: AtomicU64,
    /// What guides the runs, if anything does.
    guide: Option<Guide>,
}

/// What a thread sends back.
enum WorkerResult {
    /// A chunk's first seed, and what came of it.
    Chunk(u64, Box<Result<Round, InternalError>>),
    /// It does no more of the task.
    Done,
}

impl Task {
    /// Takes the next chunk and returns its first seed; none if all are taken. The counter stops at the end, so that it
    /// does not wrap where seeds end at the greatest number.
    fn next_chunk(&self) -> Option<u64> {
        let end = self.seeds.end;
        let advance = |first: u64| (first < end).then(|| first.saturating_add(self.chunk).min(end));
        self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, advance).ok()
    }
}

struct Worker<'a> {
    request: &'a CampaignRequest<'a>,
    thread: usize,
    enough: &'a AtomicBool,
    watchdog: &'a Watchdog,
}

impl Worker<'_> {
    /// Takes part in one task after another.
    fn work(&self, tasks: &mpsc::Receiver<Arc<Task>>, send: &mpsc::Sender<WorkerResult>) {
        let request = self.request;
        let mut runner = request.entry.runner(request.without).map_err(|message| self.broken(0, message));
        for task in tasks {
            match &mut runner {
                Ok(runner) => self.take_part(&task, runner.as_mut(), send),
                Err(broken) => {
                    drop(send.send(WorkerResult::Chunk(task.seeds.start, Box::new(Err(broken.clone())))))
                }
            }
            if send.send(WorkerResult::Done).is_err() {
                return;
            }
        }
    }

    /// Runs chunk after chunk until there is none left, or it is enough.
    fn take_part(&self, task: &Task, runner: &mut dyn Rehearse, send: &mpsc::Sender<WorkerResult>) {
        while !self.is_over() {
            let Some(first) = task.next_chunk() else { return };
            let chunk = self.chunk(task, runner, first..first.saturating_add(task.chunk).min(task.seeds.end));
            let broken = chunk.is_err();
            if send.send(WorkerResult::Chunk(first, Box::new(chunk))).is_err() || broken {
                return;
            }
        }
    }

    fn is_over(&self) -> bool {
        let late = self.request.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        late || self.enough.load(Ordering::Relaxed) || self.request.stop.load(Ordering::Relaxed)
    }

    fn chunk(
        &self,
        task: &Task,
        runner: &mut dyn Rehearse,
        seeds: Range<u64>,
    ) -> Result<Round, InternalError> {
        let (mut chunk, profile) = (Round::default(), self.request.profile);
        let mut around = AroundGoals::new(profile, seeds.start);
        for seed in seeds {
            let one = || {
                let seeds = seed..seed + 1;
                let campaign = match (&task.guide, self.request.variant) {
                    (Some(guide), _) => return guide.explore(runner, seeds),
                    (None, _) if self.request.strategy == Strategy::AroundGoals => around.run(runner, seed),
                    (None, None) => explore_as(runner, profile, seeds, usize::MAX),
                    (None, Some(fixed)) => explore_variant(runner, (profile, fixed), seeds, usize::MAX),
                };
                Round { campaign, ..Round::default() }
            };
            let one = || quiet::running(one);
            let one = self.watchdog.during(self.thread, seed, || catch_unwind(AssertUnwindSafe(one)));
            chunk.merge(one.map_err(|panic| self.broken(seed, quiet::message_of(panic.as_ref())))?);
            if chunk.campaign.failing.len() >= self.request.failures_max {
                // The campaign ends here, or earlier.
                break;
            }
        }
        let met = runner.take_sites_met();
        if let Some(sites) = self.request.sites {
            sites.lock().unwrap_or_else(PoisonError::into_inner).add(met.clone());
        }
        chunk.campaign.sites.add(met);
        Ok(chunk)
    }

    fn broken(&self, seed: u64, message: String) -> InternalError {
        InternalError { scenario: self.request.entry.name.clone(), run: format!("seed {seed}"), message }
    }
}

/// The threads, as the one place sees them that merges what they do.
struct Team<'a> {
    workers: Vec<mpsc::Sender<Arc<Task>>>,
    results: mpsc::Receiver<WorkerResult>,
    enough: &'a AtomicBool,
}

impl Team<'_> {
    /// Has a task done and adds its chunks in order, whatever the order in which they come, up to the last
    /// failing run that is wanted. Answers what was discovered.
    fn merge(
        &self,
        request: &CampaignRequest<'_>,
        task: Task,
        campaign: &mut Campaign,
        mut watch: impl FnMut(&Campaign, &Campaign),
    ) -> Result<Vec<Discovery>, InternalError> {
        let (mut early, mut turn, chunk) = (BTreeMap::new(), task.seeds.start, task.chunk);
        let (task, mut busy) = (Arc::new(task), self.workers.len());
        for worker in &self.workers {
            worker.send(Arc::clone(&task)).expect("threads take tasks until the team is gone");
        }
        let (mut discoveries, mut result) = (Vec::new(), Ok(()));
        while busy > 0 {
            match self.results.recv().expect("threads send results until the team is dropped") {
                WorkerResult::Done => busy -= 1,
                WorkerResult::Chunk(first, round) => drop(early.insert(first, *round)),
            }
            while let (false, Some(round)) = (self.enough.load(Ordering::Relaxed), early.remove(&turn)) {
                match round {
                    Ok(round) => {
                        campaign.merge(round.campaign.clone());
                        discoveries.extend(round.discoveries);
                        watch(&round.campaign, campaign);
                        self.enough.store(campaign.cut(request.failures_max), Ordering::Relaxed);
                    }
                    Err(broken) => {
                        result = Err(broken);
                        self.enough.store(true, Ordering::Relaxed);
                    }
                }
                // At the end of the greatest range nothing comes after it.
                turn = turn.saturating_add(chunk);
            }
        }
        result.map(|()| discoveries)
    }
}

/// For each parameter, how many of these seeds' runs have each of its values.
pub fn variants(
    runner: &dyn Rehearse,
    fixed: &Variant,
    seeds: Range<u64>,
) -> Vec<(String, Vec<(String, u64)>)> {
    let values = |values: &[&str]| values.iter().map(|value| ((*value).to_owned(), 0)).collect();
    let mut counts: Vec<(String, Vec<(String, u64)>)> =
        runner.parameters().iter().map(|one| (one.name.to_owned(), values(one.values))).collect();
    for seed in seeds {
        for (name, drawn) in runner.happy(seed).variant.with(fixed).0 {
            let values = counts.iter_mut().filter(|(parameter, _)| *parameter == name);
            let count = values.flat_map(|(_, values)| values).find(|(value, _)| *value == drawn);
            match count {
                Some(count) => count.1 += 1,
                // A value of small worlds only, which no seed draws.
                None => counts
                    .iter_mut()
                    .filter(|(parameter, _)| *parameter == name)
                    .for_each(|(_, values)| values.push((drawn.clone(), 1))),
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_sim::{Alternatives, Fact, Invariant, Role, Runner, Scenario, Site, Stage};

    /// A node that draws ten choices and states what it drew.
    struct Draws;

    #[derive(serde::Serialize)]
    struct Drew(usize);

    impl Fact for Drew {
        fn sentence(&self) -> String {
            format!("draws {}", self.0)
        }
    }

    impl Scenario for Draws {
        type Fact = Drew;
        fn name(&self) -> &str {
            "draws"
        }
        fn build(&self, stage: &Stage<Drew>) {
            let (facts, node) = (stage.facts().clone(), stage.node(Role::outside("node".into()), |_| {}));
            node.clone().spawn(async move {
                for _ in 0..10 {
                    let sides = Alternatives::new(&["none", "one", "two", "three"]);
                    let pick = node.choose(Site::new("node".into(), "coin".into()), &sides);
                    facts.state(&node, &Drew(pick.index()));
                }
            });
        }
        fn invariants(&self) -> Vec<Box<dyn Invariant<Drew>>> {
            Vec::new()
        }
    }

    fn request<'a>(entry: &'a Entry, stop: &'a AtomicBool, rounds: u64) -> CampaignRequest<'a> {
        CampaignRequest {
            entry,
            without: &[],
            variant: None,
            seeds: 0..rounds * Guide::ROUND,
            profile: Profile::MIXED,
            strategy: Strategy::Guided,
            jobs: 1,
            failures_max: 1,
            deadline: None,
            stop,
            timeout: Duration::from_secs(60),
            sites: None,
        }
    }

    #[test]
    fn a_guided_campaign_that_another_process_continues_gives_the_same_result() {
        let entry = Entry::with_runner("draws", |_| Ok(Box::new(Runner::new(Draws))));
        let stop = AtomicBool::new(false);
        let run = |request: &CampaignRequest<'_>, before: Progress| {
            let mut kept = Vec::new();
            let keep = |campaign: &Campaign, rounds: &[Vec<u64>]| {
                kept.push(Progress { campaign: campaign.clone(), rounds: rounds.to_vec() });
            };
            let watch = &mut Watch { chunk: |_: &Campaign, _: &Campaign| {}, keep };
            let (campaign, _) = run_from(request, before, watch).expect("the harness works");
            (campaign, kept)
        };
        let (whole, kept) = run(&request(&entry, &stop, 4), Progress::default());
        assert_eq!(kept.len(), 4, "progress is kept after each round");
        assert!(kept[1].rounds.concat().len() > 1, "something is discovered");
        let second = kept.into_iter().nth(1).expect("four rounds");
        let (continued, _) = run(&request(&entry, &stop, 4), second);
        assert_eq!(continued, whole);
    }
}
