//! Transcripts of simulated runs, played on a live PostgreSQL: replies, waits and blocking sessions must be equal after each step, and the
//! contents of the tables at the end.
//!
//! `SHAKEDOWN_POSTGRES` names the server, and `SHAKEDOWN_TRANSCRIPTS` the file that the tests of the scenarios have written;
//! `.ci/transcripts` does both. The player drops the schema `public` of the server's database.
//!
//! Where one step releases several sessions, the server's scheduler would decide which is first. So the player stops them (`SIGSTOP`) and
//! continues one after the other, in the order in which they began to wait, as this database does; the server must run on this machine. On a
//! machine under load a reply may come too late, so a transcript that differs is played again, and counts as different if it differs each
//! time.

use crate::random::live::{Connection, PACES, wire_reply};
use crate::random::trace::Reply;
use postgres::{Client, NoTls};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::time::{Duration, Instant};

/// How often a transcript is played that differs.
const ATTEMPTS: usize = 3;

/// How long a reply or a wait may take that must come.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Sessions never resolve deadlocks by themselves: the transcript cancels the victim.
const SETTINGS: &str = "set deadlock_timeout = '1h'";

struct Player {
    url: String,
    monitor: Client,
    sessions: BTreeMap<usize, Connection>,
    /// The steps at which the sessions sent their last statements.
    began: BTreeMap<usize, usize>,
    /// The sessions that wait, and those that they wait for.
    waiting: BTreeMap<usize, Vec<usize>>,
    /// Replies that have arrived and are not yet compared.
    early: BTreeMap<usize, Reply>,
}

/// Returns the expected reply as the server gives it; `None` if only success counts.
fn is_equal(expected: &Value, live: &Reply) -> bool {
    match live {
        Reply::Error(code) => expected["error"] == code.as_str(),
        Reply::Rows(_, rows) => {
            let Some(expected) = expected["rows"].as_array() else { return expected.is_null() };
            let mut rows: Vec<Vec<&str>> = rows
                .iter()
                .map(|row| row.iter().map(|cell| cell.as_deref().unwrap_or("")).collect())
                .collect();
            rows.sort_unstable();
            let cells = |row: &Value| -> Option<Vec<String>> {
                row.as_array()?.iter().map(|cell| cell.as_str().map(str::to_owned)).collect()
            };
            expected.len() == rows.len()
                && expected.iter().zip(rows).all(|(row, live)| cells(row).is_some_and(|row| row == live))
        }
    }
}

fn number(text: &str) -> usize {
    text.parse().expect("sessions are numbers")
}

