//! Every form of a report, for one small shop and fixed seeds.

#[path = "forms/groups.rs"]
mod groups;
#[path = "forms/hostile.rs"]
mod hostile;
#[path = "forms/queues.rs"]
mod queues;
mod till;

use quick_xml::events::Event;
use shakedown_reports::json::SelfCheck;
use shakedown_reports::{
    CampaignResult, Canary, EndReason, FailureContext, Finding, GoalTally, Search, Style, Verdict, json,
    junit, likely, markdown, mermaid, story, terminal,
};
use shakedown_sim::fault::Fault;
use shakedown_sim::search::{explore, likelihood, understand};
use shakedown_sim::trace::Kind;
use shakedown_sim::{CrashFault, Duration, Plan, Rehearse, Runner, Trace, time};

/// The first failing seed of the forgetful till, shrunk.
fn finding() -> (Finding, CampaignResult) {
    let mut runner = Runner::new(till::Shop::default());
    let campaign = explore(&mut runner, 0..200, 1);
    let failing = campaign.failing.first().expect("the forgetful till charges twice");
    let script = runner.script_of(failing.seed);
    let failure = understand(&mut runner, &script, &failing.violations[0]);
    let trace = format!("target/shakedown/till-{}.trace.jsonl", failure.signature);
    let context = FailureContext::default();
    let (seed, runs_to_find) = (Some(failing.seed), campaign.tally.runs);
    let finding = Finding { failure, seed, count: 1, runs_to_find, replays_identical: true, trace, context };
    let finished = CampaignResult {
        scenario: "till".to_owned(),
        without: vec!["memory".to_owned()],
        verdict: Verdict::Violated,
        end_reason: EndReason::MaxFail,
        runs: campaign.tally.runs,
        seeds: Some(0..1_000),
        build: "till 1.0.0".to_owned(),
        worth: Vec::new(),
        failing: 1,
        digest: campaign.tally.digest(),
        simulated: campaign.tally.simulated,
        goals: vec![GoalTally { name: "asked after it had charged".to_owned(), reached: 0, need: 1_000 }],
        variants: vec![("orders".to_owned(), vec![("1".to_owned(), 4), ("2".to_owned(), 3)])],
        invariants: runner.invariants().into_iter().map(|(name, _)| name.to_owned()).collect(),
        findings: vec![finding.clone()],
        trace: None,
        search: Search::default(),
        canaries: Vec::new(),
        assumptions: vec!["the till does not crash".to_owned()],
    };
    (finding, finished)
}

fn held() -> CampaignResult {
    let (_, finished) = finding();
    let goals = vec![GoalTally { reached: 81, ..finished.goals[0].clone() }];
    let (findings, failing, without) = (Vec::new(), 0, Vec::new());
    CampaignResult {
        verdict: Verdict::Held,
        end_reason: EndReason::Complete,
        runs: 1_000,
        goals,
        findings,
        failing,
        without,
        ..finished
    }
}

#[test]
fn a_failure_at_a_terminal() {
    insta::assert_snapshot!(terminal::failure(Style::PLAIN, &finding().0));
}

#[test]
fn a_failure_fits_a_narrow_terminal() {
    let mut finding = finding().0;
    finding.failure.shrunk.without.extend(["receipts", "a second look"].map(str::to_owned));
    let text = terminal::failure(Style { width: 60, colour: false }, &finding);
    assert!(
        text.starts_with("FAIL  till  without memory  without receipts\n    without a second look  "),
        "{text}"
    );
    let pasted = ["replay", "pin", "1  "];
    for line in text.lines().filter(|line| !pasted.iter().any(|word| line.trim_start().starts_with(word))) {
        assert!(line.len() <= 64, "{line}");
    }
}

#[test]
fn colour_carries_no_meaning_of_its_own() {
    let (finding, _) = finding();
    for width in [30, 60, 110] {
        let coloured = terminal::failure(Style { colour: true, width }, &finding);
        let mut plain = coloured.clone();
        for code in ["\u{1b}[1;31m", "\u{1b}[1;32m", "\u{1b}[1m", "\u{1b}[0m"] {
            plain = plain.replace(code, "");
        }
        assert_ne!(coloured, plain);
        assert_eq!(plain, terminal::failure(Style { colour: false, width }, &finding));
    }
}

#[test]
fn a_campaign_that_fails() {
    let text = terminal::campaign(Style::PLAIN, &finding().1);
    insta::assert_snapshot!(text.split_once("\n\nFAIL").expect("a summary follows the stories").1);
}

#[test]
fn a_campaign_that_holds() {
    insta::assert_snapshot!(terminal::campaign(Style::PLAIN, &held()));
}

