//! Machine-readable forms, each checked by an independent measure: a schema, a parser, the definition of happens-before.

mod till;

use serde_json::{Value, json};
use shakedown_reports::certificate::{self, Certificate};
use shakedown_reports::json::{Replayed, SelfCheck};
use shakedown_reports::matrix::{AblationResult, Guarded, Matrix, Row};
use shakedown_reports::records::{ListedGoal, ListedGuardrail, ListedInvariant, ListedParameter, ListedSite};
use shakedown_reports::{
    CampaignResult, Canary, EndReason, FailureContext, Finding, GoalTally, ListedScenario, RestoredGuardrail,
    Search, Verdict, chrome, github, matrix, shiviz, story,
};
use shakedown_sim::graph::CausalGraph;
use shakedown_sim::search::{explore, likelihood, understand};
use shakedown_sim::{Duration, Rehearse, Runner, Trace};
use std::collections::{BTreeMap, BTreeSet};

fn finding() -> Finding {
    let mut runner = Runner::new(till::Shop::default());
    let campaign = explore(&mut runner, 0..200, 1);
    let failing = campaign.failing.first().expect("the forgetful till charges twice");
    let script = runner.script_of(failing.seed);
    let failure = understand(&mut runner, &script, &failing.violations[0]);
    let restored = RestoredGuardrail {
        guardrail: "memory".to_owned(),
        about: "an order is charged once".to_owned(),
        instead: "every request charges".to_owned(),
        still_violated: Vec::new(),
        all_offered: true,
        facts_instead: vec!["till charges order-1".to_owned()],
    };
    let context = FailureContext { restored: vec![restored], ..FailureContext::default() };
    let trace = "target/shakedown/till.trace.jsonl".to_owned();
    Finding { failure, seed: Some(3), count: 1, runs_to_find: 4, replays_identical: true, trace, context }
}

/// Findings of which each has a cause of its own.
fn many_causes(count: usize) -> Vec<Finding> {
    let finding = finding();
    let with_cause = |at: usize| {
        let mut finding = finding.clone();
        finding.context.restored[0].guardrail = format!("memory-{at}");
        finding
    };
    (0..count).map(with_cause).collect()
}

fn finished(findings: Vec<Finding>) -> CampaignResult {
    let canary = Canary { name: "memory".to_owned(), caught: true, runs: 3 };
    CampaignResult {
        scenario: "till".to_owned(),
        without: vec!["memory".to_owned()],
        verdict: if findings.is_empty() { Verdict::Inconclusive } else { Verdict::Violated },
        end_reason: EndReason::Complete,
        runs: 1_000,
        seeds: Some(0..1_000),
        build: "till 1.0.0".to_owned(),
        worth: Vec::new(),
        failing: findings.len() as u64,
        digest: Default::default(),
        simulated: Duration::from_secs(60),
        goals: vec![GoalTally { name: "asked again".to_owned(), reached: 0, need: 10 }],
        variants: vec![("orders".to_owned(), vec![("1".to_owned(), 4)])],
        invariants: vec!["charged-once".to_owned()],
        findings,
        trace: None,
        search: Search::default(),
        canaries: vec![canary],
        assumptions: vec!["the till does not crash".to_owned()],
    }
}

