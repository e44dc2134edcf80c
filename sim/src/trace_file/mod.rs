//! Trace files: a recorded run as JSON Lines, for replay and explanation elsewhere.
//!
//! The first line is the header: schema, script, seed, engine, limits, digest. One line for each step follows, then
//! the verdict. The last line holds checksums, which distinguish a file that was edited or cut off from a run that
//! drifted. Keys are sorted, numbers that other JSON readers would round are strings, and nothing depends on the
//! machine or the time: equal runs give equal files, byte for byte.

mod read;
mod write;

use crate::judge::Violation;
use crate::script::Script;
use crate::seal::SealError;
use crate::search::{Failure, Nearest, Needed};
use crate::trace::Trace;
use std::sync::Arc;

/// The schema of the files that this version writes.
pub const SCHEMA: &str = "shakedown-trace/3";
/// Earlier schemas that it reads, too. The first has no [`TraceFile::context`]; steps of the first two have no
/// [`accesses`](crate::Step::accesses).
const EARLIER_SCHEMAS: [&str; 2] = ["shakedown-trace/1", "shakedown-trace/2"];

/// A recorded run with the explanation of its failure.
///
/// ```
/// # use shakedown_sim::*;
/// # struct Calm;
/// # #[derive(serde::Serialize)] struct Nothing;
/// # impl Fact for Nothing { fn sentence(&self) -> String { String::new() } }
/// # impl Scenario for Calm {
/// #     type Fact = Nothing;
/// #     fn name(&self) -> &str { "calm" }
/// #     fn build(&self, stage: &Stage<Nothing>) { stage.node(Role::outside("idler".into()), |_| {}); }
/// #     fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> { Vec::new() }
/// # }
/// let (_, trace) = Runner::new(Calm).record(Plan::Seed(7));
/// let file = TraceFile::of_run(trace);
/// let text = file.to_string();
/// assert_eq!(text.parse::<TraceFile>(), Ok(file));
/// let cut = text.get(..text.len() / 2).unwrap();
/// assert!(cut.parse::<TraceFile>().unwrap_err().to_string().contains("cut off"));
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct TraceFile {
    /// The version of the engine that recorded it.
    pub engine: String,
    /// The recorded run.
    pub trace: Arc<Trace>,
    /// The explanation of its failure, if it was shrunk and explained.
    pub explained: Option<Explained>,
    /// Data of the writer that allow a report of the failure without the scenario: the claim of the invariant, or
    /// other runs to compare with. The engine does not read it.
    pub context: Option<serde_json::Value>,
}

/// The explanation of a failure: a [`Failure`] without its trace.
#[derive(Clone, PartialEq, Debug)]
pub struct Explained {
    /// The run as it was found.
    pub found: Script,
    /// The violation; events are given as steps.
    pub violation: Violation,
    /// The number of runs that shrinking took.
    pub runs: u32,
    /// The signature.
    pub signature: String,
    /// For each deviation, the result without it.
    pub needed: Vec<Needed>,
    /// The least change that avoids the failure, if one is known.
    pub nearest: Option<Nearest>,
    /// The steps that tell the story.
    pub slice: Vec<u32>,
}

impl TraceFile {
    /// Returns the file of a run that is not explained, such as one that holds.
    pub fn of_run(trace: impl Into<Arc<Trace>>) -> Self {
        Self {
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            trace: trace.into(),
            explained: None,
            context: None,
        }
    }

    /// Returns the failure that the file holds, if it was explained.
    pub fn failure(&self) -> Option<Failure> {
        let Explained { found, violation, runs, signature, needed, nearest, slice } =
            self.explained.clone()?;
        let (shrunk, trace) = (self.trace.script.clone(), Arc::clone(&self.trace));
        Some(Failure { found, shrunk, violation, runs, signature, needed, nearest, trace, slice })
    }
}

impl From<&Failure> for TraceFile {
    fn from(failure: &Failure) -> Self {
        let Failure { found, violation, runs, signature, needed, nearest, slice, trace, .. } =
            failure.clone();
        let explained = Some(Explained { found, violation, runs, signature, needed, nearest, slice });
        Self { explained, ..Self::of_run(trace) }
    }
}

/// The reason why a trace file cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TraceFileError {
    /// The file is empty.
    #[error("the file is empty: expected a trace, whose first line names the schema {SCHEMA}")]
    Empty,
    /// The file has no header.
    #[error("line 1: {problem}: this is no trace; expected a JSON object that names the schema {SCHEMA}")]
    NotATrace {
        /// The first line.
        problem: String,
    },
    /// The file has another schema.
    #[error(
        "line 1: unknown schema `{schema}`: this version reads {SCHEMA}; read it with the version that wrote it, or record the run again"
    )]
    UnknownSchema {
        /// The schema that it names.
        schema: String,
    },
    /// The file is cut off.
    #[error(
        "line {line}: the file is cut off here: the checksum line is missing; fetch the whole file, or record the run again"
    )]
    Truncated {
        /// The last line present.
        line: usize,
    },
    /// The file was changed.
    #[error(
        "line {line}: the checksum does not match: the file was edited or cut; use it as it was written, or record the run again"
    )]
    Damaged {
        /// The first line that was changed.
        line: usize,
    },
    /// The file is unchanged, but invalid.
    #[error("line {line}: {problem}; record the run again with this version")]
    Malformed {
        /// The line.
        line: usize,
        /// The problem.
        problem: String,
    },
}

impl From<SealError> for TraceFileError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Truncated { line } => Self::Truncated { line },
            SealError::Damaged { line } => Self::Damaged { line },
        }
    }
}
