//! Text of the model is shown and never run.

use crate::chromium::{Browser, Screen};
use crate::{failure, page};
use serde_json::json;
use shakedown_sim::search::Failure;
use std::sync::Arc;

const HOSTILE: [&str; 5] = [
    "</script><script>window.ran = 1</script>",
    "<img src=x onerror=\"window.ran = 2\">",
    "\" onmouseover=\"window.ran = 3\" x=\"",
    "<!--<script>",
    "line\u{2028}ends\u{2029}here & &lt;b&gt; ${window.ran = 4} </noscript></title></style>",
];

/// Every text of a failure, made hostile.
fn poison(failure: &mut Failure) {
    let mut words = HOSTILE.iter().cycle().map(|word| (*word).to_owned());
    let mut next = || words.next().expect("a cycle has no end");
    failure.violation.message = next();
    failure.violation.invariant = next();
    failure.shrunk.without = HOSTILE.map(str::to_owned).to_vec();
    let trace = Arc::make_mut(&mut failure.trace);
    trace.script = failure.shrunk.clone();
    for step in &mut trace.steps {
        step.text = next();
        step.because = Some(next());
        step.node = next();
        step.scope = format!("{}/x", next());
        let state = json!({ next(): { "before": null, "after": { next(): next() } } });
        step.state = Some(state.to_string().into());
        if let Some(choice) = &mut step.choice {
            choice.taken = next();
            choice.alternatives = vec![next(), next()];
            choice.source = Some(next());
        }
    }
}

#[test]
fn hostile_text_is_shown_and_never_run() {
    let mut poisoned = failure();
    let mut context = crate::context(&poisoned);
    poison(&mut poisoned);
    let comparison = &mut context.passing.as_mut().expect("a passing run").comparison;
    comparison.right.iter_mut().for_each(|row| row.what = HOSTILE[0].to_owned());
    let html = shakedown_reports::html::failure(&poisoned, HOSTILE[1], &context);
    let mut browser = Browser::show(Screen::DESKTOP, &html, "");
    browser.eval("document.querySelector('input[type=checkbox]').click()");
    browser.eval("document.querySelector('[role=listbox]').focus()");
    for key in ["Home", "ArrowDown", "ArrowDown", "ArrowDown", "End"] {
        browser.press(key);
    }
    assert_eq!(browser.eval("typeof window.ran"), "undefined");
    assert_eq!(browser.eval("document.querySelectorAll('main img').length"), 0);
    let clean = Browser::show(Screen::DESKTOP, &page(&failure()), "")
        .eval("document.querySelectorAll('script').length");
    assert_eq!(browser.eval("document.querySelectorAll('script').length"), clean);
    let shown = browser.text("document.querySelector('h1').textContent");
    assert_eq!(shown, HOSTILE[0]);
    assert_eq!(browser.console_errors(), Vec::<serde_json::Value>::new());
}
