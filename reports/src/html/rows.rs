//! Durable rows as a run changes them, recognized by the form of its facts: a fact whose value is an object with
//! `before` and `after` is the change of one row; any other fact changes none.

use serde_json::Value;
use shakedown_sim::Step;
use std::collections::BTreeMap;

/// Follows rows through the steps of a run and numbers them.
#[derive(Default)]
pub(super) struct Rows {
    /// The kind and node of each row.
    pub(super) known: Vec<(String, String)>,
    /// The number of the row that looks like this now.
    current: BTreeMap<String, usize>,
}

impl Rows {
    /// Returns the row that a step changes, and its new value; `null` if it is deleted.
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

/// Returns the kind of a changed row and its values before and after. Facts can be nested: the innermost name is
/// the kind.
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
    fn a_change_is_recognized_by_its_form_at_any_depth() {
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
