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
        let fact = step.fact()?;
        let (kind, before, after) = change(&fact)?;
        let name = |value: &Value| format!("{} {kind} {value}", step.node);
        let row = self.current.remove(&name(before)).unwrap_or_else(|| {
            self.known.push((kind.to_owned(), step.node.clone()));
            self.known.len() - 1
        });
        if !after.is_null() {
            self.current.insert(name(after), row);
        }
        Some((row, after.clone()))
    }
}

/// The kind of a changed row, the row as it was and as it is. Facts of parts are nested: the innermost name
/// counts.
fn change(fact: &Value) -> Option<(&str, &Value, &Value)> {
    let (kind, inner) = fact.as_object().filter(|fact| fact.len() == 1)?.iter().next()?;
    match (inner.get("before"), inner.get("after")) {
        (Some(before), Some(after)) => Some((kind, before, after)),
        _ => change(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_is_known_by_its_form_however_deep_it_is_nested() {
        let row = json!({ "before": null, "after": { "id": 1 } });
        let check = |fact: Value, kind: Option<&str>| {
            assert_eq!(change(&fact).map(|(kind, ..)| kind), kind, "{fact}");
        };
        check(json!({ "Order": row }), Some("Order"));
        check(json!({ "Shop": { "Order": row } }), Some("Order"));
        check(json!({ "Shop": { "Charged": { "order": 1 } } }), None);
        check(json!({ "Charged": { "order": 1, "amount": 2 } }), None);
        check(json!("Nothing"), None);
    }
}
