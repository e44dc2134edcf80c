//! A short exploration of each whole design: it holds in every script of one deviation and in some seeds; the seeds reach
//! the goals that need no more of them; every alternative changes some run.

use shakedown::entry::{Entry, LEAST_NEED};
use shakedown_scenarios::catalogue::catalogue;
use shakedown_sim::search::{Bounded, explore};
use shakedown_sim::trace::Kind;
use shakedown_sim::{Plan, Rehearse, Trace, Turn, Variant, small_variants};
use std::collections::BTreeMap;

/// Seeds of the short campaign.
const SEEDS: u64 = 1_500;

fn runner(entry: &Entry) -> Box<dyn Rehearse> {
    entry.runner(&[]).unwrap_or_else(|error| panic!("{}: {error}", entry.name))
}

#[test]
fn every_script_of_one_deviation_holds() {
    for entry in catalogue().entries() {
        let mut runner = runner(entry);
        let variants = small_variants(runner.parameters(), &Variant::default());
        let mut search = Bounded::new(variants, 1, true);
        search.run(runner.as_mut());
        let broken = search.broken().map(|broken| format!("{:?}", broken.violations));
        assert_eq!(broken, None, "{}", entry.name);
    }
}

#[test]
fn a_short_campaign_holds_and_reaches_each_goal_that_needs_no_more_seeds() {
    for entry in catalogue().entries() {
        let mut runner = runner(entry);
        let campaign = explore(runner.as_mut(), 0..SEEDS, 1);
        assert_eq!(campaign.failing, [], "{}", entry.name);
        let reached = runner.goals().into_iter().zip(&campaign.tally.goals);
        let missed: Vec<&str> = reached.filter(|(_, runs)| **runs == 0).map(|(goal, _)| goal).collect();
        let owed = |goal: &&str| entry.need(goal) <= LEAST_NEED;
        assert!(!missed.iter().any(owed), "{}: {SEEDS} seeds do not reach {missed:?}", entry.name);
    }
}

/// Alternatives that change no run of one deviation: their effect needs a second deviation.
const SHOW_NOTHING_ALONE: &[(&str, &str)] = &[
    // A replay is offered only after a failure.
    ("visit", "operator/second thoughts = replays at once"),
    ("visit", "operator/second thoughts = replays later"),
    // No reader comes late enough to see a longer life.
    ("caching", "cache/life = 72 s"),
];

/// Returns what a run does, without its deviations, and without what only reads: statements and waits for locks.
fn doings(trace: &Trace) -> impl Iterator<Item = (&str, String)> {
    let silent = [Kind::Deviation, Kind::Statement, Kind::LockWait];
    let done = trace.steps.iter().filter(move |step| !silent.contains(&step.kind));
    done.map(|step| (step.node.as_str(), format!("{:?} {:?} {}", step.time, step.kind, step.text)))
}

/// Returns for each alternative of this variant whether a run with it alone differs from the happy path.
fn differences(runner: &mut dyn Rehearse, variant: &Variant) -> BTreeMap<(String, String), bool> {
    let happy = runner.run(Plan::Turns { variant, turns: &[], task_order: false });
    let mut offers = Vec::new();
    runner.each_offer(&mut |site, alternatives| offers.push((site, alternatives)));
    let path = runner.record(Plan::Turns { variant, turns: &[], task_order: false }).1;
    let mut differences = BTreeMap::new();
    for (choice, (site, alternatives)) in (0..).zip(offers) {
        for (alternative, name) in (0..).zip(alternatives.names()).skip(1) {
            let known = differences.entry((site.to_string(), (*name).to_owned())).or_insert(false);
            let turns = &[Turn { choice, alternative }];
            let run = runner.run(Plan::Turns { variant, turns, task_order: false });
            // The deviation itself is an event.
            *known |= (run.events, run.ended) != (happy.events + 1, happy.ended)
                || !doings(&path)
                    .eq(doings(&runner.record(Plan::Turns { variant, turns, task_order: false }).1));
        }
    }
    differences
}

#[test]
fn every_alternative_changes_some_run() {
    let mut nothing = Vec::new();
    for entry in catalogue().entries() {
        let mut runner = runner(entry);
        let mut of_all = BTreeMap::new();
        for variant in small_variants(runner.parameters(), &Variant::default()) {
            for (way, differs) in differences(runner.as_mut(), &variant) {
                *of_all.entry(way).or_insert(false) |= differs;
            }
        }
        let alike = of_all.into_iter().filter(|(_, differs)| !differs);
        nothing.extend(alike.map(|((site, way), _)| format!("{}: {site} = {way}", entry.name)));
    }
    let expected = SHOW_NOTHING_ALONE.iter().map(|(scenario, way)| format!("{scenario}: {way}"));
    assert_eq!(nothing, expected.collect::<Vec<_>>());
}
