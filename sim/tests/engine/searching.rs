//! The properties of exploring, shrinking, signatures and replay.

use crate::rig::{Rig, script};
use crate::shop::{Edits, Shop};
use shakedown_sim::search::{Campaign, Failure, Misfit, Verdict, explore, fit, replay, understand};
use shakedown_sim::*;
use std::collections::BTreeMap;
use std::sync::Arc;

fn failures(count: usize) -> Vec<Failure> {
    let mut runner = Runner::new(Shop::default());
    let campaign = explore(&mut runner, 0..20_000, count);
    let understood = campaign.failing.iter().map(|failing| {
        let found = runner.script_of(failing.seed);
        understand(&mut runner, &found, &failing.violations[0])
    });
    understood.collect()
}

#[test]
fn a_campaign_is_the_same_in_whatever_parts_it_is_run() {
    let mut runner = Runner::new(Shop::default());
    let whole = explore(&mut runner, 0..300, usize::MAX);
    assert!(whole.failing.len() > 5, "{} failures", whole.failing.len());
    for size in [1, 7, 100, 299] {
        let starts = (0..300).step_by(size);
        let parts = starts.map(|start| explore(&mut runner, start..300.min(start + size as u64), usize::MAX));
        let mut merged = Campaign::default();
        parts.for_each(|part| merged.merge(part));
        assert_eq!(merged, whole, "in parts of {size}");
        assert_eq!(merged.tally.digest(), whole.tally.digest());
        assert!(merged.cut(3));
        assert_eq!(merged, explore(&mut runner, 0..300, 3), "cut at the third failure");
    }
    assert_ne!(explore(&mut runner, 1..301, usize::MAX).tally.digest(), whole.tally.digest());
}

#[test]
fn failures_are_grouped_by_invariant_and_roles() {
    let mut runner = Runner::new(Shop::default());
    let campaign = explore(&mut runner, 0..300, usize::MAX);
    let groups = campaign.groups();
    assert_eq!(groups.len(), 1, "{groups:#?}");
    assert_eq!((&*groups[0].invariant, &*groups[0].roles), ("said-once", "sentence"));
    assert_eq!(groups[0].count, campaign.failing.len() as u64);
    assert_eq!(groups[0].seeds.len(), 8.min(campaign.failing.len()));
    assert_eq!(groups[0].runs_to_find, campaign.failing[0].seed + 1);
}

#[test]
fn what_is_shrunk_is_minimal_and_cheap() {
    let failures = failures(60);
    let mut runner = Runner::new(Shop::default());
    let mut runs: Vec<u32> = failures.iter().map(|failure| failure.runs).collect();
    runs.sort_unstable();
    let mut sizes = BTreeMap::new();
    for failure in &failures {
        *sizes.entry(failure.shrunk.deviations.len()).or_insert(0) += 1;
        assert_eq!(failure.shrunk.deviations.len(), 1, "one deviation charges twice: {failure}");
        assert_eq!(failure.shrunk.variant.get("clients"), Some("1"), "{failure}");
        assert!(failure.needed.iter().all(|needed| needed.still_broken.is_empty()), "{failure}");
        assert!((4..=20).contains(&failure.slice.len()), "{failure}");
        let again = runner.run(Plan::Script(&failure.shrunk));
        assert_eq!(again.violations[0].invariant, failure.violation.invariant);
    }
    println!("runs: median {}, most {}; sizes {sizes:?}", runs[runs.len() / 2], runs[runs.len() - 1]);
    assert!(runs[runs.len() / 2] <= 100 && runs[runs.len() - 1] <= 500, "{runs:?}");
}

#[test]
fn one_cause_has_one_signature() {
    let mut causes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for failure in failures(60) {
        let cause = failure.shrunk.deviations[0].compact();
        causes.entry(failure.signature).or_default().push(cause);
    }
    let shown: Vec<_> =
        causes.iter().map(|(signature, causes)| format!("{signature} {}", causes.join(" "))).collect();
    println!("{}", shown.join("\n"));
    assert!(causes.len() <= 12, "{shown:#?}");
}

#[test]
fn a_trace_replays_exactly() {
    for failure in failures(10) {
        let file: TraceFile = TraceFile::from(&failure).to_string().parse().unwrap();
        let mut runner = Runner::new(Shop::default());
        for _ in 0..3 {
            let replay = replay(&mut runner, &file).unwrap();
            assert_eq!(replay.verdict, Verdict::Exact);
            assert_eq!(replay.failure.unwrap().signature, failure.signature);
        }
    }
}

