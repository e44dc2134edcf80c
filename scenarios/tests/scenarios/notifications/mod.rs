//! The claims of the notifications scenario: the whole design holds, each story violates an invariant without one guardrail, and
//! each invariant can fail.

mod guarded;
mod life;
mod planted;
mod stories;

use crate::checks;
use shakedown_scenarios::notifications::ENTRY;
use shakedown_sim::{Rehearse, Script};

/// Returns a runner of the design without these guardrails.
fn without(names: &[&str]) -> Box<dyn Rehearse> {
    checks::without(&ENTRY, names)
}

/// A script of one customer with these deviations.
fn script(deviations: &[&str]) -> Script {
    let lines = format!("scenario notifications\nvariant customers=1\n{}", deviations.join("\n"));
    lines.parse().expect("a script")
}
