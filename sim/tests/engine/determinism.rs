//! Equal plans give equal runs, and a leak of nondeterminism into a run is found.

use crate::rig::{Rig, say};
use crate::shop::Shop;
use shakedown_sim::search::explore;
use shakedown_sim::*;

const SEEDS: std::ops::Range<u64> = 100..140;

fn digests(mut run: impl FnMut(u64) -> Digest) -> Vec<Digest> {
    SEEDS.map(&mut run).collect()
}

fn alone(seed: u64) -> Digest {
    Runner::new(Shop::default()).run(Plan::Seed(seed)).digest
}

#[test]
fn a_seed_gives_one_run_wherever_it_is_run() {
    let expected = digests(alone);
    let mut reused = Runner::new(Shop::default());
    explore(&mut reused, 0..100, usize::MAX);
    assert_eq!(digests(|seed| reused.run(Plan::Seed(seed)).digest), expected, "inside a sweep");
    assert_eq!(digests(|seed| reused.record(Plan::Seed(seed)).0.digest), expected, "while recording");
    let backwards = SEEDS.rev().map(|seed| reused.run(Plan::Seed(seed)).digest);
    let mut backwards: Vec<_> = backwards.collect();
    backwards.reverse();
    assert_eq!(backwards, expected, "in another order");
    #[expect(clippy::disallowed_methods, reason = "the claim is about threads")]
    let elsewhere = std::thread::spawn(|| digests(alone)).join().unwrap();
    assert_eq!(elsewhere, expected, "in another thread");
    let distinct: std::collections::BTreeSet<_> = expected.iter().collect();
    assert!(distinct.len() > SEEDS.count() / 2, "different seeds give different runs");
}

#[test]
fn the_self_check_finds_nothing_in_a_deterministic_run() {
    let mut runner = Runner::new(Shop::default());
    let outcome = runner.run(Plan::Seed(5));
    assert_eq!(self_check(&mut runner, Plan::Seed(5)), Ok(outcome));
}

/// A node that greets its friends in the order of a hash map.
fn leaky() -> Rig {
    Rig::new(|stage| {
        #[expect(clippy::disallowed_types, reason = "the planted leak: its order differs from map to map")]
        let friends: std::collections::HashMap<u32, ()> = (0..32).map(|number| (number, ())).collect();
        let (facts, env) = (stage.facts().clone(), stage.node(Role::outside("host".into()), |_| {}));
        env.clone().spawn(async move {
            say(&facts, &env, "opens the door");
            for friend in friends.keys() {
                say(&facts, &env, format!("greets {friend}"));
            }
        });
    })
}

#[test]
fn a_leak_is_caught_and_the_first_event_that_differs_is_named() {
    let divergence = self_check(&mut Runner::new(leaky()), Plan::Seed(0)).unwrap_err();
    let texts = [&divergence.left, &divergence.right].map(|step| step.as_ref().unwrap().text.clone());
    assert!(divergence.step >= 2, "the host starts and opens the door in both: {divergence}");
    assert!(texts.iter().all(|text| text.starts_with("greets")) && texts[0] != texts[1], "{divergence}");
    assert!(divergence.to_string().contains(&format!("differ from step {} on", divergence.step)));
}
