//! What every scenario of the catalogue owes: its whole design holds, and each form of each guardrail that it
//! exercises is a design that works as long as nothing goes wrong, and is caught when little does.

use shakedown::entry::Entry;
use shakedown::guardrail::Guardrail;
use shakedown_scenarios::catalogue::catalogue;
use shakedown_sim::search::understand;
use shakedown_sim::{Outcome, Parameter, Plan, Rehearse, Script, Variant};

/// Seeds within which a missing guardrail is noticed.
const SEEDS: u64 = 2_000;

fn runner(entry: &Entry, without: &[String]) -> Box<dyn Rehearse> {
    entry.runner(without).unwrap_or_else(|error| panic!("{}: {error}", entry.name))
}

/// The happy path of every variant.
fn happy_paths(runner: &dyn Rehearse) -> Vec<Script> {
    let longer = |variants: Vec<Variant>, parameter: &Parameter| {
        let with = |variant: &Variant, value: &str| {
            let mut longer = variant.clone();
            longer.0.push((parameter.name.to_owned(), value.to_owned()));
            longer
        };
        variants
            .iter()
            .flat_map(|variant| parameter.values.iter().map(|value| with(variant, value)))
            .collect()
    };
    let variants: Vec<Variant> = runner.parameters().iter().fold(vec![Variant::default()], longer);
    let happy = runner.happy(0);
    variants.into_iter().map(|variant| Script { variant, ..happy.clone() }).collect()
}

fn broken(outcome: &Outcome) -> Vec<&str> {
    outcome.violations.iter().map(|violation| violation.invariant.as_str()).collect()
}

/// Finds a run that breaks a claim beside the row, makes it small, and sees that the whole design bears it.
fn check(entry: &Entry, without: &[String], claims: &[String]) {
    let name = format!("{} without {}", entry.name, without.join(" and "));
    let mut runner = runner(entry, without);
    for script in happy_paths(runner.as_ref()) {
        assert_eq!(runner.run(Plan::Script(&script)).violations, [], "{name}, nothing goes wrong: {script}");
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
fn each_missing_guardrail_breaks_a_claim_beside_its_row_by_at_most_three_deviations() {
    for entry in catalogue().entries() {
        for (form, naive) in entry.guardrails.iter().flat_map(Guardrail::forms) {
            let masks = naive.masked_by.iter().cloned();
            let without: Vec<String> = std::iter::once(form).chain(masks).collect();
            check(entry, &without, &naive.breaks);
        }
    }
}

#[test]
fn every_claim_beside_a_row_is_an_invariant_of_a_scenario_that_exercises_it() {
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
        for script in happy_paths(runner.as_ref()) {
            let outcome = runner.run(Plan::Script(&script));
            assert_eq!(outcome.violations, [], "{}, nothing goes wrong: {script}", entry.name);
        }
        for seed in 0..400 {
            let outcome = runner.run(Plan::Seed(seed));
            assert_eq!(outcome.violations, [], "{} seed {seed}: {}", entry.name, runner.script());
        }
    }
}
