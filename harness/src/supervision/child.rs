//! The child's side: the first message from its parent, and the connection for messages to the parent.

use super::fatal_run::KnownRun;
use super::message::{self, Attempt, Begin, CampaignState, ToChild, ToParent};
use super::{Interrupted, VARIABLE};
use crate::checkpoint::Part;
use crate::watchdog::Watchdog;
use shakedown_sim::search::Campaign;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The connection of a supervised process to its parent.
pub(crate) struct Link {
    to_parent: Mutex<UnixStream>,
    attempt: Attempt,
    known: Vec<KnownRun>,
    campaigns: BTreeMap<String, CampaignState>,
    /// The parts of exhaustive searches that earlier processes ran.
    parts: BTreeMap<String, Vec<Part>>,
    /// The rehearsal results that an earlier process of this test found.
    results: Vec<serde_json::Value>,
    results_taken: AtomicUsize,
    was_blocked: bool,
    /// Whether notes are sent to the parent, which prints them.
    forwards_notes: bool,
    /// Set at the first interrupt.
    stop: Arc<AtomicBool>,
    /// The time of the first interrupt.
    stopped: OnceLock<Instant>,
    /// Whether an interrupt may cut the current runs short.
    is_interruptible: AtomicBool,
    /// Whether a command polls `stop`. If none does, an interrupt ends the process.
    polls_stop: AtomicBool,
    /// The time limit of a run outside of campaigns, in milliseconds.
    timeout_ms: AtomicU64,
    watchdog: OnceLock<Watchdog>,
    sent: Mutex<Option<Instant>>,
}

/// The interval at which the totals of a campaign are sent. Runs after the last message are repeated if the process
/// dies.
const STATE_EVERY: Duration = Duration::from_millis(500);
/// How long shrinking continues after an interrupt: enough for a small script.
const SHRINKING_AFTER_INTERRUPT: Duration = Duration::from_millis(400);
const DEFAULT_TIMEOUT_MS: u64 = 60_000;
/// The lower bound of the reduced time limit that applies once a run has blocked a process.
const BLOCKED_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Returns the connection to the parent, or `None` if this process is not supervised.
pub(crate) fn link() -> Option<&'static Link> {
    static LINK: OnceLock<Option<Link>> = OnceLock::new();
    LINK.get_or_init(connect).as_ref()
}

fn connect() -> Option<Link> {
    std::env::var_os(VARIABLE)?;
    let socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned().ok()?);
    // A process that the code under test starts inherits the variable but not the socket, so it is not supervised.
    socket.local_addr().ok()?;
    let mut from_parent = BufReader::new(socket.try_clone().ok()?);
    // Code under test that reads standard input gets an empty stream instead of the parent's messages.
    let _ = File::open("/dev/null").map(rustix::stdio::dup2_stdin);
    let Some(ToChild::Begin(begin)) = message::read(&mut from_parent) else {
        // The parent has already ended.
        std::process::exit(INTERRUPTED)
    };
    let Begin { attempt, fatal, campaigns, parts, results, was_blocked, forwards_notes, stopped } = begin;
    std::thread::Builder::new().name("supervision".to_owned()).spawn(move || listen(from_parent)).ok()?;
    Some(Link {
        to_parent: Mutex::new(socket),
        attempt,
        known: fatal.into_iter().map(KnownRun::of).collect(),
        campaigns,
        parts,
        results,
        results_taken: AtomicUsize::new(0),
        was_blocked,
        forwards_notes,
        stop: Arc::new(AtomicBool::new(stopped)),
        stopped: if stopped { OnceLock::from(Instant::now()) } else { OnceLock::new() },
        is_interruptible: AtomicBool::new(false),
        polls_stop: AtomicBool::new(false),
        timeout_ms: AtomicU64::new(DEFAULT_TIMEOUT_MS),
        watchdog: OnceLock::new(),
        sent: Mutex::new(None),
    })
}

/// Reads messages until the parent closes the connection, then ends the process: its result is no longer needed.
fn listen(mut from_parent: BufReader<UnixStream>) {
    while let Some(ToChild::Stop) = message::read(&mut from_parent) {
        if let Some(link) = link() {
            link.interrupt();
        }
    }
    std::process::exit(INTERRUPTED);
}

/// The exit code of a process that was ended by an interrupt.
const INTERRUPTED: i32 = 130;

impl Link {
    /// Sends a message to the parent. A write error is ignored: `listen` ends this process when the parent is gone.
    pub(crate) fn send(&self, message: &ToParent) {
        let mut to_parent = self.to_parent.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = message::write(&mut *to_parent, message);
    }

    /// Reports to the parent that the work is done.
    pub(crate) fn done(&self, code: u8) {
        self.send(&ToParent::Done(code));
    }

    /// Prints a line for the user, except in a careful attempt, which only repeats runs.
    pub(crate) fn note(&self, text: &str) {
        match self.forwards_notes {
            _ if self.is_careful() => {}
            true => self.send(&ToParent::Note(text.to_owned())),
            false => drop(writeln!(std::io::stderr().lock(), "{text}")),
        }
    }

