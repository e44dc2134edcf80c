//! A story as a mermaid sequence diagram. What a node asks of another is an arrow between the two, and any other step
//! a note on its node; before it, a dotted arrow from each other node of which a step has to be known for it.

use crate::knowledge;
use crate::story::{self, Row};
use shakedown_sim::Trace;
use shakedown_sim::graph::CausalGraph;
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
    let (graph, causes) = (CausalGraph::of(trace), story::causes(trace, rows));
    let callee = |row: &Row| knowledge::asked(trace, &graph, row.step).filter(|callee| *callee != row.node);
    for (at, (row, causes)) in rows.iter().zip(causes).enumerate().take(MESSAGES_MAX) {
        let (here, number, what) = (alias(&row.node).unwrap_or_default(), at + 1, plain(&row.what));
        for cause in causes {
            let other = &rows[cause];
            if other.node != row.node && callee(other) != Some(&row.node) {
                let there = alias(&other.node).unwrap_or_default();
                let _ = writeln!(out, "    {there}-->>{here}: {} is known", cause + 1);
            }
        }
        let _ = match callee(row).and_then(alias) {
            Some(there) => writeln!(out, "    {here}->>{there}: {number}. {what}"),
            None => writeln!(out, "    Note over {here}: {number}. {what}"),
        };
        if row.deviates {
            let _ = writeln!(out, "    Note over {here}: {}", plain(&row.why));
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
