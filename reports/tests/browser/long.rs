//! A run of fifty thousand steps: cut, and quick to step through.

use crate::chromium::{Browser, Screen};
use crate::{failure, page};
use shakedown_sim::search::Failure;
use shakedown_sim::{Duration, Moment};
use std::sync::Arc;

const STEPS: usize = 50_000;

/// A failure whose run is repeated until it is long; its story is at both ends and in the middle.
fn long() -> Failure {
    let mut failure = failure();
    let few = failure.trace.steps.clone();
    let steps = few.iter().cycle().take(STEPS).cloned().enumerate().map(|(at, mut step)| {
        step.time = Moment::START + Duration::from_millis(at as u64);
        step.scope = format!("order-{}/attempt-1", at / few.len());
        step.causes = at.checked_sub(1).map(|before| before as u32).into_iter().collect();
        step
    });
    Arc::make_mut(&mut failure.trace).steps = steps.collect();
    failure.slice = vec![3, 4, 25_000, 25_001, 49_990, 49_999];
    failure.violation.events = vec![49_999];
    failure
}

#[test]
fn a_run_of_fifty_thousand_steps_stays_usable() {
    let html = page(&long());
    assert!(html.len() < 4_000_000, "{} bytes", html.len());
    let mut browser = Browser::show(Screen::DESKTOP, &html, "#step=25001");
    let said = browser.text("document.querySelector('.cut').textContent");
    assert!(said.contains("50,000 steps") && said.contains("46,000 are left out"), "{said}");
    browser.eval("document.querySelector('input[type=checkbox]').click()");
    let position = browser.text("document.querySelector('.where').textContent");
    assert!(position.contains("of 4000 · step 25001 of 50000"), "{position}");
    assert!(browser.eval("document.querySelectorAll('*').length").as_u64() < Some(1_500));
    let elapsed = browser.eval(
        "(() => { const list = document.querySelector('[role=listbox]'); const began = performance.now();
          for (let turn = 0; turn < 100; turn += 1) list.dispatchEvent(new KeyboardEvent('keydown', { key: 'PageDown' }));
          return performance.now() - began; })()",
    );
    assert!(elapsed.as_f64() < Some(10_000.0), "a hundred steps took {elapsed} ms");
    browser.wait_for(
        "location.hash === '#step=' + document.querySelector('.where').textContent.match(/step (\\d+)/)[1]",
    );
    browser.eval("location.hash = '#step=49999'");
    browser.wait_for("document.querySelector('.where').textContent.includes('step 49999 of 50000')");
    assert_eq!(browser.console_errors(), Vec::<serde_json::Value>::new());
}
