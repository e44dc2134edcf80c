//! Transcripts: what the sessions of a database did, as SQL, with every reply and every wait.
//!
//! A transcript is played on a PostgreSQL server to check this core against it. Each row version has a number, and a table is
//! `(k text primary key, u text, v bigint)`: the primary key and the partial unique key as text, and the number. A condition is a
//! function of the row version, so it is written as the versions that satisfied it: `v in (3, 7)`. The value of an update is the number
//! of the version that it wrote. So a transcript is exact without knowing what rows contain.
//!
//! Timeouts, deadlock timers and abandoned statements are written as `pg_cancel_backend`, and ends of sessions as
//! `pg_terminate_backend`, because they depend on time. Sessions on standbys are left out. A transcript ends early at a crash of the
//! server and at a statement that has no such form ([`Transcript::ends_early`]).

use std::collections::BTreeMap;

use crate::Database;
use crate::error::DatabaseError;
use crate::schema::{RowRef, TableId};
use crate::scope::Scope;
use crate::statement::{Op, Output};
use crate::transcript_form::{Form, Text, Written, create_table, form_of, read_all};

/// What the sessions of a database did.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    /// The statements that create tables and sequences.
    pub setup: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<TranscriptStep>,
    /// The contents of each table at the end: the query and its rows. Empty if the transcript ends early.
    pub last: Vec<(String, TranscriptReply)>,
    /// Why the transcript ends before the run does, if so.
    pub ends_early: Option<&'static str>,
}

/// An action of one session and its effects.
#[derive(Clone, Debug)]
pub struct TranscriptStep {
    /// The session, numbered from 0 in the order of first use; numbers are not reused.
    pub session: usize,
    /// The action.
    pub action: TranscriptAction,
    /// The replies that arrived before the next step: to this session, and to those that waited.
    pub replies: BTreeMap<usize, TranscriptReply>,
    /// The sessions that wait after the step, and those that they wait for; `None` if some are about to continue.
    pub blocked: Option<BTreeMap<usize, Vec<usize>>>,
}

/// What a session does, or what is done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TranscriptAction {
    /// It runs a statement.
    Run(String),
    /// Its waiting statement is cancelled; the reply is the error 57014.
    Cancel,
    /// It ends.
    Close,
}

/// The reply to a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TranscriptReply {
    /// It has succeeded; what it returns is not compared.
    Done,
    /// Its rows, sorted.
    Rows(Vec<Vec<String>>),
    /// Its SQLSTATE.
    Error(String),
}

/// A step whose statement is not yet text.
struct Recorded {
    session: usize,
    act: Act,
    replies: BTreeMap<usize, TranscriptReply>,
    blocked: Option<BTreeMap<usize, Vec<usize>>>,
}

enum Act {
    Run(Form),
    Cancel,
    Close,
}

/// A transcript in progress.
#[derive(Default)]
pub(crate) struct Recorder {
    setup: Vec<String>,
    steps: Vec<Recorded>,
    ended: Option<&'static str>,
    /// Each row, by its address, with its number. It is kept alive, so that no address comes to mean another row.
    rows: BTreeMap<usize, (RowRef, i64)>,
    /// The number of each session, by slot and generation.
    sessions: BTreeMap<(usize, u32), usize>,
    /// The step in which each session runs its statement, by the session's number.
    running: Vec<Option<usize>>,
}

/// Returns the address of a row.
fn address(row: &RowRef) -> usize {
    std::rc::Rc::as_ptr(row).cast::<()>().addr()
}

impl Recorder {
    /// Returns the number of a row version.
    pub(crate) fn version(&mut self, row: &RowRef) -> i64 {
        let next = i64::try_from(self.rows.len()).unwrap_or(i64::MAX) + 1;
        self.rows.entry(address(row)).or_insert_with(|| (row.clone(), next)).1
    }

    /// Ends the transcript before the step that is in progress.
    fn end(&mut self, why: &'static str) {
        if self.ended.is_none() {
            self.ended = Some(why);
            self.running.clear();
        }
    }

    /// Returns the statement that a session runs.
    fn form(&mut self, session: usize) -> Option<&mut Form> {
        let step = self.running.get(session).copied().flatten()?;
        match &mut self.steps[step].act {
            Act::Run(form) => Some(form),
            Act::Cancel | Act::Close => None,
        }
    }

    fn push(&mut self, session: usize, act: Act) {
        self.steps.push(Recorded { session, act, replies: BTreeMap::new(), blocked: None });
    }

    /// Returns the text of a version: its key and its number.
    fn cells(&mut self, database: &Database, table: TableId, row: &RowRef) -> Vec<String> {
        let written = Written::of(database, table, row, self.version(row));
        vec![written.key, written.version.to_string()]
    }
}