fn schema(name: &str) -> Value {
    let path = format!("{}/schema/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("published")).expect("JSON")
}

/// The schema, with every object closed to keys that it does not name.
fn closed(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(map) => {
            map.values_mut().for_each(|inner| *inner = closed(inner.take()));
            if map.contains_key("properties") && map.get("type") == Some(&json!("object")) {
                map.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|inner| *inner = closed(inner.take())),
        _ => {}
    }
    schema
}

/// Checks that an output conforms to its published schema and has no key that the schema does not name.
fn check_schema(name: &str, output: &str) {
    let output: Value = serde_json::from_str(output).expect("JSON");
    for schema in [schema(name), closed(schema(name))] {
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let wrong: Vec<String> = validator
            .iter_errors(&output)
            .map(|error| format!("{} {error}", error.instance_path()))
            .collect();
        assert_eq!(wrong, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn campaigns_conform_to_their_schema() {
    let check = SelfCheck { way: "again", same: true, first_difference: None };
    let all = [finished(vec![finding()]), finished(Vec::new())];
    check_schema("campaigns", &shakedown_reports::json::campaigns(&all, &[check]));
}

#[test]
fn certificates_conform_to_their_schema() {
    let of = |findings: Vec<Finding>| Certificate {
        scenario: "till".to_owned(),
        without: Vec::new(),
        verdict: Verdict::Held,
        end_reason: EndReason::Complete,
        deviations: 1,
        reached: Some(1),
        shard: Some((1, 2)),
        variants: vec![("orders=1".to_owned(), 2)],
        task_order: false,
        sites: [("till.charge/response".to_owned(), vec!["arrives".to_owned(), "lost".to_owned()])].into(),
        depths: vec![certificate::Depth { runs: 1, pruned: 0, runs_saved: 0 }],
        digest: Default::default(),
        simulated: Duration::from_secs(1),
        invariants: vec!["charged-once".to_owned()],
        worth: vec![shakedown_reports::Fact {
            label: "faults".to_owned(),
            text: "possible until 1 min".to_owned(),
        }],
        assumptions: Vec::new(),
        findings,
    };
    check_schema("certificates", &certificate::json(&[of(Vec::new()), of(vec![finding()])]));
}

fn a_matrix() -> Matrix {
    let row = |guardrail: &str, result| Row {
        system: "charging".to_owned(),
        guardrail: guardrail.to_owned(),
        naive: "every request charges".to_owned(),
        with: vec!["receipt".to_owned()],
        scenario: "till".to_owned(),
        result,
    };
    let by_itself = AblationResult::FailsOnHappyPath {
        variant: "orders=1".to_owned(),
        invariant: "charged-once".to_owned(),
        message: "order-1 is charged twice".to_owned(),
    };
    let rows = vec![
        row("memory:a", AblationResult::Caught(Box::new(finding()))),
        row("memory:b", AblationResult::Survived { runs: 100 }),
        row("memory:c", by_itself),
    ];
    let whole = |verdict, findings| Guarded { scenario: "till".to_owned(), verdict, runs: 10, findings };
    let guarded = vec![
        whole(Verdict::Held, Vec::new()),
        whole(Verdict::Violated, vec![finding()]),
        whole(Verdict::Inconclusive, Vec::new()),
    ];
    Matrix { rows, guarded }
}

#[test]
fn a_matrix_conforms_to_its_schema() {
    check_schema("matrix", &matrix::json(&a_matrix()));
}

#[test]
fn a_list_conforms_to_its_schema() {
    let (name, about) = ("till".to_owned(), "orders are charged".to_owned());
    let words = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let listed = ListedScenario {
        parameters: vec![ListedParameter {
            name: name.clone(),
            about: about.clone(),
            values: words(&["1", "2"]),
            small: words(&["1"]),
        }],
        guardrails: vec![ListedGuardrail { name: name.clone(), system: name.clone(), about: about.clone() }],
        invariants: vec![ListedInvariant { name: name.clone(), about: about.clone() }],
        goals: vec![ListedGoal { name: name.clone(), need: 10 }],
        sites: vec![ListedSite { site: name.clone(), alternatives: words(&["arrives", "lost"]) }],
        assumptions: words(&["the till does not crash"]),
        name,
        about,
    };
    check_schema("list", &shakedown_reports::json::list(&[listed]));
}

#[test]
fn annotations_of_a_matrix_name_survivors_and_violations_of_whole_designs() {
    let text = github::matrix_annotations(&a_matrix());
    let kinds: Vec<&str> = text.lines().map(|line| line.split("::").nth(1).unwrap_or_default()).collect();
    let without = |form: &str| format!("error title=till%3A without memory%3A{form}");
    let (survived, broken, doubtful) =
        (without("b"), "error title=till%3A charged-once", "warning title=till");
    assert_eq!(kinds, [survived.as_str(), &without("c"), broken, doubtful], "{text}");
    let summary = github::matrix_summary(&a_matrix());
    assert!(summary.starts_with("# What fails without which guardrail"), "{summary}");
    assert_eq!(summary.matches("```mermaid").count(), 1, "a caught guardrail is no failure");
}

#[test]
fn stories_and_replays_conform_to_their_schemas() {
    let failure = finding().failure;
    let rows = story::of_failure(&failure);
    let mut runner = Runner::new(till::Shop::default());
    let likely = likelihood(&mut runner, &failure.shrunk, &failure.violation, 4);
    let story = shakedown_reports::json::story(&failure.trace, &rows, Some(&failure), Some(&likely));
    assert!(story.contains("\"however\": \"unknown to it: till charges order-1\""), "{story}");
    check_schema("story", &story);
    let replayed = Replayed {
        trace: "a.trace.jsonl",
        replay: "drifted",
        meaning: "a deviation was never offered",
        digest: failure.trace.digest.clone(),
        first_difference: Some(3),
        violations: vec!["charged-once"],
        unapplied: vec!["a/b@c#1=d".to_owned()],
    };
    check_schema("replay", &shakedown_reports::json::replayed(&replayed));
}

/// The part of "Trace Event Format" that is used here: the required keys of each phase.
fn chrome_schema() -> Value {
    let number = json!({ "type": "number", "minimum": 0 });
    let event = |phase: &[&str], more: &[&str]| {
        let required: Vec<&str> = ["ph", "name", "pid", "tid", "ts"].iter().chain(more).copied().collect();
        json!({
            "properties": {
                "ph": { "enum": phase }, "name": { "type": "string" }, "pid": { "type": "integer" },
                "tid": { "type": "integer" }, "ts": number, "dur": number, "cat": { "type": "string" },
                "id": { "type": "integer" }, "bp": { "const": "e" }, "args": { "type": "object" },
            },
            "required": required, "additionalProperties": false,
        })
    };
    json!({
        "type": "object",
        "required": ["traceEvents"],
        "additionalProperties": false,
        "properties": {
            "traceEvents": { "type": "array", "items": { "oneOf": [
                event(&["M"], &["args"]), event(&["X"], &["dur", "cat"]), event(&["s"], &["id", "cat"]), event(&["f"], &["id", "cat", "bp"]),
            ] } },
        },
    })
}

#[test]
fn trace_events_have_the_form_that_perfetto_imports() {
    let failure = finding().failure;
    let events: Value = serde_json::from_str(&chrome::trace_events(Some(&failure.trace))).expect("JSON");
    let validator = jsonschema::validator_for(&chrome_schema()).expect("a schema");
    let wrong: Vec<String> = validator.iter_errors(&events).map(|error| error.to_string()).collect();
    assert_eq!(wrong, Vec::<String>::new());
    let events = events["traceEvents"].as_array().expect("a list");
    let of = |phase: &'static str| events.iter().filter(move |event| event["ph"] == phase);
    assert_eq!(of("X").count(), failure.trace.steps.len());
    let slices: BTreeSet<String> = of("X").map(|slice| format!("{} {}", slice["tid"], slice["ts"])).collect();
    let ends = |phase: &'static str| -> BTreeMap<String, f64> {
        let time = |event: &Value| (event["id"].to_string(), event["ts"].as_f64().unwrap_or_default());
        of(phase).map(time).collect()
    };
    for end in of("s").chain(of("f")) {
        assert!(
            slices.contains(&format!("{} {}", end["tid"], end["ts"])),
            "each end of a flow binds to a slice: {end}"
        );
    }
    let (starts, finishes) = (ends("s"), ends("f"));
    assert!(!starts.is_empty() && starts.keys().eq(finishes.keys()), "every flow has two ends");
    assert!(starts.iter().all(|(id, start)| *start <= finishes[id]), "no message arrives before it is sent");
    assert!(chrome::trace_events(None).contains("\"traceEvents\":[]"));
}

/// The host and clock of each event of a log, read as ShiViz reads it.
fn read_shiviz(log: &str) -> Vec<(String, BTreeMap<String, u32>)> {
    let (expression, rest) = log.split_once("\n\n").expect("the expression, then an empty line");
    assert_eq!(expression, shiviz::EXPRESSION);
    // Rust needs the brace escaped, JavaScript does not.
    let expression = regex::Regex::new(&expression.replace("{.*}", r"\{.*\}")).expect("an expression");
    let read = |found: regex::Captures<'_>| {
        (found["host"].to_owned(), serde_json::from_str(&found["clock"]).expect("a clock is JSON"))
    };
    expression.captures_iter(rest).map(read).collect()
}

#[test]
fn vector_clocks_encode_the_happens_before_order() {
    let mut failure = finding().failure;
    std::sync::Arc::make_mut(&mut failure.trace).steps[0].text = "two\nlines\u{2028}{\"x\":1}".to_owned();
    let trace = &failure.trace;
    let events = read_shiviz(&shiviz::log(Some(trace)));
    assert_eq!(events.len(), trace.steps.len());
    let mut of_host: BTreeMap<&str, u32> = BTreeMap::new();
    for (host, clock) in &events {
        let count = of_host.entry(host).or_default();
        *count += 1;
        assert_eq!(clock[host], *count, "a host counts its own events from 1");
    }
    let before = happens_before(trace);
    for (one, (host, clock)) in events.iter().enumerate() {
        for (other, (_, later)) in events.iter().enumerate().filter(|(other, _)| *other != one) {
            let is_before = later.get(host).is_some_and(|count| *count >= clock[host]);
            assert_eq!(is_before, before[other].contains(&(one as u32)), "step {one} before step {other}");
        }
    }
}

/// For each step, those that happened before it: by cause, or earlier on the same node.
fn happens_before(trace: &Trace) -> Vec<BTreeSet<u32>> {
    let mut ordered = trace.clone();
    for at in 0..ordered.steps.len() {
        let before = (0..at).rev().find(|other| ordered.steps[*other].node == ordered.steps[at].node);
        ordered.steps[at].causes.extend(before.map(|before| before as u32));
    }
    let graph = CausalGraph::of(&ordered);
    (0..trace.steps.len() as u32).map(|step| graph.causes_of([step])).collect()
}

#[test]
fn annotations_are_one_line_each_and_at_most_ten() {
    let mut first = finding();
    first.failure.violation.message = "100 % lost\n::error::injected".to_owned();
    let text = github::annotations(&[finished(vec![first]), finished(Vec::new())]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].starts_with("::error title=till%3A charged-once::100 %25 lost%0A: :error::injected%0A"),
        "{text}"
    );
    assert!(lines[0].contains("%0Awith memory in place it holds%0A1 of 1,000 runs fails: 1 finding in 1 group, 1 trace%0Ashakedown replay target/"), "{text}");
    assert!(lines[1].starts_with("::warning title=till::"), "{text}");
    let many = github::annotations(&[finished(many_causes(13))]);
    assert_eq!(many.lines().count(), github::ANNOTATIONS_MAX);
    assert!(
        many.ends_with("::error title=and more::4 more of these; the job summary lists them\n"),
        "{many}"
    );
}

#[test]
fn a_summary_keeps_its_limit_and_counts_what_is_left_out() {
    let few = github::summary(&[finished(vec![finding()]), finished(Vec::new())]);
    assert!(
        few.contains(
            "| till | memory | **violated** | 1 of 1,000 runs fails: 1 finding in 1 group, 1 trace |"
        ) && few.contains("```mermaid"),
        "{few}"
    );
    let many = github::summary(&[finished(many_causes(2_000))]);
    assert!(many.len() <= github::SUMMARY_BYTES_MAX && many.len() > 1_000_000, "{}", many.len());
    assert!(many.trim_end().ends_with("left out: a summary has no more room."));
}
