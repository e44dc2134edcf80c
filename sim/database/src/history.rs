//! Histories of transactions in the format of Jepsen's Elle: JSON lines of operations.
//!
//! Each line is `{"index","process","type","f":"txn","time","value"}`, where the value lists micro-operations:
//! `["append", k, v]`, `["w", k, v]` and `["r", k, …]`. An invocation reads null; a completion of type `ok` contains
//! the values that were read, `fail` certainly did not happen, and `info` may have happened (sources: the
//! documentation of Elle and of Jepsen's history format). The process numbers of crashed processes must not be
//! reused.

use std::fmt::Write;

/// One step of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mop {
    /// Appends a value to the list under a key.
    Append(i64, i64),
    /// Reads the list under a key; `None` in an invocation.
    ReadList(i64, Option<Vec<i64>>),
    /// Writes the register under a key.
    Write(i64, i64),
    /// Reads the register under a key; `None` in an invocation, and for a register never written.
    Read(i64, Option<i64>),
}

/// The type of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// It begins.
    Invoke,
    /// It happened.
    Ok,
    /// It did not happen.
    Fail,
    /// Its outcome is unknown.
    Info,
}

impl EventType {
    fn word(self) -> &'static str {
        match self {
            Self::Invoke => "invoke",
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }
}

/// One line of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its position in the history.
    pub index: usize,
    /// The client.
    pub process: usize,
    /// Its type.
    pub kind: EventType,
    /// Its time, in nanoseconds.
    pub time: u64,
    /// The micro-operations.
    pub value: Vec<Mop>,
}

/// A history in progress.
///
/// ```
/// use shakedown_database::{EventType, History, Mop};
/// let mut history = History::default();
/// history.push(0, EventType::Invoke, 0, vec![Mop::Append(1, 5), Mop::ReadList(1, None)]);
/// history.push(0, EventType::Ok, 9, vec![Mop::Append(1, 5), Mop::ReadList(1, Some(vec![5]))]);
/// let second = history.json_lines().lines().nth(1).map(str::to_owned);
/// assert_eq!(
///     second.as_deref(),
///     Some(r#"{"index":1,"process":0,"type":"ok","f":"txn","time":9,"value":[["append",1,5],["r",1,[5]]]}"#)
/// );
/// ```
#[derive(Clone, Debug, Default)]
pub struct History {
    events: Vec<Event>,
}

impl History {
    /// Adds an event at the end.
    pub fn push(&mut self, process: usize, kind: EventType, time: u64, value: Vec<Mop>) {
        self.events.push(Event { index: self.events.len(), process, kind, time, value });
    }

    /// Returns the events so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Returns the history as lines of EDN, which Elle's command line and `jepsen.history` read: one map per event,
    /// with the keys `:index`, `:process`, `:type`, `:f`, `:time` and `:value`.
    ///
    /// ```
    /// use shakedown_database::{EventType, History, Mop};
    /// let mut history = History::default();
    /// history.push(0, EventType::Ok, 9, vec![Mop::Append(1, 5), Mop::ReadList(1, Some(vec![5]))]);
    /// assert_eq!(
    ///     history.edn(),
    ///     "{:index 0, :process 0, :type :ok, :f :txn, :time 9, :value [[:append 1 5] [:r 1 [5]]]}\n"
    /// );
    /// ```
    pub fn edn(&self) -> String {
        let line = |event: &Event| {
            let Event { index, process, kind, time, .. } = event;
            let value: Vec<String> = event.value.iter().map(Mop::edn).collect();
            let (kind, value) = (kind.word(), value.join(" "));
            format!(
                "{{:index {index}, :process {process}, :type :{kind}, :f :txn, :time {time}, :value [{value}]}}\n"
            )
        };
        self.events.iter().map(line).collect()
    }

    /// Returns the history as JSON lines.
    pub fn json_lines(&self) -> String {
        let mut text = String::new();
        for event in &self.events {
            let Event { index, process, kind, time, .. } = event;
            let kind = kind.word();
            let value: Vec<String> = event.value.iter().map(Mop::json).collect();
            let value = value.join(",");
            // Writing to a String does not fail.
            let _ = writeln!(
                text,
                r#"{{"index":{index},"process":{process},"type":"{kind}","f":"txn","time":{time},"value":[{value}]}}"#
            );
        }
        text
    }
}

impl Mop {
    fn edn(&self) -> String {
        match self {
            Self::Append(key, value) => format!("[:append {key} {value}]"),
            Self::Write(key, value) => format!("[:w {key} {value}]"),
            Self::ReadList(key, None) | Self::Read(key, None) => format!("[:r {key} nil]"),
            Self::Read(key, Some(value)) => format!("[:r {key} {value}]"),
            Self::ReadList(key, Some(values)) => {
                let values: Vec<String> = values.iter().map(i64::to_string).collect();
                format!("[:r {key} [{}]]", values.join(" "))
            }
        }
    }

    fn json(&self) -> String {
        match self {
            Self::Append(key, value) => format!(r#"["append",{key},{value}]"#),
            Self::Write(key, value) => format!(r#"["w",{key},{value}]"#),
            Self::ReadList(key, None) | Self::Read(key, None) => format!(r#"["r",{key},null]"#),
            Self::Read(key, Some(value)) => format!(r#"["r",{key},{value}]"#),
            Self::ReadList(key, Some(values)) => {
                let values: Vec<String> = values.iter().map(i64::to_string).collect();
                format!(r#"["r",{key},[{}]]"#, values.join(","))
            }
        }
    }
}
