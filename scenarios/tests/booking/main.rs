//! The booking scenario's claims: what holds with every guardrail in place, and that those who judge can find
//! fault. That each guardrail is missed is claimed for every scenario at once, in `ablations.rs`.

mod certified;
mod guarded;
mod jobs;
mod planted;
mod sources;

use shakedown_scenarios::booking::Booking;
use shakedown_sim::{Outcome, Plan, Rehearse, Runner, Script, Variant};

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
