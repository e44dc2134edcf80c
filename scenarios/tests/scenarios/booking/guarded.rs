//! With every guardrail in place.

use super::without;
use crate::scripts::{happy_paths, one_step_further, run};
use shakedown_sim::search::explore;

#[test]
fn the_happy_path_of_every_variant_holds() {
    let mut runner = without(&[]);
    let scripts = happy_paths(&runner, false);
    assert_eq!(
        scripts.len(),
        96,
        "four partners, one or two customers and intents, three levels, reviews left or worked"
    );
    for script in scripts {
        assert_eq!(run(&mut runner, &script).violations, [], "{script}");
    }
}

#[test]
fn two_thousand_seeds_hold() {
    let campaign = explore(&mut without(&[]), 0..2_000, 1);
    assert_eq!(campaign.tally.runs, 2_000, "{:#?}", campaign.failing);
    assert_eq!(campaign.failing, []);
}

#[test]
fn whatever_two_things_go_wrong_it_holds_for_every_kind_of_partner() {
    let mut runner = without(&[]);
    let happy = happy_paths(&runner, true);
    assert_eq!(happy.len(), 4, "one for each kind of partner");
    for happy in happy {
        let one = one_step_further(&mut runner, &happy);
        let two: Vec<_> = one.iter().flat_map(|script| one_step_further(&mut runner, script)).collect();
        assert!(one.len() > 60 && two.len() > 2_000, "{} and {} scripts only", one.len(), two.len());
        for script in one.iter().chain(&two) {
            assert_eq!(run(&mut runner, script).violations, [], "{script}");
        }
    }
}
