//! The booking scenario's claims: what holds with every guardrail in place, what breaks without one, and that
//! those who judge can find fault.

mod ablations;
mod certified;
mod guarded;
mod jobs;
mod planted;
mod sources;

use shakedown_scenarios::booking::Booking;
use shakedown_sim::{Outcome, Plan, Rehearse, Runner, Script, Variant};

/// Every form of every guardrail, as one takes it out, with the invariants of which one must break without it.
const FORMS: [(&str, &[&str]); 7] = [
    ("booking-contract", &["legal-transitions-only", "screens-agree-at-rest"]),
    ("background-sync", &["requests-answer-in-time", "no-dependency-failure-shown"]),
    ("status-sync", &["no-orphan-reservation", "charged-at-most-once", "local-and-partner-agree"]),
    ("idempotency-store", &["one-booking-per-intent", "exactly-one-reservation-per-intent"]),
    ("retry-safe-job", &["exactly-one-reservation-per-intent"]),
    ("retry-safe-job:b", &["transient-faults-heal"]),
    ("execution-log", &["every-side-effect-accounted", "exactly-one-reservation-per-intent"]),
];

/// A runner of the design without these guardrails.
fn without(names: &[&str]) -> Runner<Booking> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Runner::new(Booking::without(&names).expect("they are guardrails"))
}

/// The happy path of every variant, or of the small ones.
fn happy_paths(runner: &dyn Rehearse, small: bool) -> Vec<Script> {
    let variants = runner.parameters().iter().fold(vec![Variant::default()], |variants, parameter| {
        let values = if small { parameter.small } else { parameter.values };
        let longer = |variant: &Variant, value: &&str| {
            let mut longer = variant.clone();
            longer.0.push((parameter.name.to_owned(), (*value).to_owned()));
            longer
        };
        variants.iter().flat_map(|variant| values.iter().map(move |value| longer(variant, value))).collect()
    });
    let happy = runner.happy(0);
    variants.into_iter().map(|variant| Script { variant, ..happy.clone() }).collect()
}

/// Runs a script all of whose deviations must apply.
fn run(runner: &mut dyn Rehearse, script: &Script) -> Outcome {
    let outcome = runner.run(Plan::Script(script));
    assert_eq!(outcome.unapplied, [], "{script}");
    outcome
}

/// The names of the invariants that a run breaks.
fn broken(outcome: &Outcome) -> Vec<&str> {
    outcome.violations.iter().map(|violation| violation.invariant.as_str()).collect()
}
