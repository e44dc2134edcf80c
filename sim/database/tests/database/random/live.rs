//! Plays the same history on a live PostgreSQL: one thread per session, and a monitor that observes the blocked
//! sessions.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use postgres::{Client, NoTls, SimpleQueryMessage};

use super::draw::{DROP, EMPTY, LAST, SETUP};
use super::trace::{Observed, Reply, Trace};

/// The pace of a history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pace {
    /// The server's `deadlock_timeout`: events of one moment in the core must happen within it here.
    deadlock_timeout: Duration,
    /// The timeout of a reply that must come according to the core.
    timeout: Duration,
}

impl Pace {
    const fn of(deadlock_timeout_ms: u64) -> Self {
        Self {
            deadlock_timeout: Duration::from_millis(deadlock_timeout_ms),
            timeout: Duration::from_millis(1_000 + deadlock_timeout_ms * 3),
        }
    }
}

/// From the usual pace to one that a machine under load can follow.
pub(crate) const PACES: [Pace; 3] = [Pace::of(400), Pace::of(1_000), Pace::of(3_000)];

/// One connection with its thread.
pub(crate) struct Connection {
    pub pid: i32,
    orders: Sender<String>,
    replies: Receiver<Reply>,
    thread: Option<JoinHandle<()>>,
}

/// Runs a statement and returns the reply.
pub(crate) fn wire_reply(client: &mut Client, sql: &str) -> Reply {
    match client.simple_query(sql) {
        Err(error) => {
            // The server reports an error before it has released the locks; an empty query waits for the release.
            let _ = client.simple_query("");
            Reply::Error(error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned()))
        }
        Ok(messages) => {
            let (mut count, mut rows) = (0, Vec::new());
            for message in messages {
                match message {
                    SimpleQueryMessage::Row(row) => {
                        rows.push((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect());
                    }
                    SimpleQueryMessage::CommandComplete(complete) => count = complete,
                    _ => {}
                }
            }
            Reply::Rows(count, rows)
        }
    }
}

impl Connection {
    #[expect(clippy::disallowed_methods, reason = "a live server blocks the thread that waits for it")]
    pub(crate) fn open(url: &str, settings: &str, pace: Pace) -> Self {
        let mut client = Client::connect(url, NoTls).expect("SHAKEDOWN_POSTGRES names a reachable server");
        let timeout = format!("set deadlock_timeout = '{}ms'", pace.deadlock_timeout.as_millis());
        client.batch_execute(&timeout).expect("a superuser may set it");
        client.batch_execute(settings).expect("the settings are known");
        let pid = client.query_one("select pg_backend_pid()", &[]).expect("pid").get(0);
        let (orders, todo) = channel::<String>();
        let (done, replies) = channel();
        let thread = std::thread::spawn(move || {
            while let Ok(sql) = todo.recv() {
                if done.send(wire_reply(&mut client, &sql)).is_err() {
                    return;
                }
            }
        });
        Self { pid, orders, replies, thread: Some(thread) }
    }

    /// Sends a statement.
    pub(crate) fn send(&self, sql: &str) -> Result<(), String> {
        self.orders.send(sql.to_owned()).map_err(|error| error.to_string())
    }

    /// Returns the next reply, if it arrives within this time.
    pub(crate) fn reply_within(&self, timeout: Duration) -> Option<Reply> {
        self.replies.recv_timeout(timeout).ok()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let (closed, _) = channel();
        self.orders = closed;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// The first difference between the core and the live server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub text: String,
    /// The step and the session that the live server alone aborted with 40001, if that is the difference.
    pub aborted: Option<(usize, usize)>,
}

impl From<String> for Difference {
    fn from(text: String) -> Self {
        Self { text, aborted: None }
    }
}

/// A reply that differs, and the session if the live server aborted it with 40001.
type Mismatch = (String, Option<usize>);

/// The result of a comparison.
pub(crate) type Compared = Result<(), Difference>;

fn mismatch(session: usize, expected: &str, live: &Reply) -> Mismatch {
    let aborted = (*live == Reply::Error("40001".to_owned())).then_some(session);
    (format!("T{} ours: {expected}\n    live:  {live}", session + 1), aborted)
}

/// A live server with a few sessions that are reused from history to history.
pub(crate) struct Live {
    url: String,
    settings: &'static str,
    pace: Pace,
    sessions: Vec<Connection>,
    monitor: Client,
}

impl Live {
    /// Connects to a server; its sessions begin with these settings.
    pub(crate) fn connect(url: &str, settings: &'static str) -> Self {
        let mut monitor = Client::connect(url, NoTls).expect("SHAKEDOWN_POSTGRES names a reachable server");
        monitor.batch_execute(DROP).expect("a clean world");
        for sql in SETUP.iter().filter(|sql| sql.starts_with("create")) {
            monitor.batch_execute(sql).expect("the world is made");
        }
        Self { url: url.to_owned(), settings, pace: PACES[0], sessions: Vec::new(), monitor }
    }

