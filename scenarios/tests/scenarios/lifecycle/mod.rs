//! The lifecycle scenario's claims: what holds with every guardrail in place, the stories of what breaks without
//! one, and that those who judge can find fault.

mod guarded;
mod planted;
mod stories;

use shakedown_scenarios::lifecycle::Lifecycle;
use shakedown_sim::{Plan, Runner, Script};

/// A runner of the design without these guardrails.
fn without(names: &[&str]) -> Runner<Lifecycle> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Runner::new(Lifecycle::without(&names).expect("they are guardrails"))
}

/// A script of two reports to a registry that treats repeats like this, with these deviations.
fn script(repeats: &str, deviations: &[&str]) -> Script {
    let lines = format!("scenario lifecycle\nvariant repeats={repeats} reports=2\n{}", deviations.join("\n"));
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
