//! The claims of the releases scenario: the whole design holds, each story violates an invariant without one guardrail, and
//! each invariant can fail.

mod guarded;
mod planted;
mod stories;

use crate::checks;
use shakedown_scenarios::releases::ENTRY;
use shakedown_sim::{Rehearse, Script};
use std::collections::BTreeSet;

/// The steps from one release to the next.
const STEPS: [&str; 4] = ["R1-R2", "R2-R3", "R3-R4", "R4-drop"];

/// Returns a runner of the design without these guardrails.
fn without(names: &[&str]) -> Box<dyn Rehearse> {
    checks::without(&ENTRY, names)
}

/// A script of this step, with these deviations.
fn script(step: &str, deviations: &[&str]) -> Script {
    let lines = format!("scenario releases\nvariant step={step}\n{}", deviations.join("\n"));
    lines.parse().expect("a script")
}

/// Returns the invariants that a script violates; all of its deviations must apply.
fn violated(missing: &[&str], script: &Script) -> BTreeSet<String> {
    checks::violated(without(missing).as_mut(), script)
}