    /// Reports to the parent that a thread of the code under test panicked, and ends this process.
    pub(crate) fn thread_panicked(&self, message: String) -> ! {
        self.send(&ToParent::ThreadPanicked(message));
        std::process::exit(70)
    }

    fn interrupt(&self) {
        let _ = self.stopped.set(Instant::now());
        let is_first = !self.stop.swap(true, Ordering::Relaxed);
        if !is_first || !self.polls_stop.load(Ordering::Relaxed) {
            self.done(INTERRUPTED as u8);
            std::process::exit(INTERRUPTED);
        }
        self.note("stopping; once more to quit without a result");
    }

    pub(super) fn begin_interruptible(&self) {
        self.is_interruptible.store(true, Ordering::Relaxed);
    }

    pub(super) fn end_interruptible(&self) {
        self.is_interruptible.store(false, Ordering::Relaxed);
    }

    /// Unwinds the current search if the time for shrinking after an interrupt is over.
    pub(super) fn end_if_interrupted(&self) {
        let is_late =
            || self.stopped.get().is_some_and(|stopped| stopped.elapsed() >= SHRINKING_AFTER_INTERRUPT);
        if self.is_interruptible.load(Ordering::Relaxed) && is_late() {
            std::panic::resume_unwind(Box::new(Interrupted));
        }
    }

    /// Returns whether no process of this command has died yet.
    pub(crate) fn is_first_attempt(&self) -> bool {
        self.known.is_empty() && !self.is_careful()
    }

    /// Returns the flag that the first interrupt sets. After this call, the first interrupt no longer ends the
    /// process.
    pub(crate) fn stop(&self) -> Arc<AtomicBool> {
        self.polls_stop.store(true, Ordering::Relaxed);
        Arc::clone(&self.stop)
    }

    /// Returns whether runs are made one after the other and announced or streamed.
    pub(crate) fn is_careful(&self) -> bool {
        self.attempt != Attempt::Normal
    }

    pub(super) fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    pub(super) fn known(&self) -> &[KnownRun] {
        &self.known
    }

    /// Sets the time limit of a run outside of campaigns.
    pub(crate) fn set_timeout(&self, timeout: Duration) {
        self.timeout_ms.store(timeout.as_millis() as u64, Ordering::Relaxed);
    }

    /// Returns the time limit of a run: `timeout`, or less once a run has blocked a process.
    pub(crate) fn timeout(&self, timeout: Duration) -> Duration {
        if self.was_blocked { (timeout / 30).max(BLOCKED_AGAIN_AFTER).min(timeout) } else { timeout }
    }

    /// Reports to the parent that a run blocks this process, and ends the process.
    pub(crate) fn blocked(&self, timeout: Duration) -> ! {
        self.send(&ToParent::Blocked(timeout.as_millis() as u64));
        std::process::exit(70)
    }

    /// Makes a run outside of campaigns under the watchdog.
    pub(super) fn guarded<T>(&self, run: impl FnOnce() -> T) -> T {
        let watchdog = self.watchdog.get_or_init(|| {
            let timeout = Duration::from_millis(self.timeout_ms.load(Ordering::Relaxed));
            Watchdog::new(1, timeout, "", |_| "a run".to_owned())
        });
        watchdog.during(0, 0, run)
    }

    /// Returns the result of the next rehearsal if an earlier process has found it.
    pub(crate) fn next_result(&self) -> Option<serde_json::Value> {
        self.results.get(self.results_taken.fetch_add(1, Ordering::Relaxed)).cloned()
    }

    /// Returns the progress of a campaign in an earlier process.
    pub(crate) fn resumed(&self, name: &str) -> Option<&CampaignState> {
        self.campaigns.get(name)
    }

    /// Sends the progress of a campaign to the parent if the last message is old enough. A guided campaign has learned
    /// from these `rounds`.
    pub(crate) fn keep(&self, name: &str, campaign: &Campaign, rounds: &[Vec<u64>]) {
        if self.is_time() {
            self.send(&ToParent::Campaign(name.to_owned(), CampaignState::of(campaign, rounds)));
        }
    }

    /// Returns the parts of an exhaustive search that earlier processes ran.
    pub(crate) fn parts(&self, search: &str) -> &[Part] {
        self.parts.get(search).map_or(&[], Vec::as_slice)
    }

    /// Sends further parts of an exhaustive search to the parent if the last message is old enough. Returns whether it
    /// did. `parts` is called only then.
    pub(crate) fn keep_parts(&self, search: &str, parts: impl FnOnce() -> Vec<Part>) -> bool {
        let is_time = self.is_time();
        if is_time {
            self.send(&ToParent::Parts(search.to_owned(), parts()));
        }
        is_time
    }

    /// Returns whether the last message about progress is old enough; the caller then sends the next one.
    fn is_time(&self) -> bool {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = sent.is_none_or(|sent| sent.elapsed() >= STATE_EVERY);
        if is_time {
            *sent = Some(Instant::now());
        }
        is_time
    }
}