#[test]
fn an_inconclusive_campaign_states_the_reason() {
    let unreached = vec![GoalTally { reached: 0, ..held().goals[0].clone() }];
    let check = |runs, ending, why: &str| {
        let finished = CampaignResult {
            verdict: Verdict::Inconclusive,
            runs,
            end_reason: ending,
            goals: unreached.clone(),
            ..held()
        };
        let text = terminal::campaign(Style::PLAIN, &finished);
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("INCONCLUSIVE  till  ") && first.contains(why), "{first}");
    };
    check(1_000, EndReason::Complete, "a goal was never reached");
    check(10, EndReason::Complete, "need at least 1,000 runs");
    check(10, EndReason::Interrupted, "was interrupted");
}

#[test]
fn a_canary_that_survives_is_named() {
    let canary = |name: &str, caught, runs| Canary { name: name.to_owned(), caught, runs };
    let canaries = vec![canary("memory", true, 12), canary("receipt", false, 4_000)];
    let finished = CampaignResult { verdict: Verdict::Inconclusive, canaries, ..held() };
    let text = terminal::campaign(Style::PLAIN, &finished);
    assert!(
        text.starts_with("INCONCLUSIVE  till  no invariant is violated, but a canary survived"),
        "{text}"
    );
    let line = "  canaries  caught 1 of 2, each within 12 runs; without receipt no invariant was violated in 4,000 runs\n";
    assert!(text.contains(line), "{text}");
    assert!(junit::campaigns(&[finished]).contains("canaries that survived: receipt"));
}

#[test]
fn a_guided_campaign_states_no_bound() {
    let search = Search { guided: true, ..Search::default() };
    let text = terminal::campaign(Style::PLAIN, &CampaignResult { search, ..held() });
    assert!(text.contains("  search    guided, profile mixed\n") && !text.contains("3/1,000"), "{text}");
    assert!(text.contains("bound     0 failures in 1,000 runs, and no bound: a guided run"), "{text}");
}

#[test]
fn the_likelihood_of_a_failure_is_plotted_along_its_run() {
    let failure = finding().0.failure;
    let mut runner = Runner::new(till::Shop::default());
    let likely = likelihood(&mut runner, &failure.shrunk, &failure.violation, 64);
    insta::assert_snapshot!(likely::plot(Style::PLAIN, &likely));
}

#[test]
fn a_run_that_holds() {
    let mut runner = Runner::new(till::Shop { remembers: true, ..till::Shop::default() });
    let script = finding().0.failure.shrunk;
    let (outcome, trace) = runner.record(Plan::Script(&script));
    insta::assert_snapshot!(terminal::held(
        Style::PLAIN,
        &trace,
        outcome.ended,
        &["asked after it had charged"]
    ));
}

#[test]
fn an_explanation_names_causes() {
    insta::assert_snapshot!(terminal::explanation(
        Style::PLAIN,
        &finding().0.failure,
        &FailureContext::default()
    ));
}

#[test]
fn a_self_check_names_the_difference() {
    let first_difference = Some("two runs of one plan differ from step 7 on".to_owned());
    let ways = [
        SelfCheck { way: "again", same: true, first_difference: None },
        SelfCheck { way: "elsewhere", same: false, first_difference },
    ];
    let text = terminal::self_check(Style::PLAIN, &ways);
    assert_eq!(text, "  same    again\n  differs  elsewhere: two runs of one plan differ from step 7 on\n");
}

#[test]
fn a_page_for_reviewers_holds_nothing_that_changes_by_itself() {
    let (finding, finished) = finding();
    let page = markdown::campaigns(std::slice::from_ref(&finished));
    for changing in
        [finding.failure.signature.as_str(), "target/", "seed", &finished.digest.to_string(), "00:0"]
    {
        assert!(!page.contains(changing), "{changing}");
    }
    insta::assert_snapshot!(page);
}

#[test]
fn a_bystander_is_not_on_the_page_of_a_story() {
    let script = finding().0.failure.shrunk;
    let page = |bystander| {
        let mut runner = Runner::new(till::Shop { bystander, ..till::Shop::default() });
        let violation = runner.record(Plan::Script(&script)).1.violations[0].clone();
        markdown::page(&understand(&mut runner, &script, &violation), &FailureContext::default())
    };
    let alone = page(None);
    assert_eq!(alone, page(Some("auditor")), "another node with a choice of its own");
    assert_eq!(alone, page(Some("clerk")), "the same, renamed");
}

