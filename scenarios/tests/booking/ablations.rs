//! Without one guardrail.

use crate::{FORMS, broken, happy_paths, run, without};
use shakedown_sim::Plan;
use shakedown_sim::search::understand;

/// Finds, within a thousand seeds, a run that breaks what it should, and makes it small.
fn check(form: &str, expected: &[&str]) {
    let mut runner = without(&[form]);
    let found = (0..1_000).find_map(|seed| {
        let violations = runner.run(Plan::Seed(seed)).violations;
        violations.into_iter().find(|violation| expected.contains(&violation.invariant.as_str()))
    });
    let violation = found.unwrap_or_else(|| panic!("without {form}, no seed breaks any of {expected:?}"));
    let script = runner.script();
    let failure = understand(&mut runner, &script, &violation);
    let deviations = failure.shrunk.deviations.len();
    assert!((1..=3).contains(&deviations), "without {form}:\n{failure}");
    assert_eq!(failure.violation.invariant, violation.invariant);
    assert!(
        failure.needed.iter().all(|needed| !needed.still_broken.contains(&violation.invariant)),
        "{failure}"
    );

    let kept = without(&[]).run(Plan::Script(&failure.shrunk));
    assert!(
        !broken(&kept).contains(&violation.invariant.as_str()),
        "it breaks with {form} in place, too:\n{failure}"
    );
}

#[test]
fn every_form_of_every_guardrail_is_in_the_table() {
    let forms = shakedown_model::GUARDRAILS.iter().flat_map(|guardrail| {
        let letters = ["", ":b"].iter().take(guardrail.naive.len());
        letters.map(|letter| format!("{}{letter}", guardrail.name))
    });
    assert_eq!(forms.collect::<Vec<_>>(), FORMS.map(|(form, _)| form));
}

#[test]
fn the_happy_path_of_every_variant_holds_without_any_one_guardrail() {
    for (form, _) in FORMS {
        let mut runner = without(&[form]);
        for script in happy_paths(&runner, false) {
            assert_eq!(run(&mut runner, &script).violations, [], "without {form}: {script}");
        }
    }
}

#[test]
fn each_breaks_what_stands_beside_it_and_shrinks_to_three_deviations_at_most() {
    FORMS.iter().for_each(|(form, expected)| check(form, expected));
}
