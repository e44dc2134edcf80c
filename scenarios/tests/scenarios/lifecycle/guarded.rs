//! The whole design holds.

use super::{script, violated, without};
use crate::checks::check_bounded;
use shakedown_scenarios::lifecycle::ENTRY;
use shakedown_sim::Plan;
use std::collections::BTreeSet;

#[test]
fn every_one_deviation_holds() {
    let runs = check_bounded(&ENTRY, 1);
    assert!(runs[1] > 150 && runs[1] < 600, "the happy path has few alternatives: {runs:?}");
}

/// Episodes of the registry.
const EPISODES: [&str; 5] =
    ["slow for 10 min", "down for 30 s", "down for 10 min", "down for 30 min", "flaps for 10 min"];

#[test]
fn every_one_deviation_beside_an_episode_of_the_registry_holds() {
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
fn a_burst_is_absorbed_in_every_episode_of_the_registry() {
    for burst in ["as declared", "above what is declared"] {
        let burst = format!("clinic/burst @ crowd-1 #1 = {burst}");
        assert_eq!(violated(&[], &script("same", &[&burst])), BTreeSet::new());
        for episode in EPISODES {
            let trouble = format!("registry/episode @ filing-1/request-1/attempt-1 #1 = {episode}");
            assert_eq!(violated(&[], &script("same", &[&trouble, &burst])), BTreeSet::new(), "{episode}");
        }
    }
}