#[test]
fn a_trace_of_a_model_that_has_changed_is_equivalent_drifted_or_lost() {
    let mut runner = Runner::new(Shop(Edits { draw_at_set_up: true, ..Edits::default() }));
    for failure in failures(10) {
        let replay = replay(&mut runner, &TraceFile::from(&failure)).unwrap();
        assert_eq!(replay.verdict, Verdict::Equivalent, "{failure}");
    }
    let mut failure = failures(1).remove(0);
    let lost = failure.trace.script.with(Vec::new());
    let mut file = TraceFile::from(&failure);
    Arc::make_mut(&mut file.trace).script = lost;
    assert_eq!(replay(&mut runner, &file).unwrap().verdict, Verdict::Lost);

    Arc::make_mut(&mut failure.trace).script.deviations[0].id.nth = 99;
    let drifted = replay(&mut runner, &TraceFile::from(&failure)).unwrap().verdict;
    let Verdict::Drifted { at, why } = drifted else { panic!("{drifted:?}") };
    assert!(why.contains("#99") && why.contains("was never offered"), "{why}");
    assert!(at > 0);

    failure = failures(1).remove(0);
    failure.signature = "0".repeat(12);
    let drifted = replay(&mut runner, &TraceFile::from(&failure)).unwrap().verdict;
    assert!(
        matches!(&drifted, Verdict::Drifted { why, .. } if why.contains("another signature")),
        "{drifted:?}"
    );
}

#[test]
fn a_script_that_the_scenario_does_not_know_is_refused_with_a_remedy() {
    fn check(script: &str, error: &str) {
        let misfit: Misfit = fit(&mut Runner::new(Shop::default()), &script.parse().unwrap()).unwrap_err();
        assert_eq!(misfit.to_string(), error);
    }
    check("scenario shoe", "the script is of the scenario `shoe`, this one is `shop`");
    check("scenario shop\nvariant tills=2", "unknown parameter `tills`: expected one of `clients`");
    let values = "`9` is no value of `clients`: expected one of `1`, `2`, `3`, `1`";
    check("scenario shop\nvariant clients=9", &values.replace(", `1`", ""));
    let charge = "till.charge/respond @ order-1/job-1/turn-1 #1";
    check(
        &format!("scenario shop\n{charge} = lost"),
        "unknown site `till.charge/respond`: did you mean `till.charge/response`?",
    );
    let charge = charge.replace("respond", "response");
    check(
        &format!("scenario shop\n{charge} = eaten"),
        "`eaten` is no alternative of `till.charge/response`: expected one of `arrives`, `lost`, `3 s`, `20 s`",
    );
    let mut runner = Runner::new(Shop::default());
    let fitted = fit(&mut runner, &format!("scenario shop\n{charge} = lost").parse().unwrap()).unwrap();
    assert_eq!(fitted.variant.to_string(), "clients=1", "what it leaves out takes its default");
}

#[test]
fn a_failure_without_deviations_is_explained_too() {
    let rig = || {
        Rig::new(|stage| {
            let (facts, env) = (stage.facts().clone(), stage.node(Role::outside("node".into()), |_| {}));
            env.clone().spawn(async move {
                crate::rig::say(&facts, &env, "again");
                crate::rig::say(&facts, &env, "again");
            });
        })
    };
    let mut runner = Runner::new(rig());
    let outcome = runner.run(Plan::Script(&script("")));
    let failure = understand(&mut runner, &script(""), &outcome.violations[0]);
    assert_eq!((failure.shrunk.deviations.len(), failure.slice.len()), (0, 2));
}

/// Every order is eventually charged.
#[derive(Default)]
struct Charged(Vec<u32>);

impl Invariant<crate::rig::Said> for Charged {
    fn name(&self) -> &'static str {
        "charged-in-the-end"
    }
    fn about(&self) -> &'static str {
        "once healed, order-1 is charged"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, said: &crate::rig::Said, _: &mut Findings) {
        if said.0.starts_with("charges") {
            self.0.extend(at.number_of("order"));
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        if !self.0.contains(&1) {
            findings.violated("order", &[], || "order-1 is never charged".to_owned());
        }
    }
}

/// The shop, judged by whether it charges at all.
struct Patient(Shop);

impl Scenario for Patient {
    type Fact = crate::rig::Said;
    fn name(&self) -> &str {
        "patient"
    }
    fn parameters(&self) -> &[Parameter] {
        self.0.parameters()
    }
    fn horizon(&self, variant: &Variant) -> Horizon {
        self.0.horizon(variant)
    }
    fn build(&self, stage: &Stage<Self::Fact>) {
        self.0.build(stage);
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Self::Fact>>> {
        vec![Box::<Charged>::default()]
    }
}

#[test]
fn the_story_of_something_missing_is_what_came_of_the_deviations() {
    let mut runner = Runner::new(Patient(Shop::default()));
    let failing = explore(&mut runner, 0..50_000, 1).failing.remove(0);
    let found = runner.script_of(failing.seed);
    let failure = understand(&mut runner, &found, &failing.violations[0]);
    println!("{failure}");
    let kinds: Vec<_> = failure.slice.iter().map(|step| failure.trace.steps[*step as usize].kind).collect();
    assert!((3..=20).contains(&kinds.len()), "{failure}");
    assert!(kinds.contains(&trace::Kind::Deviation), "{failure}");
    assert!(kinds.contains(&trace::Kind::Timeout) || kinds.contains(&trace::Kind::Refused), "{failure}");
}
