//! The explanation of a failure beside its story: the needed deviations, the nearest passing run, the turning point.

use crate::planted::{Planted, Rule, failures};
use shakedown_sim::search::{Failure, Likelihood, likelihood, understand, understand_all};
use shakedown_sim::*;

/// Returns the failure of a planted bug under a script that triggers it.
fn failure(rule: Rule, deviations: &str) -> Failure {
    let mut runner = Runner::new(Planted(rule));
    let script: Script = format!("scenario planted\nvariant users=1\n{deviations}").parse().unwrap();
    let outcome = runner.run(Plan::Script(&script));
    let alarm = outcome.violations.iter().find(|violation| violation.roles == "alarm").unwrap();
    understand(&mut runner, &script, alarm)
}

#[test]
fn the_nearest_holding_run_has_the_least_change() {
    fn check(rule: Rule, deviations: &str, change: &str) {
        let failure = failure(rule, deviations);
        let nearest = failure.nearest.clone().expect("something holds");
        assert_eq!(format!("{} {}", nearest.deviation, nearest.change), change, "{failure}");
        let outcome = Runner::new(Planted(rule)).run(Plan::Script(&nearest.script(&failure.shrunk)));
        assert_eq!((outcome.violations, outcome.unapplied), (Vec::new(), Vec::new()));
        let file: TraceFile = TraceFile::from(&failure).to_string().parse().unwrap();
        assert_eq!(file.failure(), Some(failure), "it is kept in the trace");
    }
    let long: Rule = |met| met.iter().any(|one| one.point == "two" && one.seconds >= 5);
    let two = "item/two @ user-1/item-1 #1 = 5 s";
    check(long, two, &format!("{two} = 1 s"));
    let first: Rule = |met| met.iter().any(|one| one.point == "two" && one.item == 1);
    check(first, two, "item/two @ user-1/item-1 #1 = 1 s @ user-1/item-2 #1");
    let any: Rule = |met| met.iter().any(|one| one.point == "two");
    check(any, two, "item/two @ user-1/item-1 #1 = 1 s dropped");
}

#[test]
fn failures_of_one_run_are_understood_together_as_each_alone() {
    fn check(rule: Rule) {
        let mut runner = Runner::new(Planted(rule));
        let text = "scenario planted\nvariant users=2\nitem/one @ user-1/item-3 #1 = 5 s\n\
                    item/two @ user-2/item-1 #1 = 1 s\nitem/three @ user-2/item-2 #1 = 1 min\n";
        let script: Script = text.parse().unwrap();
        let broken = runner.run(Plan::Script(&script)).violations;
        let roles: Vec<&str> = broken.iter().map(|violation| violation.roles.as_str()).collect();
        assert_eq!(roles, ["decoy", "alarm"]);
        let twice = [broken.clone(), broken.clone()].concat();
        let alone: Vec<Failure> =
            broken.iter().map(|violation| understand(&mut runner, &script, violation)).collect();
        assert_eq!(understand_all(&mut runner, &script, &twice), alone);
    }
    // The alarm has a script of its own, and the decoy another.
    check(|met| met.iter().any(|one| one.point == "two"));
    check(|met| met.iter().any(|one| one.point == "three"));
}

#[test]
fn a_trace_without_a_nearest_run_is_still_read() {
    let failure = failures(|met| met.iter().any(|one| one.point == "two"), 1).remove(0);
    let older = TraceFile::from(&Failure { nearest: None, ..failure });
    assert!(!older.to_string().contains("nearest"), "it is written as it was before");
    assert_eq!(older.to_string().parse(), Ok(older));
}

fn likely(rule: Rule, deviations: &str) -> (Failure, Likelihood) {
    let failure = failure(rule, deviations);
    let mut runner = Runner::new(Planted(rule));
    let count = Likelihood::CONTINUATIONS;
    let likely = likelihood(&mut runner, &failure.shrunk, &failure.violation, count);
    assert_eq!(likely, likelihood(&mut runner, &failure.shrunk, &failure.violation, count), "the same again");
    (failure, likely)
}

#[test]
fn the_turning_point_is_the_last_needed_deviation() {
    fn check(rule: Rule, deviations: &str, lost_at: &str) {
        let (failure, likely) = likely(rule, deviations);
        let shares: Vec<u32> = likely.points.iter().map(|point| likely.percent(point)).collect();
        let turning = likely.turning_point().and_then(|point| point.last.clone()).unwrap();
        assert_eq!(turning.to_string(), lost_at, "{shares:?}\n{failure}");
        assert!(shares[0] <= 40, "at first hardly anything is decided: {shares:?}");
        assert_eq!(shares.last(), Some(&100), "at the end everything is: {shares:?}");
        let lost = likely.points.iter().position(|point| point.last.as_ref() == Some(&turning)).unwrap();
        assert!(shares[lost..].iter().all(|share| *share == 100), "nothing averts it any more: {shares:?}");
        assert!(shares[lost] - shares[lost - 1] >= 50, "{shares:?}");
    }
    check(
        |met| met.iter().any(|one| one.point == "four" && one.item == 5 && one.seconds >= 60),
        "item/four @ user-1/item-5 #1 = 1 min",
        "item/four @ user-1/item-5 #1",
    );
    check(
        |met| [2, 7].iter().all(|item| met.iter().any(|one| one.point == "two" && one.item == *item)),
        "item/two @ user-1/item-2 #1 = 1 s\nitem/two @ user-1/item-7 #1 = 1 s",
        "item/two @ user-1/item-7 #1",
    );
}

#[test]
fn what_makes_a_failure_likelier_shows_before_it_is_certain() {
    // Once "one" has deviated at the first item, a deviation at any later item triggers the alarm.
    let rule: Rule = |met| {
        let first = met.iter().any(|one| (one.point, one.item) == ("one", 1));
        first && met.iter().any(|one| one.point == "four")
    };
    let script = "item/one @ user-1/item-1 #1 = 1 s\nitem/four @ user-1/item-8 #1 = 1 s";
    let mut runner = Runner::new(Planted(rule));
    let script: Script = format!("scenario planted\nvariant users=1\n{script}").parse().unwrap();
    let violation = runner.run(Plan::Script(&script)).violations.remove(0);
    let likely = likelihood(&mut runner, &script, &violation, 200);
    let [before, after] = [0, 1].map(|point| likely.percent(&likely.points[point]));
    assert!(before <= 3 && after >= before + 5, "{before} % before, {after} % after");
    let deviations: Vec<_> = likely.points.iter().filter(|point| point.deviation.is_some()).collect();
    assert_eq!(deviations.len(), 2);
    assert!(likely.points[0].last.is_none() && likely.points.len() > 30);
}
