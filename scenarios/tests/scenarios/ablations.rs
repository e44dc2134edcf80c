//! What every scenario of the catalogue must satisfy: its whole design holds; each naive form of each guardrail that it
//! exercises works on the happy path and is caught with at most three deviations.

use crate::checks::happy_paths;
use shakedown::entry::Entry;
use shakedown::guardrail::Guardrail;
use shakedown_scenarios::catalogue::catalogue;
use shakedown_sim::search::understand;
use shakedown_sim::{Outcome, Plan, Rehearse};

/// The seeds within which a missing guardrail must be caught.
const SEEDS: u64 = 2_000;

fn runner(entry: &Entry, without: &[String]) -> Box<dyn Rehearse> {
    entry.runner(without).unwrap_or_else(|error| panic!("{}: {error}", entry.name))
}

fn broken(outcome: &Outcome) -> Vec<&str> {
    outcome.violations.iter().map(|violation| violation.invariant.as_str()).collect()
}

/// Finds a run that violates one of the guardrail's invariants, shrinks it, and checks that the whole design holds in it.
fn check(entry: &Entry, without: &[String], claims: &[String]) {
    let name = format!("{} without {}", entry.name, without.join(" and "));
    let mut runner = runner(entry, without);
    for script in happy_paths(runner.as_ref(), false) {
        assert_eq!(runner.run(Plan::Script(&script)).violations, [], "{name}, happy path: {script}");
    }
    let found = (0..SEEDS).find_map(|seed| {
        let violations = runner.run(Plan::Seed(seed)).violations;
        violations.into_iter().find(|violation| claims.contains(&violation.invariant))
    });
    let violation = found.unwrap_or_else(|| panic!("{name}: no seed breaks any of {claims:?}"));
    let script = runner.script();
    let failure = understand(runner.as_mut(), &script, &violation);
    let deviations = failure.shrunk.deviations.len();
    assert!((1..=3).contains(&deviations), "{name}:\n{failure}");
    assert_eq!(failure.violation.invariant, violation.invariant, "{name}");
    let unneeded = failure.needed.iter().find(|needed| needed.still_broken.contains(&violation.invariant));
    assert_eq!(unneeded, None, "{name}:\n{failure}");
    let whole = self::runner(entry, &[]).run(Plan::Script(&failure.shrunk));
    assert!(!broken(&whole).contains(&violation.invariant.as_str()), "{name}, and with it:\n{failure}");
}

#[test]
fn each_missing_guardrail_violates_its_invariant_with_at_most_three_deviations() {
    for entry in catalogue().entries() {
        for (form, naive) in entry.guardrails.iter().flat_map(Guardrail::forms) {
            let masks = naive.masked_by.iter().cloned();
            let without: Vec<String> = std::iter::once(form).chain(masks).collect();
            check(entry, &without, &naive.breaks);
        }
    }
}

#[test]
fn every_guardrail_names_invariants_of_the_scenarios_that_exercise_it() {
    for entry in catalogue().entries() {
        let known: Vec<&str> = runner(entry, &[]).invariants().into_iter().map(|(name, _)| name).collect();
        for (form, naive) in entry.guardrails.iter().flat_map(Guardrail::forms) {
            let unknown: Vec<_> =
                naive.breaks.iter().filter(|claim| !known.contains(&claim.as_str())).collect();
            assert!(unknown.is_empty(), "{}: {form} names {unknown:?}", entry.name);
            assert!(!naive.breaks.is_empty(), "{}: {form} breaks nothing", entry.name);
        }
    }
}

#[test]
fn every_guardrail_is_exercised_by_a_scenario() {
    for guardrail in shakedown_model::GUARDRAILS {
        let places = catalogue().places(&[guardrail.name.to_owned()]).len();
        let exercised = places == guardrail.naive.len();
        assert!(exercised, "{} ({})", guardrail.name, guardrail.system);
    }
}

#[test]
fn every_whole_design_holds() {
    for entry in catalogue().entries() {
        let mut runner = runner(entry, &[]);
        for script in happy_paths(runner.as_ref(), false) {
            let outcome = runner.run(Plan::Script(&script));
            assert_eq!(outcome.violations, [], "{}, happy path: {script}", entry.name);
        }
        for seed in 0..400 {
            let outcome = runner.run(Plan::Seed(seed));
            assert_eq!(outcome.violations, [], "{} seed {seed}: {}", entry.name, runner.script());
        }
    }
}
