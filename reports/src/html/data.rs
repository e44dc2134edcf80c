//! The data of a run for the page's script: its steps with their causes, and the rows that they change. A run that
//! is too long is cut to the steps nearest to its story.

use super::rows::Rows;
use crate::clock::Clock;
use crate::printable::printable;
use crate::story::Row;
use serde::{Serialize, Serializer};
use serde_json::Value;
use shakedown_sim::Trace;
use shakedown_sim::trace::{ChoiceTaken, Kind};
use std::collections::{BTreeMap, BTreeSet};

/// The greatest number of steps of a run on a page.
pub(super) const STEPS_MAX: usize = 4_000;

/// A run for the page's script.
#[derive(Serialize)]
pub(super) struct Data<'a> {
    /// The number of steps of the run.
    total: usize,
    #[serde(serialize_with = "all_printable")]
    nodes: Vec<&'a str>,
    #[serde(serialize_with = "all_printable")]
    entities: Vec<&'a str>,
    /// The kind and node of each row that the run changes.
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
    #[serde(serialize_with = "one_printable")]
    scope: &'a str,
    kind: Kind,
    #[serde(serialize_with = "one_printable")]
    what: &'a str,
    #[serde(skip_serializing_if = "str::is_empty", serialize_with = "one_printable")]
    why: &'a str,
    after: &'a [u32],
    /// Whether it is a step of the story.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    story: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    fault: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    choice: Option<&'a ChoiceTaken>,
    /// The rows that have changed since the last step on the page.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rows: Vec<(usize, Value)>,
}

fn one_printable<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&printable(text))
}

fn all_printable<S: Serializer>(texts: &[&str], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(texts.iter().map(|text| printable(text)))
}

impl<'a> Data<'a> {
    /// Returns the data of a run with the rows of its story and the steps of its slice.
    pub(super) fn of(trace: &'a Trace, story: &'a [Row], slice: &[u32], shows: Vec<u32>) -> Self {
        let kept = kept(trace.steps.len(), slice);
        let clock = Clock::up_to(trace.steps.last().map(|step| step.time).unwrap_or_default());
        let story: BTreeMap<u32, &Row> = story.iter().map(|row| (row.step, row)).collect();
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
            let row = story.get(&(n as u32));
            steps.push(One {
                n,
                at: clock.text(step.time),
                node,
                scope: &step.scope,
                kind: step.kind,
                what: row.map_or(&step.text, |row| &row.what),
                why: row.map_or(step.because.as_deref().unwrap_or_default(), |row| &row.why),
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

    /// Returns the number of steps that are left out.
    pub(super) fn left_out(&self) -> usize {
        self.total - self.steps.len()
    }
}

/// Returns the steps to keep: those nearest to the story, or to the beginning if there is none.
fn kept(total: usize, story: &[u32]) -> BTreeSet<usize> {
    if total <= STEPS_MAX {
        return (0..total).collect();
    }
    let story: Vec<usize> =
        if story.is_empty() { vec![0] } else { story.iter().map(|step| *step as usize).collect() };
    let distance = |step: usize| story.iter().map(|shown| shown.abs_diff(step)).min().unwrap_or(0);
    let mut steps: Vec<(usize, usize)> = (0..total).map(|step| (distance(step), step)).collect();
    steps.sort_unstable();
    steps.into_iter().take(STEPS_MAX).map(|(_, step)| step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_cut_to_the_steps_nearest_to_its_story() {
        assert_eq!(kept(10, &[3]).len(), 10);
        let kept = kept(50_000, &[100, 40_000]);
        assert_eq!(kept.len(), STEPS_MAX);
        for step in [0, 100, 1_000, 39_000, 40_000, 41_000] {
            assert!(kept.contains(&step), "{step}");
        }
        assert!(!kept.contains(&20_000) && !kept.contains(&49_999));
    }
}