/// Returns the sessions that wait after a step, and those that they wait for.
fn blocked(step: &Value) -> Option<BTreeMap<usize, Vec<usize>>> {
    let blocked = step["blocked"].as_object()?.iter().map(|(session, by)| {
        let by = list(by).iter().filter_map(Value::as_u64).filter_map(|by| usize::try_from(by).ok());
        (number(session), by.collect())
    });
    Some(blocked.collect())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

impl Player {
    fn connect(url: &str) -> Self {
        let monitor = Client::connect(url, NoTls).expect("SHAKEDOWN_POSTGRES names a reachable server");
        let (sessions, began) = (BTreeMap::new(), BTreeMap::new());
        Self {
            url: url.to_owned(),
            monitor,
            sessions,
            began,
            waiting: BTreeMap::new(),
            early: BTreeMap::new(),
        }
    }

    /// Plays a transcript; the error describes the first difference.
    fn play(&mut self, transcript: &Value) -> Result<(), String> {
        for session in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.close(session)?;
        }
        self.early.clear();
        self.waiting.clear();
        let fresh = "set client_min_messages = warning; drop schema public cascade; create schema public";
        self.run(fresh)?;
        for sql in list(&transcript["setup"]) {
            self.run(sql.as_str().expect("SQL"))?;
        }
        for (at, step) in list(&transcript["steps"]).iter().enumerate() {
            self.step(at, step).map_err(|difference| format!("step {at} {step}\n    {difference}"))?;
        }
        for last in list(&transcript["last"]) {
            let live = wire_reply(&mut self.monitor, last["sql"].as_str().expect("SQL"));
            if !is_equal(&last["reply"], &live) {
                return Err(format!("at the end, {last}\n    live: {live}"));
            }
        }
        Ok(())
    }

    fn run(&mut self, sql: &str) -> Result<(), String> {
        self.monitor.batch_execute(sql).map_err(|error| format!("{sql}: {error}"))
    }

    fn step(&mut self, at: usize, step: &Value) -> Result<(), String> {
        let session = usize::try_from(step["session"].as_u64().expect("a session")).expect("a small number");
        let blocked = blocked(step);
        let released = blocked.as_ref().map_or_else(Vec::new, |after| self.released(session, step, after));
        let is_ordered = released.len() > 1;
        if is_ordered {
            self.signal("-STOP", &released)?;
        }
        if let Some(sql) = step["sql"].as_str() {
            let connection = self
                .sessions
                .entry(session)
                .or_insert_with(|| Connection::open(&self.url, SETTINGS, PACES[0]));
            connection.send(sql)?;
            self.began.insert(session, at);
        } else if step["cancel"].is_boolean() {
            let pid = self.sessions[&session].pid;
            self.monitor.query("select pg_cancel_backend($1)", &[&pid]).map_err(|error| error.to_string())?;
        } else {
            self.close(session)?;
        }
        if is_ordered {
            self.settle(session)?;
            for next in released {
                self.signal("-CONT", &[next])?;
                self.settle(next)?;
            }
        }
        self.compare_replies(step)?;
        let Some(blocked) = blocked else { return Ok(()) };
        let checked = if blocked.is_empty() { Ok(()) } else { self.check_blocked(&blocked) };
        self.waiting = blocked;
        checked
    }

    fn compare_replies(&mut self, step: &Value) -> Result<(), String> {
        for (session, expected) in step["replies"].as_object().into_iter().flatten() {
            let number = number(session);
            let early = self.early.remove(&number);
            let Some(live) = early.or_else(|| self.sessions[&number].reply_within(TIMEOUT)) else {
                return Err(format!("session {session} ours: {expected}\n    live: still blocked"));
            };
            if !is_equal(expected, &live) {
                return Err(format!("session {session} ours: {expected}\n    live: {live}"));
            }
        }
        match self.early.first_key_value() {
            Some((session, reply)) => Err(format!("session {session} ours: blocked\n    live: {reply}")),
            None => Ok(()),
        }
    }

    /// Returns the sessions that a step of another one releases, in the order in which they began to wait.
    fn released(&self, session: usize, step: &Value, after: &BTreeMap<usize, Vec<usize>>) -> Vec<usize> {
        let replies = |waiting: usize| step["replies"].get(waiting.to_string()).is_some();
        let waiting = self.waiting.iter().filter(|(waiting, _)| **waiting != session);
        let mut released: Vec<usize> = waiting
            .filter(|(waiting, by)| replies(**waiting) || after.get(waiting) != Some(by))
            .map(|(waiting, _)| *waiting)
            .collect();
        released.sort_by_key(|waiting| self.began.get(waiting).copied());
        released
    }

    /// Stops or continues the processes of sessions.
    fn signal(&self, signal: &str, sessions: &[usize]) -> Result<(), String> {
        let pids = sessions.iter().map(|session| self.sessions[session].pid.to_string());
        let status = std::process::Command::new("kill").arg(signal).args(pids).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            other => Err(format!("kill {signal}: {other:?}")),
        }
    }

    /// Waits until a session has replied, waits for a lock, or is closed.
    #[expect(clippy::disallowed_methods, reason = "a live server runs in real time")]
    fn settle(&mut self, session: usize) -> Result<(), String> {
        let deadline = Instant::now() + TIMEOUT;
        while let Some(connection) = self.sessions.get(&session) {
            if let Some(reply) = connection.reply_within(Duration::from_millis(1)) {
                self.early.insert(session, reply);
                break;
            }
            if self.blocked().map_err(|error| error.to_string())?.contains_key(&session)
                || Instant::now() > deadline
            {
                break;
            }
        }
        Ok(())
    }

    /// Ends a session, and waits until the server has ended it.
    fn close(&mut self, session: usize) -> Result<(), String> {
        let Some(connection) = self.sessions.remove(&session) else { return Ok(()) };
        let ended = self.monitor.query("select pg_terminate_backend($1, 5000)", &[&connection.pid]);
        ended.map(drop).map_err(|error| error.to_string())
    }

    /// Checks that the server comes to rest with the same sessions blocked by the same ones.
    #[expect(clippy::disallowed_methods, reason = "a live server runs in real time")]
    fn check_blocked(&mut self, expected: &BTreeMap<usize, Vec<usize>>) -> Result<(), String> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let live = self.blocked().map_err(|error| error.to_string())?;
            if live == *expected {
                return Ok(());
            }
            for session in expected.keys() {
                if let Some(reply) = self.sessions[session].reply_within(Duration::ZERO) {
                    return Err(format!("session {session} ours: blocked\n    live: {reply}"));
                }
            }
            if Instant::now() > deadline {
                return Err(format!("blocked by, ours: {expected:?}\n    live: {live:?}"));
            }
            std::thread::sleep(Duration::from_micros(300));
        }
    }

    fn blocked(&mut self) -> Result<BTreeMap<usize, Vec<usize>>, postgres::Error> {
        let numbers: BTreeMap<i32, usize> =
            self.sessions.iter().map(|(session, connection)| (connection.pid, *session)).collect();
        let pids: Vec<i32> = numbers.keys().copied().collect();
        let sql = "select pid, by from unnest($1::int[]) as pid, pg_blocking_pids(pid) as by \
                   where cardinality(by) > 0";
        let number = |pid: &i32| numbers.get(pid).copied().unwrap_or(usize::MAX);
        let rows = self.monitor.query(sql, &[&pids])?;
        let blocked = rows.iter().map(|row| {
            let mut by: Vec<usize> = row.get::<_, Vec<i32>>(1).iter().map(number).collect();
            by.sort_unstable();
            by.dedup();
            (number(&row.get(0)), by)
        });
        Ok(blocked.collect())
    }
}

