//! Results in the notation of the recorded cases, and their comparison.

use std::collections::BTreeMap;

use super::timestamp::Timestamp;
use super::value::{SqlRow, Value, render_rows};

/// The result of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The command tag.
    pub tag: String,
    pub rows: Option<Vec<SqlRow>>,
}

impl Answer {
    pub(crate) fn tag(tag: impl Into<String>) -> Self {
        Self { tag: tag.into(), rows: None }
    }

    pub(crate) fn rows(tag: impl Into<String>, rows: Vec<SqlRow>) -> Self {
        Self { tag: tag.into(), rows: Some(rows) }
    }
}

/// The observation after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Done(Answer),
    /// An error, by its SQLSTATE.
    Error(String),
    Blocked {
        by: Vec<String>,
        on: String,
    },
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done(Answer { tag, rows: None }) => f.write_str(tag),
            Self::Done(Answer { tag, rows: Some(rows) }) => write!(f, "{tag} {}", render_rows(rows)),
            Self::Error(code) => write!(f, "ERR {code}"),
            Self::Blocked { by, on } => write!(f, "BLOCKED by {by:?} on {on}"),
        }
    }
}

/// Parses a recorded result; returns `None` for an unknown form.
pub(crate) fn parse(text: &str) -> Option<Seen> {
    let text = text.trim();
    if let Some(error) = text.strip_prefix("ERR ") {
        return Some(Seen::Error(error.split_whitespace().next()?.to_owned()));
    }
    if let Some(blocked) = text.strip_prefix("BLOCKED by ") {
        let (by, on) = blocked.split_once(" on ")?;
        let quoted = |text: &str| text.split('\'').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        return Some(Seen::Blocked { by: quoted(by), on: quoted(on).pop()? });
    }
    match text.find(" [") {
        None => Some(Seen::Done(Answer::tag(text))),
        Some(at) => Some(Seen::Done(Answer::rows(&text[..at], parse_rows(&text[at + 1..])?))),
    }
}

/// Parses rows in the notation of Python lists of tuples.
pub(crate) fn parse_rows(text: &str) -> Option<Vec<SqlRow>> {
    let mut reader = Reader { rest: text.trim() };
    let rows = reader.list('[', ']', |reader| reader.list('(', ')', Reader::value))?;
    reader.rest.is_empty().then_some(rows)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn take(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn list<T>(
        &mut self,
        open: char,
        close: char,
        mut item: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut items = Vec::new();
        if !self.take(&open.to_string()) {
            return None;
        }
        loop {
            if self.take(&close.to_string()) {
                return Some(items);
            }
            items.push(item(self)?);
            self.take(",");
        }
    }

    fn value(&mut self) -> Option<Value> {
        for (word, value) in
            [("None", Value::Null), ("True", Value::Bool(true)), ("False", Value::Bool(false))]
        {
            if self.take(word) {
                return Some(value);
            }
        }
        if self.take("Range(") {
            let (inside, rest) = self.rest.split_once(')')?;
            // The kind of the bounds, '[)', contains the first closing bracket.
            self.rest = rest.strip_prefix("')")?;
            let mut bounds = inside.split(',').map(|bound| bound.trim().parse::<i64>());
            return Some(Value::Range(bounds.next()?.ok()?, bounds.next()?.ok()?));
        }
        if self.take("Decimal(") {
            let (inside, rest) = self.rest.split_once(')')?;
            self.rest = rest;
            let inside = inside.trim_matches('\'');
            // A sum of integers is one without a point.
            return match inside.contains('.') {
                true => inside.parse().ok().map(Value::Numeric),
                false => inside.parse().ok().map(Value::Int),
            };
        }
        if self.take("datetime.datetime(") {
            let (inside, rest) = self.rest.split_once(')')?;
            self.rest = rest;
            let parts: Vec<&str> = inside.split(", ").collect();
            let [year, month, day, hour, minute, ..] = parts[..] else { return None };
            let second = parts.get(5).unwrap_or(&"0");
            let micros = parts.get(6).unwrap_or(&"0");
            let text = format!("{year}-{month}-{day} {hour}:{minute}:{second}.{micros:0>6}");
            return Timestamp::parse(&text).map(Value::Timestamp);
        }
        for quote in ['\'', '"'] {
            if self.take(&quote.to_string()) {
                let (inside, rest) = self.rest.split_once(quote)?;
                self.rest = rest;
                return Some(Value::Text(inside.to_owned()));
            }
        }
        let end = self.rest.find(|c: char| c != '-' && !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let number = self.rest[..end].parse().ok()?;
        self.rest = &self.rest[end..];
        Some(Value::Int(number))
    }
}

/// Transaction ids differ from server to server; their order does not. Each recorded id corresponds to one of ours,
/// and a greater one to a greater one.
#[derive(Default)]
pub(crate) struct Ids {
    ours: BTreeMap<u64, u64>,
}

impl Ids {
    fn same(&mut self, recorded: u64, ours: u64) -> bool {
        if let Some(known) = self.ours.get(&recorded) {
            return *known == ours;
        }
        let below = self.ours.range(..recorded).next_back().is_none_or(|(_, other)| *other < ours);
        let above = self.ours.range(recorded..).next().is_none_or(|(_, other)| *other > ours);
        self.ours.insert(recorded, ours);
        below && above
    }

    fn same_value(&mut self, recorded: &Value, ours: &Value) -> bool {
        match (recorded, ours) {
            (Value::Text(text), Value::Xid(xid)) => {
                text.parse().is_ok_and(|recorded| self.same(recorded, *xid))
            }
            (recorded, ours) => recorded == ours,
        }
    }

    /// Returns whether rows are equal, transaction ids up to their order.
    pub(crate) fn same_rows(&mut self, recorded: &[SqlRow], ours: &[SqlRow]) -> bool {
        recorded.len() == ours.len()
            && recorded.iter().zip(ours).all(|(recorded, ours)| {
                recorded.len() == ours.len()
                    && recorded.iter().zip(ours).all(|(recorded, ours)| self.same_value(recorded, ours))
            })
    }

    /// Returns whether two observations are equal.
    pub(crate) fn same_seen(&mut self, recorded: &Seen, ours: &Seen) -> bool {
        match (recorded, ours) {
            (Seen::Done(recorded), Seen::Done(ours)) => {
                let rows = match (&recorded.rows, &ours.rows) {
                    (Some(recorded), Some(ours)) => self.same_rows(recorded, ours),
                    (None, None) => true,
                    _ => false,
                };
                recorded.tag == ours.tag && rows
            }
            (Seen::Blocked { by: a, on: x }, Seen::Blocked { by: b, on: y }) => {
                let sorted = |names: &[String]| {
                    let mut names = names.to_vec();
                    names.sort();
                    names
                };
                sorted(a) == sorted(b) && x == y
            }
            (recorded, ours) => recorded == ours,
        }
    }
}
