//! An archive on PostgreSQL, for many machines.

use super::store::{Cell, Rows, Store, StoreError, Value};
use postgres::types::{ToSql, Type};
use postgres::{Client, NoTls, Row, Statement};
use std::collections::BTreeMap;

/// A connection to a server. TLS is left to a proxy beside it, or to a socket.
pub struct Postgres {
    client: Client,
    prepared: BTreeMap<String, Statement>,
}

/// The number of the advisory lock that serializes writers.
const WRITER_LOCK: i64 = 0x7368_616b;

impl Postgres {
    /// Connects to a server.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        let client = Client::connect(url, NoTls).map_err(refused)?;
        Ok(Self { client, prepared: BTreeMap::new() })
    }

    fn prepare(&mut self, text: &str) -> Result<Statement, StoreError> {
        if let Some(statement) = self.prepared.get(text) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(text).map_err(refused)?;
        self.prepared.insert(text.to_owned(), statement.clone());
        Ok(statement)
    }
}

fn refused(error: postgres::Error) -> StoreError {
    let detail = error.as_db_error().map(|error| error.message().to_owned());
    StoreError(detail.map_or_else(|| error.to_string(), |detail| format!("{error}: {detail}")))
}

fn parameters<'a>(values: &'a [Value<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    let parameter = |value: &'a Value<'a>| -> &'a (dyn ToSql + Sync) {
        match value {
            Value::Int(number) => number,
            Value::Text(text) => text,
        }
    };
    values.iter().map(parameter).collect()
}

impl Store for Postgres {
    fn begin(&mut self) -> Result<(), StoreError> {
        let lock = format!("BEGIN; SELECT pg_advisory_xact_lock({WRITER_LOCK})");
        self.client.batch_execute(&lock).map_err(refused)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.client.batch_execute("COMMIT").map_err(refused)
    }

    fn rollback(&mut self) -> Result<(), StoreError> {
        self.client.batch_execute("ROLLBACK").map_err(refused)
    }

    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<(), StoreError> {
        let statement = self.prepare(statement)?;
        self.client.execute(&statement, &parameters(values)).map(drop).map_err(refused)
    }

    fn query(&mut self, query: &str, values: &[Value<'_>]) -> Result<Rows, StoreError> {
        let statement = self.prepare(query)?;
        let rows = self.client.query(&statement, &parameters(values)).map_err(refused)?;
        rows.iter().map(|row| (0..row.len()).map(|at| cell(row, at)).collect()).collect()
    }
}

fn cell(row: &Row, at: usize) -> Result<Cell, StoreError> {
    let kind = row.columns()[at].type_().clone();
    let cell = match kind {
        Type::INT8 => row.try_get::<_, Option<i64>>(at).map(|number| number.map(Cell::Int)),
        Type::INT4 => {
            row.try_get::<_, Option<i32>>(at).map(|number| number.map(|number| Cell::Int(number.into())))
        }
        _ => row.try_get::<_, Option<String>>(at).map(|text| text.map(Cell::Text)),
    };
    cell.map(|cell| cell.unwrap_or(Cell::Null)).map_err(refused)
}
