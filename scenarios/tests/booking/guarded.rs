//! With every guardrail in place.

use crate::{happy_paths, run, without};
use shakedown_sim::search::explore;
use shakedown_sim::{Deviation, Rehearse, Script};

#[test]
fn the_happy_path_of_every_variant_holds() {
    let mut runner = without(&[]);
    let scripts = happy_paths(&runner, false);
    assert_eq!(scripts.len(), 16, "each kind of partner, one or two customers, one or two intents");
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

/// Every script of one deviation more, which comes after those that there are.
fn one_step_further(runner: &mut dyn Rehearse, script: &Script) -> Vec<Script> {
    run(runner, script);
    let last = script.deviations.last().map(|deviation| &deviation.id);
    let mut offers = runner.offers().into_iter();
    if let Some(last) = last {
        offers.find(|offered| offered.id == *last).expect("it applied");
    }
    let each = offers.flat_map(|offered| {
        let names = offered.alternatives.names()[1..].iter();
        names.map(move |name| Deviation { id: offered.id.clone(), alternative: (*name).to_owned() })
    });
    let longer = |deviation| script.with(script.deviations.iter().cloned().chain([deviation]).collect());
    each.map(longer).collect()
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
