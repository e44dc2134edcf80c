//! [`RowChange`]: what a committed transaction did to a row, from the server's logical decoding (`test_decoding`).

use shakedown_sim::access::{Access, Verb};
use std::collections::BTreeMap;
use std::fmt;

/// What was done to a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ChangeKind {
    /// The row is new.
    Insert,
    /// The row has other values.
    Update,
    /// The row is gone.
    Delete,
    /// All rows of the table are gone.
    Truncate,
}

/// A committed change of one row.
///
/// ```
/// # use shakedown_postgres::RowChange;
/// fn sentence(change: &RowChange) -> Option<String> {
///     (change.table == "public.orders").then(|| format!("holds {}", change.value("id").unwrap_or("nothing")))
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowChange {
    /// The table with its schema: `public.orders`.
    pub table: String,
    /// What was done.
    pub kind: ChangeKind,
    /// The columns in the order of the table, without long values that an update has not changed. Of a deleted row, the columns of its replica identity: the primary key, unless the table
    /// has another.
    pub columns: Vec<(String, Option<String>)>,
    /// The columns of the replica identity before an update that changed it.
    pub old_key: Vec<(String, Option<String>)>,
    /// The values of the primary key, in its order; empty if the table has none.
    pub key: Vec<Option<String>>,
    /// The number of the transaction among those of the run that changed rows, from 1, in commit order.
    pub transaction: u64,
}

impl RowChange {
    /// Returns a column as the server writes it as text; `None` if it is NULL or not there.
    pub fn value(&self, column: &str) -> Option<&str> {
        self.columns.iter().find(|(name, _)| name == column)?.1.as_deref()
    }

    /// Returns the access that a recorded step has: the table without the schema `public`, and the primary key.
    pub(crate) fn access(&self) -> Access {
        let is_gone = matches!(self.kind, ChangeKind::Delete | ChangeKind::Truncate);
        let verb = if is_gone { Verb::Delete } else { Verb::Write };
        let key: Vec<&str> = self.key.iter().map(|value| value.as_deref().unwrap_or("null")).collect();
        Access::new(verb, self.table.strip_prefix("public.").unwrap_or(&self.table), key.join(", "))
    }
}

impl fmt::Display for RowChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.kind {
            ChangeKind::Insert => "inserts into",
            ChangeKind::Update => "updates",
            ChangeKind::Delete => "deletes from",
            ChangeKind::Truncate => "truncates",
        };
        write!(f, "{verb} {}", self.table)?;
        for (name, value) in &self.columns {
            write!(f, " {name}={}", value.as_deref().unwrap_or("null"))?;
        }
        Ok(())
    }
}

/// The columns of each table's primary key, in its order, by the name with which changes name the table.
pub(crate) type PrimaryKeys = BTreeMap<String, Vec<String>>;

/// The query of [`PrimaryKeys`]: a row for each column.
pub(crate) const PRIMARY_KEYS: &str = "SELECT format('%I.%I', n.nspname, c.relname), a.attname \
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) \
    WHERE i.indisprimary AND c.oid >= 16384 ORDER BY 1, array_position(i.indkey::int2[], a.attnum)";

/// Sets the primary key of each change.
pub(crate) fn set_keys(changes: &mut [RowChange], keys: &PrimaryKeys) {
    for change in changes {
        let columns = keys.get(&change.table).into_iter().flatten();
        change.key = columns.map(|column| change.value(column).map(str::to_owned)).collect();
    }
}

/// Reads lines of `test_decoding` in order; transactions count on from `transactions`.
pub(crate) fn read<'a>(lines: impl IntoIterator<Item = &'a str>, transactions: &mut u64) -> Vec<RowChange> {
    let mut changes = Vec::new();
    for line in lines {
        if line.starts_with("BEGIN") {
            *transactions += 1;
        } else if let Some(rest) = line.strip_prefix("table ") {
            read_line(rest, *transactions, &mut changes);
        }
    }
    changes
}