#[test]
fn hostile_text_makes_a_valid_diagram() {
    const HOSTILE: [&str; 7] =
        ["end", "a; b", "# %% $$x$$", "<br/>\nNote over n1: x", "{\"a\": 1}", "", "->> : activate"];
    let mut trace = Trace::clone(&finding().0.failure.trace);
    let mut words = HOSTILE.iter().cycle();
    for step in &mut trace.steps {
        step.node = (*words.next().expect("a cycle has no end")).to_owned();
        step.text = (*words.next().expect("a cycle has no end")).to_owned();
    }
    let diagram = mermaid::diagram(&trace, &story::of_run(&trace));
    assert!(diagram.lines().count() > 10, "{diagram}");
    insta::assert_snapshot!(format!("```mermaid\n{diagram}```\n"));
}

#[test]
fn a_pause_that_healing_ends_early_states_its_real_length() {
    let mut failure = finding().0.failure;
    let mut trace = Trace::clone(&failure.trace);
    let at = trace.steps.iter().position(|step| step.choice.is_some()).expect("a deviation");
    let choice = trace.steps[at].choice.as_mut().expect("a deviation");
    (choice.site, choice.taken) = ("till/before charge".to_owned(), "pause 90 s".to_owned());
    choice.fault = Some(Fault::Crash(CrashFault::Pause(Duration::from_secs(90))));
    trace.script.deviations[0].id.site.clone_from(&choice.site);
    let node = trace.steps[at].node.clone();
    let later = &mut trace.steps[at + 1];
    (later.kind, later.node, later.time) = (Kind::Resume, node, later.time);
    let real = later.time - trace.steps[at].time;
    failure.trace = trace.into();
    let words = &story::deviations(&failure.trace)[0].sentence;
    let end = format!("is paused for 90 s before charge, cut to {} by the heal time", time::text(real));
    assert!(words.ends_with(&end), "{words}");
    assert!(story::of_failure(&failure).iter().any(|row| row.what == end), "{end}");
}

#[test]
fn a_page_names_the_line_at_which_a_choice_was_made() {
    let (finding, campaign) = finding();
    let mut choices = finding.failure.trace.steps.iter().filter_map(|step| step.choice.as_ref());
    let source = choices.find_map(|choice| choice.source.clone()).expect("a call of the shop");
    assert!(source.starts_with("reports/tests/"), "{source}");
    let page = shakedown_reports::html::campaigns(&[campaign]);
    assert!(page.contains(&format!("made at <code>{source}</code>")), "{source}");
}

#[test]
fn a_long_diagram_is_cut_and_says_so() {
    let mut failure = finding().0.failure;
    failure.slice = (0..failure.trace.steps.len() as u32).collect();
    let rows = story::of_failure(&failure);
    let many: Vec<_> = rows.iter().cycle().take(60).cloned().collect();
    let diagram = mermaid::diagram(&failure.trace, &many);
    let messages = diagram.lines().filter(|line| line.contains(". ")).count();
    assert_eq!(messages, 40, "{diagram}");
    assert!(diagram.ends_with("Note over n1: 20 further steps\n"), "{diagram}");
}

#[test]
fn junit_is_valid_xml_with_a_case_for_each_invariant_and_for_the_goals() {
    let text = junit::campaigns(&[finding().1, held()]);
    let mut reader = quick_xml::Reader::from_str(&text);
    let (mut suites, mut cases, mut failures, mut open) = (0, 0, 0, 0);
    loop {
        let event = reader.read_event().expect("well-formed");
        match &event {
            Event::Start(tag) | Event::Empty(tag) => match tag.name().as_ref() {
                "testsuite" => suites += 1,
                "testcase" => cases += 1,
                "failure" => failures += 1,
                _ => {}
            },
            Event::Eof => break,
            _ => {}
        }
        open += i32::from(matches!(event, Event::Start(_))) - i32::from(matches!(event, Event::End(_)));
    }
    assert_eq!((suites, cases, failures, open), (2, 14, 1, 0));
}

#[test]
fn json_has_the_keys_that_others_rely_on() {
    let text = json::campaigns(&[finding().1], &[]);
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let scenario = &value["scenarios"][0];
    for key in ["name", "without", "verdict", "runs", "digest", "goals", "violations"] {
        assert!(!scenario[key].is_null(), "{key}");
    }
    for key in ["invariant", "signature", "seed", "count", "runs_to_find", "deviations", "trace"] {
        assert!(!scenario["violations"][0][key].is_null(), "{key}");
    }
    assert_eq!(scenario["verdict"], "violated");
}

#[test]
fn what_is_needed_is_stated_only_if_it_was_determined() {
    let (mut finding, _) = finding();
    assert_eq!(story::needed(&finding.failure), ["without (1) it holds"]);
    finding.failure.needed.clear();
    assert!(story::needed(&finding.failure).is_empty(), "no deviation was removed");
    finding.failure.shrunk.deviations.clear();
    assert_eq!(story::needed(&finding.failure), ["nothing: the happy path itself violates it"]);
}
