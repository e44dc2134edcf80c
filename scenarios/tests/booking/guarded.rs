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

/// Every script of one deviation, for a happy path.
fn one_step_away(runner: &mut dyn Rehearse, happy: &Script) -> Vec<Script> {
    run(runner, happy);
    let offers = runner.offers();
    let each = offers.into_iter().flat_map(|offered| {
        let names = offered.alternatives.names()[1..].iter();
        names.map(move |name| Deviation { id: offered.id.clone(), alternative: (*name).to_owned() })
    });
    each.map(|deviation| happy.with(vec![deviation])).collect()
}

#[test]
fn whatever_one_thing_goes_wrong_it_holds_for_every_kind_of_partner() {
    let mut runner = without(&[]);
    let happy = happy_paths(&runner, true);
    assert_eq!(happy.len(), 4, "one for each kind of partner");
    for happy in happy {
        let scripts = one_step_away(&mut runner, &happy);
        assert!(scripts.len() > 60, "{} scripts only", scripts.len());
        for script in scripts {
            assert_eq!(run(&mut runner, &script).violations, [], "{script}");
        }
    }
}
