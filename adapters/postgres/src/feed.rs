//! [`Feed`]: what transactions have committed, from a replication connection to the server.
//!
//! The server decodes its log as it grows. The function `pg_logical_slot_get_changes` would read the log again from the last checkpoint
//! at each call.

use crate::backend::{Arrived, Backend, Parameters, Refused};
use crate::frame::{Frame, frame};
use crate::monitor::{MonitorError, message_of};
use crate::setup::Cluster;
use std::time::Duration;

/// The replication slot through which committed rows are read.
pub(crate) const SLOT: &str = "shakedown";

/// A position in the server's log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub(crate) struct Position(u64);

impl Position {
    /// Reads it as the server writes it: `0/16B3748`.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let (high, low) = text.split_once('/')?;
        let (high, low) = (u64::from_str_radix(high, 16).ok()?, u64::from_str_radix(low, 16).ok()?);
        Some(Self(high << 32 | low))
    }
}

/// The connection.
pub(crate) struct Feed {
    backend: Backend,
    /// The position up to which everything was decoded and received.
    read: Position,
    /// What was received beyond the last position that was requested.
    lines: Vec<String>,
}

impl Feed {
    /// Starts to read the slot of a database.
    pub(crate) fn open(cluster: &Cluster, database: &str) -> Result<Self, MonitorError> {
        let parameters: Parameters =
            [("user", "postgres"), ("database", database), ("replication", "database")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        let mut backend = match Backend::open(cluster, &parameters) {
            Ok(backend) => backend,
            Err(Refused::Io(error)) => return Err(error.into()),
            Err(Refused::Error(error)) => return Err(MonitorError::Server(message_of(&error))),
        };
        let sql = format!(
            "START_REPLICATION SLOT {SLOT} LOGICAL 0/0 (\"include-xids\" '0', \"skip-empty-xacts\" '1')\0"
        );
        backend.send(&frame(b'Q', sql.as_bytes()))?;
        Ok(Self { backend, read: Position::default(), lines: Vec::new() })
    }

    /// Returns the lines of `test_decoding` up to a position that is on disk, for at most `limit` of real time.
    pub(crate) fn up_to(&mut self, position: Position, limit: Duration) -> Result<Vec<String>, MonitorError> {
        loop {
            self.take()?;
            if self.read >= position {
                return Ok(std::mem::take(&mut self.lines));
            }
            match self.backend.wait(limit)? {
                Arrived::Bytes => {}
                Arrived::Nothing => return Err(MonitorError::Stalled),
                Arrived::End => return Err(MonitorError::Ended),
            }
        }
    }

    fn take(&mut self) -> Result<(), MonitorError> {
        let messages = self.backend.take()?;
        for message in Frame::all(&messages) {
            match (message.tag, message.body) {
                (b'E', _) => return Err(MonitorError::Server(message_of(message.whole))),
                // The position in the log, the end of the log and the time, then a line.
                (b'd', [b'w', header_and_line @ ..]) => {
                    let line = header_and_line.get(24..).unwrap_or_default();
                    self.lines.push(String::from_utf8_lossy(line).into_owned());
                }
                // The server has sent what it has decoded up to this position.
                (b'd', [b'k', rest @ ..]) => {
                    if let Some(position) = rest.first_chunk::<8>() {
                        self.read = self.read.max(Position(u64::from_be_bytes(*position)));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Ends the connection. The server releases the slot shortly after.
    pub(crate) fn close(&mut self) -> Result<(), MonitorError> {
        Ok(self.backend.shut_down()?)
    }

    /// Confirms what was read, so that the server may remove its log at the next checkpoint.
    pub(crate) fn confirm(&mut self) -> Result<(), MonitorError> {
        let position = self.read.0.to_be_bytes();
        // Written, on disk and applied; the time; whether a response is requested.
        let status = [&b"r"[..], &position, &position, &position, &[0; 8], &[0]].concat();
        Ok(self.backend.send(&frame(b'd', &status))?)
    }
}

#[cfg(test)]
mod tests {
    use super::Position;

    #[test]
    fn positions_are_ordered_as_in_the_log() {
        let read = ["0/16B3748", "0/FFFFFFFF", "1/0"].map(|text| Position::of(text).unwrap());
        assert!(read.is_sorted(), "{read:?}");
        assert_eq!(Position::of("16B3748"), None);
    }
}
