//! What a short exploration of each whole design comes to: it holds, in every script of one deviation and over some
//! seeds, and the seeds reach the rare states that are not rarer than that.

use shakedown_scenarios::catalogue::{CATALOGUE, Entry, LEAST_NEED};
use shakedown_sim::search::{Bounded, explore};
use shakedown_sim::{Rehearse, Variant, small_variants};

/// Seeds of the short campaign.
const SEEDS: u64 = 1_500;

fn runner(entry: &Entry) -> Box<dyn Rehearse> {
    entry.runner(&[]).unwrap_or_else(|error| panic!("{}: {error}", entry.name))
}

#[test]
fn every_script_of_one_deviation_holds() {
    for entry in CATALOGUE {
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
    for entry in CATALOGUE {
        let mut runner = runner(entry);
        let campaign = explore(runner.as_mut(), 0..SEEDS, 1);
        assert_eq!(campaign.failing, [], "{}", entry.name);
        let reached = runner.goals().into_iter().zip(&campaign.tally.goals);
        let missed: Vec<&str> = reached.filter(|(_, runs)| **runs == 0).map(|(goal, _)| goal).collect();
        let owed = |goal: &&str| entry.need(goal) <= LEAST_NEED;
        assert!(!missed.iter().any(owed), "{}: {SEEDS} seeds do not reach {missed:?}", entry.name);
    }
}
