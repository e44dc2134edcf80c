//! `compatibility-check`: before a release is rolled out, its readers are tested on all stored data, and on the
//! output of its neighbour.

use super::code::{Change, Code, Documents, Guest, Order, Status};
use super::rollout::Resting;
use super::rows::Schema;
use crate::guardrail::{Guardrail, Naive};
use serde_json::{Map, Value};

/// The row of `compatibility-check` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "compatibility-check",
    system: "releases",
    guarded: "before the rollout, readers are tested on all stored data (rows, jobs, dead letters) and on what the neighbouring release writes",
    naive: &[Naive {
        what: "a field is renamed in one step, and a writer stores only the fields that it knows",
        breaks: &["every-message-readable", "rollback-is-safe"],
        masked_by: &[],
    }],
};

/// The seam: whether a release may follow the running one (`None`: it is the first).
pub trait CompatibilityCheck {
    /// Returns the objection to it, if there is one.
    fn objection(&self, candidate: Code, running: Option<Code>, resting: &Resting) -> Option<String>;
}

/// Guarded: every reader is tested.
pub struct Tried;

impl CompatibilityCheck for Tried {
    fn objection(&self, candidate: Code, running: Option<Code>, resting: &Resting) -> Option<String> {
        let new = candidate.documents();
        let neighbours = running.map_or(Ok(()), |running| {
            let old = running.documents();
            reads_what_is_written(new, old).and_then(|()| reads_what_is_written(old, new))
        });
        let rests = || {
            resting.messages.iter().try_for_each(|text| reads_message(new, text))?;
            resting.rows.iter().try_for_each(|text| keeps_row(new, text))
        };
        neighbours.and_then(|()| keeps_what_it_does_not_know(new)).and_then(|()| rests()).err()
    }
}

/// Naive: the variant that was written first is rolled out.
pub struct Untried;

impl CompatibilityCheck for Untried {
    fn objection(&self, _: Code, _: Option<Code>, _: &Resting) -> Option<String> {
        None
    }
}

const SAMPLE: Order =
    Order { booking: 1, partner: 1, guest: Guest { given: "Ada", family: "Lovelace" }, price_minor: 12_000 };

fn reads_what_is_written(reader: &dyn Documents, writer: &dyn Documents) -> Result<(), String> {
    reads_message(reader, &writer.job(&SAMPLE))?;
    if let Some(text) = writer.reminder(SAMPLE.booking) {
        reads_message(reader, &text)?;
    }
    let schema = Schema { fence: 0, has_guest: true };
    schema.kept(writer.row(&SAMPLE)).map_or(Ok(()), |text| keeps_row(reader, &text))
}

fn reads_message(reader: &dyn Documents, text: &str) -> Result<(), String> {
    let number = reader.number();
    reader.read_job(text).map(drop).map_err(|error| format!("R{number} cannot read a job: {error}"))
}

/// Checks that a changed row keeps all its fields.
fn keeps_row(reader: &dyn Documents, text: &str) -> Result<(), String> {
    let number = reader.number();
    let changed = reader.rewrite(text, Change::Status(Status::Arrived));
    let changed = changed.map_err(|error| format!("R{number} cannot read a row: {error}"))?;
    let (before, after) = (fields(text), fields(&changed));
    match before.keys().find(|key| !after.contains_key(*key)) {
        Some(key) => Err(format!("R{number} drops `{key}` of a row")),
        None => Ok(()),
    }
}

fn keeps_what_it_does_not_know(reader: &dyn Documents) -> Result<(), String> {
    let mut row = fields(&reader.row(&SAMPLE));
    row.insert("of a later release".to_owned(), Value::Bool(true));
    row.entry("guest").or_insert(Value::Null);
    keeps_row(reader, &Value::Object(row).to_string())
}

fn fields(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_that_reads_its_neighbour_and_stored_data_may_follow() {
        let rests = Resting {
            rows: vec![Code::R1.documents().row(&SAMPLE)],
            messages: vec![Code::R1.documents().job(&SAMPLE)],
        };
        let objection = |candidate, running| Tried.objection(candidate, running, &rests);
        assert_eq!(objection(Code::R2, Some(Code::R1)), None);
        assert_eq!(objection(Code::R3, Some(Code::R2)), None);
        let says = |candidate, running, word: &str| {
            let objection = objection(candidate, running).unwrap_or_default();
            assert!(objection.contains(word), "{candidate:?} after {running:?}: {objection}");
        };
        says(Code::Hasty, Some(Code::R1), "guest_name");
        says(Code::Forgetful, None, "drops");
        says(Code::R3, Some(Code::R1), "");
        says(Code::R4, Some(Code::R2), "guest");
    }
}
