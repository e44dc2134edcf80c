//! The whole design holds.

use super::{script, without};
use crate::checks::check_bounded;
use shakedown_scenarios::topology::ENTRY;
use shakedown_sim::{Plan, Script};

#[test]
fn every_one_deviation_holds() {
    let runs = check_bounded(&ENTRY, 1);
    assert!(runs[1] > 250 && runs[1] < 700, "the happy path has few alternatives: {runs:?}");
}

/// Episodes of the registry and of the partner.
const EPISODES: [&str; 6] = [
    "registry/episode @ filing-1/request-1/attempt-1 #1 = slow for 10 min",
    "registry/episode @ filing-1/request-1/attempt-1 #1 = down for 10 min",
    "registry/episode @ filing-1/request-1/attempt-1 #1 = down for 30 min",
    "registry/episode @ filing-1/request-1/attempt-1 #1 = flaps for 10 min",
    "partner/outage @ intent-1/request-1/attempt-1/step-1 #1 = 30 min",
    "partner/slowness @ intent-1/request-1/attempt-1/step-1 #1 = 10 min",
];

/// Returns the deviations that a run of this script offers at these owners' sites, as lines of a script.
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

/// Monitor, pager and on-call person.
const WATCH: [&str; 3] = ["monitor", "pager.alert", "person"];

#[test]
fn late_work_is_noticed_with_one_fault_of_monitor_or_pager() {
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
fn late_reports_are_noticed_with_two_faults_of_the_monitor() {
    let down = EPISODES[2];
    let first = offered(&script("lookup", &[down]), &WATCH);
    let mut runner = without(&[]);
    // Faults at the first report represent those at the others.
    for one in first.iter().filter(|line| line.contains("look") || line.contains("filing-1")) {
        let place = |line: &String| line.split(" = ").next().map(str::to_owned);
        for other in first.iter().filter(|other| *other > one && place(other) != place(one)) {
            let three = script("lookup", &[down, one, other]);
            // The first fault may leave no place for the second.
            assert_eq!(runner.run(Plan::Script(&three)).violations, [], "{three}");
        }
    }
}
