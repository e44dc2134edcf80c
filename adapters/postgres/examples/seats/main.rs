//! Runs seeds of a small service on a real server and prints runs per second and the digest: `seats [FIRST] [COUNT]`.

mod service;
mod world;

use service::Form;
use shakedown_sim::{Digest, Plan, Runner};
use std::time::Instant;
use world::Seats;

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let (first, count): (u64, u64) = (arguments.next().unwrap_or(0), arguments.next().unwrap_or(200));
    let server = match world::server() {
        Ok(server) => server,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    };
    let mut runner = Runner::new(Seats { server, form: Form::Correct });
    let (mut digest, mut failing, began) = (Digest::default(), 0, Instant::now());
    for seed in first..first + count {
        let outcome = runner.run(Plan::Seed(seed));
        digest.word(outcome.digest.bits());
        for violation in &outcome.violations {
            failing += 1;
            println!("seed {seed}: {}: {}", violation.invariant, violation.message);
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{count} runs, {failing} violations, {:.0} runs/s, digest {:016x}",
        count as f64 / seconds,
        digest.bits()
    );
}
