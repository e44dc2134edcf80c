//! What the page's script reads of a run: its steps, what they say and follow from, and what rows became. A
//! run that is too long is cut to the steps nearest to its story.

use super::rows::Rows;
use crate::clock::Clock;
use crate::story::Row;
use serde::Serialize;
use serde_json::Value;
use shakedown_sim::Trace;
use shakedown_sim::trace::{ChoiceTaken, Kind};
use std::collections::{BTreeMap, BTreeSet};

/// A page holds at most this many steps of a run.
pub(super) const STEPS_MAX: usize = 4_000;

/// A run as the script reads it.
#[derive(Serialize)]
pub(super) struct Data<'a> {
    /// How many steps the run has.
    total: usize,
    nodes: Vec<&'a str>,
    entities: Vec<&'a str>,
    /// Kind and node of each row that the run changes.
    rows: Vec<(String, String)>,
    steps: Vec<One<'a>>,
    /// The steps that show the violation.
    shows: Vec<u32>,
}

#[derive(Serialize)]
struct One<'a> {
    n: usize,
    at: String,
    node: usize,
    scope: &'a str,
    kind: Kind,
    what: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    why: &'a str,
    after: &'a [u32],
    /// Whether it is a step of the story.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    story: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    fault: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    choice: Option<&'a ChoiceTaken>,
    /// What rows have become since the last step that is kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rows: Vec<(usize, Value)>,
}

impl<'a> Data<'a> {
    /// The run, with its story `slice` and the rows that tell it.
    pub(super) fn of(trace: &'a Trace, told: &'a [Row], slice: &[u32], shows: Vec<u32>) -> Self {
        let kept = kept(trace.steps.len(), slice);
        let clock = Clock::up_to(trace.steps.last().map(|step| step.time).unwrap_or_default());
        let told: BTreeMap<u32, &Row> = told.iter().map(|row| (row.step, row)).collect();
        let slice: BTreeSet<u32> = slice.iter().copied().collect();
        let mut nodes: Vec<&str> = Vec::new();
        let (mut rows, mut changed, mut steps) = (Rows::default(), BTreeMap::new(), Vec::new());
        for (n, step) in trace.steps.iter().enumerate() {
            changed.extend(rows.follow(step));
            if !kept.contains(&n) {
                continue;
            }
            let node = nodes.iter().position(|node| *node == step.node).unwrap_or_else(|| {
                nodes.push(&step.node);
                nodes.len() - 1
            });
            let told = told.get(&(n as u32));
            steps.push(One {
                n,
                at: clock.text(step.time),
                node,
                scope: &step.scope,
                kind: step.kind,
                what: told.map_or(&step.text, |row| &row.what),
                why: told.map_or(step.because.as_deref().unwrap_or_default(), |row| &row.why),
                after: &step.causes,
                story: slice.contains(&(n as u32)),
                fault: step.choice.is_some(),
                choice: step.choice.as_ref(),
                rows: std::mem::take(&mut changed).into_iter().collect(),
            });
        }
        let entities: BTreeSet<&str> =
            kept.iter().filter_map(|step| trace.steps.get(*step)?.entity()).collect();
        let entities = entities.into_iter().collect();
        Self { total: trace.steps.len(), nodes, entities, rows: rows.known, steps, shows }
    }

    /// How many steps are left out.
    pub(super) fn left_out(&self) -> usize {
        self.total - self.steps.len()
    }
}

/// The steps to keep of so many: those nearest to the story, or to the beginning if there is none.
fn kept(total: usize, story: &[u32]) -> BTreeSet<usize> {
    if total <= STEPS_MAX {
        return (0..total).collect();
    }
    let story: Vec<usize> =
        if story.is_empty() { vec![0] } else { story.iter().map(|step| *step as usize).collect() };
    let distance = |step: usize| story.iter().map(|told| told.abs_diff(step)).min().unwrap_or(0);
    let mut steps: Vec<(usize, usize)> = (0..total).map(|step| (distance(step), step)).collect();
    steps.sort_unstable();
    steps.into_iter().take(STEPS_MAX).map(|(_, step)| step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_cut_to_what_is_nearest_to_its_story() {
        assert_eq!(kept(10, &[3]).len(), 10);
        let kept = kept(50_000, &[100, 40_000]);
        assert_eq!(kept.len(), STEPS_MAX);
        for step in [0, 100, 1_000, 39_000, 40_000, 41_000] {
            assert!(kept.contains(&step), "{step}");
        }
        assert!(!kept.contains(&20_000) && !kept.contains(&49_999));
    }
}
