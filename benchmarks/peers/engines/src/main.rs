//! One workload on several engines, side by side: `cargo run --release --manifest-path benchmarks/peers/Cargo.toml`.
//!
//! Each engine runs in processes of its own, one after another in interleaved rounds, and is measured by the time
//! that its thread spends on a core. With arguments `ENGINE FIRST COUNT` this program is such a process.

mod on_tokio;
mod on_turmoil;
mod table;

use peers_workload::bare::Bare;
use peers_workload::on_sim::OnSim;
use peers_workload::queue::{Heap, Near};
use peers_workload::round;
use peers_workload::tally::Tally;
use std::time::Duration;

fn engine(name: &str) -> Option<Box<dyn FnMut(u64) -> Tally>> {
    Some(match name {
        "sim" => {
            let mut sim = OnSim::default();
            Box::new(move |seed| sim.run(seed))
        }
        "bare loop, binary heap" => {
            let mut bare = Bare::<Heap<_>>::new();
            Box::new(move |seed| bare.run(seed))
        }
        "bare loop, near buffer" => {
            let mut bare = Bare::<Near<_>>::new();
            Box::new(move |seed| bare.run(seed))
        }
        "tokio, paused" => Box::new(on_tokio::run),
        "turmoil, 1 ms ticks" => Box::new(|seed| on_turmoil::run(seed, Duration::from_millis(1))),
        "turmoil, 10 ms ticks" => Box::new(|seed| on_turmoil::run(seed, Duration::from_millis(10))),
        _ => return None,
    })
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match round::answer(&arguments, engine) {
        Some(round) => println!("{round}"),
        None => table::measure(),
    }
}
