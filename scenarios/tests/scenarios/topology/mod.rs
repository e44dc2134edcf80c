//! The topology scenario's claims: what holds with every guardrail in place, the stories of what breaks without one,
//! and that those who judge can find fault.

mod guarded;
mod planted;
mod stories;

use shakedown_scenarios::topology::Topology;
use shakedown_sim::{Plan, Runner, Script};

/// A runner of the design without these guardrails.
fn without(names: &[&str]) -> Runner<Topology> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Runner::new(Topology::without(&names).expect("they are guardrails"))
}

/// A script of a guest and four reports, with a partner of this kind and these deviations.
fn script(partner: &str, deviations: &[&str]) -> Script {
    let variant = format!("variant partner={partner} guests=1 reports=4");
    format!("scenario topology\n{variant}\n{}", deviations.join("\n")).parse().expect("a script")
}

/// The names of the invariants that a script breaks; all of its deviations must apply.
fn broken(without: &[&str], script: &Script) -> Vec<String> {
    let outcome = self::without(without).run(Plan::Script(script));
    assert_eq!(outcome.unapplied, [], "{script}");
    let mut names: Vec<_> = outcome.violations.into_iter().map(|violation| violation.invariant).collect();
    names.dedup();
    names
}

/// What the pager did under a script, in the whole design.
fn pager(script: &Script) -> Vec<String> {
    let (outcome, trace) = without(&[]).record(Plan::Script(script));
    assert_eq!(outcome.unapplied, [], "{script}");
    assert_eq!(outcome.violations, [], "{script}");
    let facts = trace.steps.iter().filter(|step| step.node == "pager");
    let facts = facts.filter(|step| step.kind == shakedown_sim::trace::Kind::Fact);
    facts.map(|step| format!("{} {}", step.time, step.text)).collect()
}
