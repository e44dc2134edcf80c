//! Facts that a node could not know: another node already held a fact about the same entity when the node acted, and
//! no consequence of it had reached the node.
//!
//! The knowledge of a node is the causal past of its step. Only decisions are examined: calls, timeouts and notes.

use crate::story::Row;
use shakedown_sim::Trace;
use shakedown_sim::graph::CausalGraph;
use shakedown_sim::trace::Kind;
use std::collections::BTreeSet;

/// Returns for each row the facts of other nodes that its node could not know: `unknown to it: partner creates
/// reservation R1 and charges 120.00 for R1`. Each fact is named once for each node.
pub fn unknown(trace: &Trace, rows: &[Row]) -> Vec<Option<String>> {
    let graph = CausalGraph::of(trace);
    let mut named = BTreeSet::new();
    let mut of_row = |at: usize| {
        let row = &rows[at];
        if !is_decision(trace.steps[row.step as usize].kind) {
            return None;
        }
        let (callee, known) = (callee(trace, &graph, row.step), graph.causes_of([row.step]));
        let unknown = rows[..at].iter().filter(|other| {
            is_fact_elsewhere(trace, row, other)
                && callee.is_none_or(|callee| other.node == callee)
                && !is_known(trace, &graph, &known, other.step)
                && named.insert((&row.node, other.step))
        });
        sentence(unknown)
    };
    (0..rows.len()).map(&mut of_row).collect()
}

/// Returns these rows as one sentence, with each node named once.
fn sentence<'a>(unknown: impl Iterator<Item = &'a Row>) -> Option<String> {
    let mut of_node: Vec<(&str, Vec<&str>)> = Vec::new();
    for row in unknown {
        match of_node.iter_mut().find(|(node, _)| *node == row.node) {
            Some((_, facts)) => facts.push(&row.what),
            None => of_node.push((&row.node, vec![&row.what])),
        }
    }
    let facts: Vec<String> =
        of_node.iter().map(|(node, facts)| format!("{node} {}", facts.join(" and "))).collect();
    (!facts.is_empty()).then(|| format!("unknown to it: {}", facts.join(", and ")))
}

/// Returns whether a fact is among the steps that a node knows: the fact itself, its cause, or the commit that made
/// it, if the outcome of that commit is not in doubt.
fn is_known(trace: &Trace, graph: &CausalGraph, known: &BTreeSet<u32>, fact: u32) -> bool {
    let kind = |step: u32| trace.steps[step as usize].kind;
    let in_doubt = |commit: u32| graph.direct_effects(commit).any(|effect| kind(effect) == Kind::Failed);
    let by_commit = |cause: u32| {
        let commits = graph.direct_causes(cause).filter(|_| kind(cause) == Kind::Committed);
        commits.into_iter().any(|commit| known.contains(&commit) && !in_doubt(commit))
    };
    known.contains(&fact) || graph.direct_causes(fact).any(|cause| known.contains(&cause) || by_commit(cause))
}

/// Returns the node that a step calls, if the call arrives there. The knowledge of other nodes does not matter to
/// such a step.
pub(crate) fn callee<'a>(trace: &'a Trace, graph: &CausalGraph, step: u32) -> Option<&'a str> {
    let call = trace.steps[step as usize].kind == Kind::Call;
    let arrives = |number: &u32| trace.steps[*number as usize].kind == Kind::Arrive;
    let arrival = call.then(|| graph.direct_effects(step).find(arrives)).flatten()?;
    Some(&trace.steps[arrival as usize].node)
}

fn is_decision(kind: Kind) -> bool {
    matches!(kind, Kind::Call | Kind::Timeout | Kind::Note)
}

fn is_fact_elsewhere(trace: &Trace, row: &Row, other: &Row) -> bool {
    let (here, there) = (&trace.steps[row.step as usize], &trace.steps[other.step as usize]);
    there.kind == Kind::Fact
        && !there.routine
        && there.node != here.node
        && there.entity().is_some()
        && there.entity() == here.entity()
}
