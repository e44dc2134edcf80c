//! Text of a model is only ever text: whatever it holds, every form keeps the structure that harmless text gives it.

use super::{finding, held};
use proptest::prelude::*;
use proptest::sample::select;
use pulldown_cmark::{Event, Options, Parser, Tag};
use shakedown_reports::matrix::{AblationResult, Guarded, Matrix, Row};
use shakedown_reports::{
    CampaignResult, Canary, FailureContext, Finding, GoalTally, RestoredGuardrail, Setting, Style, Verdict,
    github, html, json, junit, markdown, matrix, terminal,
};
use shakedown_sim::Trace;

/// What breaks out of some form if it is not escaped.
const FRAGMENTS: [&str; 44] = [
    "\u{1b}[31m",
    "\u{1b}]0;title\u{7}",
    "\u{9b}2J",
    "\r",
    "\n",
    "\n\n",
    "\t",
    "\0",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\u{202e}",
    "\u{2066}",
    "\u{200f}",
    "\u{feff}",
    "\u{200b}",
    "\n::error::x",
    "::warning file=a::b",
    "##[group]x",
    "`",
    "```",
    "\n```\n",
    "~~~",
    "|",
    "\\",
    "\\|",
    "*",
    "**",
    "_",
    "__",
    "[a](b)",
    "![a](b)",
    "[^1]",
    "<b>",
    "<!-- ",
    "&lt;",
    "&#36;",
    "$x$",
    "$$",
    "# ",
    "\n# x\n",
    "- ",
    "1. ",
    "]]>",
];

fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(FRAGMENTS.as_slice()).prop_map(str::to_owned),
        1 => "\\PC{0,4}",
        1 => any::<char>().prop_map(String::from),
        1 => "[a-z ]{0,6}",
    ]
}

/// Distinct hostile texts. A number in their midst keeps them distinct and leaves both ends hostile.
fn words() -> impl Strategy<Value = Vec<String>> {
    let part = || prop::collection::vec(fragment(), 0..4).prop_map(|parts| parts.concat());
    let pairs = prop::collection::vec((part(), part()), 12);
    pairs.prop_map(|pairs| {
        pairs.into_iter().enumerate().map(|(at, (left, right))| format!("{left}w{at}w{right}")).collect()
    })
}

fn harmless() -> Vec<String> {
    (0..12).map(|at| format!("w{at}w")).collect()
}

/// A campaign whose every text is one of these words.
fn poisoned(words: &[String]) -> CampaignResult {
    let mut words = words.iter().cycle().cloned();
    let mut next = move || words.next().expect("a cycle has no end");
    let (finding, mut result) = finding();
    let mut findings = vec![finding.clone(), finding];
    for finding in &mut findings {
        poison(finding, &mut next);
    }
    result.scenario = next();
    result.without = vec![next(), next()];
    result.goals = vec![GoalTally { name: next(), reached: 0, need: 9 }];
    result.variants = vec![(next(), vec![(next(), 3)])];
    result.invariants = findings.iter().map(|finding| finding.failure.violation.invariant.clone()).collect();
    result.canaries = vec![Canary { name: next(), caught: false, runs: 7 }];
    result.assumptions = vec![next()];
    result.search.profile = next();
    result.findings = findings;
    result
}

fn poison(finding: &mut Finding, next: &mut impl FnMut() -> String) {
    finding.trace = next();
    let failure = &mut finding.failure;
    (failure.violation.invariant, failure.violation.message) = (next(), next());
    failure.needed.iter_mut().for_each(|needed| needed.still_broken = vec![next()]);
    failure.shrunk.scenario = next();
    failure.shrunk.without = vec![next()];
    for deviation in &mut failure.shrunk.deviations {
        (deviation.id.site, deviation.alternative) = (next(), next());
    }
    let mut trace = Trace::clone(&failure.trace);
    trace.script = failure.shrunk.clone();
    for step in &mut trace.steps {
        (step.text, step.node, step.because) = (next(), next(), Some(next()));
        if let Some(choice) = &mut step.choice {
            choice.site.clone_from(&failure.shrunk.deviations[0].id.site);
            choice.taken = next();
        }
    }
    failure.trace = trace.into();
    let restored = RestoredGuardrail {
        guardrail: next(),
        about: next(),
        instead: next(),
        still_violated: Vec::new(),
        all_offered: false,
        facts_instead: vec![next()],
    };
    finding.context = FailureContext {
        claim: next(),
        settings: vec![Setting { written: next(), about: next() }],
        restored: vec![restored],
        ..FailureContext::default()
    };
}

