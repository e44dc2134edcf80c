//! Writes trace files: the JSON form of each record.

use super::{Explained, SCHEMA, TraceFile};
use crate::judge::Violation;
use crate::script::Script;
use crate::seal;
use crate::search::{Change, Nearest};
use crate::trace::Step;
use serde_json::{Map, Value, json};
use std::fmt;
use std::io;

impl fmt::Display for TraceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let steps = self.trace.steps.iter().enumerate().map(|(number, step)| step_record(number, step));
        let records = std::iter::once(self.header()).chain(steps).chain(std::iter::once(self.verdict()));
        for record in records {
            text.push_str(&sorted(record).to_string());
            text.push('\n');
        }
        f.write_str(&text)?;
        f.write_str(&seal::seal(&text))
    }
}

impl TraceFile {
    /// Writes the file.
    ///
    /// # Errors
    /// The errors of `to`.
    pub fn write(&self, mut to: impl io::Write) -> io::Result<()> {
        to.write_all(self.to_string().as_bytes())
    }

    fn header(&self) -> Value {
        let trace = &self.trace;
        let mut header = script_record(&trace.script);
        header.insert("record".to_owned(), json!("header"));
        header.insert("schema".to_owned(), json!(SCHEMA));
        header.insert("engine".to_owned(), json!(self.engine));
        header.insert("seed".to_owned(), json!(trace.seed));
        header.insert("limits".to_owned(), json!(trace.limits));
        header.insert("digest".to_owned(), json!(trace.digest));
        Value::Object(header)
    }

    fn verdict(&self) -> Value {
        let violations: Vec<_> = self.trace.violations.iter().map(violation_record).collect();
        let explained = self.explained.as_ref().map(explained_record);
        let mut verdict = json!({ "record": "verdict", "violations": violations, "explained": explained });
        if let Some(context) = &self.context {
            verdict["context"] = context.clone();
        }
        verdict
    }
}

fn script_record(script: &Script) -> Map<String, Value> {
    let mut record = Map::new();
    let deviations: Vec<_> = script.deviations.iter().map(ToString::to_string).collect();
    record.insert("scenario".to_owned(), json!(script.scenario));
    record.insert("without".to_owned(), json!(script.without));
    record.insert("variant".to_owned(), json!(script.variant.to_string()));
    record.insert("deviations".to_owned(), json!(deviations));
    record
}

fn step_record(number: usize, step: &Step) -> Value {
    let mut record = json!({
        "record": "step",
        "i": number,
        "time": step.time.nanos().to_string(),
        "node": step.node,
        "scope": step.scope,
        "kind": step.kind,
        "causes": step.causes,
        "text": step.text,
        "digest": step.digest,
    });
    let optional = [
        ("because", step.because.as_ref().map(|because| json!(because))),
        ("routine", step.routine.then_some(json!(true))),
        ("choice", step.choice.as_ref().map(|choice| json!(choice))),
        ("state", step.fact()),
        ("accesses", (!step.accesses.is_empty()).then(|| json!(step.accesses))),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            record[key] = value;
        }
    }
    record
}

fn violation_record(violation: &Violation) -> Value {
    json!({
        "invariant": violation.invariant,
        "message": violation.message,
        "roles": violation.roles,
        "events": violation.events,
        "time": violation.time.nanos().to_string(),
    })
}

fn explained_record(explained: &Explained) -> Value {
    let needed = explained.needed.iter().map(
        |needed| json!({ "deviation": needed.deviation.to_string(), "still_broken": needed.still_broken }),
    );
    let mut record = json!({
        "found": script_record(&explained.found),
        "violation": violation_record(&explained.violation),
        "runs": explained.runs,
        "signature": explained.signature,
        "needed": needed.collect::<Vec<_>>(),
        "slice": explained.slice,
    });
    if let Some(nearest) = &explained.nearest {
        record["nearest"] = nearest_record(nearest);
    }
    record
}

fn nearest_record(nearest: &Nearest) -> Value {
    let (alternative, elsewhere) = match &nearest.change {
        Change::Alternative(name) => (Some(name.clone()), None),
        Change::Elsewhere(id) => (None, Some(id.to_string())),
        Change::Dropped => (None, None),
    };
    json!({ "deviation": nearest.deviation.to_string(), "alternative": alternative, "elsewhere": elsewhere })
}

/// The greatest whole number that every JSON reader represents exactly.
const EXACT_MAX: u64 = 1 << 53;

/// Returns the same value with sorted keys, and with numbers that some readers would round as strings.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(entries.into_iter().map(|(key, value)| (key, sorted(value))).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            if size.is_some_and(|size| size > EXACT_MAX) { json!(number.to_string()) } else { json!(number) }
        }
        other => other,
    }
}
