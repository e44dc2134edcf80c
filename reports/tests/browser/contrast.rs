//! Contrast, by the formula of WCAG 2.1: every visible text has a contrast of at least 4.5 to 1, in light and dark
//! mode.

use crate::chromium::{Browser, Screen};
use crate::{failure, page};

/// Each text with too little contrast: its element, its words and its ratio.
const FAINT: &str = r"(() => {
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = ([red, green, blue]) => {
    const linear = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  };
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const ratio = (one) => {
    const [light, dark] = [luminance(channels(getComputedStyle(one).color)), luminance(behind(one))].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const hasText = (one) => one.offsetHeight > 0 && [...one.childNodes].some((part) => part.nodeType === 3 && part.data.trim());
  const seen = [...document.querySelectorAll('main *')].filter(hasText);
  const faint = seen.filter((one) => ratio(one) < 4.5).map((one) => `${one.tagName}.${one.className}: ${one.textContent} ${ratio(one).toFixed(2)}`);
  return JSON.stringify({ seen: seen.length, faint });
})()";

/// Returns the number of visible texts and those with too little contrast.
pub(crate) fn faint(browser: &mut Browser) -> serde_json::Value {
    serde_json::from_str(&browser.text(FAINT)).expect("JSON")
}

fn check(dark: bool) {
    let screen = Screen { dark, ..Screen::DESKTOP };
    let mut browser = Browser::show(screen, &page(&failure()), "");
    browser.eval("for (const closed of document.querySelectorAll('details')) closed.open = true");
    browser.eval("document.querySelector('[role=listbox]').focus()");
    browser.press("End");
    let found = faint(&mut browser);
    assert_eq!(found["faint"], serde_json::json!([]));
    assert!(found["seen"].as_u64() > Some(50), "{found}");
    let background = browser.text("getComputedStyle(document.body).backgroundColor");
    let brightness: u32 = background
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|part| part.parse::<u32>().ok())
        .take(3)
        .sum();
    assert_eq!(brightness < 3 * 64, dark, "{background}");
}

#[test]
fn text_has_contrast_in_light_mode() {
    check(false);
}

#[test]
fn text_has_contrast_in_dark_mode() {
    check(true);
}
