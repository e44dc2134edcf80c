//! Reads trace files: any bytes give a trace or an error that names the line.

use super::{EARLIER_SCHEMAS, Explained, SCHEMA, TraceFile, TraceFileError};
use crate::access::Access;
use crate::former;
use crate::judge::Violation;
use crate::script::{ChoiceId, Deviation, Script};
use crate::seal::{self, SealError};
use crate::search::{Change, Nearest, Needed};
use crate::time::Moment;
use crate::trace::{ChoiceTaken, Kind, Step, Trace};
use crate::world::Limits;
use serde::Deserialize;
use serde_json::Value;
use std::str::FromStr;

#[derive(Deserialize)]
struct HeaderRecord {
    #[serde(flatten)]
    script: ScriptRecord,
    engine: String,
    seed: Option<Whole>,
    limits: Limits,
    digest: String,
}

#[derive(Deserialize)]
struct ScriptRecord {
    scenario: String,
    without: Vec<String>,
    variant: String,
    deviations: Vec<String>,
}

/// A whole number, written as a string where other readers would round it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Whole {
    Number(u64),
    Text(String),
}

#[derive(Deserialize)]
struct StepRecord {
    i: u32,
    time: String,
    node: String,
    scope: String,
    kind: Kind,
    causes: Vec<u32>,
    text: String,
    because: Option<String>,
    #[serde(default)]
    routine: bool,
    choice: Option<ChoiceTaken>,
    state: Option<Value>,
    #[serde(default)]
    accesses: Vec<Access>,
    digest: String,
}

#[derive(Deserialize)]
struct VerdictRecord {
    violations: Vec<ViolationRecord>,
    explained: Option<ExplainedRecord>,
    context: Option<Value>,
}

#[derive(Deserialize)]
struct ViolationRecord {
    invariant: String,
    message: String,
    roles: String,
    events: Vec<u32>,
    time: String,
}

#[derive(Deserialize)]
struct ExplainedRecord {
    found: ScriptRecord,
    violation: ViolationRecord,
    runs: u32,
    signature: String,
    needed: Vec<NeededRecord>,
    /// Missing in files of earlier versions.
    nearest: Option<NearestRecord>,
    slice: Vec<u32>,
}

#[derive(Deserialize)]
struct NearestRecord {
    deviation: String,
    alternative: Option<String>,
    elsewhere: Option<String>,
}

#[derive(Deserialize)]
struct NeededRecord {
    deviation: String,
    still_broken: Vec<String>,
}

impl FromStr for TraceFile {
    type Err = TraceFileError;

    fn from_str(text: &str) -> Result<Self, TraceFileError> {
        let first = text.lines().next().unwrap_or_default();
        if text.trim().is_empty() {
            return Err(TraceFileError::Empty);
        }
        check_schema(first, text)?;
        let lines: Vec<&str> = seal::open(text)?.lines().collect();
        let [header, steps @ .., verdict] = lines.as_slice() else {
            return Err(malformed(lines.len(), "the header or the verdict is missing"));
        };
        let header: HeaderRecord = parse(1, header)?;
        let steps = steps.iter().enumerate().map(|(number, line)| read_step(number, line));
        let steps: Vec<Step> = steps.collect::<Result<_, _>>()?;
        let last = lines.len();
        let verdict: VerdictRecord = parse(last, verdict)?;
        let violations = verdict.violations.into_iter().map(|record| read_violation(record, steps.len()));
        let violations = violations.collect::<Result<_, _>>().map_err(|problem| malformed(last, problem))?;
        let explained = verdict.explained.map(|record| read_explained(record, steps.len())).transpose();
        let explained = explained.map_err(|problem| malformed(last, problem))?;
        let script = read_script(header.script).map_err(|problem| malformed(1, problem))?;
        let seed = header.seed.map(read_whole).transpose().map_err(|problem| malformed(1, problem))?;
        let (limits, digest) = (header.limits, header.digest);
        let trace = Trace { script, seed, limits, digest, steps, violations };
        Ok(Self { engine: header.engine, trace: trace.into(), explained, context: verdict.context })
    }
}

impl TraceFile {
    /// Reads a file from its bytes, whatever they are.
    ///
    /// # Errors
    /// [`TraceFileError`] names the problem, its line, and a remedy.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TraceFileError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => text.parse(),
            Err(error) => {
                let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
                Err(match line {
                    1 => TraceFileError::NotATrace { problem: "it is no text".to_owned() },
                    line => TraceFileError::Damaged { line },
                })
            }
        }
    }
}

