//! The properties of guided exploration.

use crate::planted::{Planted, Rule};
use crate::shop::Shop;
use shakedown_sim::search::{Guide, Round};
use shakedown_sim::*;

/// Runs a guided campaign of some rounds, each divided into parts of this size.
fn guided(rehearse: &mut dyn Rehearse, rounds: u64, size: u64) -> (Round, Guide) {
    let (mut guide, mut all) = (Guide::new(Profile::MIXED), Round::default());
    for round in 0..rounds {
        let (first, end) = (round * Guide::ROUND, (round + 1) * Guide::ROUND);
        let mut whole = Round::default();
        let mut at = first;
        while at < end {
            whole.merge(guide.explore(rehearse, at..end.min(at + size)));
            at += size;
        }
        guide.learn(whole.discoveries.clone());
        all.merge(whole);
    }
    (all, guide)
}

#[test]
fn a_guided_campaign_is_the_same_in_whatever_parts_its_rounds_are_run() {
    let mut runner = Runner::new(Shop::default());
    let (whole, guide) = guided(&mut runner, 4, Guide::ROUND);
    assert!(whole.campaign.failing.len() > 5 && guide.size().1 > 5, "{:?}", guide.size());
    for size in [1, 7, 100] {
        let (parts, same) = guided(&mut Runner::new(Shop::default()), 4, size);
        assert_eq!((&parts, &same), (&whole, &guide), "in parts of {size}");
        assert_eq!(parts.campaign.tally.digest(), whole.campaign.tally.digest());
    }
}

#[test]
fn a_failing_run_of_a_guided_campaign_can_be_repeated() {
    let mut runner = Runner::new(Shop::default());
    let (whole, _) = guided(&mut runner, 4, Guide::ROUND);
    let made: Vec<_> = whole.campaign.failing.iter().filter(|run| run.script.is_some()).collect();
    assert!(!made.is_empty());
    for failing in &whole.campaign.failing {
        assert_eq!(runner.run(whole.campaign.plan(failing.seed)).violations, failing.violations);
    }
}

#[test]
fn guidance_reaches_more_than_seeds_do() {
    let covered = |guided: bool| {
        let (mut runner, mut guide) = (Runner::new(Shop::default()), Guide::new(Profile::CALM));
        let mut known = Coverage::default();
        for round in 0..20 {
            let numbers = round * Guide::ROUND..(round + 1) * Guide::ROUND;
            let found = guide.explore(&mut runner, numbers.clone());
            if guided {
                guide.learn(found.discoveries);
            } else {
                for seed in numbers {
                    let (outcome, coverage) = runner.cover(Plan::Profiled(seed, Profile::CALM));
                    // A guide learns nothing from runs that fail.
                    let _new = outcome.violations.is_empty() && known.take(&coverage);
                }
            }
        }
        if guided { guide.size().0 } else { known.count() }
    };
    let (with, without) = (covered(true), covered(false));
    println!("features after 20 rounds: {with} guided, {without} by seeds alone");
    assert!(with > without, "{with} against {without}");
}

#[test]
fn coverage_costs_a_run_nothing_but_time() {
    let mut runner = Runner::new(Shop::default());
    for seed in 0..50 {
        let plain = runner.run(Plan::Seed(seed));
        let (outcome, coverage) = runner.cover(Plan::Seed(seed));
        assert_eq!(outcome, plain);
        assert_eq!(runner.cover(Plan::Seed(seed)).1, coverage);
        assert!(coverage.count() > 0);
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let rule: Rule = |_| false;
    let mut runner = Runner::new(Planted(rule));
    let (_, guide) = guided(&mut runner, 12, Guide::ROUND);
    assert!(guide.size().1 <= 256, "{:?}", guide.size());
}
