//! With every guardrail in place.

use super::without;
use crate::scripts::{happy_paths, one_step_further, run};
use shakedown_sim::search::explore;

#[test]
fn the_happy_path_of_every_variant_holds() {
    let mut runner = without(&[]);
    let scripts = happy_paths(&runner, false);
    assert_eq!(scripts.len(), 6, "patients who come, cancel or stay away; one visit or two");
    for script in scripts {
        assert_eq!(run(&mut runner, &script).violations, [], "{script}");
    }
}

#[test]
fn a_thousand_seeds_hold() {
    let campaign = explore(&mut without(&[]), 0..1_000, 1);
    assert_eq!(campaign.tally.runs, 1_000, "{:#?}", campaign.failing);
    assert_eq!(campaign.failing, []);
}

#[test]
fn whatever_two_things_go_wrong_it_holds() {
    let mut runner = without(&[]);
    for happy in happy_paths(&runner, true) {
        let one = one_step_further(&mut runner, &happy);
        let two: Vec<_> = one.iter().flat_map(|script| one_step_further(&mut runner, script)).collect();
        assert!(one.len() > 10 && two.len() > 100, "{} and {} scripts only", one.len(), two.len());
        for script in one.iter().chain(&two) {
            assert_eq!(run(&mut runner, script).violations, [], "{script}");
        }
    }
}
