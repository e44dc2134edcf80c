//! Durable rows of the order flow. The output of releases is stored as the text that they wrote.

use serde::Serialize;
use serde_json::{Map, Value};
use shakedown_sim::{Row, Scope};

/// A booking: its number, and its document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Booking {
    /// Its number.
    pub id: u32,
    /// The document, as its release wrote it.
    pub text: String,
    /// The trace context of the order.
    pub context: Scope,
}

impl Row for Booking {
    type Key = u32;
    const TABLE: &'static str = "bookings";
    fn key(&self) -> u32 {
        self.id
    }
}

/// The message that a job carries to the worker that takes it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Message {
    /// Its number.
    pub id: u32,
    /// The booking that it concerns, for lists.
    pub booking: u32,
    /// The message, as its release wrote it.
    pub text: String,
    /// The machine that processed it last.
    pub taken_by: Option<u32>,
    /// How often its processing started.
    pub times: u32,
}

impl Row for Message {
    type Key = u32;
    const TABLE: &'static str = "messages";
    fn key(&self) -> u32 {
        self.id
    }
}

/// The database's own metadata: the columns of the bookings' table, and the releases that may write it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Schema {
    /// The fence: a node with a release below it is rejected.
    pub fence: u32,
    /// Whether the column `guest` still exists.
    pub has_guest: bool,
}

impl Row for Schema {
    type Key = u32;
    const TABLE: &'static str = "schema";
    fn key(&self) -> u32 {
        0
    }
}

/// The column that the last step drops.
const GUEST: &str = "guest";

/// Returns a document's fields; `None` if it is not a document.
fn fields(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text).ok()
}

impl Schema {
    /// Returns the document as the table stores it: a column that the statement does not name is empty, and an
    /// unknown column is an error.
    pub(crate) fn kept(&self, text: String) -> Option<String> {
        let mut fields = fields(&text)?;
        if self.has_guest == fields.contains_key(GUEST) {
            return Some(text);
        }
        if !self.has_guest {
            return None;
        }
        fields.insert(GUEST.to_owned(), Value::Null);
        Some(Value::Object(fields).to_string())
    }
}

/// Returns the document without the dropped column.
pub(crate) fn without_guest(text: &str) -> String {
    let mut fields = fields(text).unwrap_or_default();
    fields.remove(GUEST);
    Value::Object(fields).to_string()
}

/// Returns whether a row's new columns must still be filled in.
pub(crate) fn lacks_names(text: &str) -> bool {
    fields(text).is_some_and(|fields| fields.get("given").is_none_or(Value::is_null))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_is_not_named_is_empty_and_one_that_is_gone_is_refused() {
        let (before, after) = (Schema { fence: 3, has_guest: true }, Schema { fence: 4, has_guest: false });
        let (old, new) = (r#"{"guest":"Ada"}"#.to_owned(), r#"{"given":"Ada"}"#.to_owned());
        assert_eq!(before.kept(old.clone()), Some(old.clone()));
        assert_eq!(before.kept(new.clone()), Some(r#"{"given":"Ada","guest":null}"#.to_owned()));
        assert_eq!(after.kept(old.clone()), None);
        assert_eq!(after.kept(new.clone()), Some(new.clone()));
        assert!(lacks_names(&old) && !lacks_names(&new));
        assert_eq!(without_guest(&old), "{}");
    }
}
