//! Converts SQL text to the core's statements.

use std::rc::Rc;

use shakedown_database::{
    AdvisoryScope, CommitOutcome, Database, DatabaseError, Isolation, LockWait, Session, Statement, Step,
    TableLock, Wait,
};
use sqlparser::ast::{
    self, ContextModifier, Expr, Query, SelectItem, Set, TransactionAccessMode, TransactionIsolationLevel,
    TransactionMode,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::answer::Answer;
use super::catalog::{Catalog, simple_name};
use super::expr::call_parts;
use super::query::plain_select;
use super::select::{self, KeyModes};
use super::value::{Value, unsupported};
use super::write;

/// A prepared statement.
pub(crate) enum Prepared {
    /// A query or a write.
    Query(Statement<Answer>),
    /// A statement without a result of its own: its command tag, and one row of an empty text if it was called as a
    /// function.
    Plain(Statement<()>, &'static str),
    /// A function that returns a boolean.
    Flag(Statement<bool>),
    End(Statement<CommitOutcome>),
    /// The client sleeps.
    Sleep(u64),
    CreateTable(Box<ast::CreateTable>),
}

impl Prepared {
    /// Advances the statement as far as possible; `Err` while it waits.
    pub(crate) fn poll(
        &mut self,
        db: &mut Database,
        session: Session,
        now: u64,
    ) -> Result<Result<Answer, DatabaseError>, Wait> {
        fn step<T>(
            step: Step<T>,
            answer: impl FnOnce(T) -> Answer,
        ) -> Result<Result<Answer, DatabaseError>, Wait> {
            match step {
                Step::Wait(wait) => Err(wait),
                Step::Done(done) => Ok(done.map(answer)),
            }
        }
        match self {
            Self::Query(statement) => step(db.poll(session, statement, now), |answer| answer),
            Self::Plain(statement, "SELECT 1") => step(db.poll(session, statement, now), |()| void_row()),
            Self::Plain(statement, tag) => step(db.poll(session, statement, now), |()| Answer::tag(*tag)),
            Self::Flag(statement) => step(db.poll(session, statement, now), |flag| {
                Answer::rows("SELECT 1", vec![vec![Value::Bool(flag)]])
            }),
            Self::End(statement) => step(db.poll(session, statement, now), |outcome| {
                Answer::tag(match outcome {
                    CommitOutcome::Committed => "COMMIT",
                    CommitOutcome::RolledBack => "ROLLBACK",
                })
            }),
            Self::Sleep(_) => Ok(Ok(void_row())),
            Self::CreateTable(_) => Ok(Ok(Answer::tag("CREATE TABLE"))),
        }
    }
}

fn void_row() -> Answer {
    Answer::rows("SELECT 1", vec![vec![Value::Text(String::new())]])
}

/// Parses SQL text of one or more statements.
pub(crate) fn parse(sql: &str) -> Result<Vec<(ast::Statement, KeyModes)>, DatabaseError> {
    let mut parsed = Vec::new();
    for text in sql.split(';').map(str::trim).filter(|text| !text.is_empty()) {
        let (text, modes) = weaker_modes(text)?;
        let text = if text.eq_ignore_ascii_case("abort") { "rollback".to_owned() } else { lock_call(text) };
        match Parser::parse_sql(&PostgreSqlDialect {}, &text) {
            Ok(mut statements) if statements.len() == 1 => parsed.push((statements.remove(0), modes)),
            Ok(_) => return unsupported(format_args!("statement: {text}")),
            Err(error) => return unsupported(format_args!("syntax ({error}): {text}")),
        }
    }
    Ok(parsed)
}

/// Rewrites `LOCK TABLE name IN … MODE`, which the parser does not know, as a call.
fn lock_call(text: String) -> String {
    let Some(rest) = text.strip_prefix("lock table ") else { return text };
    let Some((table, mode)) = rest.split_once(" in ") else { return text };
    let (mode, nowait) = mode.split_once(" mode").unwrap_or((mode, ""));
    format!("select shakedown_lock_table('{table}', '{mode}', '{}')", nowait.trim())
}

/// Compiles `LOCK TABLE`.
fn lock_table(arguments: &[&Expr], catalog: &Rc<Catalog>) -> Result<Prepared, DatabaseError> {
    let text = |at: usize| arguments.get(at).map(|at| at.to_string().replace('\'', "")).unwrap_or_default();
    let Some(info) = catalog.tables.get(&text(0)) else {
        return Err(DatabaseError::UndefinedTable { table: text(0) });
    };
    let mode = match text(1).as_str() {
        "access share" => TableLock::AccessShare,
        "row share" => TableLock::RowShare,
        "row exclusive" => TableLock::RowExclusive,
        "share update exclusive" => TableLock::ShareUpdateExclusive,
        "share" => TableLock::Share,
        "share row exclusive" => TableLock::ShareRowExclusive,
        "exclusive" => TableLock::Exclusive,
        "access exclusive" => TableLock::AccessExclusive,
        other => return unsupported(format_args!("lock mode {other}")),
    };
    let wait = if text(2) == "nowait" { LockWait::NoWait } else { LockWait::Block };
    Ok(Prepared::Plain(info.table.lock(mode, wait), "LOCK TABLE"))
}

/// Rewrites `FOR NO KEY UPDATE` and `FOR KEY SHARE`, which the parser does not know.
fn weaker_modes(text: &str) -> Result<(String, KeyModes), DatabaseError> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut kept: Vec<&str> = Vec::new();
    let mut modes = KeyModes::default();
    let (mut strong, mut at) = (false, 0);
    let is = |at: usize, word: &str| words.get(at).is_some_and(|w| w.eq_ignore_ascii_case(word));
    while at < words.len() {
        kept.push(words[at]);
        let after_for = is(at, "for");
        if after_for && is(at + 1, "no") && is(at + 2, "key") {
            modes.no_key_update = true;
            at += 2;
        } else if after_for && is(at + 1, "key") {
            modes.key_share = true;
            at += 1;
        } else if after_for {
            strong = true;
        }
        at += 1;
    }
    if !(modes.no_key_update || modes.key_share) {
        return Ok((text.to_owned(), modes));
    }
    if strong {
        return unsupported(format_args!("locking clauses of several strengths: {text}"));
    }
    Ok((kept.join(" "), modes))
}

/// Compiles one statement.
pub(crate) fn prepare(
    statement: &ast::Statement,
    modes: KeyModes,
    catalog: &Rc<Catalog>,
) -> Result<Prepared, DatabaseError> {
    use ast::Statement as Sql;
    match statement {
        Sql::Query(query) => prepare_query(query, modes, catalog),
        Sql::Insert(insert) => write::insert(insert, catalog).map(Prepared::Query),
        Sql::Update(update) => write::update(update, catalog, modes).map(Prepared::Query),
        Sql::Delete(delete) => write::delete(delete, catalog, modes).map(Prepared::Query),
        Sql::StartTransaction { modes, .. } => begin(modes),
        Sql::Commit { chain: false, .. } => Ok(Prepared::End(Statement::commit())),
        Sql::Rollback { savepoint: None, chain: false } => Ok(Prepared::End(Statement::rollback())),
        Sql::Rollback { savepoint: Some(name), .. } => {
            Ok(Prepared::Plain(Statement::rollback_to(&name.value), "ROLLBACK"))
        }
        Sql::Savepoint { name } => Ok(Prepared::Plain(Statement::savepoint(&name.value), "SAVEPOINT")),
        Sql::ReleaseSavepoint { name } => Ok(Prepared::Plain(Statement::release(&name.value), "RELEASE")),
        Sql::Set(set) => self::set(set),
        Sql::NOTIFY { channel, payload } => {
            let payload = payload.as_deref().unwrap_or_default();
            Ok(Prepared::Plain(Statement::notify(&channel.value, payload), "NOTIFY"))
        }
        Sql::LISTEN { channel } => Ok(Prepared::Plain(Statement::listen(&channel.value), "LISTEN")),
        Sql::UNLISTEN { channel } => {
            let channel = (channel.value != "*").then_some(channel.value.as_str());
            Ok(Prepared::Plain(Statement::unlisten(channel), "UNLISTEN"))
        }
        Sql::CreateTable(create) => Ok(Prepared::CreateTable(Box::new(create.clone()))),
        Sql::CreateIndex(index) => create_index(index, catalog),
        other => unsupported(format_args!("statement: {other}")),
    }
}

/// A plain index changes no result: the player chooses its paths by the primary key alone.
fn create_index(index: &ast::CreateIndex, catalog: &Catalog) -> Result<Prepared, DatabaseError> {
    if index.unique || index.predicate.is_some() {
        return unsupported(index);
    }
    let info = catalog.table(&index.table_name)?;
    for column in &index.columns {
        match &column.column.expr {
            Expr::Identifier(name) => drop(info.column(&name.value.to_lowercase())?),
            other => return unsupported(format_args!("index expression {other}")),
        }
    }
    Ok(Prepared::Query(Statement::compute(|_| Ok(Answer::tag("CREATE INDEX")))))
}

fn level(mode: TransactionIsolationLevel) -> Result<Isolation, DatabaseError> {
    match mode {
        TransactionIsolationLevel::ReadUncommitted | TransactionIsolationLevel::ReadCommitted => {
            Ok(Isolation::ReadCommitted)
        }
        TransactionIsolationLevel::RepeatableRead => Ok(Isolation::RepeatableRead),
        TransactionIsolationLevel::Serializable => Ok(Isolation::Serializable),
        TransactionIsolationLevel::Snapshot => unsupported("isolation level SNAPSHOT"),
    }
}

fn begin(modes: &[TransactionMode]) -> Result<Prepared, DatabaseError> {
    let (mut isolation, mut read_only) = (None, false);
    for mode in modes {
        match mode {
            TransactionMode::IsolationLevel(mode) => isolation = Some(level(*mode)?),
            TransactionMode::AccessMode(mode) => read_only = *mode == TransactionAccessMode::ReadOnly,
        }
    }
    let statement = match (isolation, read_only) {
        (None, false) => Statement::begin(),
        (isolation, true) => Statement::begin_read_only(isolation.unwrap_or_default()),
        (Some(isolation), false) => Statement::begin_at(isolation),
    };
    Ok(Prepared::Plain(statement, "BEGIN"))
}

fn set(set: &Set) -> Result<Prepared, DatabaseError> {
    let statement = match set {
        Set::SetTransaction { modes, snapshot: None, session: false } => match &modes[..] {
            [TransactionMode::IsolationLevel(mode)] => Statement::set_isolation(level(*mode)?),
            _ => return unsupported(set),
        },
        Set::SingleAssignment { scope, variable, values, .. } => {
            let [value] = &values[..] else {
                return unsupported(set);
            };
            if simple_name(variable) == "default_transaction_isolation" {
                let level = match value.to_string().trim_matches('\'').to_lowercase().as_str() {
                    "read committed" => Isolation::ReadCommitted,
                    "repeatable read" => Isolation::RepeatableRead,
                    "serializable" => Isolation::Serializable,
                    _ => return unsupported(set),
                };
                return Ok(Prepared::Plain(Statement::set_default_isolation(level), "SET"));
            }
            let Some(ns) = duration_ns(&value.to_string()) else {
                return unsupported(set);
            };
            let statement = match simple_name(variable).as_str() {
                "lock_timeout" => Statement::set_lock_timeout(ns),
                "statement_timeout" => Statement::set_statement_timeout(ns),
                "idle_in_transaction_session_timeout" => Statement::set_idle_in_transaction_timeout(ns),
                "deadlock_timeout" => Statement::set_deadlock_timeout(ns),
                _ => return unsupported(set),
            };
            match scope {
                Some(ContextModifier::Local) => statement.local(),
                _ => statement,
            }
        }
        other => return unsupported(other),
    };
    Ok(Prepared::Plain(statement, "SET"))
}

/// Parses a duration setting: a plain number counts milliseconds.
fn duration_ns(text: &str) -> Option<u64> {
    let text = text.trim_matches('\'').trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let unit = match text[digits.len()..].trim() {
        "" | "ms" => 1_000_000,
        "us" => 1_000,
        "s" => 1_000_000_000,
        "min" => 60_000_000_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

fn prepare_query(query: &Query, modes: KeyModes, catalog: &Rc<Catalog>) -> Result<Prepared, DatabaseError> {
    if let ast::SetExpr::Select(_) = &*query.body {
        let select = plain_select(query)?;
        if let ([SelectItem::UnnamedExpr(Expr::Function(function))], true) =
            (&select.projection[..], select.from.is_empty())
        {
            let (name, arguments) = call_parts(function)?;
            if name == "shakedown_lock_table" {
                return lock_table(&arguments, catalog);
            }
            if let Some(prepared) = session_function(&name, &arguments)? {
                return Ok(prepared);
            }
        }
    }
    select::compile(query, catalog, modes).map(select::answered).map(Prepared::Query)
}

/// The functions that act on the session: advisory locks and sleep.
fn session_function(name: &str, arguments: &[&Expr]) -> Result<Option<Prepared>, DatabaseError> {
    let text = |at: usize| arguments.get(at).map(|argument| argument.to_string()).unwrap_or_default();
    if name == "pg_sleep" {
        let Ok(seconds) = text(0).parse::<f64>() else {
            return unsupported(format_args!("pg_sleep({})", text(0)));
        };
        return Ok(Some(Prepared::Sleep(std::time::Duration::from_secs_f64(seconds).as_nanos() as u64)));
    }
    if !name.contains("advisory") {
        return Ok(None);
    }
    if name == "pg_advisory_unlock_all" {
        return Ok(Some(Prepared::Plain(Statement::advisory_unlock_all(), "SELECT 1")));
    }
    let number = |at: usize| text(at).parse::<i64>();
    let key = match (number(0), arguments.len()) {
        (Ok(key), 1) => key,
        (Ok(class), 2) => match number(1) {
            Ok(key) => (class << 32) ^ key,
            Err(_) => return unsupported(format_args!("{name}({}, {})", text(0), text(1))),
        },
        _ => return unsupported(format_args!("{name}({})", text(0))),
    };
    let (xact, session) = (AdvisoryScope::Transaction, AdvisoryScope::Session);
    Ok(Some(match name {
        "pg_advisory_lock" => Prepared::Plain(Statement::advisory_lock(key, session), "SELECT 1"),
        "pg_advisory_xact_lock" => Prepared::Plain(Statement::advisory_lock(key, xact), "SELECT 1"),
        "pg_advisory_lock_shared" => {
            Prepared::Plain(Statement::advisory_lock_shared(key, session), "SELECT 1")
        }
        "pg_advisory_xact_lock_shared" => {
            Prepared::Plain(Statement::advisory_lock_shared(key, xact), "SELECT 1")
        }
        "pg_try_advisory_lock" => Prepared::Flag(Statement::try_advisory_lock(key, session)),
        "pg_try_advisory_xact_lock" => Prepared::Flag(Statement::try_advisory_lock(key, xact)),
        "pg_try_advisory_lock_shared" => Prepared::Flag(Statement::try_advisory_lock_shared(key, session)),
        "pg_try_advisory_xact_lock_shared" => Prepared::Flag(Statement::try_advisory_lock_shared(key, xact)),
        "pg_advisory_unlock" => Prepared::Flag(Statement::advisory_unlock(key)),
        "pg_advisory_unlock_shared" => Prepared::Flag(Statement::advisory_unlock_shared(key)),
        _ => return unsupported(name),
    }))
}
