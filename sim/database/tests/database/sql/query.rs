//! Read-only queries: sub-selects, `INSERT … SELECT`, joins, aggregates. Everything is read through the scope of the
//! statement, and so under its snapshot.

use std::cmp::Ordering;
use std::rc::Rc;

use shakedown_database::DatabaseError;
use sqlparser::ast::Value as Literal;
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, GroupByExpr, JoinConstraint, JoinOperator, LimitClause, OrderByExpr,
    OrderByKind, OrderBySort, Query, Select, SelectItem, SetExpr, TableAlias, TableFactor,
};

use super::aggregate;
use super::catalog::simple_name;
use super::expr::{Cx, Env, Source, eval, holds};
use super::plan;
use super::value::{SqlRow, Value, unsupported};

/// The result of a query.
pub(crate) struct Rows {
    pub columns: Vec<String>,
    pub rows: Vec<SqlRow>,
}

/// One table of a FROM list, with its rows.
struct Relation {
    alias: String,
    columns: Vec<String>,
    rows: Vec<Rc<SqlRow>>,
    condition: Option<Expr>,
}

/// Rejects the clauses that the player does not know.
pub(crate) fn check_clauses(query: &Query, select: &Select) -> Result<(), DatabaseError> {
    let plain_group = matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    let strange = query.with.is_some()
        || query.fetch.is_some()
        || !plain_group
        || select.having.is_some()
        || select.distinct.is_some()
        || select.into.is_some()
        || !select.named_window.is_empty();
    if strange { unsupported(query) } else { Ok(()) }
}

/// Returns the `SELECT` inside a query.
pub(crate) fn plain_select(query: &Query) -> Result<&Select, DatabaseError> {
    match &*query.body {
        SetExpr::Select(select) => {
            check_clauses(query, select)?;
            Ok(select)
        }
        _ => unsupported(query),
    }
}

/// Evaluates a query that takes no locks.
pub(crate) fn evaluate(query: &Query, env: &Env<'_>, cx: &mut Cx<'_, '_>) -> Result<Rows, DatabaseError> {
    if !query.locks.is_empty() {
        return unsupported(format_args!("locking clause here: {query}"));
    }
    if let SetExpr::Values(values) = &*query.body {
        let mut rows = Vec::new();
        for row in &values.rows {
            let row: Result<SqlRow, _> = row.content.iter().map(|expr| eval(expr, env, cx)).collect();
            rows.push(row?);
        }
        return Ok(Rows { columns: Vec::new(), rows });
    }
    let select = plain_select(query)?;
    let relations = read_from(select, env, cx)?;
    let matches = join(&relations, select.selection.as_ref(), env, cx)?;
    let sources = |rows: &[Rc<SqlRow>],
                   use_rows: &mut dyn FnMut(&[Source<'_>]) -> Result<(), DatabaseError>| {
        let sources: Vec<Source<'_>> = relations
            .iter()
            .zip(rows)
            .map(|(relation, row)| Source { alias: &relation.alias, columns: &relation.columns, row })
            .collect();
        use_rows(&sources)
    };
    let mut keyed: Vec<(SqlRow, SqlRow)> = Vec::new();
    if aggregate::in_select(select) {
        let names: Vec<(String, Vec<String>)> =
            relations.iter().map(|relation| (relation.alias.clone(), relation.columns.clone())).collect();
        keyed.push((Vec::new(), aggregate::row(select, &names, &matches, env, cx)?));
    } else {
        for rows in &matches {
            sources(rows, &mut |sources| {
                let env = Env { sources, outer: Some(env) };
                let key = order_key(query, &env, cx)?;
                keyed.push((key, project(&select.projection, &env, cx)?));
                Ok(())
            })?;
        }
        sort(&mut keyed, query)?;
    }
    let (limit, offset) = limits(query, env, cx)?;
    let rows = keyed.into_iter().map(|(_, row)| row).skip(offset).take(limit).collect();
    let all: Vec<&[String]> = relations.iter().map(|relation| &relation.columns[..]).collect();
    Ok(Rows { columns: column_names(&select.projection, &all), rows })
}

/// Returns LIMIT and OFFSET.
pub(crate) fn limits(
    query: &Query,
    env: &Env<'_>,
    cx: &mut Cx<'_, '_>,
) -> Result<(usize, usize), DatabaseError> {
    let mut number = |expr: Option<&Expr>, absent: usize| match expr {
        None => Ok(absent),
        Some(expr) => match eval(expr, env, cx)? {
            Value::Null => Ok(absent),
            Value::Int(number) => Ok(usize::try_from(number).unwrap_or(0)),
            other => unsupported(format_args!("limit {other}")),
        },
    };
    match &query.limit_clause {
        None => Ok((usize::MAX, 0)),
        Some(LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
            Ok((number(limit.as_ref(), usize::MAX)?, number(offset.as_ref().map(|o| &o.value), 0)?))
        }
        Some(other) => unsupported(other),
    }
}

/// Returns the ORDER BY list.
pub(crate) fn order_list(query: &Query) -> Result<&[OrderByExpr], DatabaseError> {
    match query.order_by.as_ref().map(|order| &order.kind) {
        None => Ok(&[]),
        Some(OrderByKind::Expressions(list)) => Ok(list),
        Some(OrderByKind::All(_)) => unsupported(query),
    }
}

/// Returns whether an order is descending; positions of nulls other than the default are rejected.
pub(crate) fn is_descending(order: &OrderByExpr) -> Result<bool, DatabaseError> {
    let descending = match &order.options.sort {
        None | Some(OrderBySort::Asc) => false,
        Some(OrderBySort::Desc) => true,
        Some(OrderBySort::Using(_)) => return unsupported(order),
    };
    match order.options.nulls_first {
        Some(first) if first != descending => unsupported(order),
        _ => Ok(descending),
    }
}

/// Returns an ordering expression, with `ORDER BY 1` resolved to the select list.
pub(crate) fn order_expr<'a>(order: &'a OrderByExpr, projection: &'a [SelectItem]) -> &'a Expr {
    let only_expressions = !projection.iter().any(|item| matches!(item, SelectItem::Wildcard(_)));
    if let Some(item) = position(&order.expr).filter(|_| only_expressions).and_then(|at| projection.get(at))
        && let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item
    {
        return expr;
    }
    if let Expr::Identifier(name) = &order.expr {
        for item in projection {
            if let SelectItem::ExprWithAlias { expr, alias } = item
                && alias.value.eq_ignore_ascii_case(&name.value)
            {
                return expr;
            }
        }
    }
    &order.expr
}

/// Returns the position in the result that `ORDER BY 1` names, from zero.
pub(crate) fn position(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Value(value) => match &value.value {
            Literal::Number(number, _) => number.parse::<usize>().ok()?.checked_sub(1),
            _ => None,
        },
        _ => None,
    }
}

