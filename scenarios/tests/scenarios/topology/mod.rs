//! The claims of the topology scenario: the whole design holds, each story violates an invariant without one guardrail, and
//! each invariant can fail.

mod guarded;
mod planted;
mod stories;

use crate::checks;
use shakedown_scenarios::topology::ENTRY;
use shakedown_sim::{Plan, Rehearse, Script};
use std::collections::BTreeSet;

/// Returns a runner of the design without these guardrails.
fn without(names: &[&str]) -> Box<dyn Rehearse> {
    checks::without(&ENTRY, names)
}

/// A script of a guest and four reports, with a partner of this kind and these deviations.
fn script(partner: &str, deviations: &[&str]) -> Script {
    let variant = format!("variant partner={partner} guests=1 reports=4");
    format!("scenario topology\n{variant}\n{}", deviations.join("\n")).parse().expect("a script")
}

/// Returns the invariants that a script violates; all of its deviations must apply.
fn violated(missing: &[&str], script: &Script) -> BTreeSet<String> {
    checks::violated(without(missing).as_mut(), script)
}

/// Returns the pager's log of a script in the whole design.
fn pager(script: &Script) -> Vec<String> {
    let (outcome, trace) = without(&[]).record(Plan::Script(script));
    assert_eq!(outcome.unapplied, [], "{script}");
    assert_eq!(outcome.violations, [], "{script}");
    let facts = trace.steps.iter().filter(|step| step.node == "pager");
    let facts = facts.filter(|step| step.kind == shakedown_sim::trace::Kind::Fact);
    facts.map(|step| format!("{} {}", step.time, step.text)).collect()
}
