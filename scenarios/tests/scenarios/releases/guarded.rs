//! The whole design holds.

use super::{STEPS, script, violated, without};
use crate::checks::check_bounded;
use shakedown_scenarios::releases::ENTRY;
use shakedown_sim::Plan;
use std::collections::BTreeSet;

#[test]
fn every_one_deviation_holds() {
    let runs = check_bounded(&ENTRY, 1);
    assert!(runs[1] > 4 * 90 && runs[1] < 4 * 390, "the happy path has few alternatives: {runs:?}");
}

const RECALLS: [&str; 3] = ["recalls it after 3 min", "recalls it after 20 min", "recalls it after 1 h"];

fn recalled(when: &str) -> String {
    format!("supervisor/second thoughts @ rollout-1 #1 = {when}")
}

/// Every pair of neighbours, rolled out in either order and recalled at any stage, while a guest orders at any stage.
#[test]
fn neighbouring_releases_work_together_in_every_order() {
    let tiers = "supervisor/tiers @ rollout-1 #1 = the other way round";
    let orders = ["while nodes are replaced", "while the release is watched"];
    let orders = orders.map(|when| format!("guest/orders @ intent-2 #1 = {when}"));
    for step in STEPS {
        let thoughts = RECALLS.iter().map(|when| Some(recalled(when))).chain([None]);
        for thought in thoughts {
            for reversed in [None, (step != "R4-drop").then_some(tiers)] {
                for order in orders.iter().map(Some).chain([None]) {
                    let deviations = [reversed, thought.as_deref(), order.map(String::as_str)];
                    let deviations: Vec<&str> = deviations.into_iter().flatten().collect();
                    let script = script(step, &deviations);
                    assert_eq!(violated(&[], &script), BTreeSet::new(), "{script}");
                }
            }
        }
    }
}

/// Checks every script with one deviation more. Returns their number.
fn check_beside(step: &str, deviation: &str) -> usize {
    let one = script(step, &[deviation]);
    let mut runner = without(&[]);
    runner.run(Plan::Script(&one));
    let mut pairs = 0;
    for offered in runner.offers().into_iter().filter(|offered| offered.id != one.deviations[0].id) {
        for alternative in offered.alternatives.names().iter().skip(1) {
            let two = script(step, &[deviation, &format!("{} = {alternative}", offered.id)]);
            assert_eq!(runner.run(Plan::Script(&two)).violations, [], "{two}");
            pairs += 1;
        }
    }
    pairs
}

#[test]
fn every_one_deviation_beside_a_recall_holds() {
    let pairs: usize = STEPS.iter().map(|step| check_beside(step, &recalled(RECALLS[1]))).sum();
    assert!(pairs > 400, "{pairs} pairs");
}

#[test]
fn every_one_deviation_beside_a_bad_build_holds() {
    let bad = "host/build @ rollout-1 #1 = turns orders down";
    let pairs: usize = STEPS[..3].iter().map(|step| check_beside(step, bad)).sum();
    assert!(pairs > 300, "{pairs} pairs");
}