fn poisoned_matrix(words: &[String]) -> Matrix {
    let result = poisoned(words);
    let row = |result| Row {
        system: words[1].clone(),
        guardrail: words[2].clone(),
        naive: words[3].clone(),
        with: vec![words[4].clone()],
        scenario: words[5].clone(),
        result,
    };
    let by_itself = AblationResult::FailsOnHappyPath {
        variant: words[6].clone(),
        invariant: words[7].clone(),
        message: words[8].clone(),
    };
    let caught = AblationResult::Caught(Box::new(result.findings[0].clone()));
    let guarded = Guarded {
        scenario: words[9].clone(),
        verdict: Verdict::Violated,
        runs: 5,
        findings: result.findings.clone(),
    };
    Matrix { rows: vec![row(caught), row(by_itself)], guarded: vec![guarded] }
}

/// Checks that no line repaints a terminal, reorders its text or commands a CI server.
fn check_lines(text: &str) {
    for line in text.lines() {
        let bad = line
            .chars()
            .find(|c| c.is_control() || "\u{202e}\u{2066}\u{200f}\u{feff}\u{200b}\u{2028}".contains(*c));
        assert_eq!(bad, None, "{line:?}");
        assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{line:?}");
    }
}

/// The structure of Markdown: everything but its text.
fn structure(text: &str) -> Vec<String> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_MATH
        | Options::ENABLE_TASKLISTS;
    let of = |event: Event<'_>| match event {
        Event::Text(_) => None,
        Event::Code(_) => Some("code".to_owned()),
        Event::Start(Tag::Link { .. } | Tag::Image { .. }) => Some("link".to_owned()),
        other => Some(format!("{other:?}")),
    };
    Parser::new_ext(text, options).filter_map(of).collect()
}

fn tags(xml: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut tags = Vec::new();
    loop {
        match reader.read_event().expect("well-formed") {
            quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag) => {
                tag.attributes().for_each(|attribute| drop(attribute.expect("well-formed")));
                tags.push(tag.name().as_ref().to_owned());
            }
            quick_xml::events::Event::Eof => return tags,
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_terminal_shows_hostile_text_in_printable_lines(words in words(), width in 20_usize..200) {
        let style = Style { width, colour: false };
        let result = poisoned(&words);
        check_lines(&terminal::campaign(style, &result));
        check_lines(&matrix::human(style, &poisoned_matrix(&words)));
        let Finding { failure, context, .. } = &result.findings[0];
        check_lines(&terminal::explanation(style, failure, context));
        check_lines(&terminal::held(style, &failure.trace, Default::default(), &[&words[0]]));
        let held = CampaignResult { assumptions: result.assumptions, ..held() };
        check_lines(&terminal::campaign(style, &held));
    }

    #[test]
    fn markdown_keeps_its_structure(words in words()) {
        let [hostile, expected] = [&words, &harmless()].map(|words| {
            let result = poisoned(words);
            let Finding { failure, context, .. } = &result.findings[0];
            let page = markdown::page(failure, context);
            let all = [result];
            [markdown::campaigns(&all), page, github::summary(&all), matrix::page(&poisoned_matrix(words))]
        });
        for (hostile, expected) in hostile.iter().zip(&expected) {
            check_lines(hostile);
            prop_assert_eq!(structure(hostile), structure(expected), "{}", hostile);
            prop_assert_eq!(hostile.lines().count(), expected.lines().count());
        }
    }

    #[test]
    fn annotations_keep_one_line_each(words in words()) {
        let [hostile, expected] = [&words, &harmless()].map(|words| {
            github::annotations(&[poisoned(words)]) + &github::matrix_annotations(&poisoned_matrix(words))
        });
        prop_assert_eq!(hostile.lines().count(), expected.lines().count());
        for line in hostile.lines() {
            prop_assert!(line.starts_with("::error title=") || line.starts_with("::warning title="), "{}", line);
            let message = line.split_once("title=").expect("it has a title").1;
            check_lines(message.split_once("::").expect("a message follows").0);
            message.split("%0A").for_each(|part| check_lines(part.split_once("::").map_or(part, |(_, rest)| rest)));
        }
    }

    #[test]
    fn junit_json_and_html_keep_their_structure(words in words()) {
        let [hostile, expected] = [&words, &harmless()].map(|words| [poisoned(words)]);
        prop_assert_eq!(tags(&junit::campaigns(&hostile)), tags(&junit::campaigns(&expected)));
        let read: serde_json::Value = serde_json::from_str(&json::campaigns(&hostile, &[])).expect("JSON");
        let message = &hostile[0].findings[0].failure.violation.message;
        prop_assert_eq!(read["scenarios"][0]["violations"][0]["message"].as_str(), Some(message.as_str()));
        let count = |all: &[CampaignResult]| html::campaigns(all).matches('<').count();
        prop_assert_eq!(count(&hostile), count(&expected));
    }
}
