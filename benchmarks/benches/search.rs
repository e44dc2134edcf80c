//! Measures how many runs each kind of search needs to find that a guardrail is missing, and whether memory stays
//! flat. `cargo bench --manifest-path benchmarks/Cargo.toml --bench search` writes benchmarks/RESULTS.md.

use shakedown::campaign::{self, CampaignRequest, Strategy};
use shakedown_benchmarks::results;
use shakedown_scenarios::booking::{Booking, ENTRY};
use shakedown_sim::search::{Bounded, Campaign, Guide, explore_as};
use shakedown_sim::{Coverage, Profile, Rehearse, Runner, Variant, small_variants};
use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The number of campaigns of each kind.
const CAMPAIGNS: u64 = 100;
/// The number of runs after which a campaign ends without a result.
const RUNS_MAX: u64 = 2_000;
/// The distance between the first seeds of two campaigns.
const APART: u64 = 1 << 32;

/// The first failing run of a campaign, counted from 1.
type Found = Option<u64>;

fn main() {
    // Panics of the ablated system are findings, and are not printed here.
    std::panic::set_hook(Box::new(|_| {}));
    results::write("search", &search());
    results::write("memory", &memory());
}

fn search() -> String {
    let mut out = format!(
        "## Runs to the first failing run\n\n\
         Written by `cargo bench --manifest-path benchmarks/Cargo.toml --bench search`. For each guardrail taken out of\n\
         `booking`, the median of {CAMPAIGNS} campaigns over seeds of their own, and in brackets the quartiles; a campaign is given\n\
         up after {RUNS_MAX} runs, and `>` says that a figure lies beyond. *random*: each choice deviates in one of 32 cases,\n\
         whatever its site. *seeded*: rates differ by site and run, no site is switched off. *swarm*: the default of `explore`.\n\
         *guided*: `explore --guided`; its first round of {} runs is the same as *swarm*. *bounded*: every script over the small\n\
         variants, fewest deviations first; it is no sample, so one figure, with the number of deviations.\n\n\
         | without | random | seeded | swarm | guided | bounded |\n|---|---|---|---|---|---|\n",
        Guide::ROUND
    );
    for without in ENTRY.to_entry().canaries() {
        let without: Vec<&str> = without.iter().map(String::as_str).collect();
        let mut runner = runner(&without);
        let seeded = Profile::MIXED.without_swarm();
        let mut cells = vec![without.join(" with ")];
        for profile in [Profile::EVEN, seeded, Profile::MIXED] {
            cells.push(spread(|first| drawn(&mut runner, profile, first)));
        }
        cells.push(spread(|first| guided(&mut runner, first)));
        cells.push(bounded(&mut runner));
        let _ = writeln!(out, "| {} |", cells.join(" | "));
        println!("{}", cells.join("  "));
    }
    out + "\n" + &coverage()
}

fn runner(without: &[&str]) -> Runner<Booking> {
    let without: Vec<String> = without.iter().map(|form| (*form).to_owned()).collect();
    Runner::new(Booking::without(&without).expect("the scenario knows its canaries"))
}

/// Returns the median and the quartiles of the campaigns' results.
fn spread(mut campaign: impl FnMut(u64) -> Found) -> String {
    let found = (0..CAMPAIGNS).map(|number| campaign(number * APART).unwrap_or(u64::MAX));
    let mut found: Vec<u64> = found.collect();
    found.sort_unstable();
    let at = |quarter: usize| match found[(found.len() - 1) * quarter / 4] {
        u64::MAX => format!("> {RUNS_MAX}"),
        runs => runs.to_string(),
    };
    format!("{} ({}–{})", at(2), at(1), at(3))
}

fn first_failing(campaign: &Campaign, first: u64) -> Found {
    campaign.failing.first().map(|run| run.seed - first + 1)
}

fn drawn(runner: &mut Runner<Booking>, profile: Profile, first: u64) -> Found {
    first_failing(&explore_as(runner, profile, first..first + RUNS_MAX, 1), first)
}