fn order_key(query: &Query, env: &Env<'_>, cx: &mut Cx<'_, '_>) -> Result<SqlRow, DatabaseError> {
    let projection = &plain_select(query)?.projection;
    let mut key = Vec::new();
    for order in order_list(query)? {
        let expr = order_expr(order, projection);
        match position(expr) {
            // A number counts the columns of the result, including those of a star.
            Some(at) => key.extend(project(projection, env, cx)?.into_iter().nth(at)),
            None => key.push(eval(expr, env, cx)?),
        }
    }
    Ok(key)
}

fn sort(keyed: &mut [(SqlRow, SqlRow)], query: &Query) -> Result<(), DatabaseError> {
    let descending: Result<Vec<bool>, _> = order_list(query)?.iter().map(is_descending).collect();
    let descending = descending?;
    keyed.sort_by(|(a, _), (b, _)| {
        for ((a, b), descending) in a.iter().zip(b).zip(&descending) {
            let ordering = a.scalar().cmp(&b.scalar());
            let ordering = if *descending { ordering.reverse() } else { ordering };
            if ordering != Ordering::Equal {
                return ordering;
            }
        }
        Ordering::Equal
    });
    Ok(())
}

fn read_from(select: &Select, env: &Env<'_>, cx: &mut Cx<'_, '_>) -> Result<Vec<Relation>, DatabaseError> {
    let mut relations = Vec::new();
    let alone = select.from.len() == 1 && select.from[0].joins.is_empty();
    for from in &select.from {
        let selection = select.selection.as_ref().filter(|_| alone);
        relations.push(read_relation(&from.relation, None, selection, env, cx)?);
        for joined in &from.joins {
            let condition = match &joined.join_operator {
                JoinOperator::Join(JoinConstraint::On(on)) | JoinOperator::Inner(JoinConstraint::On(on)) => {
                    Some(on.clone())
                }
                JoinOperator::CrossJoin(_) => None,
                _ => return unsupported(joined),
            };
            relations.push(read_relation(&joined.relation, condition, None, env, cx)?);
        }
    }
    Ok(relations)
}

/// Returns the name of a table factor in expressions.
///
/// # Errors
/// Unsupported if the alias renames columns.
pub(crate) fn alias_of(alias: Option<&TableAlias>, name: &str) -> Result<String, DatabaseError> {
    match alias {
        None => Ok(name.to_owned()),
        Some(alias) if alias.columns.is_empty() => Ok(alias.name.value.to_lowercase()),
        Some(alias) => unsupported(format_args!("column aliases: {alias}")),
    }
}

