//! Recorded cases: the two file formats, and their playback.
//!
//! JSON lines: `{"case", "level"?, "setup"?, "steps": [{"session", "sql", "answer", "busy"?}], "final"?}`, where
//! `setup` is a list of statements or one text of them. Plain text: `##### title`, then one line per step, `session |
//! sql | answer`, with an optional `SETUP | sql`, and `FINAL rows`. The result of a blocked statement is in a later
//! step whose text begins with `(unblocked)` or `..unblocked:`. `final` is the whole table `test` (or the only
//! table), ordered by its first column. A case without a setup has the table `test(id, value)` of the recordings.

use serde_json::Value as Json;

use super::answer::{Ids, Seen, parse, parse_rows};
use super::player::{GLANCE_NS, Player, TIMEOUT_NS};

pub(crate) struct RecordedStep {
    pub session: String,
    pub sql: String,
    pub answer: String,
    /// Whether this is the end of a blocked statement.
    pub unblocked: bool,
    /// The sessions that are blocked after the step, where the recording names them.
    pub busy: Option<Vec<String>>,
}

pub(crate) struct Case {
    pub title: String,
    pub setup: Vec<String>,
    pub steps: Vec<RecordedStep>,
    pub last: Option<String>,
}

const TABLES: [&str; 2] = [
    "create table test(id int primary key, value int)",
    "create table child(id int primary key, pid int references test(id))",
];

fn usual_setup(rows: &str) -> Vec<String> {
    let mut setup: Vec<String> = TABLES.iter().map(|table| (*table).to_owned()).collect();
    setup.push(format!("insert into test values {rows}"));
    setup
}

/// Reads a file of cases in either form.
pub(crate) fn read_cases(text: &str) -> Result<Vec<Case>, String> {
    if text.trim_start().starts_with('{') { read_json(text) } else { read_text(text) }
}

fn read_json(text: &str) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let json: Json =
            serde_json::from_str(line).map_err(|error| format!("line {}: {error}", number + 1))?;
        let word = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
        let setup = match &json["setup"] {
            Json::Null => usual_setup("(1, 10), (2, 20)"),
            Json::String(all) => vec![all.clone()],
            Json::Array(list) => list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
            other => return Err(format!("line {}: setup is {other}", number + 1)),
        };
        let mut steps = Vec::new();
        for step in json["steps"].as_array().into_iter().flatten() {
            let part = |key: &str| step[key].as_str().unwrap_or_default();
            let mut recorded = recorded(part("session"), part("sql"), part("answer"));
            recorded.busy = step["busy"]
                .as_array()
                .map(|names| names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect());
            steps.push(recorded);
        }
        let title = format!("{} {}", word("case"), word("level")).trim().to_owned();
        cases.push(Case { title, setup, steps, last: json["final"].as_str().map(str::to_owned) });
    }
    Ok(cases)
}

fn read_text(text: &str) -> Result<Vec<Case>, String> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(title) = line.strip_prefix("#####") {
            let title = title.trim().to_owned();
            cases.push(Case { title, setup: Vec::new(), steps: Vec::new(), last: None });
            continue;
        }
        let Some(case) = cases.last_mut() else {
            return Err(format!("before the first case: {line}"));
        };
        if let Some(rows) = line.strip_prefix("FINAL") {
            case.last = Some(rows.trim().to_owned());
            continue;
        }
        let parts: Vec<&str> = line.splitn(2, '|').map(str::trim).collect();
        match parts[..] {
            [session, sql] if session.eq_ignore_ascii_case("setup") => case.setup.push(sql.to_owned()),
            [session, rest] => match rest.rsplit_once(" | ") {
                Some((sql, answer)) => case.steps.push(recorded(session, sql, answer)),
                None => return Err(format!("case {:?}: not a step: {line}", case.title)),
            },
            _ => return Err(format!("case {:?}: not a step: {line}", case.title)),
        }
    }
    for case in &mut cases {
        if case.setup.is_empty() {
            case.setup = usual_setup("(1, 10), (2, 20), (3, 30)");
        }
    }
    Ok(cases)
}

fn recorded(session: &str, sql: &str, answer: &str) -> RecordedStep {
    let sql = sql.trim();
    let unblocked = ["(unblocked)", "..unblocked:"].iter().find_map(|mark| sql.strip_prefix(mark));
    RecordedStep {
        session: session.to_owned(),
        sql: unblocked.unwrap_or(sql).trim().to_owned(),
        answer: answer.trim().to_owned(),
        unblocked: unblocked.is_some(),
        busy: None,
    }
}

impl Case {
    /// Plays the case; the error describes the first difference.
    pub(crate) fn play(&self, mut player: Player) -> Result<(), String> {
        for sql in &self.setup {
            match player.step("setup", sql, GLANCE_NS)? {
                Seen::Done(_) => {}
                other => return Err(format!("setup {sql}: {other}")),
            }
        }
        let mut ids = Ids::default();
        for step in &self.steps {
            let expected =
                parse(&step.answer).ok_or_else(|| format!("unreadable answer: {}", step.answer))?;
            // A recorded result took as long as it took; a recorded block lasted for a short observation.
            let timeout = match expected {
                Seen::Blocked { .. } => GLANCE_NS,
                _ => TIMEOUT_NS,
            };
            let seen = if step.unblocked {
                player.look(&step.session, TIMEOUT_NS, &step.sql)?
            } else {
                player.step(&step.session, &step.sql, timeout)?
            };
            if !ids.same_seen(&expected, &seen) {
                let RecordedStep { session, sql, answer, .. } = step;
                return Err(format!("{session} | {sql}\n    recorded: {answer}\n    ours:     {seen}"));
            }
            let busy: Vec<String> = player.blocked().into_keys().collect();
            if step.busy.as_ref().is_some_and(|recorded| *recorded != busy) {
                let RecordedStep { session, sql, busy: recorded, .. } = step;
                return Err(format!(
                    "{session} | {sql}\n    still blocked, recorded: {recorded:?}\n    ours: {busy:?}"
                ));
            }
        }
        self.check_last(&mut player, &mut ids)
    }

    fn check_last(&self, player: &mut Player, ids: &mut Ids) -> Result<(), String> {
        let Some(last) = &self.last else { return Ok(()) };
        let recorded = parse_rows(last).ok_or_else(|| format!("unreadable rows: {last}"))?;
        let tables = &player.catalog.tables;
        let table =
            if tables.contains_key("test") { "test" } else { tables.keys().next().map_or("test", |t| t) };
        let sql = format!("select * from {table} order by 1");
        match player.step("final", &sql, GLANCE_NS)? {
            Seen::Done(answer) if ids.same_rows(&recorded, answer.rows.as_deref().unwrap_or_default()) => {
                Ok(())
            }
            other => Err(format!("final rows\n    recorded: {last}\n    ours:     {other}")),
        }
    }
}
