//! SQL values: comparison, arithmetic, and the notation of results.

use std::cmp::Ordering;
use std::fmt;

use super::numeric::Numeric;
use super::timestamp::Timestamp;
use shakedown_database::{DatabaseError, Scalar};

/// One value of a dynamic row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    Bool(bool),
    /// A transaction id: opaque, only its order counts.
    Xid(u64),
    /// A half-open range of integers.
    Range(i64, i64),
    Numeric(Numeric),
    Timestamp(Timestamp),
    /// A distance of timestamps, in microseconds; never stored.
    Interval(i64),
}

/// A row of the dynamic tables.
pub(crate) type SqlRow = Vec<Value>;

/// Returns the error of an expression, with its SQLSTATE.
pub(crate) fn failure<T>(code: &'static str, message: impl Into<String>) -> Result<T, DatabaseError> {
    Err(DatabaseError::Evaluation { code, message: message.into() })
}

/// Returns the error for SQL that the player does not understand. The player stops there and never guesses.
pub(crate) fn unsupported<T>(what: impl fmt::Display) -> Result<T, DatabaseError> {
    failure(UNSUPPORTED, format!("unsupported: {what}"))
}

/// Not a real SQLSTATE.
pub(crate) const UNSUPPORTED: &str = "XXUNS";

impl Value {
    /// Returns it as a part of a key.
    pub(crate) fn scalar(&self) -> Scalar {
        match self {
            Self::Null => Scalar::Null,
            Self::Int(value) => Scalar::Int(*value),
            Self::Text(value) => Scalar::Text(value.as_str().into()),
            Self::Bool(value) => Scalar::Int(i64::from(*value)),
            Self::Xid(value) => Scalar::Int(i64::try_from(*value).unwrap_or(i64::MAX)),
            Self::Numeric(value) => Scalar::Int(value.key()),
            Self::Timestamp(value) => Scalar::Int(value.0),
            Self::Interval(value) => Scalar::Int(*value),
            Self::Range(low, high) => Scalar::Text(format!("{low:020}-{high:020}").into()),
        }
    }

    /// Compares with three-valued logic: `None` if either side is null.
    pub(crate) fn compare(&self, other: &Self) -> Result<Option<Ordering>, DatabaseError> {
        Ok(Some(match (self, other) {
            (Self::Null, _) | (_, Self::Null) => return Ok(None),
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Xid(a), Self::Xid(b)) => a.cmp(b),
            (Self::Timestamp(a), Self::Timestamp(b)) => a.cmp(b),
            (Self::Range(a, b), Self::Range(c, d)) => (a, b).cmp(&(c, d)),
            // A quoted number beside an integer is an integer, as an untyped literal is in SQL.
            (Self::Int(a), Self::Text(b)) => match b.trim().parse::<i64>() {
                Ok(b) => a.cmp(&b),
                Err(_) => return failure("22P02", format!("not an integer: {b:?}")),
            },
            // The same for the other types.
            (Self::Numeric(_), Self::Numeric(_) | Self::Int(_) | Self::Text(_))
            | (Self::Int(_), Self::Numeric(_)) => {
                let (a, b) = (self.numeric()?, other.numeric()?);
                return a
                    .zip(b)
                    .map_or_else(|| unsupported("numbers with so many digits"), |(a, b)| Ok(a.compare(b)));
            }
            (Self::Timestamp(a), Self::Text(b)) => match Timestamp::parse(b) {
                Some(b) => a.cmp(&b),
                None => return failure("22007", format!("not a timestamp: {b:?}")),
            },
            (Self::Text(_), Self::Int(_) | Self::Numeric(_) | Self::Timestamp(_)) => {
                return Ok(other.compare(self)?.map(Ordering::reverse));
            }
            (a, b) => return unsupported(format_args!("comparison of {a} with {b}")),
        }))
    }

    /// Returns it as a condition; null is neither true nor false.
    pub(crate) fn truth(&self) -> Result<Option<bool>, DatabaseError> {
        match self {
            Self::Null => Ok(None),
            Self::Bool(value) => Ok(Some(*value)),
            other => failure("42804", format!("not a condition: {other}")),
        }
    }

    /// Returns it as an exact number; `None` for null.
    pub(crate) fn numeric(&self) -> Result<Option<Numeric>, DatabaseError> {
        match self {
            Self::Null => Ok(None),
            Self::Int(value) => Ok(Some(Numeric::integer(*value))),
            Self::Numeric(value) => Ok(Some(*value)),
            Self::Text(text) => match text.trim().parse() {
                Ok(value) => Ok(Some(value)),
                Err(()) => failure("22P02", format!("not a number: {text:?}")),
            },
            other => failure("42883", format!("not a number: {other}")),
        }
    }

    /// Returns it as an integer, for arithmetic; `None` for null.
    pub(crate) fn int(&self) -> Result<Option<i64>, DatabaseError> {
        match self {
            Self::Null => Ok(None),
            Self::Int(value) => Ok(Some(*value)),
            other => failure("42883", format!("not an integer: {other}")),
        }
    }
}