    /// Plays a history beside the core's trace of it; the error describes the first difference.
    pub(crate) fn compare(&mut self, trace: &Trace, pace: Pace) -> Compared {
        if self.pace != pace {
            self.pace = pace;
            self.sessions.clear();
        }
        self.reset(trace.sessions)?;
        let result = self.follow(trace);
        if result.is_err() {
            self.end_sessions()?;
        }
        result
    }

    /// Creates the tables of a history, with this many sessions.
    pub(crate) fn reset(&mut self, sessions: usize) -> Result<(), String> {
        let inserts = SETUP.into_iter().filter(|sql| sql.starts_with("insert"));
        let reset: Vec<&str> = std::iter::once(EMPTY).chain(inserts).collect();
        self.monitor.batch_execute(&reset.join(";")).map_err(|error| error.to_string())?;
        while self.sessions.len() < sessions {
            self.sessions.push(Connection::open(&self.url, self.settings, self.pace));
        }
        Ok(())
    }

    /// Ends every session: a blocked or open session must not affect the next history.
    pub(crate) fn end_sessions(&mut self) -> Result<(), String> {
        let pids: Vec<i32> = self.sessions.iter().map(|session| session.pid).collect();
        let end = "select pg_terminate_backend(pid) from unnest($1::int[]) as pid";
        self.monitor.query(end, &[&pids]).map_err(|error| error.to_string())?;
        self.sessions.clear();
        Ok(())
    }

    /// Sends a statement to a session.
    pub(crate) fn send(&mut self, session: usize, sql: &str) -> Result<(), String> {
        self.sessions[session].orders.send(sql.to_owned()).map_err(|error| error.to_string())
    }

    /// Returns the reply of a session, if it has arrived.
    pub(crate) fn reply(&self, session: usize) -> Option<Reply> {
        self.sessions[session].replies.try_recv().ok()
    }

    /// Runs a statement outside the history's sessions.
    pub(crate) fn read(&mut self, sql: &str) -> Reply {
        wire_reply(&mut self.monitor, sql)
    }

    /// Returns the kind of lock that a session waits for, in the server's words.
    pub(crate) fn waits_on(&mut self, session: usize) -> Result<String, String> {
        let sql = "select coalesce(wait_event, '') from pg_stat_activity where pid = $1";
        let row = self.monitor.query_one(sql, &[&self.sessions[session].pid]);
        row.map(|row| row.get(0)).map_err(|error| error.to_string())
    }

    /// Returns whether the transaction of a session has failed.
    pub(crate) fn has_failed(&mut self, session: usize) -> Result<bool, String> {
        let sql = "select state like '%(aborted)' from pg_stat_activity where pid = $1";
        let row = self.monitor.query_one(sql, &[&self.sessions[session].pid]);
        row.map(|row| row.get(0)).map_err(|error| error.to_string())
    }

