//! Measures how the cost grows: with the events of a run, with a second core, with a simulated year. Writes
//! `benchmarks/SCALING.md`: `cargo run --release --manifest-path benchmarks/peers/Cargo.toml -p peers-workload --bin
//! scaling`.

use peers_workload::on_sim::OnSim;
use peers_workload::paths::{Path, Repeats};
use peers_workload::round::{Round, cpu_ns, measured};
use shakedown_sim::Plan;
use std::fmt::Write;

const ROUNDS: usize = 7;
const SEEDS: u64 = 2_000;
/// The events of each round: enough that the kernel's update of a thread's time, every few milliseconds, does not
/// matter.
const EVENTS: u32 = 5_000_000;
const A_YEAR_OF_MINUTES: u32 = 525_600;

/// Returns, for runs of these numbers of bookings, the events of one run and the least nanoseconds per event over
/// several rounds. In each round all sizes take turns with about the same number of events, so that a small run finds
/// caches and allocator in the state that a large one has left.
fn per_event(bookings: &[u32]) -> Vec<(f64, f64)> {
    let mut runners: Vec<_> = bookings
        .iter()
        .map(|times| {
            let mut runner = Repeats::runner(Path::Bookings, *times);
            let events = runner.run(Plan::Seed(0)).events;
            (runner, events, f64::INFINITY)
        })
        .collect();
    for _ in 0..ROUNDS {
        for (runner, events, least) in &mut runners {
            let (runs, began) = (EVENTS.div_ceil(*events), cpu_ns());
            (0..runs).for_each(|_| assert_eq!(runner.run(Plan::Seed(0)).events, *events));
            *least = least.min((cpu_ns() - began) as f64 / f64::from(runs) / f64::from(*events));
        }
    }
    runners.into_iter().map(|(_, events, least)| (f64::from(events), least)).collect()
}

/// Returns the nanoseconds per event of a run of 10 events, extrapolated from two neighbours: runs of some events, with
/// their nanoseconds per event.
fn of_ten([(few, ns_of_few), (more, ns_of_more)]: [(f64, f64); 2]) -> f64 {
    let slope = (more * ns_of_more - few * ns_of_few) / (more - few);
    (few * ns_of_few + slope * (10.0 - few)) / 10.0
}

/// Returns the processor time per seed on this many concurrent threads, in microseconds.
fn on_threads(threads: usize) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                std::thread::spawn(|| {
                    let mut sim = OnSim::default();
                    Round::of(1..SEEDS, |seed| sim.run(seed)).micros()
                })
            })
            .collect();
        let micros = workers.into_iter().map(|worker| worker.join().expect("a worker ends"));
        micros.sum::<f64>() / threads as f64
    });
    rounds.fold(f64::INFINITY, f64::min)
}

/// Returns the greatest memory that this process has held so far, in MiB.
fn memory_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the kernel tells of this process");
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it tells the greatest memory");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("it is a number") / 1_024.0
}

fn main() {
    let mut text = String::from(HEADER);
    let costs = per_event(&[1, 2, 12, 120, 1_200, 12_000, 60_000]);
    for (events, ns) in &costs {
        writeln!(text, "| {events} | {ns:.0} |").expect("a text takes a line");
    }
    let least = costs.iter().map(|(_, ns)| *ns).fold(f64::INFINITY, f64::min);
    let times_least = |rows: &[(f64, f64)]| rows.iter().map(|(_, ns)| *ns).fold(0.0, f64::max) / least;
    let ten = of_ten([costs[0], costs[1]]);
    let (one, two) = (on_threads(1), on_threads(2));
    writeln!(
        text,
        "\nThe greatest is {:.2}× the least: the first rows' few events pay for the making of nodes and tasks. No run has 10 events; on the line \
         between the first two it would take {ten:.0} ns for each, {:.2}× the least. From the third row on all are within {:.2}×.\n\n## A second core\n\nbooking-lite takes {one:.1} µs of processor time a seed on one thread and {two:.1} µs on each of two threads at once: \
         two cores do {:.2}× the work of one. Threads share nothing, so instructions are the same.\n",
        times_least(&costs),
        ten / least,
        times_least(&costs[2..]),
        2.0 * one / two,
    )
    .expect("a text takes a line");
    let (before, began) = (memory_mib(), cpu_ns());
    let mut year = Repeats::runner(Path::Bookings, A_YEAR_OF_MINUTES);
    let outcome = year.run(Plan::Seed(0));
    assert_eq!(outcome.violations, []);
    let (took, after) = ((cpu_ns() - began) as f64 / 1e9, memory_mib());
    year.run(Plan::Seed(0));
    writeln!(
        text,
        "## A year\n\n{A_YEAR_OF_MINUTES} bookings, one a minute, in one run: {} events in {took:.2} s, {:.0} MiB ({:.0} bytes a booking, its entity, \
         choices and their names; all kept until the run ends, as replay needs them). A second such run takes {:.0} MiB more.",
        outcome.events,
        after - before,
        (after - before) * 1_048_576.0 / f64::from(A_YEAR_OF_MINUTES),
        memory_mib() - after,
    )
    .expect("a text takes a line");
    writeln!(text, "\n{}", measured(ROUNDS)).expect("a text takes a line");
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../../SCALING.md"), &text)
        .expect("SCALING.md can be written");
    print!("{text}");
}

const HEADER: &str = "# How cost grows\n\nWritten by `cargo run --release --manifest-path benchmarks/peers/Cargo.toml -p peers-workload --bin scaling`. \
Processor time of the thread, the least of seven rounds, in which rows take turns. Memory over a million runs is in [RESULTS.md](RESULTS.md).\n\n## Events of a run\n\n| events | ns an event |\n|---|---|\n";
