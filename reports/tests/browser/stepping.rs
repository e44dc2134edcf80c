//! Stepping through a run by scrubber, keys, clicks and links, with filters.

use crate::chromium::{Browser, Screen};
use crate::{failure, page};

const WHERE: &str = "document.querySelector('.where').textContent";
const STEP: &str = "Number(document.querySelector('.where').textContent.match(/step (\\d+)/)[1])";
const LINES: &str = "document.querySelectorAll('[role=option]').length";
const TOGGLE: &str = "document.querySelector('input[type=checkbox]').click()";

fn browser() -> Browser {
    Browser::show(Screen::DESKTOP, &page(&failure()), "")
}

fn choose(browser: &mut Browser, label: &str, value: &str) {
    browser.eval(&format!(
        "{{ const select = [...document.querySelectorAll('.controls label')].find((one) => one.textContent.startsWith('{label}')).querySelector('select');
            select.value = '{value}'; select.dispatchEvent(new Event('change')); }}"
    ));
}

#[test]
fn the_page_begins_at_the_first_deviation() {
    let failure = failure();
    let wrong = failure.trace.steps.iter().position(|step| step.choice.is_some());
    let mut browser = browser();
    assert_eq!(browser.eval(STEP), wrong.expect("a deviation"));
    assert_eq!(browser.eval("document.querySelectorAll('path.fault').length"), 1);
}

#[test]
fn the_scrubber_and_the_keys_step_and_the_address_follows() {
    let mut browser = browser();
    browser.eval("document.querySelector('input[type=range]').focus()");
    browser.press("Home");
    assert!(browser.text(WHERE).starts_with("1 of "));
    browser.press("ArrowRight");
    assert!(browser.text(WHERE).starts_with("2 of "));
    browser.eval("document.querySelector('[role=listbox]').focus()");
    browser.press("ArrowDown");
    assert!(browser.text(WHERE).starts_with("3 of "));
    let chosen = "document.getElementById(document.querySelector('[role=listbox]').getAttribute('aria-activedescendant')).getAttribute('aria-selected')";
    assert_eq!(browser.eval(chosen), "true");
    browser.wait_for(&format!("location.hash === `#step=${{{STEP}}}`"));
    browser.eval("document.activeElement.blur()");
    browser.press("ArrowLeft");
    assert!(browser.text(WHERE).starts_with("2 of "), "arrow keys step anywhere on the page");
    browser.eval("document.querySelectorAll('[role=option]')[0].click()");
    assert!(browser.text(WHERE).starts_with("1 of "));
}

#[test]
fn a_link_opens_its_step_even_outside_the_story() {
    let failure = failure();
    let outside = (0..failure.trace.steps.len() as u32).find(|step| !failure.slice.contains(step));
    let outside = outside.expect("a step that the story leaves out");
    let mut browser = Browser::show(Screen::DESKTOP, &page(&failure), &format!("#step={outside}"));
    assert_eq!(browser.eval(STEP), outside);
    assert_eq!(browser.eval("document.querySelector('input[type=checkbox]').checked"), false);
    browser.eval("document.querySelector('.story a').click()");
    browser.wait_for(&format!("{STEP} === {}", failure.slice[0]));
}

#[test]
fn the_slice_can_be_switched_off_and_on() {
    let failure = failure();
    let mut browser = browser();
    let slice = format!("{} of {0} ·", failure.slice.len());
    browser.press("End");
    assert_eq!(browser.eval(LINES), failure.slice.len());
    browser.eval(TOGGLE);
    let all = format!("of {} ·", failure.trace.steps.len());
    assert!(browser.text(WHERE).contains(&all), "{}", browser.text(WHERE));
    browser.eval(TOGGLE);
    browser.eval("document.querySelector('[role=listbox]').focus()");
    browser.press("End");
    assert!(browser.text(WHERE).starts_with(&slice), "{}", browser.text(WHERE));
}

#[test]
fn entities_and_nodes_filter() {
    let failure = failure();
    let mut browser = browser();
    browser.eval(TOGGLE);
    choose(&mut browser, "Node", "till");
    let of_till = failure.trace.steps.iter().filter(|step| step.node == "till").count();
    assert!(browser.text(WHERE).contains(&format!("of {of_till} ·")));
    assert_eq!(browser.eval("document.querySelectorAll('.lane-names > span').length"), 1);
    choose(&mut browser, "Entity", "order-1");
    let both =
        failure.trace.steps.iter().filter(|step| step.node == "till" && step.entity() == Some("order-1"));
    assert!(browser.text(WHERE).contains(&format!("of {} ·", both.count())));
    choose(&mut browser, "Node", "");
    let of_order = failure.trace.steps.iter().filter(|step| step.entity() == Some("order-1")).count();
    assert!(browser.text(WHERE).contains(&format!("of {of_order} ·")));
}

#[test]
fn rows_are_shown_at_each_step_with_their_changes_marked() {
    let failure = failure();
    let mut browser = browser();
    browser.eval("document.querySelector('[role=listbox]').focus()");
    browser.press("End");
    assert_eq!(browser.text("document.querySelector('.row.now mark').textContent"), "1 → 2");
    assert_eq!(browser.eval("document.querySelectorAll('.row.now mark').length"), 1);
    assert_eq!(browser.text("document.querySelector('.row em').textContent"), "changed");
    let row = browser.text("document.querySelector('.row.now').innerText");
    assert!(row.contains("lease_until 01:00.080"), "times are readable: {row}");
    browser.press("Home");
    assert_eq!(browser.eval("document.querySelectorAll('.row').length"), 0);
    assert_eq!(browser.eval(STEP), failure.slice[0]);
}

#[test]
fn the_keyboard_reaches_everything_and_the_focus_is_visible() {
    let mut browser = browser();
    let mut reached = Vec::new();
    for _ in 0..60 {
        browser.press("Tab");
        let at = browser.text("`${document.activeElement.tagName} ${document.activeElement.className} ${document.activeElement.type ?? ''}`");
        if at.starts_with("BODY") {
            break;
        }
        let ring = browser.text("getComputedStyle(document.activeElement).outlineStyle");
        assert_eq!(ring, "solid", "no ring around {at}");
        if at.contains("checkbox") {
            let lines = browser.eval(LINES);
            browser.press(" ");
            assert_ne!(browser.eval(LINES), lines);
        }
        reached.push(at);
    }
    for wanted in ["A ", "SUMMARY ", "checkbox", "SELECT", "range", "BUTTON", "lanes", "detail"] {
        assert!(reached.iter().any(|at| at.contains(wanted)), "{wanted} is not among {reached:?}");
    }
}
