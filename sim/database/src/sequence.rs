//! Sequences: numbers that are never returned, drawn outside the order of commits.
//!
//! PostgreSQL documentation, "Sequence Manipulation Functions". The logging ahead of need was observed and is in the
//! source (`sequence.c`): about every 33rd draw writes a log record that reserves the next 32 values, and only such a
//! draw assigns an id to the transaction. After a crash the reserved values are lost.

use crate::Database;
use crate::error::DatabaseError;

/// The number of values that a log record reserves beyond the drawn one.
const LOGGED_AHEAD: i64 = 32;

/// A copyable handle to a sequence of one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    database: u32,
    id: usize,
}

/// The state of one sequence.
pub(crate) struct SequenceState {
    last: Option<i64>,
    start: i64,
    /// Values that may still be drawn without a log record.
    reserved: i64,
    /// The last value drawn by each session: slot, generation, value.
    drawn: Vec<(usize, u32, i64)>,
}

impl Database {
    /// Creates a sequence whose first value is `start`.
    pub fn create_sequence(&mut self, start: i64) -> Sequence {
        self.sequences.push(SequenceState { last: None, start, reserved: 0, drawn: Vec::new() });
        self.transcribe_sequence(self.sequences.len() - 1, start);
        Sequence { database: self.identity, id: self.sequences.len() - 1 }
    }

    pub(crate) fn draw(&mut self, me: usize, sequence: Sequence) -> Result<i64, DatabaseError> {
        self.check_sequence(sequence, "nextval")?;
        if self.sessions[me].replica.is_some() {
            return Err(DatabaseError::ReadOnlyTransaction);
        }
        let generation = self.sessions[me].generation;
        let state = &mut self.sequences[sequence.id];
        let must_log = state.last.is_none() || state.reserved == 0;
        let value = state.last.map_or(state.start, |last| last + 1);
        state.last = Some(value);
        state.reserved = if must_log { LOGGED_AHEAD } else { state.reserved - 1 };
        state.drawn.retain(|(slot, _, _)| *slot != me);
        state.drawn.push((me, generation, value));
        if must_log {
            self.top_xid(me);
        }
        self.transcribe_value(me, || format!("select nextval('s{}')", sequence.id), Some(value));
        Ok(value)
    }

    pub(crate) fn drawn(&self, me: usize, sequence: Sequence) -> Result<i64, DatabaseError> {
        self.check_sequence(sequence, "currval")?;
        let generation = self.sessions[me].generation;
        let drawn = self.sequences[sequence.id].drawn.iter();
        let mut own =
            drawn.filter(|(slot, life, _)| (*slot, *life) == (me, generation)).map(|(_, _, value)| *value);
        own.next_back().ok_or(DatabaseError::ObjectNotInState { call: "currval before nextval" })
    }

    /// Applies a crash to the sequences: reserved values are skipped.
    pub(crate) fn crash_sequences(&mut self) {
        for state in &mut self.sequences {
            state.last = state.last.map(|last| last + state.reserved);
            state.reserved = 0;
            state.drawn.clear();
        }
    }

    fn check_sequence(&self, sequence: Sequence, call: &'static str) -> Result<(), DatabaseError> {
        if sequence.database == self.identity { Ok(()) } else { Err(DatabaseError::ForeignHandle { call }) }
    }
}
