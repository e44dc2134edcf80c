//! [`Slot`]: a session of the run.

use super::redact::Redaction;
use crate::backend::Backend;
use crate::frame::{self, Frame};
use crate::timeouts::{Timeouts, are_mentioned, contains};
use shakedown_sim::ambient::Handle;
use std::io;
use std::task::Waker;

/// Why a session does not respond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Wait {
    /// For a lock that another session holds.
    Lock,
    /// A deferrable transaction, for those that could disturb it.
    SafeSnapshot,
    /// In `pg_sleep`.
    Sleep,
}

/// How a batch ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// The session waits for the next batch.
    Ready,
    /// The server reads on within the batch: copied rows, or what follows a `Flush`.
    Reads,
    /// The server has ended the session.
    Closed,
}

/// What a session does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// It waits for its client.
    Idle,
    /// The server runs a batch.
    Running,
    /// Its process is stopped until its wait ends or a deadline passes.
    Waiting { wait: Wait, since: u64, deadlines: Vec<i64> },
    /// The batch has ended, and its response has not been sent.
    Done(Ending),
}

/// A session of the run.
pub(crate) struct Slot {
    pub(crate) backend: Backend,
    pub(crate) handle: Handle,
    pub(crate) state: State,
    /// The output for the client.
    pub(crate) out: Vec<u8>,
    /// The task that serves the client.
    pub(crate) waker: Option<Waker>,
    /// The transaction status that the server reported last: `I`, `T` or `E`.
    pub(crate) status: u8,
    pub(crate) timeouts: Timeouts,
    /// Whether a text of the session mentions a timeout, so that its timeouts are read again after each batch.
    pub(crate) sets_timeouts: bool,
    pub(crate) listens: bool,
    /// Whether a text of the session may create a setting of the service's own (`app.user`). No command removes it from the session.
    pub(crate) creates_settings: bool,
    /// Whether a statement of the current batch may have had an effect: it has completed or failed, or the session has ended.
    pub(crate) has_run: bool,
    /// Whether the current batch ends with `Flush`.
    pub(crate) flushes: bool,
    /// The time on the server's clock when the batch began, in microseconds since 1970.
    pub(crate) began: i64,
    /// The same when the last batch ended.
    pub(crate) ended: i64,
    /// When `pg_sleep` ends, in microseconds since 1970.
    pub(crate) sleeps_until: i64,
    /// The name of the current batch.
    pub(crate) name: &'static str,
}

impl Slot {
    pub(crate) fn new(backend: Backend, handle: Handle, timeouts: Timeouts) -> Self {
        Self {
            backend,
            handle,
            state: State::Idle,
            out: Vec::new(),
            waker: None,
            status: b'I',
            timeouts,
            sets_timeouts: false,
            listens: false,
            creates_settings: false,
            has_run: false,
            flushes: false,
            began: 0,
            ended: 0,
            sleeps_until: 0,
            name: "nothing",
        }
    }

    /// Notes the settings that a text may change in the session.
    pub(crate) fn notes(&mut self, sql: &str) {
        if are_mentioned(sql) {
            self.sets_timeouts = true;
            self.timeouts.set_by(sql);
        }
        self.listens |= contains(sql, b"listen ");
        self.creates_settings |= creates_settings(sql);
    }

    /// Reads what the server has sent. Returns how the batch ended, if it has.
    pub(crate) fn take_in(&mut self, redaction: &mut Redaction) -> io::Result<Option<Ending>> {
        let messages = self.backend.take()?;
        let mut ending = None;
        for frame in Frame::all(&messages) {
            ending = None;
            match frame.tag {
                b'N' if self.is_sleep(frame.body) => continue,
                b'E' | b'N' => redaction.message(&frame, &mut self.out),
                b'A' => redaction.notification(&frame, &mut self.out),
                _ => self.out.extend(frame.whole),
            }
            match frame.tag {
                b'Z' => {
                    self.status = frame.body.first().copied().unwrap_or(b'I');
                    ending = Some(Ending::Ready);
                }
                b'G' | b'W' => ending = Some(Ending::Reads),
                b'C' | b's' | b'E' => self.has_run = true,
                _ => {}
            }
        }
        Ok(ending)
    }

    /// Returns whether a notice is `pg_sleep`'s, and notes until when it sleeps.
    fn is_sleep(&mut self, body: &[u8]) -> bool {
        let until = frame::field(body, b'M').and_then(|text| text.strip_prefix(super::reset::SLEEPS_UNTIL));
        let Some(until) = until.and_then(|text| text.parse::<i64>().ok()) else { return false };
        self.sleeps_until = until;
        true
    }

    /// Returns when the session's timeout for being idle passes, in a transaction or outside, if it has one.
    pub(crate) fn idle_until(&self) -> Option<i64> {
        let is_outside = self.status == b'I';
        let limit = if is_outside { self.timeouts.idle_session } else { self.timeouts.idle_in_transaction };
        (self.state == State::Idle && limit > 0).then(|| self.ended + limit)
    }

    /// Makes the session idle, and stops its process if it has an idle timeout: the server's timer also runs in real time, and would end
    /// the session at any moment after the deadline.
    pub(crate) fn rest(&mut self, now: i64) {
        self.state = State::Idle;
        self.ended = now;
        if self.idle_until().is_some() {
            self.backend.stop();
        }
    }

    /// Returns the times at which a wait that begins at `now` may end by a timer.
    pub(crate) fn deadlines(&self, wait: Wait, now: i64) -> Vec<i64> {
        let after = |start: i64, timeout: i64| (timeout > 0).then(|| start + timeout);
        let own = match wait {
            Wait::Lock => [after(now, self.timeouts.deadlock), after(now, self.timeouts.lock)],
            // The server computes in floating point.
            Wait::Sleep => [Some(self.sleeps_until + 1), None],
            Wait::SafeSnapshot => [None, None],
        };
        let statement = after(self.began, self.timeouts.statement);
        let mut deadlines: Vec<_> =
            own.into_iter().flatten().chain(statement).filter(|at| *at > now).collect();
        deadlines.sort_unstable();
        deadlines
    }
}

/// Returns whether a text may create a setting: `SET app.user = 'ada'`, `set_config('app.user', 'ada', true)`.
fn creates_settings(sql: &str) -> bool {
    let mut after_set = false;
    sql.split(|c: char| c.is_whitespace() || matches!(c, ';' | '(' | ')' | '=')).any(|word| {
        if after_set && (word.is_empty() || matches_any(word, &["local", "session"])) {
            return false;
        }
        let creates =
            (after_set && word.contains('.')) || matches_any(word, &["set_config", "pg_catalog.set_config"]);
        after_set = matches_any(word, &["set"]);
        creates
    })
}

fn matches_any(word: &str, words: &[&str]) -> bool {
    words.iter().any(|other| word.eq_ignore_ascii_case(other))
}

#[cfg(test)]
mod tests {
    use super::creates_settings;

    #[test]
    fn settings_of_the_service_s_own_are_noticed() {
        for sql in [
            "SET app.user = 'ada'",
            "begin;set local app.user to 'ada'",
            "SELECT set_config('app.user', $1, true)",
        ] {
            assert!(creates_settings(sql), "{sql}");
        }
        for sql in
            ["SET lock_timeout = '2s'", "UPDATE public.rows SET value = 1.5", "SELECT * FROM app.settings"]
        {
            assert!(!creates_settings(sql), "{sql}");
        }
    }
}
