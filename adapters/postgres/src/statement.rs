//! Names of statements: `insert orders`, `commit`. They are part of the names of choices.

use shakedown_sim::Label;
use sqlparser::ast::{
    FromTable, ObjectType, Query, SetExpr, Statement, TableFactor, TableObject, TableWithJoins,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// The names of the texts that were met. A service has few: what varies is a parameter.
static NAMES: Mutex<BTreeMap<String, Label>> = Mutex::new(BTreeMap::new());

/// Texts longer than this are not kept.
const LONGEST_KEPT: usize = 4_096;

/// Returns the name of a text. Each different text of a process is parsed once.
pub(crate) fn name(sql: &str) -> Label {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(sql) {
        return *known;
    }
    let label = intern(describe(sql));
    if sql.len() <= LONGEST_KEPT {
        names.insert(sql.to_owned(), label);
    }
    label
}

/// Returns the label of a text. Equal texts share one, so that no more is leaked than there are names.
pub(crate) fn intern(text: String) -> Label {
    static LABELS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut labels = LABELS.lock().unwrap_or_else(PoisonError::into_inner);
    let known = labels.get(text.as_str()).copied();
    let text = known.unwrap_or_else(|| Box::leak(text.into_boxed_str()));
    labels.insert(text);
    Label::new(text)
}

/// Returns whether a statement of this name commits a transaction block.
pub(crate) fn commits(name: Label) -> bool {
    name.text().split("; ").any(|part| part == "commit")
}

/// Names the statements of a text, at most three.
fn describe(sql: &str) -> String {
    let Ok(statements) = Parser::parse_sql(&PostgreSqlDialect {}, sql) else { return first_word(sql) };
    let mut names: Vec<_> = statements.iter().map(one).collect();
    if names.len() > 3 {
        names.truncate(2);
        names.push("more".to_owned());
    }
    if names.is_empty() { "nothing".to_owned() } else { names.join("; ") }
}

/// Names a text that the parser does not know.
fn first_word(sql: &str) -> String {
    let word: String = sql.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    if word.is_empty() { "statement".to_owned() } else { word.to_ascii_lowercase() }
}

fn one(statement: &Statement) -> String {
    match statement {
        Statement::Query(query) => query_name(query),
        Statement::Insert(insert) => match &insert.table {
            TableObject::TableName(table) => format!("insert {table}"),
            _ => "insert".to_owned(),
        },
        Statement::Update(update) => with_table("update", std::slice::from_ref(&update.table)),
        Statement::Delete(delete) => match &delete.from {
            FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables) => {
                with_table("delete", tables)
            }
        },
        Statement::StartTransaction { .. } => "begin".to_owned(),
        Statement::Commit { .. } => "commit".to_owned(),
        Statement::Rollback { .. } => "rollback".to_owned(),
        Statement::CreateTable(table) => format!("create table {}", table.name),
        Statement::Drop { object_type: ObjectType::Table, names, .. } => {
            format!("drop table {}", names.first().map(ToString::to_string).unwrap_or_default())
        }
        other => first_word(&other.to_string()),
    }
}

fn with_table(verb: &str, tables: &[TableWithJoins]) -> String {
    match tables.first().map(|table| &table.relation) {
        Some(TableFactor::Table { name, .. }) => format!("{verb} {name}"),
        _ => verb.to_owned(),
    }
}

fn query_name(query: &Query) -> String {
    match query.body.as_ref() {
        SetExpr::Select(select) => with_table("select", &select.from),
        SetExpr::Query(query) => query_name(query),
        SetExpr::Insert(statement) | SetExpr::Update(statement) | SetExpr::Delete(statement) => {
            one(statement)
        }
        _ => "select".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_called_by_its_verb_and_table() {
        for (sql, expected) in [
            ("INSERT INTO orders (id) VALUES ($1) ON CONFLICT DO NOTHING", "insert orders"),
            ("select * from jobs j where due <= now() for update skip locked limit 1", "select jobs"),
            ("with due as (select 1) update jobs set a = 1 from due", "update jobs"),
            ("DELETE FROM public.outbox WHERE id = 3", "delete public.outbox"),
            ("START TRANSACTION ISOLATION LEVEL SERIALIZABLE", "begin"),
            ("COMMIT", "commit"),
            ("end", "commit"),
            ("begin; insert into a values (1); commit", "begin; insert a; commit"),
            ("select 1", "select"),
            ("LISTEN jobs", "listen"),
            ("???", "statement"),
            ("", "nothing"),
        ] {
            assert_eq!(describe(sql), expected, "{sql}");
        }
    }

    #[test]
    fn equal_names_are_one() {
        assert_eq!(
            name("insert into a values (1)").text().as_ptr(),
            name("insert into a values (2)").text().as_ptr()
        );
        assert!(commits(name("commit")) && !commits(name("rollback")));
    }
}
