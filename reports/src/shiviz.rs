//! A run as a log for ShiViz: each step with its node's vector clock, so that the happens-before order can be drawn
//! and searched.
//!
//! The first line of the file is the expression by which ShiViz parses it, its default; the second, which separates
//! several executions, is empty.

use shakedown_sim::Trace;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The expression by which ShiViz parses a log by default.
pub const EXPRESSION: &str = r"(?<event>.*)\n(?<host>\S*) (?<clock>{.*})";

/// Returns the log of a run; without events if there is no run to show.
pub fn log(trace: Option<&Trace>) -> String {
    let mut out = format!("{EXPRESSION}\n\n");
    let steps = trace.map(|trace| trace.steps.as_slice()).unwrap_or_default();
    let mut clocks: Vec<BTreeMap<String, u32>> = Vec::with_capacity(steps.len());
    let mut last_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, step) in steps.iter().enumerate() {
        let mut clock: BTreeMap<String, u32> = BTreeMap::new();
        let before =
            step.causes.iter().map(|cause| *cause as usize).chain(last_of.get(step.node.as_str()).copied());
        for (host, count) in before.flat_map(|before| &clocks[before]) {
            let known = clock.entry(host.clone()).or_default();
            *known = (*known).max(*count);
        }
        let host = word(&step.node);
        *clock.entry(host.clone()).or_default() += 1;
        last_of.insert(&step.node, number);
        let shown = serde_json::to_string(&clock).expect("a clock has text keys");
        let _ = writeln!(out, "{}\n{host} {shown}", line(&step.text));
        clocks.push(clock);
    }
    out
}

/// Returns a host name as one word.
fn word(node: &str) -> String {
    let word: String =
        node.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }).collect();
    if word.is_empty() { "_".to_owned() } else { word }
}

/// Returns the text of an event as one line.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || "\u{2028}\u{2029}".contains(c) { ' ' } else { c }).collect()
}
