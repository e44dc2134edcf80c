//! The order of claims: a failure is named after the most specific claim that its run violates.

use crate::stories::stories;
use shakedown::regression::Expected;
use shakedown_scenarios::catalogue::catalogue;
use shakedown_sim::Plan;

/// Claims that fail for many causes: they say that something went wrong, not what.
const GENERAL: [&str; 10] = [
    "parked-work-is-unfinished",
    "no-dependency-failure-shown",
    "requests-answer-in-time",
    "spikes-absorbed",
    "goodput-recovers",
    "local-and-partner-agree",
    "screens-agree-at-rest",
    "transient-faults-heal",
    "accepted-work-finishes",
    "comes-to-rest",
];

fn is_general(name: &str) -> bool {
    GENERAL.contains(&name)
}

#[test]
fn general_claims_stand_behind_specific_ones() {
    for entry in catalogue().entries() {
        let runner = entry.runner(&[]).expect("the whole design");
        let all: Vec<&str> = runner.invariants().into_iter().map(|(name, _)| name).collect();
        let harness =
            all.iter().position(|name| *name == "comes-to-rest").expect("the harness has invariants");
        let own = &all[..harness];
        let general = own.iter().position(|name| is_general(name)).unwrap_or(own.len());
        let late: Vec<_> = own[general..].iter().filter(|name| !is_general(name)).collect();
        assert!(late.is_empty(), "{}: {late:?} stand behind {}", entry.name, own[general]);
    }
}

#[test]
fn a_pinned_failure_is_named_after_a_specific_claim_if_it_violates_one() {
    for (name, story) in stories() {
        let Expected::Violates(expected) = &story.expected else { continue };
        let catalogue = catalogue();
        let entry = catalogue.find(&story.script.scenario).expect("a scenario of the catalogue");
        let mut runner = entry.runner(&story.script.without).expect("known guardrails");
        let violations = runner.run(Plan::Script(&story.script)).violations;
        let first = &violations[0].invariant;
        assert!(!is_general(first) || is_general(expected), "{name} is named {first}, not {expected}");
    }
}

/// Returns the claim that names the first failure of the scenario without a guardrail.
fn name_of(scenario: &str, guardrail: &str) -> String {
    let catalogue = catalogue();
    let entry = catalogue.find(scenario).expect("a scenario of the catalogue");
    let mut runner = entry.runner(&[guardrail.to_owned()]).expect("a known guardrail");
    let mut failures = (0..1_000).map(|seed| runner.run(Plan::Seed(seed)).violations);
    let first = failures.find(|violations| violations.len() > 1).expect("a failure with several claims");
    first[0].invariant.clone()
}

#[test]
fn a_failure_that_violates_several_claims_is_named_after_its_cause() {
    assert_eq!(name_of("consistency", "outbox"), "no-lost-event");
    assert_eq!(name_of("booking", "retry-safe-job"), "exactly-one-reservation-per-intent");
    assert_eq!(name_of("booking", "idempotency-store"), "one-booking-per-intent");
}
