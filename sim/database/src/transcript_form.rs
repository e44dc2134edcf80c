//! The SQL of a transcript: the form of each table, and the text of each statement.

use std::collections::BTreeSet;

use crate::Database;
use crate::insert::Conflict;
use crate::key::Key;
use crate::lock_mode::{LockMode, LockWait};
use crate::scan::{IndexRef, Path, Scan};
use crate::schema::{Deferral, RowRef, Schema, TableId};
use crate::statement::{AdvisoryScope, Op};
use crate::transcript::Recorder;
use crate::xact::Isolation;

/// A statement as it is recorded: what is known when it starts, and what its run adds.
pub(crate) struct Form {
    pub text: Text,
    pub table: TableId,
    /// The versions that satisfied the condition.
    pub matched: BTreeSet<i64>,
    /// The row that the statement computed last.
    pub computed: Option<Written>,
    /// The rows that a query returned.
    pub reads: Option<Vec<Vec<String>>>,
}

/// The text of a statement without what its run adds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Fixed(String),
    /// A read through a scope, once it has been made.
    Query(Option<String>),
    /// `verb` stands before the condition and `tail` after it; `is_filtered` adds the versions.
    Rows {
        verb: Verb,
        table: String,
        condition: String,
        is_filtered: bool,
        tail: String,
    },
    Insert {
        table: String,
        row: Written,
        conflict: OnConflict,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Select,
    Update,
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnConflict {
    Fail,
    Skip,
    Update,
}

/// A row as the tables of a transcript hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub key: String,
    pub unique: Option<String>,
    pub version: i64,
}

/// The version of a row that the statement did not write here: if the server writes it, the two differ.
const UNWRITTEN: i64 = -1;

impl Written {
    pub(crate) fn of(database: &Database, table: TableId, row: &RowRef, version: i64) -> Self {
        let schema = &database.tables[table].schema;
        let (mut key, mut unique) = (String::new(), None);
        for (number, index) in schema.indexes.iter().enumerate() {
            let value = schema.key(number, row);
            if index.primary {
                key = value.to_string();
            } else if !value.has_null() {
                unique = Some(value.to_string());
            }
        }
        Self { key, unique, version }
    }

    fn unique_sql(&self) -> String {
        self.unique.as_deref().map_or_else(|| "null".to_owned(), literal)
    }
}

/// Quotes a text.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Quotes a name.
fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Returns the statements that create a table.
///
/// # Errors
/// What the table has that the form has not.
pub(crate) fn create_table(schema: &Schema) -> Result<Vec<String>, &'static str> {
    if !schema.foreign_keys.is_empty() || !schema.exclusions.is_empty() || !schema.checks.is_empty() {
        return Err("a table with foreign keys, exclusions or checks");
    }
    let mut others = schema.indexes.iter().filter(|index| !index.primary);
    let other = others.next();
    let is_partial = other.is_none_or(|index| index.partial && index.unique == Some(Deferral::Immediate));
    if others.next().is_some() || !is_partial || !schema.indexes.iter().any(|index| index.primary) {
        return Err("a table whose keys are not one primary and one partial unique key");
    }
    let table = name(&schema.name);
    let mut statements = vec![format!("create table {table}(k text primary key, u text, v bigint)")];
    if other.is_some() {
        statements.push(format!("create unique index on {table}(u) where u is not null"));
    }
    Ok(statements)
}

/// Returns the query of all rows of a table.
pub(crate) fn read_all(table: &str) -> String {
    format!("select k, v from {}", name(table))
}

/// Returns the query of the row of a key.
pub(crate) fn read_key(table: &str, is_primary: bool, key: &Key) -> String {
    let column = if is_primary { "k" } else { "u" };
    format!("{} where {column} = {}", read_all(table), literal(&key.to_string()))
}

fn level(level: Isolation) -> &'static str {
    match level {
        Isolation::ReadCommitted => "read committed",
        Isolation::RepeatableRead => "repeatable read",
        Isolation::Serializable => "serializable",
    }
}

fn lock(lock: Option<(LockMode, LockWait)>) -> String {
    let Some((mode, wait)) = lock else { return String::new() };
    let mode = match mode {
        LockMode::KeyShare => "key share",
        LockMode::Share => "share",
        LockMode::NoKeyUpdate => "no key update",
        LockMode::Update => "update",
    };
    let wait = match wait {
        LockWait::Block => "",
        LockWait::NoWait => " nowait",
        LockWait::SkipLocked => " skip locked",
    };
    format!(" for {mode}{wait}")
}

fn advisory(key: i64, mode: LockMode, scope: AdvisoryScope, asks_only: bool) -> String {
    let asks = if asks_only { "try_" } else { "" };
    let scope = if scope == AdvisoryScope::Transaction { "xact_" } else { "" };
    let shared = if mode == LockMode::Share { "_shared" } else { "" };
    format!("select pg_{asks}advisory_{scope}lock{shared}({key})")
}

/// Returns the condition of a scan's path.
fn condition(scan: &Scan) -> Result<String, &'static str> {
    match &scan.path {
        Path::Heap => Ok("true".to_owned()),
        Path::Key(key) => Ok(format!("k = {}", literal(&key.to_string()))),
        Path::Keys { index: IndexRef::Primary, keys } if !keys.is_empty() => {
            let keys: Vec<String> = keys.iter().map(|key| literal(&key.to_string())).collect();
            Ok(format!("k in ({})", keys.join(", ")))
        }
        Path::Keys { .. } | Path::Range { .. } => Err("a range of keys, or keys of another index"),
    }
}

