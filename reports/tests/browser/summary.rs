//! The summary at the top of a campaign's page.

use crate::chromium::{Browser, Screen};
use crate::{PATH, context, contrast, failure};
use shakedown_reports::{
    CampaignResult, Canary, EndReason, Fact, Finding, GoalTally, RestoredGuardrail, Search, Verdict, html,
};
use shakedown_sim::Duration;

fn passing() -> CampaignResult {
    CampaignResult {
        scenario: "till".to_owned(),
        without: Vec::new(),
        verdict: Verdict::Held,
        end_reason: EndReason::Complete,
        seeds: Some(0..1_000),
        build: "till 1.0.0".to_owned(),
        worth: vec![Fact { label: "faults".to_owned(), text: "possible until 01:00.000".to_owned() }],
        runs: 1_000,
        failing: 0,
        digest: Default::default(),
        simulated: Duration::from_secs(60_000),
        goals: vec![GoalTally { name: "asked after it had charged".to_owned(), reached: 81, need: 10 }],
        variants: vec![("orders".to_owned(), vec![("1".to_owned(), 500), ("2".to_owned(), 500)])],
        invariants: vec!["charged-once".to_owned()],
        findings: Vec::new(),
        trace: None,
        search: Search::default(),
        canaries: vec![Canary { name: "memory".to_owned(), caught: true, runs: 12 }],
        assumptions: vec!["the till does not crash".to_owned()],
    }
}

/// Three findings of two causes in two runs.
fn failing() -> CampaignResult {
    let failure = failure();
    let context = context(&failure);
    let trace = PATH.to_owned();
    let one = Finding {
        failure,
        seed: Some(2),
        count: 1,
        runs_to_find: 3,
        replays_identical: true,
        trace,
        context,
    };
    let (mut same_run, mut other) = (one.clone(), one.clone());
    same_run.failure.violation.message = "the ledger names order-1 twice".to_owned();
    other.failure.shrunk.deviations[0].alternative = "1500 ms".to_owned();
    let receipt = RestoredGuardrail { guardrail: "receipt".to_owned(), ..one.context.restored[0].clone() };
    other.context.restored = vec![receipt];
    CampaignResult {
        verdict: Verdict::Violated,
        failing: 2,
        findings: vec![one, same_run, other],
        ..passing()
    }
}

#[test]
fn a_passing_campaign_states_what_its_verdict_is_worth() {
    let mut browser = Browser::show(Screen::DESKTOP, &html::campaigns(&[passing()]), "");
    assert_eq!(
        browser.text("document.querySelector('.summary h1').innerText"),
        "Held No invariant is violated"
    );
    let facts = browser.text("document.querySelector('.facts').innerText");
    for fact in [
        "0 to 999",
        "till 1.0.0",
        "1,000 runs",
        "1 of 1 reached",
        "caught 1 of 1",
        "possible until 01:00.000",
        "less than 3/1,000 per run",
        "the till does not crash",
    ] {
        assert!(facts.contains(fact), "`{fact}` is missing in:\n{facts}");
    }
}

#[test]
fn findings_are_grouped_and_each_link_names_the_deviation_and_opens_its_run() {
    let mut browser = Browser::show(Screen::DESKTOP, &html::campaigns(&[failing()]), "");
    let title = browser.text("document.querySelector('.summary h1').innerText");
    assert_eq!(title, "Failed 2 of 1,000 runs fail: 3 findings in 2 groups, 1 trace");
    let groups =
        browser.text("[...document.querySelectorAll('.contents h3')].map((one) => one.innerText).join('; ')");
    assert_eq!(groups, "Prevented by memory 2 findings; Prevented by receipt 1 finding");
    let links =
        browser.text("[...document.querySelectorAll('.contents a')].map((one) => one.innerText).join('; ')");
    let deviation = "till.charge/response @ order-1/attempt-1 #1";
    assert_eq!(links, format!("{deviation} = lost; {deviation} = lost; {deviation} = 1500 ms"));
    let dead = "[...document.querySelectorAll('.contents a')].filter((one) => !document.querySelector(one.hash)).length";
    assert_eq!(browser.eval(dead), 0);
    assert_eq!(browser.eval("document.querySelectorAll('article.run').length"), 2);
    browser.eval("document.querySelectorAll('.contents a')[2].click()");
    browser.wait_for("Math.abs(document.querySelector('#run-2').getBoundingClientRect().top) < 100");
}

#[test]
fn the_summary_is_readable_in_both_modes_and_fits_a_phone() {
    for result in [passing(), failing()] {
        let page = html::campaigns(&[result]);
        for dark in [false, true] {
            let mut browser = Browser::show(Screen { dark, ..Screen::DESKTOP }, &page, "");
            assert_eq!(contrast::faint(&mut browser)["faint"], serde_json::json!([]));
        }
        let mut browser = Browser::show(Screen::PHONE, &page, "");
        assert_eq!(browser.text("`${document.documentElement.scrollWidth} ${innerWidth}`"), "360 360");
    }
}
