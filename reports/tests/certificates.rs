//! Certificates in every form, for one small shop.

mod till;

use shakedown_reports::certificate::{self, Certificate, Depth};
use shakedown_reports::{EndReason, Fact, FailureContext, Finding, Style, Verdict};
use shakedown_sim::search::{Bounded, understand};
use shakedown_sim::{Plan, Rehearse, Runner, Variant};

fn certify(remembers: bool) -> Certificate {
    let mut runner = Runner::new(till::Shop { remembers, ..till::Shop::default() });
    let variant = runner.happy(0).variant;
    let mut search = Bounded::new(vec![variant], 2, true);
    let alternatives = search.begin(&mut runner);
    search.run(&mut runner);
    let findings = search.broken().map(|broken| {
        let (variant, turns) = (&search.variants()[0], &broken.script.turns);
        runner.run(Plan::Turns { variant, turns, task_order: false });
        let script = runner.script();
        let failure = understand(&mut runner, &script, &broken.violations[0]);
        let trace = "target/shakedown/till.trace.jsonl".to_owned();
        Finding {
            failure,
            seed: None,
            count: 1,
            runs_to_find: 2,
            replays_identical: true,
            trace,
            context: FailureContext::default(),
        }
    });
    let verdict = if findings.is_some() { Verdict::Violated } else { Verdict::Held };
    Certificate {
        scenario: "till".to_owned(),
        without: if remembers { Vec::new() } else { vec!["memory".to_owned()] },
        verdict,
        end_reason: if findings.is_some() { EndReason::MaxFail } else { EndReason::Complete },
        deviations: 2,
        reached: Some(search.depths().len() - 1),
        shard: None,
        variants: search.variants().iter().map(Variant::to_string).zip(alternatives).collect(),
        task_order: false,
        sites: search.sites().clone(),
        depths: search
            .depths()
            .iter()
            .map(|depth| Depth { runs: depth.tally.runs, pruned: depth.pruned, runs_saved: depth.spared })
            .collect(),
        digest: search.digest(),
        simulated: search.depths().iter().map(|depth| depth.tally.simulated).sum(),
        invariants: runner.invariants().into_iter().map(|(name, _)| name.to_owned()).collect(),
        worth: vec![Fact {
            label: "faults".to_owned(),
            text: "possible in the first 1 min of each run".to_owned(),
        }],
        assumptions: vec!["the till does not crash".to_owned()],
        findings: findings.into_iter().collect(),
    }
}

#[test]
fn a_certificate_at_a_terminal() {
    insta::assert_snapshot!(certificate::human(Style::PLAIN, &certify(true)));
}

#[test]
fn a_certificate_for_reviewers() {
    insta::assert_snapshot!(certificate::page(&[certify(true)]));
}

#[test]
fn a_minimal_failure_ends_with_the_extent_of_the_search() {
    let text = certificate::human(Style::PLAIN, &certify(false));
    assert!(text.starts_with("FAIL  till  without memory"), "{text}");
    insta::assert_snapshot!(text.split_once("\n\nFAIL").expect("a summary follows the story").1);
}

#[test]
fn a_machine_finds_the_promised_keys() {
    let certificates = certificate::json(&[certify(true), certify(false)]);
    let read: serde_json::Value = serde_json::from_str(&certificates).expect("JSON");
    for certificate in read["certificates"].as_array().expect("a list") {
        for key in "scenario without verdict deviations runs runs_by_depth pruned digest violation".split(' ')
        {
            assert!(certificate.get(key).is_some(), "{key}");
        }
    }
    assert!(read["certificates"][0]["violation"].is_null());
    assert_eq!(read["certificates"][1]["violation"]["invariant"], "charged-once");
}

#[test]
fn a_certificate_claims_only_what_was_run() {
    let claims = |certificate: Certificate| {
        let text = certificate::human(Style::PLAIN, &certificate);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let stopped = |reached| Certificate { verdict: Verdict::Inconclusive, reached, ..certify(true) };
    assert!(
        claims(stopped(Some(1)))
            .contains("in any script with up to 1 deviation so far; 2 deviations requested")
    );
    assert!(claims(stopped(None)).contains("stopped before any result"));
    let shard = Certificate { verdict: Verdict::Inconclusive, shard: Some((1, 3)), ..certify(true) };
    let claim = claims(shard);
    assert!(claim.starts_with("PART") && claim.contains("shard 1 of 3"), "{claim}");
}
