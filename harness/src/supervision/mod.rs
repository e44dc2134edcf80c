//! Supervision: runs are made in a child process. If code under test ends, exhausts or blocks its process, the result is
//! a named violation and the campaign continues.
//!
//! The child runs the same program with the same arguments. It reports over a socket which run it makes. When a child dies,
//! the parent determines the cause and starts another child, which counts that run as failed without making it. There are
//! three kinds of attempt:
//!
//! 1. *Normal*: all threads and no message per run, so that supervision does not slow the runs down.
//! 2. *Careful*, after a normal attempt has died: one thread, and each run is announced. If the process dies, the run
//!    is known.
//! 3. *Watching*: like careful, and the steps of that run are streamed. If the process dies, the run's script and story
//!    are known.
//!
//! Totals of campaigns and parts of exhaustive searches are streamed, too: the next attempt continues from them. A guided
//! campaign continues from its last complete round, whose knowledge it gains again from the runs that discovered
//! something.
//!
//! In reading order: `death` (how a process ends), `fatal_run` (a run that ended a process), `message` (the messages between
//! the two processes), `child`, `runner` (the supervised execution of each run in the child), `parent`. On systems without
//! Unix sockets nothing is supervised: only the watchdog acts, and it ends a looping run together with its process.

#[cfg(unix)]
mod child;
mod death;
mod fatal_run;
mod message;
#[cfg(unix)]
mod parent;
mod runner;
#[cfg(not(unix))]
mod unsupervised;

pub(crate) use message::ToParent;

#[cfg(unix)]
pub(crate) use child::{Link, link};
#[cfg(unix)]
pub(crate) use parent::{Child, ChildReport, Supervisor};
pub(crate) use runner::supervised;
#[cfg(unix)]
pub(crate) use runner::take_as_known;
#[cfg(not(unix))]
pub(crate) use unsupervised::{Link, link};

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// The variable that is set for supervised processes. Their standard input is the socket to their parent.
pub(crate) const VARIABLE: &str = "SHAKEDOWN_SUPERVISED_BY";

/// Returns the number of threads for runs: `jobs`, or one while the parent searches for the run that ends the process.
pub(crate) fn jobs(jobs: usize) -> usize {
    if link().is_some_and(Link::is_careful) { 1 } else { jobs }
}

/// Returns the time limit of a run: `timeout`, or less once a run of this command has blocked a process.
pub(crate) fn timeout(timeout: Duration) -> Duration {
    link().map_or(timeout, |link| link.timeout(timeout))
}

/// Returns whether no process of this command has died yet.
pub(crate) fn is_first_attempt() -> bool {
    link().is_none_or(Link::is_first_attempt)
}

/// Reports to the parent that a search ended before its last run.
pub(crate) fn ended_early() {
    link().into_iter().for_each(|link| link.send(&ToParent::EndedEarly));
}

/// Calls `search`, which makes many runs. Returns `None` if an interrupt ends it early.
pub(crate) fn interruptible<T>(search: impl FnOnce() -> T) -> Option<T> {
    let Some(link) = link() else { return Some(search()) };
    link.begin_interruptible();
    let result = catch_unwind(AssertUnwindSafe(search));
    link.end_interruptible();
    match result {
        Ok(result) => Some(result),
        Err(panic) if panic.is::<Interrupted>() => None,
        Err(panic) => resume_unwind(panic),
    }
}

/// The payload that unwinds an interrupted search.
pub(crate) struct Interrupted;

/// Sets the time limit of a run outside of campaigns.
pub(crate) fn set_timeout(timeout: Duration) {
    link().into_iter().for_each(|link| link.set_timeout(timeout));
}

/// Returns whether notes and progress are shown. They are hidden while the parent searches for the run that ends the
/// process.
pub(crate) fn shows_progress() -> bool {
    !link().is_some_and(Link::is_careful)
}
