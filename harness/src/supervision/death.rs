//! The ways in which a process ends before its work is done.

use shakedown_sim::judge::PROCESS_SURVIVES;
use std::process::ExitStatus;

/// How code under test ended, exhausted or blocked its process.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) enum Death {
    /// It called for the end of the process, with this code.
    Exit(i32),
    /// It aborted the process.
    Abort,
    /// It panicked while a panic was handled.
    DoublePanic,
    /// It recursed too deeply.
    StackOverflow,
    /// An allocation failed.
    OutOfMemory,
    /// It did not wait for this many milliseconds.
    Blocked(u64),
    /// A thread that it started panicked with this message.
    ThreadPanicked(String),
    /// A signal ended it.
    Signal(i32),
}

/// The messages that the runtime of Rust prints before it aborts, and their meaning.
const ABORT_MESSAGES: [(&str, Death); 6] = [
    ("has overflowed its stack", Death::StackOverflow),
    ("memory allocation of", Death::OutOfMemory),
    ("panicked while processing panic", Death::DoublePanic),
    ("panic in a destructor during cleanup", Death::DoublePanic),
    ("panic in a function that cannot unwind", Death::DoublePanic),
    ("thread caused non-unwinding panic", Death::DoublePanic),
];

const SIGKILL: i32 = 9;
const SIGABRT: i32 = 6;

impl Death {
    /// Returns how a process ended, from its status and its last output.
    pub(crate) fn of(status: ExitStatus, printed: &str) -> Self {
        #[cfg(unix)]
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        #[cfg(not(unix))]
        let signal: Option<i32> = None;
        let printed_end = ABORT_MESSAGES.iter().find(|(message, _)| printed.contains(message));
        match (signal, printed_end) {
            (None, _) => Self::Exit(status.code().unwrap_or_default()),
            (Some(_), Some((_, death))) => death.clone(),
            (Some(SIGABRT), None) => Self::Abort,
            (Some(signal), None) => Self::Signal(signal),
        }
    }

    /// Returns one word for this kind of end; part of the failure's identity.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Exit(_) => "exit",
            Self::Abort => "abort",
            Self::DoublePanic => "double-panic",
            Self::StackOverflow => "stack-overflow",
            Self::OutOfMemory => "out-of-memory",
            Self::Blocked(_) => "blocked",
            Self::ThreadPanicked(_) => "thread-panic",
            Self::Signal(_) => "signal",
        }
    }

    /// Returns the invariant that it violates.
    pub(crate) fn invariant(&self) -> &'static str {
        match self {
            Self::ThreadPanicked(_) => "no-panic",
            _ => PROCESS_SURVIVES.0,
        }
    }

    /// Returns it as the predicate of a sentence.
    pub(crate) fn predicate(&self) -> String {
        match self {
            Self::Exit(code) => format!("ends the process with exit code {code}"),
            Self::Abort => "aborts the process".to_owned(),
            Self::DoublePanic => "panics while a panic is handled, which aborts the process".to_owned(),
            Self::StackOverflow => "overflows its stack, which aborts the process".to_owned(),
            Self::OutOfMemory => "exhausts the memory that the process may use".to_owned(),
            Self::Blocked(ms) => {
                let timeout = std::time::Duration::from_millis(*ms);
                format!("runs for {timeout:?} without waiting for anything")
            }
            Self::ThreadPanicked(message) => format!("panics on a thread that it started: {message}"),
            Self::Signal(SIGKILL) => {
                "has the process killed (signal 9), as the system does when memory is exhausted".to_owned()
            }
            Self::Signal(signal) => format!("ends the process by signal {signal}"),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn a_death_is_determined_from_status_and_last_output() {
        let check = |raw: i32, printed: &str, kind: &str| {
            assert_eq!(Death::of(ExitStatus::from_raw(raw), printed).kind(), kind, "{raw} {printed}");
        };
        check(0, "", "exit");
        check(3 << 8, "has overflowed its stack", "exit");
        check(SIGABRT, "", "abort");
        check(SIGABRT, "\nthread 'main' (1) has overflowed its stack\n", "stack-overflow");
        check(SIGABRT, "memory allocation of 8 bytes failed", "out-of-memory");
        check(SIGABRT, "thread panicked while processing panic. aborting.", "double-panic");
        check(SIGKILL, "", "signal");
        check(11, "", "signal");
    }
}