fn read_relation(
    factor: &TableFactor,
    condition: Option<Expr>,
    selection: Option<&Expr>,
    env: &Env<'_>,
    cx: &mut Cx<'_, '_>,
) -> Result<Relation, DatabaseError> {
    match factor {
        TableFactor::Table { name, alias, args: None, .. } => {
            let info = cx.catalog.table(name)?;
            let alias = alias_of(alias.as_ref(), &info.name)?;
            let rows = match plan::key_in_env(&info, &alias, selection, env, cx)? {
                Some(key) => cx.scope.get(info.table, key)?.into_iter().collect(),
                None => cx.scope.scan(info.table)?,
            };
            Ok(Relation { alias, columns: info.column_names(), rows, condition })
        }
        TableFactor::Table { name, alias, args: Some(args), .. }
            if simple_name(name) == "generate_series" =>
        {
            let mut bounds = Vec::new();
            for argument in &args.args {
                match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => {
                        bounds.push(eval(expr, env, cx)?.int()?)
                    }
                    other => return unsupported(other),
                }
            }
            let [Some(low), Some(high)] = bounds[..] else {
                return unsupported(factor);
            };
            let alias = alias_of(alias.as_ref(), "generate_series")?;
            let rows = (low..=high).map(|value| Rc::new(vec![Value::Int(value)])).collect();
            Ok(Relation { columns: vec![alias.clone()], alias, rows, condition })
        }
        TableFactor::Derived { subquery, alias: Some(alias), .. } => {
            let answer = evaluate(subquery, env, cx)?;
            let rows = answer.rows.into_iter().map(Rc::new).collect();
            Ok(Relation { alias: alias.name.value.to_lowercase(), columns: answer.columns, rows, condition })
        }
        other => unsupported(other),
    }
}

/// Returns every combination of rows that satisfies the conditions: nested loops, outermost table first.
fn join(
    relations: &[Relation],
    selection: Option<&Expr>,
    env: &Env<'_>,
    cx: &mut Cx<'_, '_>,
) -> Result<Vec<Vec<Rc<SqlRow>>>, DatabaseError> {
    let mut found: Vec<Vec<Rc<SqlRow>>> = vec![Vec::new()];
    for (depth, relation) in relations.iter().enumerate() {
        let last = depth + 1 == relations.len();
        let mut longer = Vec::new();
        for prefix in &found {
            for row in &relation.rows {
                let mut rows = prefix.clone();
                rows.push(row.clone());
                let sources: Vec<Source<'_>> = relations
                    .iter()
                    .zip(&rows)
                    .map(|(relation, row)| Source { alias: &relation.alias, columns: &relation.columns, row })
                    .collect();
                let inner = Env { sources: &sources, outer: Some(env) };
                if holds(relation.condition.as_ref(), &inner, cx)? && (!last || holds(selection, &inner, cx)?)
                {
                    longer.push(rows);
                }
            }
        }
        found = longer;
    }
    if relations.is_empty() && !holds(selection, env, cx)? {
        found.clear();
    }
    Ok(found)
}

/// Returns one row of a select list.
pub(crate) fn project(
    items: &[SelectItem],
    env: &Env<'_>,
    cx: &mut Cx<'_, '_>,
) -> Result<SqlRow, DatabaseError> {
    let mut row = Vec::new();
    for item in items {
        match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                row.push(eval(expr, env, cx)?)
            }
            SelectItem::Wildcard(_) => {
                row.extend(env.sources.iter().flat_map(|source| source.row.iter().cloned()))
            }
            SelectItem::QualifiedWildcard(kind, _) => {
                let wanted = kind.to_string().trim_end_matches(".*").to_lowercase();
                let sources = env.sources.iter().filter(|source| source.alias == wanted);
                row.extend(sources.flat_map(|source| source.row.iter().cloned()));
            }
            other => return unsupported(other),
        }
    }
    Ok(row)
}

fn column_names(items: &[SelectItem], relations: &[&[String]]) -> Vec<String> {
    let mut names = Vec::new();
    for item in items {
        match item {
            SelectItem::ExprWithAlias { alias, .. } => names.push(alias.value.to_lowercase()),
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => names.push(name.value.to_lowercase()),
            SelectItem::Wildcard(_) => {
                names.extend(relations.iter().flat_map(|columns| columns.iter().cloned()))
            }
            _ => names.push("?column?".to_owned()),
        }
    }
    names
}
