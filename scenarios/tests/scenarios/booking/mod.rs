//! The claims of the booking scenario: the whole design holds, and each invariant can fail. `ablations.rs` claims for every
//! scenario that each missing guardrail is caught.

mod certified;
mod clocks;
mod guarded;
mod jobs;
mod planted;
mod reviews;
mod sources;

use crate::checks;
use shakedown_scenarios::booking::ENTRY;
use shakedown_sim::Rehearse;

/// Returns a runner of the design without these guardrails.
fn without(names: &[&str]) -> Box<dyn Rehearse> {
    checks::without(&ENTRY, names)
}
