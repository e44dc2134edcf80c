//! The booking scenario's claims: what holds with every guardrail in place, and that those who judge can find
//! fault. That each guardrail is missed is claimed for every scenario at once, in `ablations.rs`.

mod certified;
mod clocks;
mod guarded;
mod jobs;
mod planted;
mod reviews;
mod sources;

use shakedown_scenarios::booking::Booking;
use shakedown_sim::Runner;

/// A runner of the design without these guardrails.
fn without(names: &[&str]) -> Runner<Booking> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Runner::new(Booking::without(&names).expect("they are guardrails"))
}
