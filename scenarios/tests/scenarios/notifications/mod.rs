//! The notifications scenario's claims: what holds with every guardrail in place, the stories of what breaks
//! without one, and that those who judge can find fault.

mod guarded;
mod life;
mod planted;
mod stories;

use shakedown_scenarios::notifications::Notifications;
use shakedown_sim::{Outcome, Runner, Script};

/// A runner of the design without these guardrails.
fn without(names: &[&str]) -> Runner<Notifications> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Runner::new(Notifications::without(&names).expect("they are guardrails"))
}

/// A script of one customer with these deviations.
fn script(deviations: &[&str]) -> Script {
    let lines = format!("scenario notifications\nvariant customers=1\n{}", deviations.join("\n"));
    lines.parse().expect("a script")
}

/// The names of the invariants that a run breaks.
fn broken(outcome: &Outcome) -> Vec<&str> {
    outcome.violations.iter().map(|violation| violation.invariant.as_str()).collect()
}
