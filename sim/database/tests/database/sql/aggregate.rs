//! Aggregates over the rows of a query without GROUP BY: count, sum, max and min.

use std::rc::Rc;

use shakedown_database::DatabaseError;
use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, Select, SelectItem};

use super::expr::{Cx, Env, Source, call_parts, eval, extreme};
use super::plan;
use super::value::{SqlRow, Value, arithmetic, unsupported};

const AGGREGATES: [&str; 4] = ["count", "sum", "max", "min"];

/// Returns whether an expression aggregates, ignoring sub-selects.
fn is_aggregate(expr: &Expr) -> bool {
    match expr {
        Expr::Function(function) => match call_parts(function) {
            Ok((name, arguments)) => {
                AGGREGATES.contains(&name.as_str()) || arguments.into_iter().any(is_aggregate)
            }
            Err(_) => false,
        },
        Expr::BinaryOp { left, right, .. } => is_aggregate(left) || is_aggregate(right),
        Expr::UnaryOp { expr, .. } | Expr::Nested(expr) | Expr::Cast { expr, .. } => is_aggregate(expr),
        _ => false,
    }
}

/// Returns whether a select list aggregates.
pub(crate) fn in_select(select: &Select) -> bool {
    select.projection.iter().any(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => is_aggregate(expr),
        _ => false,
    })
}

/// Returns the single row of a query with aggregates.
pub(crate) fn row(
    select: &Select,
    relations: &[(String, Vec<String>)],
    matches: &[Vec<Rc<SqlRow>>],
    env: &Env<'_>,
    cx: &mut Cx<'_, '_>,
) -> Result<SqlRow, DatabaseError> {
    let mut row = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                let folded = fold_aggregates(expr, relations, matches, env, cx)?;
                row.push(eval(&folded, env, cx)?);
            }
            other => return unsupported(other),
        }
    }
    Ok(row)
}

/// Replaces the aggregates of the expression by their values.
fn fold_aggregates(
    expr: &Expr,
    relations: &[(String, Vec<String>)],
    matches: &[Vec<Rc<SqlRow>>],
    env: &Env<'_>,
    cx: &mut Cx<'_, '_>,
) -> Result<Expr, DatabaseError> {
    let mut fold = |expr: &Expr| fold_aggregates(expr, relations, matches, env, cx);
    match expr {
        Expr::BinaryOp { left, op, right } => {
            let (left, right) = (Box::new(fold(left)?), Box::new(fold(right)?));
            Ok(Expr::BinaryOp { left, op: op.clone(), right })
        }
        Expr::UnaryOp { op, expr } => Ok(Expr::UnaryOp { op: *op, expr: Box::new(fold(expr)?) }),
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => fold(inner),
        Expr::Function(function) => {
            let (name, arguments) = call_parts(function)?;
            if !AGGREGATES.contains(&name.as_str()) {
                let mut folded = function.clone();
                if let sqlparser::ast::FunctionArguments::List(list) = &mut folded.args {
                    for argument in &mut list.args {
                        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                            *expr = fold(expr)?;
                        }
                    }
                }
                return Ok(Expr::Function(folded));
            }
            let mut values = Vec::new();
            for rows in matches {
                let sources: Vec<Source<'_>> = relations
                    .iter()
                    .zip(rows)
                    .map(|((alias, columns), row)| Source { alias, columns, row })
                    .collect();
                let inner = Env { sources: &sources, outer: Some(env) };
                match arguments.first() {
                    None => values.push(Value::Int(1)),
                    Some(argument) => values.push(eval(argument, &inner, cx)?),
                }
            }
            values.retain(|value| *value != Value::Null);
            plan::as_expr(&aggregate(&name, &values)?)
        }
        other => Ok(other.clone()),
    }
}

fn aggregate(name: &str, values: &[Value]) -> Result<Value, DatabaseError> {
    match name {
        "count" => Ok(Value::Int(i64::try_from(values.len()).unwrap_or(i64::MAX))),
        "sum" => match values.split_first() {
            None => Ok(Value::Null),
            Some((first, rest)) => {
                rest.iter().try_fold(first.clone(), |sum, value| arithmetic('+', &sum, value))
            }
        },
        _ => extreme(name == "max", values.iter()),
    }
}
