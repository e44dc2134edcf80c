//! Selects the access path of a statement, and the sub-selects that must run before it.
//!
//! The choices are those that PostgreSQL makes for small tables without statistics: equality with (or a list of)
//! primary keys uses the index, an order by the primary key follows it over the range that comparisons leave,
//! everything else scans.

use std::ops::Bound;

use shakedown_database::{DatabaseError, Key, Rows};
use sqlparser::ast::Value as Literal;
use sqlparser::ast::{BinaryOperator, Expr, Query, UnaryOperator};

use super::catalog::TableInfo;
use super::expr::{Cx, Env, eval, literal};
use super::value::{SqlRow, Value, arithmetic, unsupported};

/// Returns a value as a literal expression.
pub(crate) fn as_expr(value: &Value) -> Result<Expr, DatabaseError> {
    let literal = match value {
        Value::Null => Literal::Null,
        Value::Int(number) => Literal::Number(number.to_string(), false),
        Value::Text(text) => Literal::SingleQuotedString(text.clone()),
        Value::Bool(value) => Literal::Boolean(*value),
        Value::Numeric(number) => Literal::Number(number.to_string(), false),
        other => return unsupported(format_args!("{other} as a literal")),
    };
    Ok(Expr::Value(literal.into()))
}

/// Returns the conditions joined by AND.
fn conjuncts(selection: Option<&Expr>) -> Vec<&Expr> {
    match selection {
        None => Vec::new(),
        Some(Expr::Nested(inner)) => conjuncts(Some(inner)),
        Some(Expr::BinaryOp { left, op: BinaryOperator::And, right }) => {
            let mut all = conjuncts(Some(left));
            all.extend(conjuncts(Some(right)));
            all
        }
        Some(other) => vec![other],
    }
}

/// Returns whether an expression is that column of that table.
fn is_column(expr: &Expr, alias: &str, column: &str) -> bool {
    match expr {
        Expr::Identifier(name) => name.value.eq_ignore_ascii_case(column),
        Expr::CompoundIdentifier(parts) => matches!(
            &parts[..],
            [table, name] if table.value.eq_ignore_ascii_case(alias) && name.value.eq_ignore_ascii_case(column)
        ),
        Expr::Nested(inner) => is_column(inner, alias, column),
        _ => false,
    }
}

/// Returns the value of an expression that depends on nothing.
fn constant(expr: &Expr) -> Option<Value> {
    match expr {
        Expr::Value(value) => literal(&value.value).ok(),
        Expr::Nested(inner) => constant(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
            arithmetic('-', &Value::Int(0), &constant(expr)?).ok()
        }
        Expr::BinaryOp { left, op, right } => {
            let op = match op {
                BinaryOperator::Plus => '+',
                BinaryOperator::Minus => '-',
                BinaryOperator::Multiply => '*',
                _ => return None,
            };
            arithmetic(op, &constant(left)?, &constant(right)?).ok()
        }
        _ => None,
    }
}

/// Returns the keys of these columns that a condition names, if it names any.
fn named_keys(
    info: &TableInfo,
    columns: &[usize],
    alias: &str,
    selection: Option<&Expr>,
) -> Option<Vec<Key>> {
    let conjuncts = conjuncts(selection);
    let equal_to = |column: &str| {
        conjuncts.iter().find_map(|condition| match condition {
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                let (a, b) = (is_column(left, alias, column), is_column(right, alias, column));
                if a {
                    constant(right)
                } else if b {
                    constant(left)
                } else {
                    None
                }
            }
            _ => None,
        })
    };
    let names: Vec<&str> = columns.iter().map(|column| info.columns[*column].name.as_str()).collect();
    let values: Option<Vec<Value>> = names.iter().map(|name| equal_to(name)).collect();
    if let Some(values) = values.filter(|values| !values.is_empty()) {
        return Some(vec![Key::tuple(values.iter().map(Value::scalar))]);
    }
    let [name] = names[..] else { return None };
    conjuncts.iter().find_map(|condition| match condition {
        Expr::InList { expr, list, negated: false } if is_column(expr, alias, name) => {
            list.iter().map(|item| constant(item).map(|value| Key::from(value.scalar()))).collect()
        }
        _ => None,
    })
}

/// Returns the range that comparisons with a single-column primary key leave, if there are any.
fn key_range(info: &TableInfo, alias: &str, selection: Option<&Expr>) -> Option<(Bound<Key>, Bound<Key>)> {
    let [primary] = info.primary[..] else { return None };
    let column = &info.columns[primary].name;
    let (mut low, mut high) = (Bound::Unbounded, Bound::Unbounded);
    for condition in conjuncts(selection) {
        let Expr::BinaryOp { left, op, right } = condition else { continue };
        let Some(value) = constant(right).filter(|_| is_column(left, alias, column)) else { continue };
        let key = Key::from(value.scalar());
        match op {
            BinaryOperator::GtEq => low = Bound::Included(key),
            BinaryOperator::Gt => low = Bound::Excluded(key),
            BinaryOperator::LtEq => high = Bound::Included(key),
            BinaryOperator::Lt => high = Bound::Excluded(key),
            _ => {}
        }
    }
    let is_bounded = !matches!((&low, &high), (Bound::Unbounded, Bound::Unbounded));
    is_bounded.then_some((low, high))
}

