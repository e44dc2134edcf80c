//! Wrong clocks of nodes: a design that reads them is caught. Ours reads the database's clock.

use crate::checks::{happy_paths, run};
use shakedown_model::backbone::clock::Clock;
use shakedown_scenarios::booking::Booking;
use shakedown_sim::search::understand;
use shakedown_sim::{Deviation, Plan, Runner};

fn by_clock(clock: Clock) -> Runner<Booking> {
    Runner::new(Booking::without(&[]).expect("nothing is taken out").by_clock(clock))
}

#[test]
fn while_clocks_are_correct_either_clock_serves() {
    let mut planted = by_clock(Clock::OfTheNode);
    for happy in happy_paths(&planted, true) {
        assert_eq!(run(&mut planted, &happy).violations, [], "{happy}");
    }
}

/// Our design never reads a node's clock, so faults of these clocks are not offered in its runs.
#[test]
fn seeds_catch_a_design_that_reads_the_nodes_clocks() {
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
