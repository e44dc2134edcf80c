//! What the page shows, with and without JavaScript, on a desk and on a phone.

use crate::chromium::{Browser, Screen};
use crate::{failure, page};

#[test]
fn the_page_states_what_happened_what_would_have_prevented_it_and_how_to_see_it_again() {
    let mut browser = Browser::show(Screen::DESKTOP, &page(&failure()), "");
    let text = browser.text("document.querySelector('main').innerText");
    for sentence in [
        "order-1 is charged twice",
        "till.charge: its response is lost",
        "Without memory the run fails. With it in place, the same script holds.",
        "What happens instead:",
        "till finds order-1 in its ledger",
        "What the run was built from",
        "shakedown replay target/shakedown/till.trace.jsonl",
        "However, unknown to it: till charges order-1.",
        "The first difference",
        "No invariant is violated.",
    ] {
        assert!(text.contains(sentence), "`{sentence}` is missing in:\n{text}");
    }
}

#[test]
fn the_page_fetches_nothing_and_logs_no_error() {
    let html = page(&failure());
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!html.replace("http://www.w3.org/2000/svg", "").contains(outside), "{outside}");
    }
    let mut browser = Browser::show(Screen::DESKTOP, &html, "");
    for key in ["End", "Home", "ArrowRight"] {
        browser.eval("document.querySelector('[role=listbox]').focus()");
        browser.press(key);
    }
    browser.wait_for("location.hash !== ''");
    assert_eq!(browser.requests(), Vec::<String>::new());
    assert_eq!(browser.console_errors(), Vec::<serde_json::Value>::new());
}

#[test]
fn a_browser_without_scripts_shows_the_story_as_a_table() {
    let failure = failure();
    let rows = shakedown_reports::story::of_failure(&failure).len();
    let screen = Screen { scripts: false, ..Screen::DESKTOP };
    let mut browser = Browser::show(screen, &page(&failure), "");
    assert_eq!(browser.eval("document.querySelectorAll('noscript tbody tr').length"), rows);
    assert_eq!(browser.eval("document.querySelector('noscript table').offsetHeight > 0"), true);
}

#[test]
fn nothing_overflows_on_a_phone() {
    let mut browser = Browser::show(Screen::PHONE, &page(&failure()), "");
    for story in [true, false] {
        browser.eval("for (const closed of document.querySelectorAll('details')) closed.open = true");
        browser.eval(&format!(
            "{{ const box = document.querySelector('input[type=checkbox]'); if (box.checked !== {story}) box.click(); }}"
        ));
        let widths = browser.text("`${document.documentElement.scrollWidth} ${innerWidth}`");
        assert_eq!(widths, "360 360");
    }
    let small = "[...document.querySelectorAll('button, select, .switch')].filter((one) => one.getBoundingClientRect().height < 40).length";
    assert_eq!(browser.eval(small), 0, "fingers need room");
}
