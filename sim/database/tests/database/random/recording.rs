//! Records a history on a live server, in the format of the recorded cases: the result of every statement, the
//! blocked sessions with their blockers and locks, and the sessions that are still blocked after each step.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::draw::{History, LAST, SETUP};
use super::live::Live;
use super::trace::{Reply, name};

/// The time in which a session must reply or be blocked; after it the history counts as stuck.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);

/// The time for which the server must show the same state before it counts as settled.
const SETTLED_AFTER: Duration = Duration::from_millis(15);

/// Records a history; the result is one line of a file of cases.
///
/// # Errors
/// If the server cannot be reached or does not come to rest.
pub(crate) fn record(live: &mut Live, title: &str, history: &History) -> Result<String, String> {
    let sessions = history.steps.iter().map(|step| step.session + 1).max().unwrap_or(0);
    live.reset(sessions)?;
    let mut recorder = Recorder { live, running: BTreeMap::new(), steps: Vec::new() };
    let recorded = recorder.run(history, sessions);
    let mut steps = recorder.steps;
    if let Err(error) = recorded {
        live.end_sessions()?;
        return Err(error);
    }
    for sql in LAST {
        let answer = notation(sql, &live.read(sql));
        steps.push(json!({"session": "last", "sql": sql, "answer": answer, "busy": []}));
    }
    Ok(json!({"case": title, "setup": SETUP, "steps": steps}).to_string())
}

struct Recorder<'a> {
    live: &'a mut Live,
    /// The statement that each session is running.
    running: BTreeMap<usize, String>,
    steps: Vec<Json>,
}

impl Recorder<'_> {
    /// Plays every step whose session is free, and commits everywhere at the end.
    fn run(&mut self, history: &History, sessions: usize) -> Result<(), String> {
        for step in &history.steps {
            if !self.running.contains_key(&step.session) {
                self.step(step.session, &step.sql)?;
            }
        }
        let mut open: Vec<usize> = (0..sessions).collect();
        while !open.is_empty() {
            let before = open.len();
            for session in std::mem::take(&mut open) {
                if !self.running.contains_key(&session) {
                    self.step(session, "commit")?;
                }
                if self.running.contains_key(&session) {
                    open.push(session);
                }
            }
            if open.len() == before {
                return Err("no session can go on".to_owned());
            }
        }
        Ok(())
    }

    fn step(&mut self, session: usize, sql: &str) -> Result<(), String> {
        let rolls_back = sql == "commit" && self.live.has_failed(session)?;
        self.live.send(session, sql)?;
        self.running.insert(session, sql.to_owned());
        let mut replies = self.settle()?;
        let own = match replies.remove(&session) {
            // The driver does not pass the command tag on.
            Some(_) if rolls_back => "ROLLBACK".to_owned(),
            Some((sql, reply)) => notation(&sql, &reply),
            None => {
                let blocked = self.live.blocked()?;
                let by = blocked.get(&session).into_iter().flatten();
                let by: Vec<String> = by.map(|by| format!("'{}'", name(*by))).collect();
                format!("BLOCKED by [{}] on ('Lock', '{}')", by.join(", "), self.live.waits_on(session)?)
            }
        };
        self.steps.push(json!({"session": name(session), "sql": sql, "answer": own}));
        for (other, (sql, reply)) in replies {
            let answer = notation(&sql, &reply);
            let sql = format!("(unblocked) {sql}");
            self.steps.push(json!({"session": name(other), "sql": sql, "answer": answer}));
        }
        let busy: Vec<String> = self.running.keys().map(|session| name(*session)).collect();
        if let Some(last) = self.steps.last_mut() {
            last["busy"] = json!(busy);
        }
        Ok(())
    }

    /// Waits until every session has replied or is blocked, with none in a cycle. Returns the replies.
    #[expect(clippy::disallowed_methods, reason = "a live server runs in real time")]
    fn settle(&mut self) -> Result<BTreeMap<usize, (String, Reply)>, String> {
        let mut replies = BTreeMap::new();
        let deadline = Instant::now() + SETTLED_WITHIN;
        let mut picture = (BTreeMap::new(), Instant::now());
        loop {
            let running: Vec<usize> = self.running.keys().copied().collect();
            for session in running {
                if let Some(reply) = self.live.reply(session)
                    && let Some(sql) = self.running.remove(&session)
                {
                    replies.insert(session, (sql, reply));
                }
            }
            let blocked = self.live.blocked()?;
            let is_at_rest = blocked.keys().eq(self.running.keys()) && !has_cycle(&blocked);
            if !is_at_rest || blocked != picture.0 {
                picture = (blocked, Instant::now());
            }
            if is_at_rest && (self.running.is_empty() || picture.1.elapsed() > SETTLED_AFTER) {
                return Ok(replies);
            }
            if Instant::now() > deadline {
                return Err(format!("the server does not come to rest: {:?}", picture.0));
            }
            std::thread::sleep(Duration::from_micros(300));
        }
    }
}

/// Returns whether a session waits, through others, for itself.
fn has_cycle(blocked: &BTreeMap<usize, Vec<usize>>) -> bool {
    blocked.keys().any(|start| {
        let (mut seen, mut next) = (Vec::new(), blocked[start].clone());
        while let Some(session) = next.pop() {
            if session == *start {
                return true;
            }
            if !seen.contains(&session) {
                seen.push(session);
                next.extend(blocked.get(&session).into_iter().flatten());
            }
        }
        false
    })
}

/// Returns a reply in the notation of the recorded cases.
fn notation(sql: &str, reply: &Reply) -> String {
    let (count, rows) = match reply {
        Reply::Error(code) => return format!("ERR {code}"),
        Reply::Rows(count, rows) => (count, rows),
    };
    let lower = sql.to_lowercase();
    let word = lower.split_whitespace().next().unwrap_or_default();
    let returns_rows = word == "select" || lower.contains(" returning ");
    let tag = match word {
        "select" => format!("SELECT {count}"),
        "insert" => format!("INSERT 0 {count}"),
        "update" | "delete" => format!("{} {count}", word.to_uppercase()),
        "lock" => "LOCK TABLE".to_owned(),
        other => other.to_uppercase(),
    };
    if !returns_rows {
        return tag;
    }
    let value = |value: &Option<String>| match value.as_deref() {
        None => "None".to_owned(),
        Some("t") => "True".to_owned(),
        Some("f") => "False".to_owned(),
        Some(text) if text.parse::<i64>().is_ok() => text.to_owned(),
        Some(text) => format!("'{text}'"),
    };
    let row = |row: &Vec<Option<String>>| {
        let values: Vec<String> = row.iter().map(value).collect();
        if values.len() == 1 { format!("({},)", values[0]) } else { format!("({})", values.join(", ")) }
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    format!("{tag} [{}]", rows.join(", "))
}