/// Computes arithmetic of integers, exact numbers and timestamps.
pub(crate) fn arithmetic(op: char, a: &Value, b: &Value) -> Result<Value, DatabaseError> {
    match (a, op, b) {
        (Value::Null, _, _) | (_, _, Value::Null) => Ok(Value::Null),
        (Value::Timestamp(at), '+', Value::Interval(by)) => Ok(Value::Timestamp(Timestamp(at.0 + by))),
        (Value::Timestamp(at), '-', Value::Interval(by)) => Ok(Value::Timestamp(Timestamp(at.0 - by))),
        (Value::Numeric(_), _, _) | (_, _, Value::Numeric(_)) => match (a.numeric()?, b.numeric()?) {
            (Some(a), Some(b)) => match a.arithmetic(op, b) {
                Some(result) => Ok(Value::Numeric(result)),
                None => unsupported(format_args!("{a} {op} {b}")),
            },
            _ => Ok(Value::Null),
        },
        _ => integers(op, a, b),
    }
}

/// Computes integer arithmetic with SQL's errors. PostgreSQL's `integer` is narrower than `bigint`; values have 64
/// bits here and only the wider overflow is reported.
fn integers(op: char, a: &Value, b: &Value) -> Result<Value, DatabaseError> {
    let (Some(a), Some(b)) = (a.int()?, b.int()?) else {
        return Ok(Value::Null);
    };
    if b == 0 && matches!(op, '/' | '%') {
        return failure("22012", "division by zero");
    }
    let result = match op {
        '+' => a.checked_add(b),
        '-' => a.checked_sub(b),
        '*' => a.checked_mul(b),
        '/' => a.checked_div(b),
        '%' => a.checked_rem(b),
        _ => return unsupported(format_args!("operator {op}")),
    };
    result.map_or_else(|| failure("22003", "integer out of range"), |value| Ok(Value::Int(value)))
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("None"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "'{value}'"),
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Xid(value) => write!(f, "'{value}'"),
            Self::Numeric(value) => write!(f, "Decimal('{value}')"),
            Self::Timestamp(value) => write!(f, "datetime.datetime({value})"),
            Self::Interval(micros) => write!(f, "interval of {micros} us"),
            Self::Range(low, high) => write!(f, "Range({low}, {high}, '[)')"),
        }
    }
}

/// Formats rows as in the recorded results: `[(1, 'a'), (2, None)]`.
pub(crate) fn render_rows(rows: &[SqlRow]) -> String {
    let row = |row: &SqlRow| {
        let values: Vec<String> = row.iter().map(Value::to_string).collect();
        match values.len() {
            1 => format!("({},)", values[0]),
            _ => format!("({})", values.join(", ")),
        }
    };
    format!("[{}]", rows.iter().map(row).collect::<Vec<_>>().join(", "))
}
