//! Every script of two deviations, with and without pruning: booking holds; without any one guardrail it
//! breaks at the first, and the first failure is the same.

use crate::without;
use shakedown_scenarios::booking::ENTRY;
use shakedown_sim::search::Bounded;
use shakedown_sim::{Plan, Rehearse, Script, Variant, small_variants};

/// The scripts run by depth, and the first that fails.
fn search(guardrail: &[&str], pruning: bool) -> (Bounded, Option<Script>) {
    let mut runner = without(guardrail);
    let variants = small_variants(runner.parameters(), &Variant::default());
    let mut search = Bounded::new(variants, 2, pruning);
    search.run(&mut runner);
    let failing = search.broken().map(|broken| {
        let (variant, turns) = (&search.variants()[broken.script.variant], &broken.script.turns);
        runner.run(Plan::Turns { variant, turns });
        runner.script()
    });
    (search, failing)
}

#[test]
fn the_guarded_design_is_certified_with_and_without_pruning() {
    let ((pruned, none), (whole, neither)) = (search(&[], true), search(&[], false));
    assert_eq!((none, neither), (None, None));
    let runs = |search: &Bounded| search.depths().iter().map(|depth| depth.tally.runs).collect::<Vec<_>>();
    let (few, all) = (runs(&pruned), runs(&whole));
    assert_eq!(few[..2], all[..2]);
    assert!(all[1] > 240 && all[2] > 16_000, "{all:?}");
    assert_eq!(all[2] - few[2], pruned.depths()[1].spared);
    assert_eq!(pruned.sites(), whole.sites());
}

#[test]
fn without_a_guardrail_the_first_deviation_breaks_it_with_and_without_pruning() {
    for form in ENTRY.canaries() {
        let guardrail = form.join(" and ");
        let form: Vec<&str> = form.iter().map(String::as_str).collect();
        let (pruned, whole) = (search(&form, true).1, search(&form, false).1);
        assert_eq!(pruned, whole, "{guardrail}");
        assert_eq!(pruned.map(|script| script.deviations.len()), Some(1), "{guardrail}");
    }
}
