//! One axum service, the same source, under turmoil (`cargo run --release`) and under `cargo shakedown run --release`. See `compare`.

#[cfg(shakedown)]
mod on_shakedown;
#[cfg(not(shakedown))]
mod on_turmoil;
mod service;

#[cfg(shakedown)]
use on_shakedown as engine;
#[cfg(not(shakedown))]
use on_turmoil as engine;

/// The number of orders in a run. Each takes half a second of simulated time, and the run ends a second after the last.
const ORDERS: u32 = 20;

/// How long a message takes, one way.
const LATENCY_MS: u64 = 5;

fn main() {
    let seeds = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(20);
    engine::run(0);
    let began = processor_time_s();
    for seed in 0..seeds {
        // Both engines do the same work: each order is accepted and charged once.
        assert_eq!(engine::run(seed), (ORDERS, ORDERS));
    }
    let took = processor_time_s() - began;
    println!(
        "{}: {seeds} runs in {took:.2} s of processor time, {:.1} runs/s",
        engine::NAME,
        seeds as f64 / took
    );
}

/// Returns the processor time of the process and its threads in seconds. Linux counts it in hundredths.
fn processor_time_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
