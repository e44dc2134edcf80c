//! A run is the happy path plus deviations.

use crate::shop::Shop;
use proptest::prelude::*;
use shakedown_sim::*;

#[test]
fn the_happy_path_is_the_empty_script() {
    let mut runner = Runner::new(Shop::default());
    let happy = runner.happy(3);
    let outcome = runner.run(Plan::Script(&happy));
    assert_eq!(outcome.violations, []);
    assert_eq!(runner.script(), happy);
    assert!(happy.deviations.is_empty());
}

proptest! {
    #[test]
    fn the_script_of_a_seed_is_the_run_of_the_seed(seed: u64) {
        let mut runner = Runner::new(Shop::default());
        let drawn = runner.run(Plan::Seed(seed));
        let script = runner.script();
        prop_assert_eq!(runner.run(Plan::Script(&script)), drawn.clone());
        let parsed: Script = script.to_string().parse().unwrap();
        prop_assert_eq!(&parsed, &script);
        let (recorded, trace) = runner.record(Plan::Script(&script));
        prop_assert_eq!(recorded, drawn);
        prop_assert_eq!(trace.script, script);
    }

    #[test]
    fn the_order_of_deviations_has_no_meaning(seed: u64, turns in 0usize..7) {
        let mut runner = Runner::new(Shop::default());
        let drawn = runner.run(Plan::Seed(seed));
        let mut script = runner.script();
        let turns = turns % script.deviations.len().max(1);
        script.deviations.rotate_left(turns);
        script.deviations.reverse();
        prop_assert_eq!(runner.run(Plan::Script(&script)), drawn);
    }
}

#[test]
fn runs_are_mostly_calm_some_quite_and_some_wild() {
    let mut runner = Runner::new(Shop::default());
    let mut counts: Vec<usize> = (0..2_000).map(|seed| runner.script_of(seed).deviations.len()).collect();
    counts.sort_unstable();
    let (median, most) = (counts[1_000], counts[1_999]);
    let calm = counts.iter().filter(|count| **count == 0).count();
    let choices = runner.offers().len();
    println!(
        "median {median}, most {most}, {calm} of 2000 runs without any, {choices} choices in the last run"
    );
    assert!((1..=6).contains(&median) && most >= 15 && calm >= 40, "{median} {most} {calm}");
}
