//! Two runs beside each other: what each tells of the same entities, and where they part.

use crate::story::{self, Row};
use shakedown_sim::Trace;
use shakedown_sim::search::Failure;
use shakedown_sim::trace::Kind;
use std::collections::BTreeSet;

/// No side is longer than this.
const ROWS_MAX: usize = 40;

/// Two runs, up to where they part and from there on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comparison {
    /// What both runs tell.
    pub shared: Vec<Row>,
    /// What only the first tells.
    pub left: Vec<Row>,
    /// What only the second tells.
    pub right: Vec<Row>,
}

/// Compares what two runs tell of the entities that `slice`, steps of the first, is about.
pub fn compare(left: &Trace, slice: &[u32], right: &Trace) -> Comparison {
    let entities: BTreeSet<&str> =
        slice.iter().filter_map(|step| left.steps.get(*step as usize)?.entity()).collect();
    let end = slice.last().map_or(left.steps.len(), |last| *last as usize + 1);
    let (mut one, mut other) = (rows(left, &entities, end), rows(right, &entities, right.steps.len()));
    let parts = one.iter().zip(&other).take_while(|(one, other)| says_the_same(one, other)).count();
    let (mut left, mut right) = (one.split_off(parts), other.split_off(parts));
    left.truncate(ROWS_MAX);
    right.truncate(ROWS_MAX);
    Comparison { shared: one, left, right }
}

/// No account of what happens instead is longer than this.
const OTHERWISE_MAX: usize = 6;

/// What another run states of the entities that a failure is about, and the failing run does not: a sentence for each
/// fact, from where the two part.
pub fn otherwise(failure: &Failure, other: &Trace) -> Vec<String> {
    let Comparison { left, right, .. } = compare(&failure.trace, &failure.slice, other);
    let sentence = |row: &Row| format!("{} {}", row.node, row.what);
    let told_there: BTreeSet<String> = left.iter().map(sentence).collect();
    let mut told = Vec::new();
    for row in right.iter().filter(|row| other.steps[row.step as usize].kind == Kind::Fact) {
        let sentence = sentence(row);
        if !told_there.contains(&sentence) && !told.contains(&sentence) {
            told.push(sentence);
        }
    }
    told.truncate(OTHERWISE_MAX);
    told
}

fn says_the_same(one: &Row, other: &Row) -> bool {
    (&one.node, &one.what, &one.why) == (&other.node, &other.what, &other.why)
}

fn rows(trace: &Trace, entities: &BTreeSet<&str>, end: usize) -> Vec<Row> {
    let tells = |at: &u32| {
        let step = &trace.steps[*at as usize];
        let concerns = entities.is_empty() || step.entity().is_none_or(|entity| entities.contains(entity));
        concerns && !step.routine && is_worth_telling(step.kind, step.causes.is_empty())
    };
    story::rows(trace, &(0..end.min(trace.steps.len()) as u32).filter(tells).collect::<Vec<_>>())
}

fn is_worth_telling(kind: Kind, is_first: bool) -> bool {
    match kind {
        Kind::Boot => !is_first,
        Kind::Fact | Kind::Call | Kind::Note | Kind::Deviation => true,
        Kind::GiveUp | Kind::Refused | Kind::Failed => true,
        Kind::Crash | Kind::Stop | Kind::Pause | Kind::Resume => true,
        _ => false,
    }
}
