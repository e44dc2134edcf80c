//! Supervision: runs are made in a child process, so that code under test that ends, exhausts or blocks its process is a
//! violation with a name instead of the end of the campaign.
//!
//! The child is this program again, with the same arguments. It tells its parent over a socket which run it makes; the parent
//! says what ended it and starts another, which takes that run as failed without making it. Three kinds of attempt:
//!
//! 1. *Normal*: all threads, and no message per run, so that supervision costs no speed.
//! 2. *Careful*, once a normal attempt has died: one thread, and each run is announced. Its death names the run.
//! 3. *Watching*: as careful, and the steps of that run are streamed. Its death leaves the run's script and story behind.
//!
//! Totals of campaigns are streamed, too: the next attempt goes on where they end.
//!
//! In reading order: `death` (how a process ends), `fatal_run` (a run that ended one), `message` (what the two processes tell
//! each other), `child`, `runner` (what surrounds each run there), `parent`. On systems without Unix sockets nothing is
//! supervised: the watchdog alone ends a run that loops, and the process with it.

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

#[cfg(unix)]
pub(crate) use message::ToParent;

#[cfg(unix)]
pub(crate) use child::{Link, link};
#[cfg(unix)]
pub(crate) use parent::{Child, Said, Supervisor};
pub(crate) use runner::supervised;
#[cfg(unix)]
pub(crate) use runner::take_as_known;
#[cfg(not(unix))]
pub(crate) use unsupervised::{Link, link};

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// Is set for supervised processes: their standard input is the socket to their parent.
pub(crate) const VARIABLE: &str = "SHAKEDOWN_SUPERVISED_BY";

/// Returns on how many threads runs are made where `jobs` are asked for: on one while the parent looks for the run that ends
/// the process.
pub(crate) fn jobs(jobs: usize) -> usize {
    if link().is_some_and(Link::is_careful) { 1 } else { jobs }
}

/// Returns how long a run may take where `timeout` is asked for: less once a run of this command has blocked the process.
pub(crate) fn timeout(timeout: Duration) -> Duration {
    link().map_or(timeout, |link| link.timeout(timeout))
}

/// Returns whether no process of this command has died before.
pub(crate) fn is_first_attempt() -> bool {
    link().is_none_or(Link::is_first_attempt)
}

/// Calls `search`, which makes many runs; returns none if an interrupt ends it before it is done.
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

/// The payload that unwinds a search that an interrupt ends.
pub(crate) struct Interrupted;

/// Sets how long a run outside of campaigns may take.
pub(crate) fn set_timeout(timeout: Duration) {
    link().into_iter().for_each(|link| link.set_timeout(timeout));
}

/// Returns whether notes and progress are shown: not while the parent looks for the run that ends the process.
pub(crate) fn shows_progress() -> bool {
    !link().is_some_and(Link::is_careful)
}
