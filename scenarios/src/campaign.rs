//! Campaigns: many seeds of one scenario on many threads, with the same result on any number of them.
//!
//! Threads take chunks of seeds in order; one place merges the chunks in order and cuts what comes after the
//! last failing run that is wanted. So the result is a gap-free prefix of the seeds. The number of threads
//! changes nothing in it; a budget or an interrupt ends it at the end of a chunk.

use crate::catalogue::Entry;
use crate::quiet;
use crate::watchdog::Watchdog;
use shakedown_reports::Ending;
use shakedown_sim::Rehearse;
use shakedown_sim::search::{Campaign, explore};
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// What a campaign is to do.
pub struct Order<'a> {
    /// Which scenario.
    pub entry: &'static Entry,
    /// What its design lacks.
    pub without: &'a [String],
    /// Which seeds.
    pub seeds: Range<u64>,
    /// On how many threads.
    pub jobs: usize,
    /// How many runs may fail before it ends.
    pub failures_max: usize,
    /// When it ends at the latest.
    pub deadline: Option<Instant>,
    /// Set from outside to end it.
    pub stop: &'a AtomicBool,
    /// How long a run may take.
    pub patience: Duration,
}

/// The harness itself failed in the run of this seed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("scenario {scenario}, seed {seed}: {message}")]
pub struct Broken {
    scenario: &'static str,
    seed: u64,
    message: String,
}

/// Seeds that a thread takes at a time: short enough that an interrupt is obeyed at once.
const CHUNK: u64 = 256;

/// Runs a campaign, and says why it ended. `watch` is shown what there is after each chunk.
///
/// # Errors
/// If the harness itself failed.
pub fn run(order: &Order<'_>, mut watch: impl FnMut(&Campaign)) -> Result<(Campaign, Ending), Broken> {
    let (next, enough) = (AtomicU64::new(order.seeds.start), AtomicBool::new(false));
    let watchdog = Watchdog::new(order.jobs, order.patience, bark(order.entry.name, order.patience));
    let (send, receive) = mpsc::channel();
    let campaign = std::thread::scope(|scope| {
        for thread in 0..order.jobs {
            let worker = Worker { order, thread, next: &next, enough: &enough, watchdog: &watchdog };
            let send = send.clone();
            scope.spawn(move || worker.work(&send));
        }
        drop(send);
        let merged = merge(order, &receive, &mut watch);
        enough.store(true, Ordering::Relaxed);
        merged
    })?;
    let ending = match () {
        () if campaign.failing.len() >= order.failures_max => Ending::MaxFail,
        () if campaign.tally.runs == order.seeds.end - order.seeds.start => Ending::Complete,
        () if order.stop.load(Ordering::Relaxed) => Ending::Interrupted,
        () => Ending::Budget,
    };
    Ok((campaign, ending))
}

/// Says that the run of a seed does not end, and ends the process.
pub fn bark(scenario: &'static str, patience: Duration) -> impl Fn(u64) + Send + 'static {
    move |seed| {
        eprintln!(
            "internal error: scenario {scenario}, seed {seed}: the run has not ended after {patience:?}"
        );
        eprintln!("  it probably loops without awaiting anything; --watchdog says how long a run may take");
        std::process::exit(70);
    }
}

/// A chunk's first seed, and what came of it.
type Chunk = (u64, Result<Campaign, Broken>);

struct Worker<'a> {
    order: &'a Order<'a>,
    thread: usize,
    next: &'a AtomicU64,
    enough: &'a AtomicBool,
    watchdog: &'a Watchdog,
}

impl Worker<'_> {
    /// Runs chunk after chunk until there is none left, or it is enough.
    fn work(&self, send: &mpsc::Sender<Chunk>) {
        let order = self.order;
        let mut runner = match order.entry.runner(order.without) {
            Ok(runner) => runner,
            Err(message) => return drop(send.send((order.seeds.start, Err(self.broken(0, message))))),
        };
        while !self.is_over() {
            let first = self.next.fetch_add(CHUNK, Ordering::Relaxed);
            if first >= order.seeds.end {
                return;
            }
            let chunk = self.chunk(runner.as_mut(), first..(first + CHUNK).min(order.seeds.end));
            let broken = chunk.is_err();
            if send.send((first, chunk)).is_err() || broken {
                return;
            }
        }
    }

    fn is_over(&self) -> bool {
        let late = self.order.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        late || self.enough.load(Ordering::Relaxed) || self.order.stop.load(Ordering::Relaxed)
    }

    fn chunk(&self, runner: &mut dyn Rehearse, seeds: Range<u64>) -> Result<Campaign, Broken> {
        let mut chunk = Campaign::default();
        for seed in seeds {
            let one = || quiet::running(|| explore(runner, seed..seed + 1, usize::MAX));
            let one = self.watchdog.during(self.thread, seed, || catch_unwind(AssertUnwindSafe(one)));
            chunk.merge(one.map_err(|panic| self.broken(seed, quiet::message_of(panic.as_ref())))?);
        }
        Ok(chunk)
    }

    fn broken(&self, seed: u64, message: String) -> Broken {
        Broken { scenario: self.order.entry.name, seed, message }
    }
}

/// Takes the chunks in order, whatever the order in which they come.
fn merge(
    order: &Order<'_>,
    receive: &mpsc::Receiver<Chunk>,
    watch: &mut impl FnMut(&Campaign),
) -> Result<Campaign, Broken> {
    let (mut early, mut turn) = (BTreeMap::new(), order.seeds.start);
    let mut campaign = Campaign::default();
    for (first, chunk) in receive {
        early.insert(first, chunk);
        while let Some(chunk) = early.remove(&turn) {
            campaign.merge(chunk?);
            watch(&campaign);
            if campaign.cut(order.failures_max) {
                return Ok(campaign);
            }
            turn += CHUNK;
        }
    }
    Ok(campaign)
}

/// For each parameter, how many of these seeds' runs have each of its values.
pub fn variants(runner: &dyn Rehearse, seeds: Range<u64>) -> Vec<(String, Vec<(String, u64)>)> {
    let values = |values: &[&str]| values.iter().map(|value| ((*value).to_owned(), 0)).collect();
    let mut counts: Vec<(String, Vec<(String, u64)>)> =
        runner.parameters().iter().map(|one| (one.name.to_owned(), values(one.values))).collect();
    for seed in seeds {
        for (name, drawn) in runner.happy(seed).variant.0 {
            let values = counts.iter_mut().filter(|(parameter, _)| *parameter == name);
            let count = values.flat_map(|(_, values)| values).find(|(value, _)| *value == drawn);
            count.expect("a seed draws declared values").1 += 1;
        }
    }
    counts
}
