//! Accesses: what a step of a recorded run does to which object.
//!
//! Stories use them to name who read, wrote, locked or released the objects of a violation. Only recorded runs have
//! them: they do not enter the digest, and a run that is not recorded does not create them.

use std::fmt;

/// What a step does to an object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// It reads the object.
    Read,
    /// It reads the object, which is absent.
    Miss,
    /// It reads all objects of the table that satisfy a condition. Each object that it returns has an access of its
    /// own; the key of this one is empty.
    Scan,
    /// It passes over the object, because another holds it.
    Skip,
    /// It creates or changes the object.
    Write,
    /// It deletes the object.
    Delete,
    /// It locks the object, receives the message, or takes the permit.
    Lock,
    /// It waits for the object, which others hold.
    Wait,
    /// It releases the object: ends the lock, acknowledges the message, or releases the permit.
    Release,
}

impl Verb {
    /// Returns whether the step changes the object.
    pub const fn is_write(self) -> bool {
        matches!(self, Verb::Write | Verb::Delete)
    }

    /// Returns whether the step learns the object's content.
    pub const fn is_read(self) -> bool {
        matches!(self, Verb::Read | Verb::Lock)
    }
}

/// An object that several nodes share: a row of a table, a message of a queue, an entry of a cache, a permit of a semaphore.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize)]
pub struct Object {
    /// The table, queue, cache or semaphore.
    pub table: String,
    /// The key within it, in written form.
    pub key: String,
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Object { table, key } = self;
        if key.is_empty() { f.write_str(table) } else { write!(f, "{key} of {table}") }
    }
}

/// An access of a step to an object.
///
/// ```
/// use shakedown_sim::access::{Access, Verb};
/// let access = Access::new(Verb::Write, "orders", 7);
/// assert_eq!(access.object.to_string(), "7 of orders");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize)]
pub struct Access {
    /// What the step does.
    pub verb: Verb,
    /// The object.
    #[serde(flatten)]
    pub object: Object,
}

impl Access {
    /// Creates an access to the object with this key of a table, queue, cache or semaphore.
    pub fn new(verb: Verb, table: impl fmt::Display, key: impl fmt::Display) -> Self {
        Self { verb, object: Object { table: table.to_string(), key: key.to_string() } }
    }
}
