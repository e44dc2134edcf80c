//! What a short exploration of each whole design comes to: it holds, in every script of one deviation and over some
//! seeds, the seeds reach the rare states that are not rarer than that, and whatever may go wrong makes a difference.

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
fn a_short_campaign_holds_and_reaches_what_is_not_rarer_than_that() {
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

/// Ways that no script of one deviation shows: what they change takes another deviation to be seen.
const SHOW_NOTHING_ALONE: &[(&str, &str)] = &[
    // Whoever offers a replay offers it where something has failed.
    ("visit", "operator/second thoughts = replays at once"),
    ("visit", "operator/second thoughts = replays later"),
    // A list that is right is the same when it is built anew, unless an event is on its way.
    ("consistency", "operator/rebuilds the list = later"),
    // Nobody reads so late that a longer life would serve them.
    ("caching", "cache/life = 72 s"),
];

/// What a run does, beside the choices that it takes.
fn doings(trace: &Trace) -> impl Iterator<Item = (&str, String)> {
    let done = trace.steps.iter().filter(|step| step.kind != Kind::Deviation);
    done.map(|step| (step.node.as_str(), format!("{:?} {:?} {}", step.time, step.kind, step.text)))
}

/// For each way in which a choice of this variant can go, whether a run in which it alone goes so is another than the
/// happy path.
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
fn whatever_may_go_wrong_makes_a_difference() {
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
