//! The claims of the handover scenario: the whole design holds, each story violates an invariant without one guardrail, and
//! each invariant can fail.

mod guarded;
mod planted;
mod stories;

use crate::checks;
use shakedown_scenarios::handover::ENTRY;
use shakedown_sim::{Rehearse, Script};

/// Returns a runner of the design without these guardrails.
fn without(names: &[&str]) -> Box<dyn Rehearse> {
    checks::without(&ENTRY, names)
}

/// A script of one customer and a partner of this kind with these deviations.
fn script(partner: &str, deviations: &[&str]) -> Script {
    let deviations = deviations.join("\n");
    let lines = format!("scenario handover\nvariant partner={partner} customers=1\n{deviations}");
    lines.parse().expect("a script")
}
