//! With every guardrail in place.

use super::without;
use crate::scripts::{happy_paths, one_step_further, run};
use shakedown_sim::search::{Bounded, explore};
use shakedown_sim::{Rehearse, Variant, small_variants};

#[test]
fn two_thousand_seeds_hold() {
    let campaign = explore(&mut without(&[]), 0..2_000, 1);
    assert_eq!(campaign.tally.runs, 2_000, "{:#?}", campaign.failing);
    assert_eq!(campaign.failing, []);
}

#[test]
fn whatever_one_thing_goes_wrong_it_holds_for_one_customer_and_for_two() {
    let mut runner = without(&[]);
    let happy = happy_paths(&runner, false);
    assert_eq!(happy.len(), 2);
    for happy in happy {
        let one = one_step_further(&mut runner, &happy);
        assert!(one.len() > 100, "{} scripts only", one.len());
        for script in one {
            assert_eq!(run(&mut runner, &script).violations, [], "{script}");
        }
    }
}

#[test]
fn whatever_two_things_go_wrong_it_holds_for_one_customer() {
    let mut runner = without(&[]);
    let variants = small_variants(runner.parameters(), &Variant::default());
    let mut search = Bounded::new(variants, 2, true);
    search.run(&mut runner);
    assert!(search.broken().is_none(), "{:?}", search.broken().map(|broken| &broken.script));
    let runs: Vec<u64> = search.depths().iter().map(|depth| depth.tally.runs).collect();
    assert!(runs[1] > 100 && runs[1] < 300 && runs[2] > 10_000, "{runs:?}");
}