impl Database {
    /// Keeps a transcript from now on. Call it on an empty database.
    pub fn keep_transcript(&mut self) {
        self.recorder = Some(Box::default());
    }

    /// Returns the transcript, if one is kept, and keeps none from now on.
    pub fn take_transcript(&mut self) -> Option<Transcript> {
        let mut recorder = self.recorder.take()?;
        self.conclude_step(&mut recorder);
        let mut last = Vec::new();
        if recorder.ended.is_none() {
            let session = self.connect();
            for table in 0..self.tables.len() {
                let mut rows = Vec::new();
                let read = |scope: &mut Scope<'_>| {
                    scope.db.read_in_key_order(scope.me, table, scope.snapshot, |row| rows.push(row.clone()))
                };
                if self.query(session, self.now, read).is_ok() {
                    let mut rows: Vec<_> = rows.iter().map(|row| recorder.cells(self, table, row)).collect();
                    rows.sort();
                    last.push((read_all(&self.tables[table].schema.name), TranscriptReply::Rows(rows)));
                }
            }
            self.disconnect(session);
        }
        let steps = recorder.steps.into_iter().map(|step| TranscriptStep {
            session: step.session,
            action: match step.act {
                Act::Run(form) => TranscriptAction::Run(form.sql()),
                Act::Cancel => TranscriptAction::Cancel,
                Act::Close => TranscriptAction::Close,
            },
            replies: step.replies,
            blocked: step.blocked,
        });
        Some(Transcript { setup: recorder.setup, steps: steps.collect(), last, ends_early: recorder.ended })
    }

    pub(crate) fn table_name(&self, table: TableId) -> &str {
        &self.tables[table].schema.name
    }

    /// Records a change of the transcript in progress.
    fn transcribe(&mut self, record: impl FnOnce(&mut Self, &mut Recorder)) {
        let Some(mut recorder) = self.recorder.take() else { return };
        if recorder.ended.is_none() {
            record(self, &mut recorder);
        }
        self.recorder = Some(recorder);
    }

    /// Returns the number of a session that is part of the transcript.
    fn transcript_number(&self, recorder: &mut Recorder, me: usize) -> Option<usize> {
        let state = &self.sessions[me];
        if state.replica.is_some() {
            return None;
        }
        let next = recorder.sessions.len();
        let number = *recorder.sessions.entry((me, state.generation)).or_insert(next);
        if recorder.running.len() <= number {
            recorder.running.resize(number + 1, None);
        }
        Some(number)
    }

    /// Notes who waits at the end of the last step.
    fn conclude_step(&mut self, recorder: &mut Recorder) {
        if recorder.ended.is_some() || !self.ready.is_empty() {
            return;
        }
        let mut blocked = BTreeMap::new();
        for slot in (0..self.sessions.len()).filter(|slot| self.sessions[*slot].waiting.is_some()) {
            let blockers = self.blocking_slots(slot).into_iter();
            let mut by: Vec<usize> =
                blockers.filter_map(|other| self.transcript_number(recorder, other)).collect();
            by.sort_unstable();
            by.dedup();
            if let Some(number) = self.transcript_number(recorder, slot) {
                blocked.insert(number, by);
            }
        }
        if let Some(step) = recorder.steps.last_mut() {
            step.blocked = Some(blocked);
        }
    }

    pub(crate) fn transcribe_table(&mut self, table: TableId) {
        self.transcribe(|database, recorder| match create_table(&database.tables[table].schema) {
            Ok(statements) => recorder.setup.extend(statements),
            Err(why) => recorder.end(why),
        });
    }

    pub(crate) fn transcribe_sequence(&mut self, number: usize, start: i64) {
        self.transcribe(|_, recorder| {
            recorder.setup.push(format!("create sequence s{number} minvalue {start} start {start}"));
        });
    }

    /// Records that a session starts a statement.
    pub(crate) fn transcribe_start(&mut self, me: usize, op: &Op) {
        self.transcribe(|database, recorder| {
            let Some(number) = database.transcript_number(recorder, me) else { return };
            database.conclude_step(recorder);
            match form_of(database, recorder, me, op) {
                Ok(form) => {
                    recorder.push(number, Act::Run(form));
                    recorder.running[number] = Some(recorder.steps.len() - 1);
                }
                Err(why) => recorder.end(why),
            }
        });
    }

    /// Records the reply to a session's statement.
    pub(crate) fn transcribe_reply(&mut self, me: usize, result: Result<Option<&Output>, &DatabaseError>) {
        self.transcribe(|database, recorder| {
            let Some(number) = database.transcript_number(recorder, me) else { return };
            let Some(form) = recorder.form(number) else { return };
            let table = form.table;
            let reply = match (result, std::mem::take(&mut form.reads)) {
                (Err(error), _) => TranscriptReply::Error(error.code().to_owned()),
                (Ok(_), Some(rows)) => TranscriptReply::Rows(rows),
                (Ok(Some(Output::Rows(rows))), None) => {
                    let mut rows: Vec<_> =
                        rows.iter().map(|row| recorder.cells(database, table, row)).collect();
                    rows.sort();
                    TranscriptReply::Rows(rows)
                }
                (Ok(Some(Output::Row(row))), None) => TranscriptReply::Rows(
                    row.iter().map(|row| recorder.cells(database, table, row)).collect(),
                ),
                (Ok(Some(Output::Flag(flag))), None) => {
                    TranscriptReply::Rows(vec![vec![if *flag { "t" } else { "f" }.to_owned()]])
                }
                (Ok(_), None) => TranscriptReply::Done,
            };
            recorder.running[number] = None;
            if let Some(step) = recorder.steps.last_mut() {
                step.replies.insert(number, reply);
            }
        });
    }

    /// Records a read of a query: its SQL, and the rows that it returned.
    pub(crate) fn transcribe_read(
        &mut self,
        me: usize,
        table: TableId,
        sql: impl FnOnce(&Self) -> String,
        rows: &[RowRef],
    ) {
        self.transcribe(|database, recorder| {
            let mut cells: Vec<_> = rows.iter().map(|row| recorder.cells(database, table, row)).collect();
            cells.sort();
            database.transcribe_query(recorder, me, sql(database), Some(cells));
        });
    }

    /// Records the value that a query drew or asked for; `None` if the server's value is another one.
    pub(crate) fn transcribe_value(&mut self, me: usize, sql: impl FnOnce() -> String, value: Option<i64>) {
        self.transcribe(|database, recorder| {
            let cells = value.map(|value| vec![vec![value.to_string()]]);
            database.transcribe_query(recorder, me, sql(), cells);
        });
    }

    fn transcribe_query(
        &mut self,
        recorder: &mut Recorder,
        me: usize,
        sql: String,
        rows: Option<Vec<Vec<String>>>,
    ) {
        let Some(number) = self.transcript_number(recorder, me) else { return };
        let Some(form) = recorder.form(number) else { return };
        if form.text == Text::Query(None) {
            form.text = Text::Query(Some(sql));
            form.reads = rows;
        } else {
            recorder.steps.pop();
            recorder.end("a statement that reads several times");
        }
    }

    /// Records that a row version satisfies the condition of a session's statement.
    pub(crate) fn transcribe_match(&mut self, me: usize, row: &RowRef) {
        self.transcribe(|database, recorder| {
            let version = recorder.version(row);
            if let Some(number) = database.transcript_number(recorder, me)
                && let Some(form) = recorder.form(number)
            {
                form.matched.insert(version);
            }
        });
    }

    /// Records the row that a session's statement has computed and is about to write.
    pub(crate) fn transcribe_new_row(&mut self, me: usize, table: TableId, row: &RowRef) {
        self.transcribe(|database, recorder| {
            let version = recorder.version(row);
            let written = Written::of(database, table, row, version);
            if let Some(number) = database.transcript_number(recorder, me)
                && let Some(form) = recorder.form(number)
            {
                form.computed = Some(written);
            }
        });
    }

    /// Records that a waiting statement is ended by a timer or by its client.
    pub(crate) fn transcribe_cancel(&mut self, me: usize) {
        self.transcribe(|database, recorder| {
            let Some(number) = database.transcript_number(recorder, me) else { return };
            database.conclude_step(recorder);
            recorder.push(number, Act::Cancel);
            recorder.running[number] = None;
            if let Some(step) = recorder.steps.last_mut() {
                step.replies.insert(number, TranscriptReply::Error("57014".to_owned()));
            }
        });
    }

    /// Ends the transcript at a change of lock queues, which on a server depends on time.
    pub(crate) fn transcribe_rearrangement(&mut self) {
        self.transcribe(|database, recorder| {
            database.conclude_step(recorder);
            recorder.end("the check for deadlocks changes the order of a queue");
        });
    }

    /// Records that a session ends.
    pub(crate) fn transcribe_close(&mut self, me: usize) {
        self.transcribe(|database, recorder| {
            let generation = database.sessions[me].generation;
            let Some(number) = recorder.sessions.get(&(me, generation)).copied() else { return };
            database.conclude_step(recorder);
            recorder.push(number, Act::Close);
            recorder.running[number] = None;
        });
    }

    /// Ends the transcript.
    pub(crate) fn transcribe_end(&mut self, why: &'static str) {
        self.transcribe(|database, recorder| {
            database.conclude_step(recorder);
            recorder.end(why);
        });
    }
}
