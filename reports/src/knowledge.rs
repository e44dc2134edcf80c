//! Who had not heard of what: a step taken while another node already held something about the same entity,
//! and nothing of it had come through to the one who acts.
//!
//! What a node has heard of is the causal past of its step. Only decisions are looked at (asking, giving up,
//! saying why); what is told of the other side is the sentence of its own fact.

use crate::story::Row;
use shakedown_sim::Trace;
use shakedown_sim::graph::CausalGraph;
use shakedown_sim::trace::Kind;
use std::collections::BTreeSet;

/// For each row, what was so elsewhere and unknown to who acts there: `it has not heard that partner creates
/// reservation R1`. Each node's ignorance of a fact is told once.
pub fn however(trace: &Trace, rows: &[Row]) -> Vec<Option<String>> {
    let graph = CausalGraph::of(trace);
    let mut told = BTreeSet::new();
    let mut of_row = |at: usize| {
        let row = &rows[at];
        if !is_decision(trace.steps[row.step as usize].kind) {
            return None;
        }
        let heard = graph.causes_of([row.step]);
        let unheard = rows[..at].iter().filter(|other| {
            is_fact_elsewhere(trace, row, other)
                && !heard.contains(&other.step)
                && told.insert((&row.node, other.step))
        });
        let sentences: Vec<String> =
            unheard.map(|other| format!("that {} {}", other.node, other.what)).collect();
        (!sentences.is_empty()).then(|| format!("it has not heard {}", sentences.join(" and ")))
    };
    (0..rows.len()).map(&mut of_row).collect()
}

fn is_decision(kind: Kind) -> bool {
    matches!(kind, Kind::Call | Kind::GiveUp | Kind::Note)
}

fn is_fact_elsewhere(trace: &Trace, row: &Row, other: &Row) -> bool {
    let (here, there) = (&trace.steps[row.step as usize], &trace.steps[other.step as usize]);
    there.kind == Kind::Fact
        && !there.routine
        && there.node != here.node
        && there.entity().is_some()
        && there.entity() == here.entity()
}
