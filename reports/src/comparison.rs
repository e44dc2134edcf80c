//! Two runs compared: the steps of each about the same entities, and the first difference.

use crate::story::{self, Row};
use shakedown_sim::Trace;
use shakedown_sim::search::Failure;
use shakedown_sim::trace::Kind;
use std::collections::BTreeSet;

/// The greatest number of rows of each side.
const ROWS_MAX: usize = 40;

/// Two runs, up to the first difference and from there on.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Comparison {
    /// The rows that both runs share.
    pub shared: Vec<Row>,
    /// The rows of the first run from the first difference on.
    pub left: Vec<Row>,
    /// The rows of the second run from the first difference on.
    pub right: Vec<Row>,
}

/// Compares two runs by their steps about the entities of `slice`, which are steps of the first.
pub fn compare(left: &Trace, slice: &[u32], right: &Trace) -> Comparison {
    let entities: BTreeSet<&str> =
        slice.iter().filter_map(|step| left.steps.get(*step as usize)?.entity()).collect();
    let end = slice.last().map_or(left.steps.len(), |last| *last as usize + 1);
    let (mut one, mut other) = (rows(left, &entities, end), rows(right, &entities, right.steps.len()));
    let shared = one.iter().zip(&other).take_while(|(one, other)| is_equal(one, other)).count();
    let (mut left, mut right) = (one.split_off(shared), other.split_off(shared));
    left.truncate(ROWS_MAX);
    right.truncate(ROWS_MAX);
    Comparison { shared: one, left, right }
}

/// The greatest number of facts of the other run that are returned.
const FACTS_MAX: usize = 6;

/// Returns the facts that another run has about the entities of a failure and the failing run does not have: a
/// sentence for each, from the first difference on.
pub fn facts_instead(failure: &Failure, other: &Trace) -> Vec<String> {
    let Comparison { left, right, .. } = compare(&failure.trace, &failure.slice, other);
    let sentence = |row: &Row| format!("{} {}", row.node, row.what);
    let of_failing: BTreeSet<String> = left.iter().map(sentence).collect();
    let mut facts = Vec::new();
    for row in right.iter().filter(|row| other.steps[row.step as usize].kind == Kind::Fact) {
        let sentence = sentence(row);
        if !of_failing.contains(&sentence) && !facts.contains(&sentence) {
            facts.push(sentence);
        }
    }
    facts.truncate(FACTS_MAX);
    facts
}

fn is_equal(one: &Row, other: &Row) -> bool {
    (&one.node, &one.what, &one.why) == (&other.node, &other.what, &other.why)
}

fn rows(trace: &Trace, entities: &BTreeSet<&str>, end: usize) -> Vec<Row> {
    let is_shown = |at: &u32| {
        let step = &trace.steps[*at as usize];
        let concerns = entities.is_empty() || step.entity().is_none_or(|entity| entities.contains(entity));
        concerns && !step.routine && is_significant(step.kind, step.causes.is_empty())
    };
    story::rows(trace, &(0..end.min(trace.steps.len()) as u32).filter(is_shown).collect::<Vec<_>>())
}

fn is_significant(kind: Kind, is_first: bool) -> bool {
    match kind {
        Kind::Boot => !is_first,
        Kind::Fact | Kind::Call | Kind::Note | Kind::Deviation => true,
        Kind::Timeout | Kind::Refused | Kind::Failed => true,
        Kind::Crash | Kind::Stop | Kind::Pause | Kind::Resume => true,
        _ => false,
    }
}
