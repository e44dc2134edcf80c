//! With every guardrail in place.

use super::{script, without};
use shakedown_sim::search::Bounded;
use shakedown_sim::{Plan, Rehearse, Script, Variant, small_variants};

#[test]
fn whatever_goes_wrong_it_holds() {
    let mut runner = without(&[]);
    let variants = small_variants(runner.parameters(), &Variant::default());
    let mut search = Bounded::new(variants, 1, true);
    search.run(&mut runner);
    assert!(search.broken().is_none(), "{:?}", search.broken().map(|broken| &broken.script));
    let runs: Vec<u64> = search.depths().iter().map(|depth| depth.tally.runs).collect();
    assert!(runs[1] > 250 && runs[1] < 700, "the happy path has few alternatives: {runs:?}");
}

/// What may last at the registry and at the partner.
const EPISODES: [&str; 6] = [
    "registry/episode @ filing-1/request-1/attempt-1 #1 = slow for 10 min",
    "registry/episode @ filing-1/request-1/attempt-1 #1 = down for 10 min",
    "registry/episode @ filing-1/request-1/attempt-1 #1 = down for 30 min",
    "registry/episode @ filing-1/request-1/attempt-1 #1 = flaps for 10 min",
    "partner/outage @ intent-1/request-1/attempt-1/step-1 #1 = 30 min",
    "partner/slowness @ intent-1/request-1/attempt-1/step-1 #1 = 10 min",
];

/// The deviations that a run of this script still offers at these sites, as lines of a script.
fn offered(script: &Script, owners: &[&str]) -> Vec<String> {
    let mut runner = without(&[]);
    runner.run(Plan::Script(script));
    let concerned = runner.offers();
    let concerned = concerned.iter().filter(|offer| owners.contains(&offer.site.owner()));
    let lines = concerned.flat_map(|offer| {
        let others = offer.alternatives.names().into_iter().skip(1);
        others.map(|alternative| format!("{} = {alternative}", offer.id))
    });
    lines.collect()
}

/// Whoever watches, and whoever is told.
const WATCH: [&str; 3] = ["monitor", "pager.alert", "person"];

#[test]
fn whatever_happens_to_the_monitor_and_the_pager_while_a_dependency_is_in_trouble_somebody_is_told() {
    let mut pairs = 0;
    for partner in ["lookup", "neither"] {
        for episode in EPISODES {
            for other in offered(&script(partner, &[episode]), &WATCH) {
                let two = script(partner, &[episode, &other]);
                assert_eq!(without(&[]).run(Plan::Script(&two)).violations, [], "{two}");
                pairs += 1;
            }
        }
    }
    assert!(pairs > 500, "{pairs} pairs");
}

#[test]
fn two_things_may_happen_to_the_monitor_while_reports_are_late() {
    let down = EPISODES[2];
    let first = offered(&script("lookup", &[down]), &WATCH);
    let mut runner = without(&[]);
    // Those about the first report stand for the others.
    for one in first.iter().filter(|line| line.contains("look") || line.contains("filing-1")) {
        let place = |line: &String| line.split(" = ").next().map(str::to_owned);
        for other in first.iter().filter(|other| *other > one && place(other) != place(one)) {
            let three = script("lookup", &[down, one, other]);
            // The first may leave no place for the second.
            assert_eq!(runner.run(Plan::Script(&three)).violations, [], "{three}");
        }
    }
}
