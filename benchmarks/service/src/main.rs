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
use std::time::Instant;

/// How many orders a run has; it takes half a second of simulated time for each, and one at the end.
const ORDERS: u32 = 20;

/// How long a message takes, one way.
const LATENCY_MS: u64 = 5;

fn main() {
    let seeds = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(20);
    engine::run(0);
    let began = Instant::now();
    for seed in 0..seeds {
        // Each order is accepted and charged once, or the two did not do the same.
        assert_eq!(engine::run(seed), (ORDERS, ORDERS));
    }
    let took = began.elapsed().as_secs_f64();
    println!("{}: {seeds} runs in {took:.2} s, {:.1} runs/s", engine::NAME, seeds as f64 / took);
}
