//! [`Monitor`]: a session of our own, which looks at the others.

use crate::backend::{Arrived, Backend, Parameters, Refused};
use crate::frame::{self, Frame, Reader, frame};
use crate::setup::Cluster;
use std::fmt;
use std::io;
use std::time::Duration;

/// How long a statement of the monitor may take, in real time.
const LONGEST: Duration = Duration::from_secs(60);

/// Why a statement of the monitor has no result.
#[derive(Debug)]
pub(crate) enum MonitorError {
    /// The server's message.
    Server(String),
    Io(io::Error),
    /// It does not respond.
    Stalled,
    Ended,
}

impl fmt::Display for MonitorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(message) => f.write_str(message),
            Self::Io(error) => write!(f, "the server's socket: {error}"),
            Self::Stalled => f.write_str("the server does not respond in time"),
            Self::Ended => f.write_str("the server has ended"),
        }
    }
}

impl From<io::Error> for MonitorError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A row of a result: its columns as text.
pub(crate) type Values = Vec<Option<String>>;

/// The session.
pub(crate) struct Monitor(Backend);

impl Monitor {
    /// Opens it in a database, as the superuser.
    pub(crate) fn open(cluster: &Cluster, database: &str) -> Result<Self, MonitorError> {
        let parameters: Parameters = [
            ("user", "postgres"),
            ("database", database),
            ("application_name", "shakedown"),
            ("client_encoding", "UTF8"),
            // Reporting what a session does reads the clock, and so its file, twice for each statement.
            ("options", "-c track_activities=off"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        match Backend::open(cluster, &parameters) {
            Ok(backend) => Ok(Self(backend)),
            Err(Refused::Io(error)) => Err(error.into()),
            Err(Refused::Error(error)) => Err(MonitorError::Server(message_of(&error))),
        }
    }

    /// Runs statements and returns the rows of all of them.
    pub(crate) fn query(&mut self, sql: &str) -> Result<Vec<Values>, MonitorError> {
        self.0.send(&frame(b'Q', &[sql.as_bytes(), b"\0"].concat()))?;
        results(&mut self.0)
    }

    /// Runs a statement and returns the first column of its first row, empty if there is none.
    pub(crate) fn value(&mut self, sql: &str) -> Result<String, MonitorError> {
        let first = self.query(sql)?.into_iter().next().and_then(|row| row.into_iter().next());
        Ok(first.flatten().unwrap_or_default())
    }
}

/// Reads the rows of a query's statements up to `ReadyForQuery`.
pub(crate) fn results(backend: &mut Backend) -> Result<Vec<Values>, MonitorError> {
    let (mut rows, mut error) = (Vec::new(), None);
    loop {
        let messages = backend.take()?;
        for frame in Frame::all(&messages) {
            match frame.tag {
                b'D' => rows.push(values(frame.body).unwrap_or_default()),
                b'E' => error = Some(MonitorError::Server(message_of(frame.whole))),
                b'Z' => return error.map_or(Ok(rows), Err),
                _ => {}
            }
        }
        match backend.wait(LONGEST)? {
            Arrived::Bytes => {}
            Arrived::Nothing => return Err(MonitorError::Stalled),
            Arrived::End => return Err(error.unwrap_or(MonitorError::Ended)),
        }
    }
}

fn values(body: &[u8]) -> Option<Values> {
    let mut reader = Reader(body);
    let count = reader.int16()?;
    let value = |reader: &mut Reader<'_>| {
        let length = reader.int32()?;
        match usize::try_from(length) {
            Ok(length) => Some(Some(String::from_utf8_lossy(reader.bytes(length)?).into_owned())),
            Err(_) => Some(None),
        }
    };
    (0..count).map(|_| value(&mut reader)).collect()
}

/// Returns the message of an error, with its detail if it has one.
pub(crate) fn message_of(error: &[u8]) -> String {
    let body = Frame::all(error).next().map(|frame| frame.body).unwrap_or_default();
    let message = frame::field(body, b'M').unwrap_or("an error without message");
    let sqlstate = frame::field(body, b'C').unwrap_or_default();
    match frame::field(body, b'D') {
        Some(detail) => format!("{message} ({sqlstate}): {detail}"),
        None => format!("{message} ({sqlstate})"),
    }
}
