//! The releases scenario's claims: what holds with every guardrail in place, the stories of what breaks without one,
//! and that those who judge can find fault.

mod guarded;
mod planted;
mod stories;

use shakedown_scenarios::releases::Releases;
use shakedown_sim::{Plan, Runner, Script};

/// The steps from one release to the next.
const STEPS: [&str; 4] = ["R1-R2", "R2-R3", "R3-R4", "R4-drop"];

/// A runner of the design without these guardrails.
fn without(names: &[&str]) -> Runner<Releases> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Runner::new(Releases::without(&names).expect("they are guardrails"))
}

/// A script of this step, with these deviations.
fn script(step: &str, deviations: &[&str]) -> Script {
    let lines = format!("scenario releases\nvariant step={step}\n{}", deviations.join("\n"));
    lines.parse().expect("a script")
}

/// The names of the invariants that a script breaks; all of its deviations must apply.
fn broken(without: &[&str], script: &Script) -> Vec<String> {
    let outcome = self::without(without).run(Plan::Script(script));
    assert_eq!(outcome.unapplied, [], "{script}");
    let mut names: Vec<_> = outcome.violations.into_iter().map(|violation| violation.invariant).collect();
    names.dedup();
    names
}
