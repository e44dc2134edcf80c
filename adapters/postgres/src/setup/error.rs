//! [`SetupError`]: why there is no cluster.

use std::fmt;
use std::io;

/// Why a cluster does not start.
#[derive(Debug)]
pub enum SetupError {
    /// Something is not installed.
    Missing {
        /// What.
        what: &'static str,
        /// Debian's package that has it.
        package: &'static str,
    },
    /// The operating system refuses something.
    Io {
        /// What was tried.
        doing: &'static str,
        /// Its error.
        error: io::Error,
    },
    /// The server or `initdb` ended, or does not accept connections.
    Failed {
        /// What was tried.
        doing: &'static str,
        /// The last lines of its log.
        log: String,
    },
    /// A statement of the schema failed.
    Schema {
        /// The server's message.
        message: String,
    },
    /// An existing server has another setting than a simulation needs.
    Setting {
        /// Its name.
        name: &'static str,
        /// The value that is needed.
        needed: &'static str,
        /// The value that the server has.
        shown: String,
    },
    /// The clock of the server does not follow the clock file.
    Clock {
        /// The time in the clock file.
        expected: String,
        /// The time that the server shows.
        shown: String,
    },
}

impl SetupError {
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { doing, error }
    }

    pub(crate) fn schema(error: impl fmt::Display) -> Self {
        Self::Schema { message: error.to_string() }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { what, package } => {
                write!(f, "{what} not found: install it with `apt-get install {package}`")
            }
            Self::Io { doing, error } => write!(f, "{doing}: {error}"),
            Self::Failed { doing, log } => write!(f, "{doing} failed; its log ends with:\n{log}"),
            Self::Schema { message } => write!(f, "the schema does not load: {message}"),
            Self::Setting { name, needed, shown } => {
                write!(f, "the server has {name}={shown}, and a simulation needs {name}={needed}")
            }
            Self::Clock { expected, shown } => write!(
                f,
                "the server's clock shows {shown} instead of {expected}: it does not follow its clock file. The server must run \
                 with LD_PRELOAD=libfaketime.so.1, FAKETIME_TIMESTAMP_FILE, FAKETIME_FMT=%s, FAKETIME_NO_CACHE=1 and \
                 FAKETIME_DONT_FAKE_MONOTONIC=1"
            ),
        }
    }
}

impl std::error::Error for SetupError {}
