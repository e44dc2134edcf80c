//! Tests that a rehearsal fails if it tests nothing.

use super::*;
use crate::draws::{Draws, Nothing};
use shakedown_sim::scenario::Horizon;
use shakedown_sim::{Alternatives, Fact, Invariant, Role, Site, Stage};

/// A scenario whose only task panics.
struct Panics;

impl Scenario for Panics {
    type Fact = Nothing;
    fn name(&self) -> &str {
        "panics"
    }
    fn build(&self, stage: &Stage<Nothing>) {
        let node = stage.node(Role::outside("node".into()), |_| {});
        node.clone().spawn(async move { panic!("planted") });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
        Vec::new()
    }
}

#[test]
fn a_failure_names_commands_only_where_a_binary_offers_the_scenario() {
    fn report(rehearsal: Rehearsal) -> String {
        let here = tempfile::tempdir().expect("a directory");
        rehearsal.traces(here.path()).seeds(..50).check().expect_err("it panics").to_string()
    }
    let outside = report(rehearse(Panics));
    assert!(!outside.contains("shakedown replay"), "{outside}");
    assert!(outside.contains("  replay    call `.script("), "{outside}");
    let offered = report(rehearse(Panics).replayed_by("till"));
    assert!(offered.contains("  replay    till replay "), "{offered}");
}

#[test]
fn a_rehearsal_that_tests_nothing_fails() {
    fn check(rehearsal: Rehearsal, expected: &str) {
        let unmet = rehearsal.check().expect_err("nothing was tested").to_string();
        assert!(unmet.contains(expected), "{unmet}");
    }
    check(rehearse(Draws::Fixed(1)).seeds(..0), "no run was made");
    check(rehearse(Draws::Fixed(0)).seeds(..50), "no run met a choice that could deviate");
    check(rehearse(Draws::Fixed(0)).deviations(3), "no run met a choice that could deviate");
    check(rehearse(Draws::Fixed(2)).deviations(3), "no script has as many deviations as were asked for");
    assert_eq!(rehearse(Draws::Fixed(0)).deviations(3).allow_trivial().check().ok(), Some(1));
    assert_eq!(rehearse(Draws::Fixed(2)).deviations(2).check().ok(), Some(4));
}

/// A scenario that works when faults are no longer possible.
struct Late;

impl Scenario for Late {
    type Fact = Nothing;
    fn name(&self) -> &str {
        "late"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(60), ..Horizon::AFTER_WORKLOAD }
    }
    fn build(&self, stage: &Stage<Nothing>) {
        let (node, facts) = (stage.node(Role::outside("node".into()), |_| {}), stage.facts().clone());
        node.clone().spawn(async move {
            node.choose(Site::new("node".into(), "coin".into()), &Alternatives::new(&["heads", "tails"]));
            node.sleep(Duration::from_secs(75)).await;
            (0..9).for_each(|_| facts.state(&node, &Nothing));
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
        Vec::new()
    }
}

#[test]
fn a_rehearsal_of_a_workload_beyond_the_faults_fails() {
    for rehearsal in [rehearse(Late).seeds(..20), rehearse(Late).deviations(1)] {
        let unmet = rehearsal.check().expect_err("little was tested").to_string();
        assert!(unmet.contains("faults are no longer possible"), "{unmet}");
    }
    assert_eq!(rehearse(Late).deviations(1).allow_trivial().check().ok(), Some(2));
    assert_eq!(rehearse(Late).script("node/coin @ - #1 = tails").check().ok(), Some(1));
}

#[test]
#[should_panic(expected = "the seeds 5..3 are no range")]
fn seeds_that_end_before_they_begin_are_refused() {
    #[expect(clippy::reversed_empty_ranges, reason = "this is what is tested")]
    let _ = rehearse(Draws::Fixed(1)).seeds(5..3);
}

/// A scenario that ends its process if its first coin shows tails.
struct Exits;

impl Scenario for Exits {
    type Fact = Nothing;
    fn name(&self) -> &str {
        "exits"
    }
    fn build(&self, stage: &Stage<Nothing>) {
        let node = stage.node(Role::outside("node".into()), |_| {});
        node.clone().spawn(async move {
            let sides = Alternatives::new(&["heads", "tails"]);
            for coin in ["first", "second", "third"] {
                let tails = !node.choose(Site::new("node".into(), coin.into()), &sides).is_benign();
                if tails && coin == "second" {
                    std::process::exit(0);
                }
            }
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
        Vec::new()
    }
}

#[test]
#[cfg(unix)]
fn a_design_that_ends_the_process_is_a_violation_and_not_the_end_of_the_tests() {
    let here = tempfile::tempdir().expect("a directory");
    assert_eq!(rehearse(Draws::Fixed(2)).deviations(2).check().ok(), Some(4));
    let unmet = rehearse(Exits).traces(here.path()).seeds(..200).check().expect_err("it ends the process");
    let report = unmet.to_string();
    assert!(
        report.contains("process-survives: the code under test ends the process with exit code 0"),
        "{report}"
    );
    let found = rehearse(Exits).traces(here.path()).deviations(2).violates("process-survives").within(1);
    let script = found.finding.failure.shrunk.to_string();
    assert!(script.contains("node/second @ - #1 = tails"), "{script}");
    assert_eq!(rehearse(Draws::Fixed(2)).deviations(2).check().ok(), Some(4));
}

/// A scenario whose facts depend on the order of a hash map.
struct Hashes;

#[derive(serde::Serialize)]
struct First(u64);

impl Fact for First {
    fn sentence(&self) -> String {
        format!("comes to {} first", self.0)
    }
}

impl Scenario for Hashes {
    type Fact = First;
    fn name(&self) -> &str {
        "hashes"
    }
    fn build(&self, stage: &Stage<First>) {
        let (node, facts) = (stage.node(Role::outside("node".into()), |_| {}), stage.facts().clone());
        node.clone().spawn(async move {
            node.choose(Site::new("node".into(), "coin".into()), &Alternatives::new(&["heads", "tails"]));
            let numbers: std::collections::HashSet<u64> = (0..1_000).collect();
            facts.state(&node, &First(numbers.into_iter().next().unwrap_or_default()));
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<First>>> {
        Vec::new()
    }
}

#[test]
fn a_rehearsal_whose_runs_are_not_the_same_on_another_thread_fails() {
    for rehearsal in [rehearse(Hashes).seeds(..20), rehearse(Hashes).deviations(1)] {
        let unmet = rehearsal.check().expect_err("it is not deterministic").to_string();
        assert!(
            unmet.contains("two runs of one plan differ from step ") && unmet.contains("statics"),
            "{unmet}"
        );
    }
}
