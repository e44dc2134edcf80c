//! The claims of the lifecycle scenario: the whole design holds, each story violates an invariant without one guardrail, and
//! each invariant can fail.

mod guarded;
mod planted;
mod stories;

use crate::checks;
use shakedown_scenarios::lifecycle::ENTRY;
use shakedown_sim::{Rehearse, Script};
use std::collections::BTreeSet;

/// Returns a runner of the design without these guardrails.
fn without(names: &[&str]) -> Box<dyn Rehearse> {
    checks::without(&ENTRY, names)
}

/// A script of two reports to a registry that treats repeats like this, with these deviations.
fn script(repeats: &str, deviations: &[&str]) -> Script {
    let lines = format!("scenario lifecycle\nvariant repeats={repeats} reports=2\n{}", deviations.join("\n"));
    lines.parse().expect("a script")
}

/// Returns the invariants that a script violates; all of its deviations must apply.
fn violated(missing: &[&str], script: &Script) -> BTreeSet<String> {
    checks::violated(without(missing).as_mut(), script)
}
