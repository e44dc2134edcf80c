//! Evaluation of expressions over rows, with sub-selects through the statement's scope.

use std::cmp::Ordering;

use shakedown_database::{DatabaseError, Scope};
use sqlparser::ast::Value as Literal;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator,
};

use super::catalog::{Catalog, SYSTEM_COLUMNS, simple_name};
use super::query;
use super::timestamp::Timestamp;
use super::value::{SqlRow, Value, arithmetic, failure, unsupported};

/// One table of an environment: its name, its columns, its row.
pub(crate) struct Source<'a> {
    pub alias: &'a str,
    pub columns: &'a [String],
    pub row: &'a SqlRow,
}

/// The rows that names refer to, innermost first.
#[derive(Clone, Copy)]
pub(crate) struct Env<'a> {
    pub sources: &'a [Source<'a>],
    pub outer: Option<&'a Env<'a>>,
}

/// An environment without rows.
pub(crate) const NOWHERE: Env<'static> = Env { sources: &[], outer: None };

/// What an expression may read beyond its rows.
pub(crate) struct Cx<'a, 'b> {
    pub catalog: &'a Catalog,
    pub scope: &'a mut Scope<'b>,
}

impl Env<'_> {
    fn look_up(&self, table: Option<&str>, column: &str) -> Result<Value, DatabaseError> {
        for source in self.sources {
            if table.is_some_and(|table| table != source.alias) {
                continue;
            }
            if let Some(at) = source.columns.iter().position(|name| name == column) {
                return Ok(source.row[at].clone());
            }
        }
        match self.outer {
            Some(outer) => outer.look_up(table, column),
            None if SYSTEM_COLUMNS.contains(&column) => unsupported(format_args!("system column {column}")),
            None => failure("42703", format!("no column {column}")),
        }
    }
}

/// Returns the value of an expression.
pub(crate) fn eval(expr: &Expr, env: &Env<'_>, cx: &mut Cx<'_, '_>) -> Result<Value, DatabaseError> {
    match expr {
        Expr::Value(value) => literal(&value.value),
        Expr::Identifier(name) => env.look_up(None, &name.value.to_lowercase()),
        Expr::CompoundIdentifier(parts) => match &parts[..] {
            [table, column] => env.look_up(Some(&table.value.to_lowercase()), &column.value.to_lowercase()),
            _ => unsupported(expr),
        },
        Expr::Nested(inner) => eval(inner, env, cx),
        Expr::Interval(interval) => match (eval(&interval.value, env, cx)?, &interval.leading_field) {
            (Value::Text(text), None) => {
                Timestamp::interval(&text).map_or_else(|| unsupported(expr), |by| Ok(Value::Interval(by)))
            }
            _ => unsupported(expr),
        },
        Expr::Cast { expr: inner, .. } => eval(inner, env, cx),
        Expr::UnaryOp { op, expr: inner } => {
            let value = eval(inner, env, cx)?;
            match op {
                UnaryOperator::Minus => arithmetic('-', &Value::Int(0), &value),
                UnaryOperator::Plus => Ok(value),
                UnaryOperator::Not => Ok(from_truth(value.truth()?.map(|truth| !truth))),
                _ => unsupported(expr),
            }
        }
        Expr::IsNull(inner) => Ok(Value::Bool(eval(inner, env, cx)? == Value::Null)),
        Expr::IsNotNull(inner) => Ok(Value::Bool(eval(inner, env, cx)? != Value::Null)),
        Expr::BinaryOp { left, op, right } => binary(expr, left, op, right, env, cx),
        Expr::Between { expr: inner, negated, low, high } => {
            let value = eval(inner, env, cx)?;
            let above = value.compare(&eval(low, env, cx)?)?.map(Ordering::is_ge);
            let below = value.compare(&eval(high, env, cx)?)?.map(Ordering::is_le);
            Ok(negate_if(*negated, and(above, below)))
        }
        Expr::InList { expr: inner, list, negated } => {
            let value = eval(inner, env, cx)?;
            let values: Result<Vec<Value>, _> = list.iter().map(|item| eval(item, env, cx)).collect();
            Ok(negate_if(*negated, contains(&values?, &value)?))
        }
        Expr::InSubquery { .. } | Expr::Exists { .. } | Expr::Subquery(_) => subselect(expr, env, cx),
        Expr::Case { operand: None, conditions, else_result, .. } => {
            for case in conditions {
                if eval(&case.condition, env, cx)?.truth()? == Some(true) {
                    return eval(&case.result, env, cx);
                }
            }
            else_result.as_ref().map_or(Ok(Value::Null), |result| eval(result, env, cx))
        }
        Expr::Function(function) => call(function, env, cx),
        _ => unsupported(expr),
    }
}

