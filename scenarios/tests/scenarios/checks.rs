//! What the tests of each scenario check: happy paths, scripts of one deviation more, seeds, bounded searches, and
//! stories that violate an invariant only without a guardrail.

use shakedown_scenarios::catalogue::Entry;
use shakedown_sim::search::{Bounded, explore};
use shakedown_sim::{Deviation, Outcome, Plan, Rehearse, Script, Variant, small_variants};
use std::collections::BTreeSet;

/// Returns a runner of the scenario's design without these guardrails.
pub(crate) fn without(entry: &Entry, names: &[&str]) -> Box<dyn Rehearse> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    (entry.rehearse)(&names).expect("a design without them can be built")
}

/// Returns the happy path of every variant, or of the small variants.
pub(crate) fn happy_paths(runner: &dyn Rehearse, small: bool) -> Vec<Script> {
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

/// Returns every script with one deviation more, after those of `script`.
pub(crate) fn one_step_further(runner: &mut dyn Rehearse, script: &Script) -> Vec<Script> {
    run(runner, script);
    let last = script.deviations.last().map(|deviation| &deviation.id);
    let mut offers = runner.offers().into_iter();
    if let Some(last) = last {
        offers.find(|offered| offered.id == *last).expect("it applied");
    }
    let each = offers.flat_map(|offered| {
        let names = offered.alternatives.names().into_iter().skip(1);
        names.map(move |alternative| Deviation { id: offered.id.clone(), alternative })
    });
    let longer = |deviation| script.with(script.deviations.iter().cloned().chain([deviation]).collect());
    each.map(longer).collect()
}

/// Runs a script all of whose deviations must apply.
pub(crate) fn run(runner: &mut dyn Rehearse, script: &Script) -> Outcome {
    let outcome = runner.run(Plan::Script(script));
    assert_eq!(outcome.unapplied, [], "{script}");
    outcome
}

/// Returns the invariants that a run of this script violates; all of its deviations must apply.
pub(crate) fn violated(runner: &mut dyn Rehearse, script: &Script) -> BTreeSet<String> {
    run(runner, script).violations.into_iter().map(|violation| violation.invariant).collect()
}

/// Checks that a script holds; all of its deviations must apply.
pub(crate) fn check_holds(runner: &mut dyn Rehearse, script: &Script) {
    assert_eq!(run(runner, script).violations, [], "{script}");
}

/// Checks that the whole design holds in this many seeds.
pub(crate) fn check_seeds(entry: &Entry, seeds: u64) {
    let campaign = explore(without(entry, &[]).as_mut(), 0..seeds, 1);
    assert_eq!(campaign.failing, []);
    assert_eq!(campaign.tally.runs, seeds);
}

/// Checks that the whole design holds in every script of at most this many deviations, for the small variants.
/// Returns the number of runs by number of deviations.
pub(crate) fn check_bounded(entry: &Entry, deviations: usize) -> Vec<u64> {
    let mut runner = without(entry, &[]);
    let variants = small_variants(runner.parameters(), &Variant::default());
    let mut search = Bounded::new(variants, deviations, true);
    search.run(runner.as_mut());
    assert!(search.broken().is_none(), "{:?}", search.broken().map(|broken| &broken.script));
    search.depths().iter().map(|depth| depth.tally.runs).collect()
}

/// Checks that the whole design holds with each one deviation, for every variant. There must be this many variants,
/// and more scripts than `scripts_min` for each.
pub(crate) fn check_one_deviation(entry: &Entry, variants: usize, scripts_min: usize) {
    let mut runner = without(entry, &[]);
    let happy = happy_paths(runner.as_ref(), false);
    assert_eq!(happy.len(), variants);
    for happy in happy {
        let one = one_step_further(runner.as_mut(), &happy);
        assert!(one.len() > scripts_min, "{} scripts only", one.len());
        one.iter().for_each(|script| check_holds(runner.as_mut(), script));
    }
}

/// Checks that the happy path of every variant holds. There must be this many variants.
pub(crate) fn check_happy_paths(entry: &Entry, variants: usize) {
    let mut runner = without(entry, &[]);
    let scripts = happy_paths(runner.as_ref(), false);
    assert_eq!(scripts.len(), variants);
    scripts.iter().for_each(|script| check_holds(runner.as_mut(), script));
}

/// Checks that the whole design holds with each two deviations, for the small variants. There must be more scripts
/// than these of one and of two.
pub(crate) fn check_two_deviations(entry: &Entry, scripts_min: [usize; 2]) {
    let mut runner = without(entry, &[]);
    for happy in happy_paths(runner.as_ref(), true) {
        let one = one_step_further(runner.as_mut(), &happy);
        let two: Vec<_> = one.iter().flat_map(|script| one_step_further(runner.as_mut(), script)).collect();
        assert!(one.len() > scripts_min[0] && two.len() > scripts_min[1], "{} and {}", one.len(), two.len());
        one.iter().chain(&two).for_each(|script| check_holds(runner.as_mut(), script));
    }
}

/// Checks that a script violates these invariants without a guardrail, and none with it. Returns the run with it,
/// which may leave no place for the script's deviations.
pub(crate) fn check_story(entry: &Entry, missing: &str, script: &Script, invariants: &[&str]) -> Outcome {
    let found = violated(without(entry, &[missing]).as_mut(), script);
    for invariant in invariants {
        assert!(found.contains(*invariant), "without {missing} {found:?}: {script}");
    }
    let whole = without(entry, &[]).run(Plan::Script(script));
    assert_eq!(whole.violations, [], "with {missing}: {script}");
    whole
}