    fn follow(&mut self, trace: &Trace) -> Compared {
        for (number, step) in trace.steps.iter().enumerate() {
            let at = |difference: String| {
                format!("step {number}, T{} | {}\n    {difference}", step.session + 1, step.sql)
            };
            self.send(step.session, &step.sql).map_err(at)?;
            let checked = self.collect(step).and_then(|()| self.check_blocked(step));
            if let Err((difference, aborted)) = checked {
                let (also, later) = self.also(step);
                let aborted = aborted.or(later).map(|session| (number, session));
                return Err(Difference { text: at(format!("{difference}{also}")), aborted });
            }
            if step.deadlock {
                self.pause();
            }
        }
        for (sql, expected) in LAST.iter().zip(&trace.last) {
            let live = wire_reply(&mut self.monitor, sql);
            if live != *expected {
                return Err(format!("{sql}\n    ours: {expected}\n    live:  {live}").into());
            }
        }
        Ok(())
    }

    /// Waits, as the core does after a deadlock, until the timers of the sessions that waited beside the victim have fired.
    #[expect(clippy::disallowed_methods, reason = "a live server runs in real time")]
    fn pause(&self) {
        std::thread::sleep(self.pace.deadlock_timeout / 2);
    }

    /// Returns the other effects of the step, on either side, and the other session that the live server alone
    /// aborted.
    fn also(&self, step: &Observed) -> (String, Option<usize>) {
        let mut text = String::new();
        for (session, reply) in &step.replies {
            text += &format!("\n    T{} ours: {reply}", session + 1);
        }
        let mut aborted = None;
        for (session, connection) in self.sessions.iter().enumerate() {
            let Ok(reply) = connection.replies.recv_timeout(Duration::from_millis(20)) else { continue };
            text += &format!("\n    T{} live:  {reply}", session + 1);
            if step.replies.get(&session) != Some(&reply) {
                aborted = aborted.or(mismatch(session, "", &reply).1);
            }
        }
        (text, aborted)
    }

    fn collect(&self, step: &Observed) -> Result<(), Mismatch> {
        for (session, expected) in &step.replies {
            let live = match self.sessions[*session].replies.recv_timeout(self.pace.timeout) {
                Ok(live) => live,
                Err(RecvTimeoutError::Timeout) => {
                    let text = format!("T{} ours: {expected}\n    live:  still blocked", session + 1);
                    return Err((text, None));
                }
                Err(error) => return Err((error.to_string(), None)),
            };
            if live != *expected {
                return Err(mismatch(*session, &expected.to_string(), &live));
            }
        }
        Ok(())
    }

    /// Checks that the live server comes to rest with the same sessions blocked by the same ones.
    #[expect(clippy::disallowed_methods, reason = "a live server runs in real time")]
    fn check_blocked(&mut self, step: &Observed) -> Result<(), Mismatch> {
        if step.blocked.is_empty() {
            return Ok(());
        }
        let deadline = Instant::now() + self.pace.timeout;
        loop {
            for session in step.blocked.keys() {
                if let Ok(reply) = self.sessions[*session].replies.try_recv() {
                    return Err(mismatch(*session, "blocked", &reply));
                }
            }
            let live = self.blocked().map_err(|error| (error, None))?;
            if live == step.blocked {
                return Ok(());
            }
            if Instant::now() > deadline {
                let text = format!("blocked by, ours: {:?}\n    live:  {live:?}", step.blocked);
                return Err((text, None));
            }
            std::thread::sleep(Duration::from_micros(300));
        }
    }

    /// Returns the blocked sessions, and those that block them.
    pub(crate) fn blocked(&mut self) -> Result<BTreeMap<usize, Vec<usize>>, String> {
        let pids: Vec<i32> = self.sessions.iter().map(|session| session.pid).collect();
        let sql = "select pid, pg_blocking_pids(pid) from unnest($1::int[]) as pid \
                   where cardinality(pg_blocking_pids(pid)) > 0";
        let rows = self.monitor.query(sql, &[&pids]).map_err(|error| error.to_string())?;
        let number = |pid: i32| pids.iter().position(|other| *other == pid).unwrap_or(usize::MAX);
        let mut blocked = BTreeMap::new();
        for row in rows {
            let by: Vec<i32> = row.get(1);
            let mut by: Vec<usize> = by.into_iter().map(number).collect();
            by.sort_unstable();
            by.dedup();
            blocked.insert(number(row.get(0)), by);
        }
        Ok(blocked)
    }
}