/// Returns the value of a sub-select, if it stands for a single one.
fn subselect(expr: &Expr, env: &Env<'_>, cx: &mut Cx<'_, '_>) -> Result<Value, DatabaseError> {
    match expr {
        Expr::InSubquery { expr: inner, subquery, negated } => {
            let value = eval(inner, env, cx)?;
            let rows = query::evaluate(subquery, env, cx)?.rows;
            let values: Vec<Value> = rows.into_iter().filter_map(|row| row.into_iter().next()).collect();
            Ok(negate_if(*negated, contains(&values, &value)?))
        }
        Expr::Exists { subquery, negated } => {
            let found = !query::evaluate(subquery, env, cx)?.rows.is_empty();
            Ok(Value::Bool(found != *negated))
        }
        Expr::Subquery(subquery) => {
            let rows = query::evaluate(subquery, env, cx)?.rows;
            match rows.len() {
                0 => Ok(Value::Null),
                1 => Ok(rows[0].first().cloned().unwrap_or(Value::Null)),
                _ => failure("21000", "more than one row returned by a subquery used as an expression"),
            }
        }
        _ => unsupported(expr),
    }
}

/// Returns whether a condition holds; null does not.
pub(crate) fn holds(
    condition: Option<&Expr>,
    env: &Env<'_>,
    cx: &mut Cx<'_, '_>,
) -> Result<bool, DatabaseError> {
    match condition {
        None => Ok(true),
        Some(condition) => Ok(eval(condition, env, cx)?.truth()? == Some(true)),
    }
}

pub(crate) fn literal(value: &Literal) -> Result<Value, DatabaseError> {
    match value {
        Literal::Number(text, _) => match text.parse() {
            Ok(number) => Ok(Value::Int(number)),
            Err(_) => text.parse().map_or_else(
                |()| unsupported(format_args!("number {text}")),
                |number| Ok(Value::Numeric(number)),
            ),
        },
        Literal::SingleQuotedString(text) => Ok(Value::Text(text.clone())),
        Literal::Boolean(value) => Ok(Value::Bool(*value)),
        Literal::Null => Ok(Value::Null),
        other => unsupported(other),
    }
}

fn from_truth(truth: Option<bool>) -> Value {
    truth.map_or(Value::Null, Value::Bool)
}

fn negate_if(negated: bool, truth: Option<bool>) -> Value {
    from_truth(truth.map(|truth| truth != negated))
}

fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn contains(values: &[Value], wanted: &Value) -> Result<Option<bool>, DatabaseError> {
    let mut unknown = false;
    for value in values {
        match wanted.compare(value)? {
            Some(Ordering::Equal) => return Ok(Some(true)),
            Some(_) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown { None } else { Some(false) })
}

fn binary(
    whole: &Expr,
    left: &Expr,
    op: &BinaryOperator,
    right: &Expr,
    env: &Env<'_>,
    cx: &mut Cx<'_, '_>,
) -> Result<Value, DatabaseError> {
    use BinaryOperator as Op;
    let a = eval(left, env, cx)?;
    match op {
        Op::And if a == Value::Bool(false) => return Ok(a),
        Op::Or if a == Value::Bool(true) => return Ok(a),
        _ => {}
    }
    let b = eval(right, env, cx)?;
    let comparison = |test: fn(Ordering) -> bool| Ok(from_truth(a.compare(&b)?.map(test)));
    match op {
        Op::And => Ok(from_truth(and(a.truth()?, b.truth()?))),
        Op::Or => {
            let either = and(a.truth()?.map(|t| !t), b.truth()?.map(|t| !t));
            Ok(from_truth(either.map(|t| !t)))
        }
        Op::Eq => comparison(Ordering::is_eq),
        Op::NotEq => comparison(Ordering::is_ne),
        Op::Lt => comparison(Ordering::is_lt),
        Op::LtEq => comparison(Ordering::is_le),
        Op::Gt => comparison(Ordering::is_gt),
        Op::GtEq => comparison(Ordering::is_ge),
        Op::Plus => arithmetic('+', &a, &b),
        Op::Minus => arithmetic('-', &a, &b),
        Op::Multiply => arithmetic('*', &a, &b),
        Op::Divide => arithmetic('/', &a, &b),
        Op::Modulo => arithmetic('%', &a, &b),
        Op::StringConcat => Ok(match (a, b) {
            (Value::Null, _) | (_, Value::Null) => Value::Null,
            (a, b) => Value::Text(format!("{}{}", plain(&a), plain(&b))),
        }),
        _ => unsupported(whole),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns the name and the plain arguments of a call.
pub(crate) fn call_parts(function: &Function) -> Result<(String, Vec<&Expr>), DatabaseError> {
    let name = simple_name(&function.name);
    let mut arguments = Vec::new();
    if let FunctionArguments::List(list) = &function.args {
        for argument in &list.args {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => arguments.push(expr),
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => {}
                _ => return unsupported(function),
            }
        }
    }
    Ok((name, arguments))
}

fn call(function: &Function, env: &Env<'_>, cx: &mut Cx<'_, '_>) -> Result<Value, DatabaseError> {
    let (name, arguments) = call_parts(function)?;
    let values: Result<Vec<Value>, _> = arguments.iter().map(|argument| eval(argument, env, cx)).collect();
    let values = values?;
    match (name.as_str(), &values[..]) {
        ("nextval" | "currval", [Value::Text(sequence)]) => {
            let Some(sequence) = cx.catalog.sequences.get(sequence).copied() else {
                return failure("42P01", format!("no sequence {sequence}"));
            };
            let drawn =
                if name == "nextval" { cx.scope.nextval(sequence) } else { cx.scope.currval(sequence) };
            drawn.map(Value::Int)
        }
        ("pg_current_xact_id" | "txid_current", []) => Ok(Value::Xid(cx.scope.transaction_id().0)),
        ("pg_current_snapshot" | "txid_current_snapshot", []) => Ok(Value::Null),
        ("pg_snapshot_xmin" | "txid_snapshot_xmin", [_]) => Ok(Value::Xid(cx.scope.snapshot_xmin().0)),
        ("pg_xact_status" | "txid_status", [Value::Xid(xid)]) => {
            use shakedown_database::{XactStatus, Xid};
            Ok(match cx.scope.transaction_status(Xid(*xid)) {
                None => Value::Null,
                Some(XactStatus::InProgress) => Value::Text("in progress".to_owned()),
                Some(XactStatus::Committed) => Value::Text("committed".to_owned()),
                Some(XactStatus::Aborted) => Value::Text("aborted".to_owned()),
            })
        }
        ("pg_try_advisory_xact_lock", [key]) => try_lock(key, cx.scope, Scope::try_advisory_lock),
        ("pg_try_advisory_xact_lock_shared", [key]) => {
            try_lock(key, cx.scope, Scope::try_advisory_lock_shared)
        }
        ("int4range" | "int8range", [Value::Int(low), Value::Int(high)]) => Ok(Value::Range(*low, *high)),
        ("coalesce", _) => Ok(values.into_iter().find(|value| *value != Value::Null).unwrap_or(Value::Null)),
        ("abs", [value]) => Ok(value.int()?.map_or(Value::Null, |value| Value::Int(value.abs()))),
        ("greatest" | "least", _) => extreme(name == "greatest", values.iter()),
        _ => unsupported(function),
    }
}

/// Tries an advisory lock in the middle of a statement; returns null for a null key.
fn try_lock<'a>(
    key: &Value,
    scope: &mut Scope<'a>,
    lock: impl Fn(&mut Scope<'a>, i64) -> bool,
) -> Result<Value, DatabaseError> {
    Ok(key.int()?.map_or(Value::Null, |key| Value::Bool(lock(scope, key))))
}

/// Returns the greatest or least of some values, ignoring nulls.
pub(crate) fn extreme<'a>(
    greatest: bool,
    values: impl Iterator<Item = &'a Value>,
) -> Result<Value, DatabaseError> {
    let mut best = Value::Null;
    for value in values {
        let better = match value.compare(&best)? {
            Some(ordering) => {
                if greatest {
                    ordering.is_gt()
                } else {
                    ordering.is_lt()
                }
            }
            None => best == Value::Null,
        };
        if better {
            best = value.clone();
        }
    }
    Ok(best)
}
