//! The interface to a database: statements with numbered parameters, rows of integers and texts, and one transaction at a
//! time. The SQL is the same for every database. Parameters are `$1`, `$2`, …, each first used in this order, because one
//! database numbers them by their first use.

pub use Value::{Int, Text};

/// A parameter of a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value<'a> {
    /// A number.
    Int(i64),
    /// A text.
    Text(&'a str),
}

/// A cell of a result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cell {
    /// Null.
    Null,
    /// A number.
    Int(i64),
    /// A text.
    Text(String),
}

/// Rows of a result.
pub type Rows = Vec<Vec<Cell>>;

/// An error of a database, or of the connection to it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the archive cannot be used: {0}")]
pub struct StoreError(pub String);

/// A database that holds an archive.
pub trait Store {
    /// Begins a transaction. The transactions of other writers wait until it ends.
    ///
    /// # Errors
    /// If the database returns an error, or another writer does not end in time.
    fn begin(&mut self) -> Result<(), StoreError>;

    /// Commits the transaction.
    ///
    /// # Errors
    /// If the database returns an error; then nothing was committed.
    fn commit(&mut self) -> Result<(), StoreError>;

    /// Rolls back the transaction.
    ///
    /// # Errors
    /// If the database returns an error.
    fn rollback(&mut self) -> Result<(), StoreError>;

    /// Executes a statement.
    ///
    /// # Errors
    /// If the database returns an error.
    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<(), StoreError>;

    /// Returns the rows of a query.
    ///
    /// # Errors
    /// If the database returns an error.
    fn query(&mut self, query: &str, values: &[Value<'_>]) -> Result<Rows, StoreError>;
}

/// Accessors of cells by their position in a row.
pub mod row {
    use super::Cell;

    /// Returns a number; `None` for null.
    pub fn maybe_int(cells: &[Cell], at: usize) -> Option<i64> {
        match cells.get(at) {
            Some(Cell::Int(number)) => Some(*number),
            _ => None,
        }
    }

    /// Returns a number; 0 for null.
    pub fn int(cells: &[Cell], at: usize) -> i64 {
        maybe_int(cells, at).unwrap_or(0)
    }

    /// Returns a text; empty for null.
    pub fn text(cells: &[Cell], at: usize) -> String {
        match cells.get(at) {
            Some(Cell::Text(text)) => text.clone(),
            _ => String::new(),
        }
    }
}
