//! Durable rows of the order flow. What releases write is kept as the text that they wrote.

use serde::Serialize;
use serde_json::{Map, Value};
use shakedown_sim::{Row, Scope};

/// A booking: its number, and its document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Booking {
    /// Its number.
    pub id: u32,
    /// The document, as some release wrote it.
    pub text: String,
    /// The trace context of what ordered it.
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
    /// The booking that it concerns, for those who list it.
    pub booking: u32,
    /// The message, as some release wrote it.
    pub text: String,
    /// The machine that took it up last.
    pub taken_by: Option<u32>,
    /// How often it was taken up.
    pub times: u32,
}

impl Row for Message {
    type Key = u32;
    const TABLE: &'static str = "messages";
    fn key(&self) -> u32 {
        self.id
    }
}

/// What the database itself says of the bookings' table, and of who may write it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Schema {
    /// The fence: a node with a release below it is refused.
    pub fence: u32,
    /// Whether there still is the column `guest`.
    pub has_guest: bool,
}

impl Row for Schema {
    type Key = u32;
    const TABLE: &'static str = "schema";
    fn key(&self) -> u32 {
        0
    }
}

/// The column that is dropped in the end.
const GUEST: &str = "guest";

/// A document's fields; none if it is no document.
fn fields(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text).ok()
}

impl Schema {
    /// The document as the table keeps it: a column that the statement does not name is empty, and one that there is
    /// not is refused.
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

/// The document without the column that is dropped.
pub(crate) fn without_guest(text: &str) -> String {
    let mut fields = fields(text).unwrap_or_default();
    fields.remove(GUEST);
    Value::Object(fields).to_string()
}

/// Whether a row's new columns are still to be filled in.
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