/// Reads `public.orders: INSERT: id[integer]:1 name[text]:'a'`, or `public.a, public.b: TRUNCATE: (no-flags)`.
fn read_line(rest: &str, transaction: u64, changes: &mut Vec<RowChange>) {
    let verbs = [
        (": INSERT: ", ChangeKind::Insert),
        (": UPDATE: ", ChangeKind::Update),
        (": DELETE: ", ChangeKind::Delete),
        (": TRUNCATE: ", ChangeKind::Truncate),
    ];
    let found = verbs.iter().filter_map(|(verb, kind)| Some((rest.find(verb)?, *verb, *kind))).min();
    let Some((at, verb, kind)) = found else { return };
    let (tables, rest) = (&rest[..at], &rest[at + verb.len()..]);
    if kind == ChangeKind::Truncate {
        changes.extend(tables.split(", ").map(|table| RowChange {
            table: table.to_owned(),
            kind,
            columns: Vec::new(),
            old_key: Vec::new(),
            key: Vec::new(),
            transaction,
        }));
        return;
    }
    let (old, new) = match rest.strip_prefix("old-key: ") {
        Some(both) => both.split_once(" new-tuple: ").unwrap_or((both, "")),
        None => ("", rest),
    };
    let table = tables.to_owned();
    let (columns, old_key) = (columns(new), columns(old));
    changes.push(RowChange { table, kind, columns, old_key, key: Vec::new(), transaction });
}

/// What `test_decoding` writes instead of a value that is stored apart and has not changed.
const UNCHANGED: &str = "unchanged-toast-datum";

/// Reads `id[integer]:1 name[character varying]:'it''s' note[text]:null`.
fn columns(mut rest: &str) -> Vec<(String, Option<String>)> {
    let mut columns = Vec::new();
    while let Some((name, after)) = rest.trim_start().split_once('[') {
        // An array's type ends with brackets of its own: `tags[text[]]:'{a}'`.
        let Some((_, after)) = after.split_once("]:") else { break };
        // A long value that an update has not changed is not in the log.
        let is_missing = after.starts_with(UNCHANGED);
        let (value, after) = value(after);
        if !is_missing {
            columns.push((name.trim_matches('"').to_owned(), value));
        }
        rest = after;
    }
    columns
}

/// Reads a value and returns what follows it.
fn value(text: &str) -> (Option<String>, &str) {
    let quoted = text.strip_prefix('B').unwrap_or(text).strip_prefix('\'');
    let Some(mut rest) = quoted else {
        let end = text.find(' ').unwrap_or(text.len());
        let word = &text[..end];
        return ((word != "null").then(|| word.to_owned()), &text[end..]);
    };
    let mut value = String::new();
    while let Some(end) = rest.find('\'') {
        value.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                value.push('\'');
                rest = after;
            }
            None => return (Some(value), rest),
        }
    }
    (Some(value), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(lines: &[&str]) -> Vec<String> {
        let mut transactions = 0;
        let read = read(lines.iter().copied(), &mut transactions);
        read.iter().map(|change| format!("{} {change}", change.transaction)).collect()
    }

    #[test]
    fn lines_become_changes_in_their_order() {
        let lines = [
            "BEGIN",
            "table public.orders: INSERT: id[integer]:1 name[character varying]:'it''s: UPDATE: x' note[text]:null tags[text[]]:'{a}'",
            "table public.orders: UPDATE: old-key: id[integer]:1 new-tuple: id[integer]:2 name[text]:'a b' long[text]:unchanged-toast-datum ok[boolean]:true",
            "COMMIT",
            "BEGIN",
            "table public.orders: DELETE: id[integer]:2",
            "table public.a, public.b: TRUNCATE: (no-flags)",
            "COMMIT",
        ];
        assert_eq!(
            changes(&lines),
            [
                "1 inserts into public.orders id=1 name=it's: UPDATE: x note=null tags={a}",
                "1 updates public.orders id=2 name=a b ok=true",
                "2 deletes from public.orders id=2",
                "2 truncates public.a",
                "2 truncates public.b",
            ]
        );
    }
}