/// Returns a transcript in which the first row that a session reads is another version; `None` if no session reads a row.
fn with_another_version(transcript: &Value) -> Option<Value> {
    let mut altered = transcript.clone();
    let steps = altered["steps"].as_array_mut()?.iter_mut();
    let replies = steps.filter_map(|step| step["replies"].as_object_mut());
    let mut rows = replies.flat_map(|replies| replies.values_mut());
    let version = rows.find_map(|reply| reply.pointer_mut("/rows/0/1"))?;
    *version = Value::from("another");
    Some(altered)
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "which transcripts to play, and where, is for the caller to say"
)]
fn transcripts_of_runs_play_equal_on_a_live_server() {
    let (Ok(url), Ok(path)) = (std::env::var("SHAKEDOWN_POSTGRES"), std::env::var("SHAKEDOWN_TRANSCRIPTS"))
    else {
        println!("SKIPPED: name a server in SHAKEDOWN_POSTGRES and transcripts in SHAKEDOWN_TRANSCRIPTS");
        return;
    };
    let file = std::fs::File::open(path).expect("SHAKEDOWN_TRANSCRIPTS names a readable file");
    let mut player = Player::connect(&url);
    let (mut played, mut again, mut steps, mut differences) = (0, 0, 0, Vec::new());
    for line in std::io::BufReader::new(file).lines() {
        let transcript: Value = serde_json::from_str(&line.expect("text")).expect("a transcript a line");
        if played == 0 {
            // A canary: the player must find this.
            let altered = with_another_version(&transcript).expect("a session reads a row");
            player.play(&altered).expect_err("another version is a difference");
        }
        let mut attempts = (0..ATTEMPTS).map(|_| player.play(&transcript));
        let first = attempts.next().expect("an attempt");
        played += 1;
        steps += list(&transcript["steps"]).len();
        if let Err(difference) = first {
            if attempts.any(|attempt| attempt.is_ok()) {
                again += 1;
            } else {
                differences.push(format!("{}: {difference}", transcript["transcript"]));
                println!("{}", differences[differences.len() - 1]);
            }
        }
    }
    println!(
        "{played} transcripts of {steps} steps, {again} of them played more than once, {} differ",
        differences.len()
    );
    assert!(differences.is_empty(), "{} transcripts differ\n{}", differences.len(), differences.join("\n\n"));
    assert!(played > 0, "the file holds no transcript");
}
