//! The handover scenario's claims: what holds with every guardrail in place, the stories of what breaks without one,
//! and that those who judge can find fault.

mod guarded;
mod planted;
mod stories;

use shakedown_scenarios::handover::Handover;
use shakedown_sim::{Outcome, Runner, Script};

/// A runner of the design without these guardrails.
fn without(names: &[&str]) -> Runner<Handover> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Runner::new(Handover::without(&names).expect("they are guardrails"))
}

/// A script of one customer and a partner of this kind with these deviations.
fn script(partner: &str, deviations: &[&str]) -> Script {
    let deviations = deviations.join("\n");
    let lines = format!("scenario handover\nvariant partner={partner} customers=1\n{deviations}");
    lines.parse().expect("a script")
}

/// The names of the invariants that a run breaks.
fn broken(outcome: &Outcome) -> Vec<&str> {
    outcome.violations.iter().map(|violation| violation.invariant.as_str()).collect()
}
