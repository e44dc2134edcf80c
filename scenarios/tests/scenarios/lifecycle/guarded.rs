//! With every guardrail in place.

use super::{broken, script, without};
use shakedown_sim::search::Bounded;
use shakedown_sim::{Plan, Rehearse, Variant, small_variants};

#[test]
fn whatever_goes_wrong_it_holds() {
    let mut runner = without(&[]);
    let variants = small_variants(runner.parameters(), &Variant::default());
    let mut search = Bounded::new(variants, 1, true);
    search.run(&mut runner);
    assert!(search.broken().is_none(), "{:?}", search.broken().map(|broken| &broken.script));
    let runs: Vec<u64> = search.depths().iter().map(|depth| depth.tally.runs).collect();
    assert!(runs[1] > 150 && runs[1] < 600, "the happy path has few alternatives: {runs:?}");
}

/// What may last.
const EPISODES: [&str; 5] =
    ["slow for 10 min", "down for 30 s", "down for 10 min", "down for 30 min", "flaps for 10 min"];

#[test]
fn whatever_goes_wrong_beside_trouble_at_the_registry_it_holds() {
    let mut pairs = 0;
    for repeats in ["same", "new"] {
        for episode in EPISODES {
            let trouble = format!("registry/episode @ filing-1/request-1/attempt-1 #1 = {episode}");
            let one = script(repeats, &[&trouble]);
            let mut runner = without(&[]);
            runner.run(Plan::Script(&one));
            for offered in runner.offers() {
                for alternative in offered.alternatives.names().iter().skip(1) {
                    if offered.id == one.deviations[0].id {
                        continue;
                    }
                    let two = script(repeats, &[&trouble, &format!("{} = {alternative}", offered.id)]);
                    let outcome = runner.run(Plan::Script(&two));
                    assert_eq!(outcome.violations, [], "{two}");
                    pairs += 1;
                }
            }
        }
    }
    assert!(pairs > 1_500, "{pairs} pairs");
}

#[test]
fn a_burst_finds_the_registry_in_any_trouble_and_is_absorbed() {
    for burst in ["as declared", "above what is declared"] {
        let burst = format!("clinic/burst @ crowd-1 #1 = {burst}");
        assert_eq!(broken(&[], &script("same", &[&burst])), Vec::<String>::new());
        for episode in EPISODES {
            let trouble = format!("registry/episode @ filing-1/request-1/attempt-1 #1 = {episode}");
            assert_eq!(broken(&[], &script("same", &[&trouble, &burst])), Vec::<String>::new(), "{episode}");
        }
    }
}
