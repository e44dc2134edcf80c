//! Plays a history on the core and records what every session saw.

use std::collections::BTreeMap;

use shakedown_database::DatabaseError;

use super::draw::{Draw, History, LAST, Levels, SETUP};
use crate::sql::answer::{Answer, Seen};
use crate::sql::player::{GLANCE_NS, Player};
use crate::sql::value::Value;

/// A reply as on the wire: the row count of the command tag, and the rows as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Rows(u64, Vec<Vec<Option<String>>>),
    Error(String),
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Error(code) => write!(f, "ERR {code}"),
            Self::Rows(count, rows) => {
                write!(f, "{count}")?;
                rows.iter().try_for_each(|row| {
                    let values: Vec<&str> =
                        row.iter().map(|value| value.as_deref().unwrap_or("null")).collect();
                    write!(f, " ({})", values.join(","))
                })
            }
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Text(text) => Some(text.clone()),
        Value::Bool(value) => Some(if *value { "t" } else { "f" }.to_owned()),
        Value::Int(number) => Some(number.to_string()),
        Value::Xid(number) => Some(number.to_string()),
        Value::Range(low, high) => Some(format!("[{low},{high})")),
        // Random histories draw none of these.
        Value::Numeric(_) | Value::Timestamp(_) | Value::Interval(_) => Some(value.to_string()),
    }
}

pub(crate) fn reply(outcome: Result<Answer, DatabaseError>) -> Reply {
    match outcome {
        Err(error) => Reply::Error(error.code().to_owned()),
        Ok(Answer { tag, rows }) => {
            let count = tag.rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0);
            let rows = rows.unwrap_or_default();
            Reply::Rows(count, rows.iter().map(|row| row.iter().map(text).collect()).collect())
        }
    }
}

/// The observable effects of one step.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    pub session: usize,
    pub sql: String,
    /// The replies that arrived: of this statement, or of ones that were blocked before.
    pub replies: BTreeMap<usize, Reply>,
    /// The blocked sessions after it, and their blockers.
    pub blocked: BTreeMap<usize, Vec<usize>>,
    /// Whether a deadlock was resolved in this step.
    pub deadlock: bool,
}

/// A whole history as the core played it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    pub sessions: usize,
    pub steps: Vec<Observed>,
    pub last: Vec<Reply>,
}

/// Returns the name of a session.
pub(crate) fn name(session: usize) -> String {
    format!("T{}", session + 1)
}

fn number(name: &str) -> usize {
    name.trim_start_matches('T').parse::<usize>().map_or(usize::MAX, |number| number - 1)
}

/// Returns a player with the tables of the histories.
pub(crate) fn fresh_world(marks_pages: bool) -> Player {
    let mut player = Player::default();
    player.db.mark_pages(marks_pages);
    for sql in SETUP {
        let seen = player.step("setup", sql, GLANCE_NS).expect("the setup is understood");
        assert!(matches!(seen, Seen::Done(_)), "{sql}: {seen}");
    }
    player
}

/// Plays a history to its end: blocked sessions are skipped, and at the end all commit. Reads at serializable mark pages
/// or not.
pub(crate) fn play(history: &History, marks_pages: bool) -> Trace {
    play_with_aborts(history, 0, &[], marks_pages)
}

/// Like [`play`], with another order of woken sessions, and with serialization failures that the core would not have: at a
/// step of the trace, in a session.
pub(crate) fn play_with_aborts(
    history: &History,
    wake_order: usize,
    aborts: &[(usize, usize)],
    marks_pages: bool,
) -> Trace {
    let mut player = fresh_world(marks_pages);
    player.wake_order = wake_order;
    let sessions = history.steps.iter().map(|step| step.session + 1).max().unwrap_or(0);
    let mut trace = Trace { sessions, ..Trace::default() };
    if history.levels == Levels::Serializable {
        for session in 0..sessions {
            let sql = "set default_transaction_isolation = 'serializable'";
            player.step(&name(session), sql, 0).expect("the setting is understood");
        }
    }
    for Draw { session, sql } in &history.steps {
        if !player.is_running(&name(*session)) {
            let aborted = aborted_at(aborts, trace.steps.len());
            trace.steps.push(observe(&mut player, *session, sql, &aborted));
        }
    }
    let mut open: Vec<usize> = (0..sessions).collect();
    while !open.is_empty() {
        let before = open.len();
        open.retain(|session| {
            if player.is_running(&name(*session)) {
                return true;
            }
            let aborted = aborted_at(aborts, trace.steps.len());
            trace.steps.push(observe(&mut player, *session, "commit", &aborted));
            player.is_running(&name(*session))
        });
        assert!(
            open.len() < before || !open.is_empty() && trace.steps.len() < 500,
            "nobody can go on: {trace:?}"
        );
    }
    for sql in LAST {
        match player.step("last", sql, 0).expect("the last reads are understood") {
            Seen::Done(answer) => trace.last.push(reply(Ok(answer))),
            other => panic!("{sql}: {other}"),
        }
    }
    trace
}

/// Returns the sessions that are aborted at a step.
fn aborted_at(aborts: &[(usize, usize)], step: usize) -> Vec<usize> {
    aborts.iter().filter(|(at, _)| *at == step).map(|(_, session)| *session).collect()
}

/// The pause after a deadlock: half of the default `deadlock_timeout`. The timers of sessions that waited beside the
/// victim fire in it. Without it, the next wait would race with them.
const PAUSE_NS: u64 = 500_000_000;

/// A statement that fails, to make a transaction fail.
const FAILS: &str = "select 1 / 0";

fn observe(player: &mut Player, session: usize, sql: &str, aborted: &[usize]) -> Observed {
    let serialization_failure = || Reply::Error("40001".to_owned());
    let played = match sql {
        _ if !aborted.contains(&session) => sql,
        "commit" => "rollback",
        _ => FAILS,
    };
    // A blocked statement is aborted before the step that ends its wait: outside of a block it would commit in that step.
    let others = aborted.iter().copied().filter(|other| *other != session);
    let (waiting, others): (Vec<usize>, Vec<usize>) =
        others.partition(|other| player.is_running(&name(*other)));
    waiting.into_iter().for_each(|other| player.abort(&name(other), FAILS));
    let seen = player.step(&name(session), played, 0).expect("drawn SQL is understood");
    let mut replies = BTreeMap::new();
    match seen {
        Seen::Done(answer) => drop(replies.insert(session, reply(Ok(answer)))),
        Seen::Error(code) => drop(replies.insert(session, Reply::Error(code))),
        Seen::Blocked { .. } => {}
    }
    let deadlock = player.resolve_deadlocks();
    let mut ended = player.take_ended();
    for other in others {
        player.abort(&name(other), FAILS);
        ended.extend(player.take_ended());
    }
    if deadlock {
        player.pause(PAUSE_NS);
    }
    replies.extend(ended.into_iter().map(|(name, outcome)| (number(&name), reply(outcome))));
    replies.extend(aborted.iter().map(|session| (*session, serialization_failure())));
    let blocked = player.blocked().into_iter();
    let blocked = blocked
        .map(|(name, by)| (number(&name), by.iter().map(|name| number(name)).collect()))
        .collect::<BTreeMap<usize, Vec<usize>>>();
    Observed { session, sql: sql.to_owned(), replies, blocked, deadlock }
}