/// Returns whether a condition names the wanted keys, so that no order of an index is needed to find them.
pub(crate) fn names_keys(info: &TableInfo, alias: &str, selection: Option<&Expr>) -> bool {
    rows_of_keys(info, alias, selection).is_some()
}

/// Returns whether rows are filtered and then sorted, although the primary key has their order: the server expects a
/// condition on other columns to leave few rows, and the index pays only if a limit ends the scan early.
pub(crate) fn prefers_sort(info: &TableInfo, alias: &str, selection: Option<&Expr>, has_limit: bool) -> bool {
    selection.is_some() && !has_limit && key_range(info, alias, selection).is_none()
}

/// Returns the rows of the primary or unique keys that a condition names, if it names any. The server prefers an index
/// to a sequential scan then, also for a small table.
fn rows_of_keys(info: &TableInfo, alias: &str, selection: Option<&Expr>) -> Option<Rows<SqlRow>> {
    if let Some(keys) = named_keys(info, &info.primary, alias, selection) {
        return Some(info.table.keys(keys));
    }
    info.uniques.iter().find_map(|unique| {
        let keys = named_keys(info, &unique.columns, alias, selection)?;
        Some(info.table.keys_in(&unique.name, keys))
    })
}

/// Returns the rows of a table by the access path that its condition allows. `ordered` requests the order of the
/// primary key.
pub(crate) fn path(info: &TableInfo, alias: &str, selection: Option<&Expr>, ordered: bool) -> Rows<SqlRow> {
    match rows_of_keys(info, alias, selection) {
        Some(rows) => rows,
        None if ordered => match key_range(info, alias, selection) {
            Some(range) => info.table.range(range),
            None => info.table.all().in_key_order(),
        },
        None => info.table.all(),
    }
}

/// Returns whether a query orders by the single-column primary key, ascending, and nothing else.
pub(crate) fn orders_by_primary(info: &TableInfo, alias: &str, query: &Query) -> Result<bool, DatabaseError> {
    let [order] = super::query::order_list(query)? else {
        return Ok(false);
    };
    let [primary] = info.primary[..] else {
        return Ok(false);
    };
    let projection = &super::query::plain_select(query)?.projection;
    let expr = super::query::order_expr(order, projection);
    Ok(!super::query::is_descending(order)? && is_column(expr, alias, &info.columns[primary].name))
}

/// Returns the primary key that a condition names, with the rows around a sub-select in scope.
pub(crate) fn key_in_env(
    info: &TableInfo,
    alias: &str,
    selection: Option<&Expr>,
    env: &Env<'_>,
    cx: &mut Cx<'_, '_>,
) -> Result<Option<Key>, DatabaseError> {
    let [primary] = info.primary[..] else {
        return Ok(None);
    };
    let column = &info.columns[primary].name;
    for condition in conjuncts(selection) {
        let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = condition else {
            continue;
        };
        let other = match (is_column(left, alias, column), is_column(right, alias, column)) {
            (true, false) => right,
            (false, true) => left,
            _ => continue,
        };
        if is_simple(other, info, alias)
            && let Ok(value) = eval(other, env, cx)
        {
            return Ok(Some(Key::from(value.scalar())));
        }
    }
    Ok(None)
}

/// Returns whether an expression has no sub-select and no column of this table.
fn is_simple(expr: &Expr, info: &TableInfo, alias: &str) -> bool {
    match expr {
        Expr::Value(_) => true,
        Expr::Identifier(name) => info.column(&name.value.to_lowercase()).is_err(),
        Expr::CompoundIdentifier(parts) => {
            parts.first().is_some_and(|table| !table.value.eq_ignore_ascii_case(alias))
        }
        Expr::Nested(inner) => is_simple(inner, info, alias),
        Expr::BinaryOp { left, right, .. } => is_simple(left, info, alias) && is_simple(right, info, alias),
        _ => false,
    }
}

/// Returns the first sub-select of a condition that takes locks: it runs once, before the rest.
pub(crate) fn find_locking(expr: &mut Expr) -> Option<&mut Expr> {
    let locks = |query: &Query| !query.locks.is_empty();
    let here = match expr {
        Expr::Subquery(query) | Expr::InSubquery { subquery: query, .. } => locks(query),
        _ => false,
    };
    if here {
        return Some(expr);
    }
    match expr {
        Expr::BinaryOp { left, right, .. } => find_locking(left).or_else(|| find_locking(right)),
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } => find_locking(inner),
        _ => None,
    }
}

/// Replaces a locking sub-select by its result.
pub(crate) fn substitute(expr: &mut Expr, rows: Vec<SqlRow>) -> Result<(), DatabaseError> {
    let values: Result<Vec<Expr>, _> = rows.iter().filter_map(|row| row.first()).map(as_expr).collect();
    let values = values?;
    let replacement = match expr {
        Expr::InSubquery { expr, negated, .. } => {
            Expr::InList { expr: expr.clone(), list: values, negated: *negated }
        }
        _ if values.len() > 1 => {
            return super::value::failure(
                "21000",
                "more than one row returned by a subquery used as an expression",
            );
        }
        _ => match values.into_iter().next() {
            Some(value) => value,
            None => as_expr(&Value::Null)?,
        },
    };
    *expr = replacement;
    Ok(())
}
