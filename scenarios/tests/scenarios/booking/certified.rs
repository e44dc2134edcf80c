//! Every script of two deviations, with and without pruning: booking holds; without any one guardrail one deviation
//! violates an invariant, and both searches find the same script first.

use super::without;
use shakedown_scenarios::booking::ENTRY;
use shakedown_sim::search::{Bounded, explore, understand};
use shakedown_sim::{Digest, Moment, Plan, Rehearse, Script, Turn, Variant, Violation, small_variants};
use std::collections::{BTreeMap, BTreeSet};

/// Returns the finished search and its first failing script.
fn search(guardrail: &[&str], pruning: bool) -> (Bounded, Option<Script>) {
    let mut runner = without(guardrail);
    let variants = small_variants(runner.parameters(), &Variant::default());
    let mut search = Bounded::new(variants, 2, pruning);
    search.run(runner.as_mut());
    let failing = search.broken().map(|broken| {
        let (variant, turns) = (&search.variants()[broken.script.variant], &broken.script.turns);
        runner.run(Plan::Turns { variant, turns, task_order: false });
        runner.script()
    });
    (search, failing)
}

#[test]
fn the_whole_design_is_certified_with_and_without_pruning() {
    let ((pruned, none), (whole, neither)) = (search(&[], true), search(&[], false));
    assert_eq!((none, neither), (None, None));
    let runs = |search: &Bounded| search.depths().iter().map(|depth| depth.tally.runs).collect::<Vec<_>>();
    let (few, all) = (runs(&pruned), runs(&whole));
    assert_eq!(few[..2], all[..2]);
    assert!(all[1] > 240 && all[2] > 16_000, "{all:?}");
    assert_eq!(all[2] - few[2], pruned.depths()[1].spared);
    assert_eq!(pruned.sites(), whole.sites());
}

/// Compares the first failure of a bounded search with the shrunk failures of seeds.
#[test]
fn the_smallest_failure_of_a_search_is_no_larger_than_a_shrunk_one() {
    for canary in ENTRY.to_entry().canaries() {
        let lacking: Vec<&str> = canary.iter().map(String::as_str).collect();
        let (pruned, whole) = (search(&lacking, true).1, search(&lacking, false).1);
        assert_eq!(pruned, whole, "without {lacking:?}");
        let certified =
            pruned.unwrap_or_else(|| panic!("without {lacking:?} nothing breaks")).deviations.len();

        let mut runner = without(&lacking);
        let campaign = explore(runner.as_mut(), 0..4_000, 8);
        let shrunk = campaign.failing.iter().map(|failing| {
            runner.run(campaign.plan(failing.seed));
            let found = runner.script();
            understand(runner.as_mut(), &found, &failing.violations[0]).shrunk.deviations.len()
        });
        let least = shrunk.min().expect("a campaign catches it");
        assert!(certified <= least, "without {lacking:?}: {certified} deviations, explored {least}");
        assert_eq!(certified, 1, "without {lacking:?}");
    }
}

/// All observable results of a run, its effects included.
type End = (Moment, Vec<Violation>, u64, Option<Digest>);

/// Runs every script that adds one turn to these, and returns the results.
fn continued(runner: &mut dyn Rehearse, variant: &Variant, turns: &[Turn]) -> Vec<End> {
    let mut offers = Vec::new();
    runner.run(Plan::Turns { variant, turns, task_order: false });
    runner.each_offer(&mut |_, alternatives| offers.push(alternatives.deviations() as u16));
    let first = turns.last().map_or(0, |last| last.choice as usize + 1);
    let next = (first..offers.len()).flat_map(|choice| {
        (1..=offers[choice]).map(move |alternative| Turn { choice: choice as u32, alternative })
    });
    let ends = next.map(|turn| {
        let turns = [turns, &[turn]].concat();
        let outcome = runner.run(Plan::Turns { variant, turns: &turns, task_order: false });
        (outcome.ended, outcome.violations, outcome.goals, runner.effects())
    });
    ends.collect()
}

#[test]
fn scripts_with_equal_effects_end_alike_however_they_continue() {
    let mut runner = without(&["execution-log"]);
    for variant in small_variants(runner.parameters(), &Variant::default()) {
        let mut alike: BTreeMap<Digest, Vec<Turn>> = BTreeMap::new();
        let mut offers = Vec::new();
        runner.run(Plan::Turns { variant: &variant, turns: &[], task_order: false });
        runner.each_offer(&mut |_, alternatives| offers.push(alternatives.deviations() as u16));
        for (choice, deviations) in offers.into_iter().enumerate() {
            for alternative in 1..=deviations {
                let turn = Turn { choice: choice as u32, alternative };
                runner.run(Plan::Turns { variant: &variant, turns: &[turn], task_order: false });
                alike.entry(runner.effects().expect("turns have effects")).or_default().push(turn);
            }
        }
        let repeated: Vec<_> = alike.into_values().filter(|turns| turns.len() > 1).collect();
        assert!(!repeated.is_empty(), "{variant}");
        for turns in repeated {
            let ends = turns.iter().map(|turn| continued(runner.as_mut(), &variant, &[*turn]));
            let ends: BTreeSet<String> = ends.map(|ends| format!("{ends:?}")).collect();
            assert_eq!(ends.len(), 1, "{variant}: {turns:?}");
        }
    }
}
