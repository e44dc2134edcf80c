//! A story as a mermaid sequence diagram. A call is an arrow between two nodes, any other step a note on its node;
//! before it, a dotted arrow comes from each other node with a step that it follows from.

use crate::knowledge;
use crate::printable::printable;
use crate::story::{self, Row};
use shakedown_sim::Trace;
use shakedown_sim::graph::CausalGraph;
use std::fmt::Write as _;

/// The greatest number of messages of a diagram that people still read.
const MESSAGES_MAX: usize = 40;

/// Returns the diagram of these rows. Nodes get short aliases: mermaid takes a participant named `end` for the end of
/// a block.
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
    let callee = |row: &Row| knowledge::callee(trace, &graph, row.step).filter(|callee| *callee != row.node);
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
        return empty();
    }
    if rows.len() > MESSAGES_MAX {
        let _ = writeln!(out, "    Note over n1: {} further steps", rows.len() - MESSAGES_MAX);
    }
    out
}

/// Returns the diagram for the case that there is no run.
pub fn empty() -> String {
    "sequenceDiagram\n    participant n1 as no run\n".to_owned()
}

/// Returns text that mermaid shows literally. Mermaid ends a statement at `;` and at line ends, begins a comment at
/// `%%` and an entity at `#`, and gives `<br>` and `$$` a meaning. A backtick could end the fenced block around it.
fn plain(text: &str) -> String {
    let literal = |character: char| match character {
        ';' => ',',
        '<' | '>' => ' ',
        '%' => '٪',
        '$' => '＄',
        '`' => '\'',
        _ => character,
    };
    let text: String = printable(text).replace('#', "no. ").chars().map(literal).collect();
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
