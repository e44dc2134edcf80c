//! The page in a real browser: what it does, what it never does, and who can read it.

mod chromium;
mod contrast;
mod hostile;
mod long;
mod reading;
mod stepping;
#[path = "../till/mod.rs"]
mod till;

use serde_json::json;
use shakedown_reports::{Beside, Holding, PutBack, Setting, html};
use shakedown_sim::search::{Failure, explore, understand};
use shakedown_sim::trace::Kind;
use shakedown_sim::{Plan, Rehearse, Runner};
use std::sync::Arc;

/// The first failing seed of the forgetful till, shrunk; each fact of it changes a row.
fn failure() -> Failure {
    let mut runner = Runner::new(till::Shop::default());
    let campaign = explore(&mut runner, 0..200, 1);
    let failing = campaign.failing.first().expect("the forgetful till charges twice");
    let script = runner.script_of(failing.seed);
    let mut failure = understand(&mut runner, &script, &failing.violations[0]);
    let mut before = json!(null);
    let trace = Arc::make_mut(&mut failure.trace);
    for step in trace.steps.iter_mut().filter(|step| step.kind == Kind::Fact) {
        let charged = before["charged"].as_u64().unwrap_or(0) + 1;
        let after = json!({ "charged": charged, "order": 1 });
        let state = json!({ "Ledger": { "before": before, "after": after } });
        step.state = Some(state.to_string().into());
        before = after;
    }
    failure
}

/// The runs to see beside it.
fn beside(failure: &Failure) -> Beside {
    let mut runner = Runner::new(till::Shop::default());
    let script = failure.nearest.as_ref().expect("a run holds").script(&failure.shrunk);
    let holding = Some(Holding::of(failure, &runner.record(Plan::Script(&script)).1));
    let (guardrail, about) = ("memory".to_owned(), "an order is charged once".to_owned());
    let instead = "whoever asks is charged".to_owned();
    let (still_broken, otherwise) = (Vec::new(), vec!["till finds order-1 in its book".to_owned()]);
    let put_back = vec![PutBack { guardrail, about, instead, still_broken, met: true, otherwise }];
    let settings = vec![Setting { written: "orders=1".to_owned(), about: "how many are rung up".to_owned() }];
    Beside { settings, put_back, holding, ..Beside::default() }
}

const PATH: &str = "target/shakedown/till.trace.jsonl";

/// The page of a failure.
fn page(failure: &Failure) -> String {
    html::failure(failure, PATH, &beside(failure))
}
