//! Sealed files of records: JSON Lines of which the first names the schema, and the last is the seal.

use serde::Deserialize;
use shakedown_sim::seal::{self, SealError};
use std::str::Lines;

/// The reason why a file of records cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordsError {
    /// The seal is missing or does not match.
    #[error("{0}")]
    Seal(#[from] SealError),
    /// It has another schema.
    #[error("line 1: it is not a {what} of this version, whose first line names the schema {schema}")]
    Schema {
        /// The kind of file that was expected.
        what: &'static str,
        /// Its schema.
        schema: &'static str,
    },
    /// A line is invalid.
    #[error("line {line}: {problem}")]
    Malformed {
        /// The line, counted from 1.
        line: usize,
        /// The problem.
        problem: String,
    },
}

/// The records of a file, read one by one.
pub(crate) struct Records<'a> {
    lines: Lines<'a>,
    /// The line of the last record, counted from 1.
    line: usize,
}

impl<'a> Records<'a> {
    /// Opens a sealed file, a `what` with this schema, and returns its first record, the header, with the others.
    ///
    /// # Errors
    /// If the file has another schema, is damaged, or the header is invalid.
    pub(crate) fn open<T: Deserialize<'a>>(
        text: &'a str,
        what: &'static str,
        schema: &'static str,
    ) -> Result<(T, Self), RecordsError> {
        let first = serde_json::from_str::<serde_json::Value>(text.lines().next().unwrap_or_default());
        if first.ok().as_ref().and_then(|header| header.get("schema")?.as_str()) != Some(schema) {
            return Err(RecordsError::Schema { what, schema });
        }
        let mut records = Self { lines: seal::open(text)?.lines(), line: 0 };
        let header = records.next()?.ok_or(RecordsError::Schema { what, schema })?;
        Ok((header, records))
    }

    /// Returns the next record; none at the end.
    ///
    /// # Errors
    /// If it is invalid.
    pub(crate) fn next<T: Deserialize<'a>>(&mut self) -> Result<Option<T>, RecordsError> {
        let Some(text) = self.lines.next() else { return Ok(None) };
        self.line += 1;
        serde_json::from_str(text).map(Some).map_err(|error| self.malformed(error.to_string()))
    }

    /// Returns all further records.
    ///
    /// # Errors
    /// If one is invalid.
    pub(crate) fn rest<T: Deserialize<'a>>(&mut self) -> Result<Vec<T>, RecordsError> {
        std::iter::from_fn(|| self.next().transpose()).collect()
    }

    /// Returns the error about the last record.
    pub(crate) fn malformed(&self, problem: impl Into<String>) -> RecordsError {
        RecordsError::Malformed { line: self.line, problem: problem.into() }
    }
}
