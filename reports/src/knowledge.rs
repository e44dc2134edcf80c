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

/// For each row, what was so elsewhere and unknown to who acts there: `unknown to it: partner creates
/// reservation R1 and charges 120.00 for R1`. Each node's ignorance of a fact is told once.
pub fn however(trace: &Trace, rows: &[Row]) -> Vec<Option<String>> {
    let graph = CausalGraph::of(trace);
    let mut told = BTreeSet::new();
    let mut of_row = |at: usize| {
        let row = &rows[at];
        if !is_decision(trace.steps[row.step as usize].kind) {
            return None;
        }
        let (asked, heard) = (asked(trace, &graph, row.step), graph.causes_of([row.step]));
        let unheard = rows[..at].iter().filter(|other| {
            is_fact_elsewhere(trace, row, other)
                && asked.is_none_or(|asked| other.node == asked)
                && !has_heard(trace, &graph, &heard, other.step)
                && told.insert((&row.node, other.step))
        });
        sentence(unheard)
    };
    (0..rows.len()).map(&mut of_row).collect()
}

/// What these rows say, each node named once.
fn sentence<'a>(unheard: impl Iterator<Item = &'a Row>) -> Option<String> {
    let mut of_node: Vec<(&str, Vec<&str>)> = Vec::new();
    for row in unheard {
        match of_node.iter_mut().find(|(node, _)| *node == row.node) {
            Some((_, known)) => known.push(&row.what),
            None => of_node.push((&row.node, vec![&row.what])),
        }
    }
    let told: Vec<String> =
        of_node.iter().map(|(node, known)| format!("{node} {}", known.join(" and "))).collect();
    (!told.is_empty()).then(|| format!("unknown to it: {}", told.join(", and ")))
}

/// Whether news of a fact is among what a node has heard: the fact, what it followed from, or the commit that made
/// it, if nobody is in doubt about how that ended.
fn has_heard(trace: &Trace, graph: &CausalGraph, heard: &BTreeSet<u32>, fact: u32) -> bool {
    let kind = |step: u32| trace.steps[step as usize].kind;
    let in_doubt = |commit: u32| graph.direct_effects(commit).any(|effect| kind(effect) == Kind::Failed);
    let asked = |cause: u32| {
        let commits = graph.direct_causes(cause).filter(|_| kind(cause) == Kind::Committed);
        commits.into_iter().any(|commit| heard.contains(&commit) && !in_doubt(commit))
    };
    heard.contains(&fact) || graph.direct_causes(fact).any(|cause| heard.contains(&cause) || asked(cause))
}

/// The node that a step asks, if it asks one and is heard there. What others know has no part in such a step.
pub(crate) fn asked<'a>(trace: &'a Trace, graph: &CausalGraph, step: u32) -> Option<&'a str> {
    let call = trace.steps[step as usize].kind == Kind::Call;
    let arrives = |number: &u32| trace.steps[*number as usize].kind == Kind::Arrive;
    let arrival = call.then(|| graph.direct_effects(step).find(arrives)).flatten()?;
    Some(&trace.steps[arrival as usize].node)
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
