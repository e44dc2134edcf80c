//! Measures the number of complete runs per second on one core: `cargo bench --manifest-path benchmarks/Cargo.toml`.

use criterion::{Criterion, Throughput, criterion_group};
use shakedown_benchmarks::{Idle, booking};
use shakedown_sim::{Plan, Runner};
use std::time::Instant;

fn runs(criterion: &mut Criterion) {
    let (mut runner, script) = booking();
    let mut group = criterion.benchmark_group("guarded booking");
    group.throughput(Throughput::Elements(1));
    group.bench_function("one customer, one intent", |bench| {
        bench.iter(|| runner.run(Plan::Script(&script)));
    });
    let mut seed = 0;
    group.bench_function("seeded, any variant", |bench| {
        bench.iter(|| {
            seed += 1;
            runner.run(Plan::Seed(seed))
        });
    });
    group.finish();
    let mut idle = Runner::new(Idle);
    criterion.bench_function("an idle day", |bench| bench.iter(|| idle.run(Plan::Seed(1))));
}

/// Prints the cost of an event, which criterion does not report.
fn per_event() {
    const RUNS: u64 = 5_000;
    let (mut runner, script) = booking();
    runner.run(Plan::Script(&script));
    let mut events = 0;
    let began = Instant::now();
    for _ in 0..RUNS {
        events += u64::from(runner.run(Plan::Script(&script)).events);
    }
    let took = began.elapsed();
    let counted = allocation_counter::measure(|| {
        runner.run(Plan::Script(&script));
    });
    let per_run = events / RUNS;
    println!("guarded booking, one customer, one intent, all invariants, digest on:");
    println!("  {:>8.0} runs a second on one core", RUNS as f64 / took.as_secs_f64());
    println!("  {per_run:>8} events a run");
    println!("  {:>8.0} ns an event", took.as_nanos() as f64 / events as f64);
    println!("  {:>8.2} allocations an event", counted.count_total as f64 / per_run as f64);
}

criterion_group!(benches, runs);

fn main() {
    per_event();
    benches();
    Criterion::default().configure_from_args().final_summary();
}