fn guided(runner: &mut Runner<Booking>, first: u64) -> Found {
    let (mut guide, mut next) = (Guide::new(Profile::MIXED), first);
    while next < first + RUNS_MAX {
        let mut discoveries = Vec::new();
        for run in next..next + Guide::ROUND {
            let one = guide.explore(runner, run..run + 1);
            if let Some(found) = first_failing(&one.campaign, first) {
                return Some(found).filter(|found| *found <= RUNS_MAX);
            }
            discoveries.extend(one.discoveries);
        }
        guide.learn(discoveries);
        next += Guide::ROUND;
    }
    None
}

fn bounded(runner: &mut Runner<Booking>) -> String {
    let mut search = Bounded::new(small_variants(runner.parameters(), &Variant::default()), 3, true);
    search.run(runner);
    let runs: u64 = search.depths().iter().map(|depth| depth.tally.runs).sum();
    match search.depths().len() - 1 {
        deviations if search.depths().last().is_some_and(|last| last.tally.runs > 0) => {
            format!("{runs} ({deviations})")
        }
        _ => format!("none in {runs}"),
    }
}

/// Returns the coverage that runs of the whole design reach, drawn and guided.
fn coverage() -> String {
    let mut out = String::from(
        "Features that runs of the whole design reached (facts by shape and role, which followed which, pairs of deviations):\n\n\
         | runs | random | seeded | swarm | guided |\n|---|---|---|---|---|\n",
    );
    let mut runner = runner(&[]);
    let profiles = [Profile::EVEN, Profile::MIXED.without_swarm(), Profile::MIXED];
    let (mut known, mut guide) = (profiles.map(|_| Coverage::default()), Guide::new(Profile::MIXED));
    for round in 0..80 {
        let runs = round * Guide::ROUND..(round + 1) * Guide::ROUND;
        for (known, profile) in known.iter_mut().zip(profiles) {
            for seed in runs.clone() {
                known.take(&runner.cover(shakedown_sim::Plan::Profiled(seed, profile)).1);
            }
        }
        guide.learn(guide.explore(&mut runner, runs.clone()).discoveries);
        if [2, 10, 40, 80].contains(&(round + 1)) {
            let [random, seeded, swarm] = known.each_ref().map(Coverage::count);
            let _ = writeln!(out, "| {} | {random} | {seeded} | {swarm} | {} |", runs.end, guide.size().0);
        }
    }
    out
}

/// Returns the resident memory in KiB, as the kernel counts it.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn memory() -> String {
    let mut out = String::from(
        "## Memory of a campaign\n\n\
         Written by the same command: resident memory during a campaign of a million runs of the whole design, on two threads.\n\n\
         | runs | seeded, MiB | guided, MiB |\n|---|---|---|\n",
    );
    let marks = [10_000, 100_000, 500_000, 1_000_000];
    let [seeded, guided] = [Strategy::Seeds, Strategy::Guided].map(|strategy| {
        let (mut at, stop) = (Vec::new(), AtomicBool::new(false));
        let entry = ENTRY.to_entry();
        let order = CampaignRequest {
            entry: &entry,
            without: &[],
            variant: None,
            seeds: 0..1_000_000,
            profile: Profile::MIXED,
            strategy,
            jobs: 2,
            failures_max: usize::MAX,
            deadline: None,
            stop: &stop,
            timeout: Duration::from_secs(600),
            sites: None,
        };
        let ran = campaign::run(&order, |campaign| {
            if marks.get(at.len()).is_some_and(|mark| campaign.tally.runs >= *mark) {
                at.push(resident());
            }
        });
        ran.expect("the harness does not fail");
        at
    });
    for ((mark, seeded), guided) in marks.iter().zip(seeded).zip(guided) {
        let mib = |kib: u64| format!("{}.{}", kib / 1024, kib % 1024 * 10 / 1024);
        let _ = writeln!(out, "| {mark} | {} | {} |", mib(seeded), mib(guided));
    }
    out
}