fn rows(database: &Database, verb: Verb, scan: &Scan, tail: String) -> Result<Form, &'static str> {
    let table = name(&database.tables[scan.table].schema.name);
    let (condition, is_filtered) = (condition(scan)?, scan.filter.is_some());
    Ok(Form::new(Text::Rows { verb, table, condition, is_filtered, tail }, scan.table))
}

/// Returns the form of a statement that is about to start.
///
/// # Errors
/// What the statement has that no form has.
pub(crate) fn form_of(
    database: &Database,
    recorder: &mut Recorder,
    me: usize,
    op: &Op,
) -> Result<Form, &'static str> {
    let fixed = |text: String| Ok(Form::new(Text::Fixed(text), 0));
    match op {
        Op::Begin { level: wanted, read_only } => {
            let default = database.sessions[me].settings.default_isolation;
            let read_only = if *read_only { " read only" } else { "" };
            fixed(format!("begin isolation level {}{read_only}", level(wanted.unwrap_or(default))))
        }
        Op::SetLevel(wanted) => fixed(format!("set transaction isolation level {}", level(*wanted))),
        Op::Commit { two_steps: false, .. } => fixed("commit".to_owned()),
        Op::Rollback => fixed("rollback".to_owned()),
        Op::Savepoint(savepoint) => fixed(format!("savepoint {}", name(savepoint))),
        Op::RollbackTo(savepoint) => fixed(format!("rollback to savepoint {}", name(savepoint))),
        Op::Release(savepoint) => fixed(format!("release savepoint {}", name(savepoint))),
        // Timeouts are cancellations of the transcript, so that a setting only fails or succeeds.
        Op::Configure { local, .. } => {
            fixed(format!("set {}application_name = ''", if *local { "local " } else { "" }))
        }
        Op::Advisory { key, mode, scope, asks_only, .. } => fixed(advisory(*key, *mode, *scope, *asks_only)),
        Op::AdvisoryUnlock { key, mode } => {
            let shared = if *mode == LockMode::Share { "_shared" } else { "" };
            fixed(format!("select pg_advisory_unlock{shared}({key})"))
        }
        Op::AdvisoryUnlockAll => fixed("select pg_advisory_unlock_all()".to_owned()),
        Op::Notify { channel, payload } => fixed(format!("notify {}, {}", name(channel), literal(payload))),
        Op::Listen { channel, listen } => {
            let verb = if *listen { "listen" } else { "unlisten" };
            fixed(format!("{verb} {}", channel.as_deref().map_or_else(|| "*".to_owned(), name)))
        }
        Op::Compute(None) => Ok(Form::new(Text::Query(None), 0)),
        Op::Get { table, key } => {
            let text = read_key(&database.tables[*table].schema.name, true, key);
            Ok(Form::new(Text::Fixed(text), *table))
        }
        Op::Select(select) if select.order.is_none() && select.limit == usize::MAX && select.offset == 0 => {
            rows(database, Verb::Select, &select.scan, lock(select.lock))
        }
        Op::Write(write) => {
            let verb = if write.deletes() { Verb::Delete } else { Verb::Update };
            rows(database, verb, &write.scan, String::new())
        }
        Op::Insert(insert) => {
            let (table, [row]) = (insert.table, insert.rows.as_slices().0) else {
                return Err("an insert of other than one given row");
            };
            let conflict = match &insert.conflict {
                Conflict::Fail => OnConflict::Fail,
                Conflict::Skip(None) => OnConflict::Skip,
                Conflict::Update(IndexRef::Primary, _) if insert.merge_mode == LockMode::NoKeyUpdate => {
                    OnConflict::Update
                }
                _ => return Err("a conflict on another constraint"),
            };
            let version = recorder.version(row);
            let row = Written::of(database, table, row, version);
            let named = name(&database.tables[table].schema.name);
            Ok(Form::new(Text::Insert { table: named, row, conflict }, table))
        }
        _ => Err("a statement of another form"),
    }
}

impl Form {
    fn new(text: Text, table: TableId) -> Self {
        Self { text, table, matched: BTreeSet::new(), computed: None, reads: None }
    }

    /// Returns the statement as SQL.
    pub(crate) fn sql(&self) -> String {
        match &self.text {
            Text::Fixed(text) => text.clone(),
            // It failed before it read anything, or it reads nothing.
            Text::Query(text) => text.clone().unwrap_or_else(|| "select 1 where false".to_owned()),
            Text::Rows { verb, table, condition, is_filtered, tail } => {
                let versions = || {
                    let matched = self.matched.iter().map(i64::to_string).collect::<Vec<_>>();
                    if matched.is_empty() { UNWRITTEN.to_string() } else { matched.join(", ") }
                };
                let filter = if *is_filtered { format!(" and v in ({})", versions()) } else { String::new() };
                match verb {
                    Verb::Select => format!("select k, v from {table} where {condition}{filter}{tail}"),
                    Verb::Delete => format!("delete from {table} where {condition}{filter} returning k, v"),
                    Verb::Update => format!(
                        "update {table} set {} where {condition}{filter} returning k, v",
                        self.assignment()
                    ),
                }
            }
            Text::Insert { table, row, conflict } => {
                let action = match conflict {
                    OnConflict::Fail => String::new(),
                    OnConflict::Skip => " on conflict do nothing".to_owned(),
                    OnConflict::Update => format!(" on conflict (k) do update set {}", self.assignment()),
                };
                let (key, unique) = (literal(&row.key), row.unique_sql());
                format!(
                    "insert into {table} values ({key}, {unique}, {}){action} returning k, v",
                    row.version
                )
            }
        }
    }

    /// Returns the assignments of an update.
    fn assignment(&self) -> String {
        match &self.computed {
            Some(row) => format!("u = {}, v = {}", row.unique_sql(), row.version),
            None => format!("v = {UNWRITTEN}"),
        }
    }
}
