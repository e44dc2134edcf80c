//! The interface to a database: statements with numbered parameters, rows of integers and texts, and one transaction at a
//! time. The SQL is the same everywhere. Parameters are `$1`, `$2`, …, each first used in this order, since one database
//! numbers them by their first use.

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
    /// Nothing.
    Null,
    /// A number.
    Int(i64),
    /// A text.
    Text(String),
}

/// Rows of a result.
pub type Rows = Vec<Vec<Cell>>;

/// A database refused, or cannot be reached.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the archive cannot be used: {0}")]
pub struct StoreError(pub String);

/// A database that holds an archive.
pub trait Store {
    /// Begins a transaction. Those of other writers wait until it ends.
    ///
    /// # Errors
    /// If the database refuses, or another writer does not end in time.
    fn begin(&mut self) -> Result<(), StoreError>;

    /// Ends the transaction; what it did is durable.
    ///
    /// # Errors
    /// If the database refuses; then nothing was done.
    fn commit(&mut self) -> Result<(), StoreError>;

    /// Undoes the transaction.
    ///
    /// # Errors
    /// If the database refuses.
    fn rollback(&mut self) -> Result<(), StoreError>;

    /// Executes a statement.
    ///
    /// # Errors
    /// If the database refuses.
    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<(), StoreError>;

    /// Returns the rows of a query.
    ///
    /// # Errors
    /// If the database refuses.
    fn query(&mut self, query: &str, values: &[Value<'_>]) -> Result<Rows, StoreError>;
}

/// Cells by their place in a row.
pub mod row {
    use super::Cell;

    /// Returns a number; none if there is nothing.
    pub fn maybe_int(cells: &[Cell], at: usize) -> Option<i64> {
        match cells.get(at) {
            Some(Cell::Int(number)) => Some(*number),
            _ => None,
        }
    }

    /// Returns a number, 0 if there is nothing.
    pub fn int(cells: &[Cell], at: usize) -> i64 {
        maybe_int(cells, at).unwrap_or(0)
    }

    /// Returns a text, empty if there is nothing.
    pub fn text(cells: &[Cell], at: usize) -> String {
        match cells.get(at) {
            Some(Cell::Text(text)) => text.clone(),
            _ => String::new(),
        }
    }
}
