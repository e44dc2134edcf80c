//! The shrinker, graded on planted bugs with known smallest scripts.

use crate::planted::{Met, Planted, Rule, failures};
use shakedown_sim::{Plan, Runner, Violation};

/// A bug, and the smallest script that triggers it: its variant and its deviations.
struct Bug {
    name: &'static str,
    rule: Rule,
    users: &'static str,
    minimal: &'static [&'static str],
}

fn any(met: &[Met], point: &str, least: u64) -> bool {
    met.iter().any(|one| one.point == point && one.seconds >= least)
}

const BUGS: [Bug; 10] = [
    Bug {
        name: "one long enough",
        rule: |met| any(met, "two", 5),
        users: "1",
        minimal: &["item/two @ user-1/item-1 #1 = 5 s"],
    },
    Bug {
        name: "the longest only",
        rule: |met| any(met, "four", 60),
        users: "1",
        minimal: &["item/four @ user-1/item-1 #1 = 1 min"],
    },
    Bug {
        name: "a late item",
        rule: |met| met.iter().any(|one| one.point == "four" && one.item == 6),
        users: "1",
        minimal: &["item/four @ user-1/item-6 #1 = 1 s"],
    },
    Bug {
        name: "a second user",
        rule: |met| met.iter().any(|one| one.point == "one" && one.user >= 2),
        users: "2",
        minimal: &["item/one @ user-2/item-1 #1 = 1 s"],
    },
    Bug {
        name: "two anywhere",
        rule: |met| any(met, "two", 60) && any(met, "four", 1),
        users: "1",
        minimal: &["item/four @ user-1/item-1 #1 = 1 s", "item/two @ user-1/item-1 #1 = 1 min"],
    },
    Bug {
        name: "two of one item",
        rule: |met| {
            let two = |one: &&Met| one.point == "two";
            let beside = |one: &Met| met.iter().any(|other| other.point == "four" && same_item(one, other));
            met.iter().filter(two).any(beside)
        },
        users: "1",
        minimal: &["item/four @ user-1/item-1 #1 = 1 s", "item/two @ user-1/item-1 #1 = 1 s"],
    },
    Bug {
        name: "one after the other",
        rule: |met| {
            let later = |one: &Met, other: &Met| other.user == one.user && other.item > one.item;
            let ones = met.iter().filter(|one| one.point == "one");
            ones.clone().any(|one| met.iter().any(|other| other.point == "two" && later(one, other)))
        },
        users: "1",
        minimal: &["item/one @ user-1/item-1 #1 = 1 s", "item/two @ user-1/item-2 #1 = 1 s"],
    },
    Bug {
        name: "what only a deviation leads to",
        rule: |met| any(met, "retry", 5),
        users: "1",
        minimal: &["item/one @ user-1/item-1 #1 = 1 s", "item/retry @ user-1/item-1 #1 = 5 s"],
    },
    Bug {
        name: "three of three kinds",
        rule: |met| any(met, "one", 1) && any(met, "two", 1) && any(met, "three", 1),
        users: "1",
        minimal: &[
            "item/one @ user-1/item-1 #1 = 1 s",
            "item/three @ user-1/item-1 #1 = 1 s",
            "item/two @ user-1/item-1 #1 = 1 s",
        ],
    },
    Bug {
        name: "three of one kind",
        rule: |met| met.iter().filter(|one| one.point == "four" && one.user == 1).count() >= 3,
        users: "1",
        minimal: &[
            "item/four @ user-1/item-1 #1 = 1 s",
            "item/four @ user-1/item-2 #1 = 1 s",
            "item/four @ user-1/item-3 #1 = 1 s",
        ],
    },
];

fn same_item(one: &Met, other: &Met) -> bool {
    (one.user, one.item) == (other.user, other.item)
}

#[test]
fn planted_bugs_shrink_to_their_known_scripts() {
    let (mut runs, mut minimal) = (Vec::new(), 0);
    for bug in &BUGS {
        let found = failures(bug.rule, 20);
        assert!(!found.is_empty(), "{}", bug.name);
        let (mut own, mut right, mut before) = (Vec::new(), 0, 0);
        for failure in &found {
            assert_eq!((&*failure.violation.invariant, &*failure.violation.roles), ("no-alarm", "alarm"));
            let mut shrunk: Vec<_> = failure.shrunk.deviations.iter().map(ToString::to_string).collect();
            shrunk.sort();
            let is_minimal = shrunk == bug.minimal && failure.shrunk.variant.get("users") == Some(bug.users);
            if !is_minimal {
                println!("  {}: {} {shrunk:?}", bug.name, failure.shrunk.variant);
            }
            right += usize::from(is_minimal);
            before += failure.found.deviations.len();
            own.push(failure.runs);
        }
        own.sort_unstable();
        println!(
            "{}: {right} of {} minimal, from {} deviations on average; runs: median {}, most {}",
            bug.name,
            found.len(),
            before / found.len(),
            own[own.len() / 2],
            own[own.len() - 1]
        );
        minimal += right;
        runs.extend(own);
    }
    runs.sort_unstable();
    let (median, most) = (runs[runs.len() / 2], runs[runs.len() - 1]);
    println!("all: {minimal} of {} minimal; runs: median {median}, most {most}", runs.len());
    assert!(runs.len() >= 100 && minimal * 100 >= runs.len() * 95, "{minimal} of {} are minimal", runs.len());
    assert!(median <= 100 && most <= 500, "median {median}, most {most}");
}

#[test]
fn a_shrunk_script_fails_without_none_of_its_deviations() {
    for bug in &BUGS {
        let mut runner = Runner::new(Planted(bug.rule));
        for failure in failures(bug.rule, 20) {
            for at in 0..failure.shrunk.deviations.len() {
                let mut rest = failure.shrunk.deviations.clone();
                let dropped = rest.remove(at);
                let outcome = runner.run(Plan::Script(&failure.shrunk.with(rest)));
                let same = |other: &Violation| {
                    (&other.invariant, &other.roles)
                        == (&failure.violation.invariant, &failure.violation.roles)
                };
                assert!(
                    !outcome.violations.iter().any(same),
                    "{}: not needed: {dropped}\n{failure}",
                    bug.name
                );
            }
        }
    }
}
