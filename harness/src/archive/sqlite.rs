//! An archive in a file of SQLite. Several processes may use it at the same time; on a network file system, file locks
//! must work.

use super::store::{Cell, Rows, Store, StoreError, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};
use std::path::Path;
use std::time::Duration;

/// The time for which a writer waits for another.
const BUSY_MAX: Duration = Duration::from_secs(120);

/// A file of SQLite.
pub struct Sqlite(Connection);

impl Sqlite {
    /// Opens a file, which is created if it is missing.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path).map_err(refused)?;
        connection.busy_timeout(BUSY_MAX).map_err(refused)?;
        Ok(Self(connection))
    }
}

fn refused(error: rusqlite::Error) -> StoreError {
    StoreError(error.to_string())
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

impl Store for Sqlite {
    fn begin(&mut self) -> Result<(), StoreError> {
        self.0.execute_batch("BEGIN IMMEDIATE").map_err(refused)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.0.execute_batch("COMMIT").map_err(refused)
    }

    fn rollback(&mut self) -> Result<(), StoreError> {
        self.0.execute_batch("ROLLBACK").map_err(refused)
    }

    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<(), StoreError> {
        let mut statement = self.0.prepare_cached(statement).map_err(refused)?;
        statement.execute(rusqlite::params_from_iter(values)).map(drop).map_err(refused)
    }

    fn query(&mut self, query: &str, values: &[Value<'_>]) -> Result<Rows, StoreError> {
        let mut statement = self.0.prepare_cached(query).map_err(refused)?;
        let columns = statement.column_count();
        let rows = statement.query_map(rusqlite::params_from_iter(values), |row| {
            (0..columns)
                .map(|at| {
                    Ok(match row.get_ref(at)? {
                        ValueRef::Integer(number) => Cell::Int(number),
                        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
                        _ => Cell::Null,
                    })
                })
                .collect()
        });
        rows.map_err(refused)?.collect::<Result<_, _>>().map_err(refused)
    }
}
