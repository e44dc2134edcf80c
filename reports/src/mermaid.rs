//! A story as a mermaid sequence diagram: each step is a note on its node, or a message if it follows from a
//! step of another node.

use crate::story::{self, Row};
use shakedown_sim::Trace;
use std::fmt::Write as _;

/// A longer diagram is not read any more.
const MESSAGES_MAX: usize = 40;

/// The diagram of these rows. Nodes get short aliases: mermaid takes a participant named `end` for the end of a
/// block.
pub fn diagram(trace: &Trace, rows: &[Row]) -> String {
    let mut nodes: Vec<&str> = Vec::new();
    for row in rows.iter().take(MESSAGES_MAX) {
        if !nodes.contains(&row.node.as_str()) {
            nodes.push(&row.node);
        }
    }
    let alias = |node: &str| nodes.iter().position(|other| *other == node).map(|at| format!("n{}", at + 1));
    let mut out = String::from("sequenceDiagram\n");
    for (at, node) in nodes.iter().enumerate() {
        let _ = writeln!(out, "    participant n{} as {}", at + 1, plain(node));
    }
    let causes = story::causes(trace, rows);
    for (at, (row, causes)) in rows.iter().zip(causes).enumerate().take(MESSAGES_MAX) {
        let sender = causes.iter().rev().map(|cause| &rows[*cause].node).find(|node| **node != row.node);
        let (to, number) = (alias(&row.node).unwrap_or_default(), at + 1);
        let what = plain(&row.what);
        let _ = match sender.and_then(|sender| alias(sender)) {
            Some(from) => writeln!(out, "    {from}->>{to}: {number}. {what}"),
            None => writeln!(out, "    Note over {to}: {number}. {what}"),
        };
        if row.deviates {
            let _ = writeln!(out, "    Note over {to}: {}", plain(&row.why));
        }
    }
    if rows.is_empty() {
        return nothing();
    }
    if rows.len() > MESSAGES_MAX {
        let _ = writeln!(out, "    Note over n1: {} further steps", rows.len() - MESSAGES_MAX);
    }
    out
}

/// The diagram where there is nothing to tell.
pub fn nothing() -> String {
    "sequenceDiagram\n    participant n1 as nothing to tell\n".to_owned()
}

/// Text that mermaid takes literally. It ends a statement at `;` and at line ends, begins a comment at `%%` and
/// an entity at `#`, and draws `<br>` and `$$` as something else.
fn plain(text: &str) -> String {
    let literal = |character: char| match character {
        ';' => ',',
        '<' | '>' => ' ',
        '%' => '٪',
        '$' => '＄',
        _ if character.is_control() || "\u{2028}\u{2029}".contains(character) => ' ',
        _ => character,
    };
    let text: String = text.replace('#', "no. ").chars().map(literal).collect();
    let text = text.trim();
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_s_text_cannot_break_a_diagram() {
        assert_eq!(plain("x; y #1\n z"), "x, y no. 1  z");
        assert_eq!(plain("  "), "-");
        assert_eq!(plain("100 %% <br>"), "100 ٪٪  br");
    }
}