/// Checks the schema first: another schema may use another kind of seal.
fn check_schema(first: &str, text: &str) -> Result<(), TraceFileError> {
    let problem = match serde_json::from_str::<Value>(first) {
        Ok(header) => match header.get("schema").and_then(Value::as_str) {
            Some(SCHEMA) => return Ok(()),
            Some(earlier) if EARLIER_SCHEMAS.contains(&earlier) => return Ok(()),
            Some(other) => return Err(TraceFileError::UnknownSchema { schema: other.to_owned() }),
            None => "it names no schema".to_owned(),
        },
        Err(error) => format!("it is no JSON ({error})"),
    };
    // A sealed file has a header; a single line may be the beginning of one.
    match seal::open(text) {
        Err(SealError::Damaged { line }) => Err(TraceFileError::Damaged { line }),
        _ if first.starts_with("{\"deviations\":[") => Err(TraceFileError::Truncated { line: 1 }),
        _ => Err(TraceFileError::NotATrace { problem }),
    }
}

fn malformed(line: usize, problem: impl Into<String>) -> TraceFileError {
    TraceFileError::Malformed { line, problem: problem.into() }
}

fn parse<'a, T: Deserialize<'a>>(line: usize, text: &'a str) -> Result<T, TraceFileError> {
    serde_json::from_str(text).map_err(|error| malformed(line, error.to_string()))
}

fn read_script(record: ScriptRecord) -> Result<Script, String> {
    let ScriptRecord { scenario, without, variant, deviations } = record;
    let deviations = deviations.iter().map(|deviation| deviation.parse()).collect::<Result<_, _>>()?;
    Ok(Script { scenario, without, variant: variant.parse()?, deviations })
}

fn read_whole(whole: Whole) -> Result<u64, String> {
    match whole {
        Whole::Number(number) => Ok(number),
        Whole::Text(text) => text.parse().map_err(|_| format!("`{text}` is no whole number")),
    }
}

fn read_moment(text: String) -> Result<Moment, String> {
    read_whole(Whole::Text(text)).map(Moment::from_nanos)
}

/// Rejects references to steps from `count` on.
fn within(steps: Vec<u32>, count: usize) -> Result<Vec<u32>, String> {
    match steps.iter().find(|step| **step as usize >= count) {
        Some(step) => Err(format!("there is no step {step} to refer to")),
        None => Ok(steps),
    }
}

fn read_step(number: usize, line: &str) -> Result<Step, TraceFileError> {
    let at = number + 2;
    let record: StepRecord = parse(at, line)?;
    let StepRecord { i, time, node, scope, kind, causes, text, because, .. } = record;
    let StepRecord { choice, state, accesses, routine, digest, .. } = record;
    if i as usize != number {
        return Err(malformed(at, format!("step {number} is numbered {i}")));
    }
    let time = read_moment(time).map_err(|problem| malformed(at, problem))?;
    let causes = within(causes, number).map_err(|problem| malformed(at, problem))?;
    let state = state.map(|state| state.to_string().into());
    Ok(Step { time, node, scope, kind, causes, text, because, choice, state, accesses, routine, digest })
}

fn read_violation(record: ViolationRecord, steps: usize) -> Result<Violation, String> {
    let ViolationRecord { invariant, message, roles, events, time } = record;
    let (events, time) = (within(events, steps)?, read_moment(time)?);
    Ok(Violation { invariant, message, roles, events, time })
}

fn read_explained(record: ExplainedRecord, steps: usize) -> Result<Explained, String> {
    let needed = record.needed.into_iter().map(|needed| {
        Ok::<_, String>(Needed { deviation: needed.deviation.parse()?, still_broken: needed.still_broken })
    });
    Ok(Explained {
        needed: needed.collect::<Result<_, _>>()?,
        found: read_script(record.found)?,
        violation: read_violation(record.violation, steps)?,
        runs: record.runs,
        signature: record.signature,
        nearest: record.nearest.map(read_nearest).transpose()?,
        slice: within(record.slice, steps)?,
    })
}

fn read_nearest(record: NearestRecord) -> Result<Nearest, String> {
    let deviation: Deviation = record.deviation.parse()?;
    let change = match (record.alternative, record.elsewhere) {
        (Some(name), _) => Change::Alternative(former::alternative(&deviation.id.site, &name).to_owned()),
        (None, Some(id)) => Change::Elsewhere(read_choice(&id)?),
        (None, None) => Change::Dropped,
    };
    Ok(Nearest { deviation, change })
}

/// Reads a choice, which is written like a deviation without its alternative.
fn read_choice(text: &str) -> Result<ChoiceId, String> {
    format!("{text} = -").parse().map(|deviation: Deviation| deviation.id)
}
