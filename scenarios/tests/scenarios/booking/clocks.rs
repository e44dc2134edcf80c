//! Clocks of nodes that are off: whoever judges by them is caught, and the design is not, for it asks the store.

use crate::scripts::{happy_paths, run};
use shakedown_model::backbone::clock::Clock;
use shakedown_scenarios::booking::Booking;
use shakedown_sim::search::understand;
use shakedown_sim::{Deviation, Plan, Runner};

fn by_clock(clock: Clock) -> Runner<Booking> {
    Runner::new(Booking::without(&[]).expect("nothing is taken out").by_clock(clock))
}

#[test]
fn while_clocks_are_right_it_is_no_matter_by_which_is_judged() {
    let mut planted = by_clock(Clock::OfTheNode);
    for happy in happy_paths(&planted, true) {
        assert_eq!(run(&mut planted, &happy).violations, [], "{happy}");
    }
}

/// The design never reads nodes' clocks, so what they do is not even offered to it.
#[test]
fn seeds_find_fault_with_who_judges_by_the_clocks_of_nodes_and_not_with_the_design() {
    let mut planted = by_clock(Clock::OfTheNode);
    let failure = (0..5_000).find_map(|seed| {
        let violation = planted.run(Plan::Seed(seed)).violations.into_iter().next()?;
        let script = planted.script();
        Some(understand(&mut planted, &script, &violation))
    });
    let failure = failure.expect("some seed breaks something");
    let is_of_a_clock = |deviation: &&Deviation| deviation.to_string().contains("clock");
    let clocks = failure.shrunk.deviations.iter().filter(is_of_a_clock).count();
    assert!(clocks > 0, "{failure}");
    let outcome = by_clock(Clock::OfTheStore).run(Plan::Script(&failure.shrunk));
    assert_eq!(outcome.violations, [], "{failure}");
    assert!(outcome.unapplied.len() >= clocks, "{failure}");
}
