//! Takes back what a standby does not have when it takes over.

use super::{Engine, reset};
use crate::changes::{ChangeKind, RowChange};
use crate::monitor::MonitorError;
use std::collections::BTreeMap;

/// The columns of a table that can be written, in its order.
const COLUMNS: &str = "SELECT attname FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attgenerated = '' \
                       AND attrelid =";

/// Columns with their values.
type Columns = Vec<(String, Option<String>)>;

/// A row that lost changes have touched.
struct Touched {
    table: String,
    key: Columns,
    /// Whether the row was there after the last of them.
    exists: bool,
}

impl Engine {
    /// Makes the rows what they were after the changes `kept` of this run, without `lost`, which came after them. Ends all sessions.
    /// Returns what this changes. Sequences keep their numbers.
    pub(crate) fn rewind(&mut self, kept: &[RowChange], lost: &[RowChange]) -> Vec<RowChange> {
        self.end_sessions();
        match self.try_rewind(kept, lost) {
            Ok(changes) => changes,
            Err(error) => self.fails(&format!("a failover cannot take back commits: {error}")),
        }
    }

    fn try_rewind(&mut self, kept: &[RowChange], lost: &[RowChange]) -> Result<Vec<RowChange>, MonitorError> {
        let mut columns = BTreeMap::new();
        for change in kept.iter().chain(lost) {
            if !columns.contains_key(&change.table) {
                columns.insert(change.table.clone(), self.columns(&change.table)?);
            }
        }
        let mut statements = vec!["BEGIN; SET LOCAL session_replication_role = replica".to_owned()];
        statements.push(reset::RESTORE_ROWS.to_owned());
        for change in kept {
            statements.push(self.statement(change, &columns[&change.table])?);
        }
        statements.push("COMMIT".to_owned());
        self.monitor.query(&statements.join("; "))?;
        // These commits are not the service's: the feed goes on behind them.
        let (seen, transactions) = (self.look(), self.transactions + 1);
        self.decode(&seen);
        self.transactions = transactions;
        let mut changes = Vec::new();
        for row in self.touched(lost)? {
            changes.extend(self.change_of(row, &columns)?);
        }
        Ok(changes)
    }

    fn columns(&mut self, table: &str) -> Result<Vec<String>, MonitorError> {
        let rows = self.monitor.query(&format!("{COLUMNS} {}::regclass ORDER BY attnum", literal(table)))?;
        Ok(rows.into_iter().filter_map(|mut row| row.pop().flatten()).collect())
    }

    /// Returns the statement that makes a change again.
    fn statement(&self, change: &RowChange, writable: &[String]) -> Result<String, MonitorError> {
        let table = &change.table;
        let written = change.columns.iter().filter(|(name, _)| writable.contains(name));
        Ok(match change.kind {
            ChangeKind::Insert => {
                let (names, values): (Vec<_>, Vec<_>) =
                    written.map(|(name, value)| (identifier(name), value_of(value))).unzip();
                let (names, values) = (names.join(", "), values.join(", "));
                format!("INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE VALUES ({values})")
            }
            ChangeKind::Update => {
                let key = self.key_before(change)?;
                let changed: Vec<_> = written
                    .filter(|column| !key.contains(column))
                    .map(|(name, value)| format!("{} = {}", identifier(name), value_of(value)))
                    .collect();
                if changed.is_empty() {
                    return Ok("SELECT".to_owned());
                }
                format!("UPDATE {table} SET {} WHERE {}", changed.join(", "), condition(&key))
            }
            ChangeKind::Delete => {
                format!("DELETE FROM {table} WHERE {}", condition(&self.key_before(change)?))
            }
            ChangeKind::Truncate => format!("TRUNCATE {table} CASCADE"),
        })
    }

    /// Returns the primary key that a row had before a change, or has if that did not change it.
    fn key_before(&self, change: &RowChange) -> Result<Columns, MonitorError> {
        let of = if change.old_key.is_empty() { &change.columns } else { &change.old_key };
        self.key_in(change, of)
    }

    fn key_in(
        &self,
        change: &RowChange,
        columns: &[(String, Option<String>)],
    ) -> Result<Columns, MonitorError> {
        let names = self.keys.get(&change.table).filter(|names| !names.is_empty());
        let names =
            names.ok_or_else(|| MonitorError::Server(format!("{} has no primary key", change.table)))?;
        Ok(columns.iter().filter(|(name, _)| names.contains(name)).cloned().collect())
    }

    /// Returns the rows that changes have touched, in the order in which they first did.
    fn touched(&self, lost: &[RowChange]) -> Result<Vec<Touched>, MonitorError> {
        let mut touched: Vec<Touched> = Vec::new();
        let mut touch = |table: &str, key: Columns, exists: bool| match touched
            .iter_mut()
            .find(|row| row.table == table && row.key == key)
        {
            Some(row) => row.exists = exists,
            None => touched.push(Touched { table: table.to_owned(), key, exists }),
        };
        for change in lost {
            match change.kind {
                ChangeKind::Insert | ChangeKind::Update => {
                    if !change.old_key.is_empty() {
                        touch(&change.table, self.key_before(change)?, false);
                    }
                    touch(&change.table, self.key_in(change, &change.columns)?, true);
                }
                ChangeKind::Delete => touch(&change.table, self.key_before(change)?, false),
                ChangeKind::Truncate => {
                    return Err(MonitorError::Server(format!("one of them truncates {}", change.table)));
                }
            }
        }
        Ok(touched)
    }

    /// Returns how a row differs now from what it was after the changes that are lost.
    fn change_of(
        &mut self,
        row: Touched,
        columns: &BTreeMap<String, Vec<String>>,
    ) -> Result<Option<RowChange>, MonitorError> {
        let Touched { table, key, exists } = row;
        let names = &columns[&table];
        let selected: Vec<_> = names.iter().map(|name| identifier(name)).collect();
        let sql = format!("SELECT {} FROM {table} WHERE {}", selected.join(", "), condition(&key));
        let now = self.monitor.query(&sql)?.into_iter().next();
        let kind = match (exists, now.is_some()) {
            (true, true) => ChangeKind::Update,
            (false, true) => ChangeKind::Insert,
            (true, false) => ChangeKind::Delete,
            (false, false) => return Ok(None),
        };
        let values = key.iter().map(|(_, value)| value.clone()).collect();
        let columns = now.map_or(key, |values| names.iter().cloned().zip(values).collect());
        let transaction = self.transactions;
        Ok(Some(RowChange { table, kind, columns, old_key: Vec::new(), key: values, transaction }))
    }
}

fn condition(key: &[(String, Option<String>)]) -> String {
    let equal =
        |(name, value): &(String, Option<String>)| format!("{} = {}", identifier(name), value_of(value));
    key.iter().map(equal).collect::<Vec<_>>().join(" AND ")
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn value_of(value: &Option<String>) -> String {
    value.as_deref().map_or_else(|| "NULL".to_owned(), literal)
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
