//! The page in a real browser: what it shows, that it is harmless, and that everybody can use it.

mod chromium;
mod contrast;
mod hostile;
mod long;
mod reading;
mod stepping;
mod summary;
#[path = "../till/mod.rs"]
mod till;

use serde_json::json;
use shakedown_reports::{FailureContext, PassingRun, RestoredGuardrail, Setting, html};
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
        let after = json!({ "charged": charged, "lease_until": 60_080_000_000_u64, "order": 1 });
        let state = json!({ "Ledger": { "before": before, "after": after } });
        step.state = Some(state.to_string().into());
        before = after;
    }
    failure
}

/// The context of the failure.
fn context(failure: &Failure) -> FailureContext {
    let mut runner = Runner::new(till::Shop::default());
    let script = failure.nearest.as_ref().expect("a run passes").script(&failure.shrunk);
    let passing = Some(PassingRun::of(failure, &runner.record(Plan::Script(&script)).1));
    let (guardrail, about) = ("memory".to_owned(), "an order is charged once".to_owned());
    let instead = "every request charges".to_owned();
    let (still_violated, facts_instead) = (Vec::new(), vec!["till finds order-1 in its ledger".to_owned()]);
    let restored = vec![RestoredGuardrail {
        guardrail,
        about,
        instead,
        still_violated,
        all_offered: true,
        facts_instead,
    }];
    let settings = vec![Setting { written: "orders=1".to_owned(), about: "how many are rung up".to_owned() }];
    FailureContext { settings, restored, passing, ..FailureContext::default() }
}

const PATH: &str = "target/shakedown/till.trace.jsonl";

/// The page of a failure.
fn page(failure: &Failure) -> String {
    html::failure(failure, PATH, &context(failure))
}
