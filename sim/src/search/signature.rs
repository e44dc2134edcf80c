//! Signatures: equal for failures of one cause.
//!
//! Two failures of one cause differ in seeds, times and numbers of entities, yet have one signature. It is computed
//! from the invariant, the roles, and the causal shape of the shrunk story. The shape holds which step follows from
//! which; the order of causally unrelated steps is ignored.

use crate::digest::Digest;
use crate::graph::CausalGraph;
use crate::judge::Violation;
use crate::trace::{Kind, Step, Trace};
use std::collections::{BTreeMap, BTreeSet};

/// Returns the signature of a violation whose story is `slice`: twelve hexadecimal digits.
pub fn signature(trace: &Trace, violation: &Violation, slice: &[u32]) -> String {
    let mut digest = Digest::default();
    digest.text(&violation.invariant);
    digest.text(&violation.roles);
    for shape in shapes(trace, slice) {
        digest.word(shape);
    }
    format!("{:012x}", digest.bits() >> 16)
}

/// Returns for each step of the slice a hash of its label and of the shapes that it follows from; each once.
fn shapes(trace: &Trace, slice: &[u32]) -> BTreeSet<u64> {
    let graph = CausalGraph::of(trace);
    let mut shape_of: BTreeMap<u32, u64> = BTreeMap::new();
    for number in slice {
        let Some(step) = trace.steps.get(*number as usize) else { continue };
        if is_remark(step.kind) {
            continue;
        }
        let mut digest = Digest::default();
        digest.text(&label(step));
        let before: BTreeSet<u64> = nearest(&graph, *number, &shape_of);
        before.into_iter().for_each(|shape| digest.word(shape));
        shape_of.insert(*number, digest.bits());
    }
    shape_of.into_values().collect()
}

/// Returns the shapes of the nearest steps of the slice that a step follows from.
fn nearest(graph: &CausalGraph, number: u32, shape_of: &BTreeMap<u32, u64>) -> BTreeSet<u64> {
    let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut next: Vec<u32> = graph.direct_causes(number).collect();
    while let Some(cause) = next.pop() {
        match shape_of.get(&cause) {
            Some(shape) => drop(found.insert(*shape)),
            None if seen.insert(cause) => next.extend(graph.direct_causes(cause)),
            None => {}
        }
    }
    found
}

/// Returns whether a kind of step only says more about others. Such steps do not distinguish causes.
fn is_remark(kind: Kind) -> bool {
    matches!(kind, Kind::Statement | Kind::LockWait | Kind::Acquire | Kind::Release | Kind::Respond)
}

/// Returns the word for a kind of step. Archives hold signatures, so that it stays what it was before a renaming.
fn kind(kind: Kind) -> String {
    if kind == Kind::Timeout { "GiveUp".to_owned() } else { format!("{kind:?}") }
}

/// Returns the label of a step, without its time and without the numbers of nodes and entities.
fn label(step: &Step) -> String {
    match &step.choice {
        Some(choice) => format!("{} = {}", choice.site, choice.taken),
        None => format!("{} {}", kind(step.kind), role(&step.node)),
    }
}

/// Returns a node's name without its number.
fn role(node: &str) -> &str {
    match node.rsplit_once('-') {
        Some((role, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => role,
        _ => node,
    }
}
