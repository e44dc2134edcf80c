//! Durable rows as a run changes them, told by the form of its facts: a fact whose value is an object with
//! `before` and `after` is the change of one row; any other fact changes none.

use serde_json::Value;
use shakedown_sim::Step;
use std::collections::BTreeMap;

/// Follows rows through the steps of a run and gives each a number.
#[derive(Default)]
pub(super) struct Rows {
    /// What each row is: its kind and its node.
    pub(super) known: Vec<(String, String)>,
    /// The number of the row that looks like this now.
    current: BTreeMap<String, usize>,
}

impl Rows {
    /// The row that a step changes, and what it is then; `null` if it is gone.
    pub(super) fn follow(&mut self, step: &Step) -> Option<(usize, Value)> {
        let (kind, change) =
            step.state.as_ref()?.as_object().filter(|fact| fact.len() == 1)?.iter().next()?;
        let change = change.as_object().filter(|change| change.len() == 2)?;
        let (before, after) = (change.get("before")?, change.get("after")?);
        let name = |value: &Value| format!("{} {kind} {value}", step.node);
        let row = self.current.remove(&name(before)).unwrap_or_else(|| {
            self.known.push((kind.clone(), step.node.clone()));
            self.known.len() - 1
        });
        if !after.is_null() {
            self.current.insert(name(after), row);
        }
        Some((row, after.clone()))
    }
}
