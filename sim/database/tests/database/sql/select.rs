//! Top-level `SELECT`: over one table through the core's own scan, sort, lock and limit; over anything else through
//! the read-only evaluator.

use std::rc::Rc;

use shakedown_database::{DatabaseError, Key, LockMode, LockWait, Statement};
use sqlparser::ast::{self, Expr, LockClause, LockType, NonBlock, Query, SelectItem, TableFactor};

use super::aggregate;
use super::answer::Answer;
use super::catalog::{Catalog, TableInfo};
use super::expr::{Cx, Env, NOWHERE, Source, eval, holds};
use super::plan;
use super::query::{self, alias_of, is_descending, order_expr, order_list, plain_select};
use super::value::{SqlRow, unsupported};

/// Which of the two strengths of `FOR UPDATE` and `FOR SHARE` is meant. The parser does not know the weaker ones, so
/// the player's front end rewrites them and passes this along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyModes {
    pub no_key_update: bool,
    pub key_share: bool,
}

/// Returns the one table of a query, if it reads only one.
fn single_table(query: &Query, catalog: &Catalog) -> Result<Option<(Rc<TableInfo>, String)>, DatabaseError> {
    let select = plain_select(query)?;
    let [from] = &select.from[..] else { return Ok(None) };
    match &from.relation {
        TableFactor::Table { name, alias, args: None, .. } if from.joins.is_empty() => {
            let info = catalog.table(name)?;
            let alias = alias_of(alias.as_ref(), &info.name)?;
            Ok(Some((info, alias)))
        }
        _ => Ok(None),
    }
}

fn lock_mode(clauses: &[LockClause], modes: KeyModes) -> Result<Option<(LockMode, LockWait)>, DatabaseError> {
    let [clause] = clauses else {
        return if clauses.is_empty() { Ok(None) } else { unsupported("several locking clauses") };
    };
    let mode = match clause.lock_type {
        LockType::Update if modes.no_key_update => LockMode::NoKeyUpdate,
        LockType::Update => LockMode::Update,
        LockType::Share if modes.key_share => LockMode::KeyShare,
        LockType::Share => LockMode::Share,
    };
    let wait = match clause.nonblock {
        None => LockWait::Block,
        Some(NonBlock::Nowait) => LockWait::NoWait,
        Some(NonBlock::SkipLocked) => LockWait::SkipLocked,
    };
    Ok(Some((mode, wait)))
}

/// Compiles a query into a statement that returns its rows.
pub(crate) fn compile(
    query: &Query,
    catalog: &Rc<Catalog>,
    modes: KeyModes,
) -> Result<Statement<Vec<SqlRow>>, DatabaseError> {
    let mut query = query.clone();
    if let Some(before) = locking_subselect(&mut query)? {
        let first = compile(&before, catalog, modes)?;
        let catalog = catalog.clone();
        return Ok(first.then(move |rows, _| {
            if let Some(selection) = selection_mut(&mut query)
                && let Some(place) = plan::find_locking(selection)
            {
                plan::substitute(place, rows)?;
            }
            compile(&query, &catalog, modes)
        }));
    }
    let lock = lock_mode(&query.locks, modes)?;
    let Some((info, alias)) = single_table(&query, catalog)? else {
        if lock.is_some() {
            return unsupported(format_args!("locking clause over several tables: {query}"));
        }
        let catalog = catalog.clone();
        return Ok(Statement::compute(move |scope| {
            Ok(query::evaluate(&query, &NOWHERE, &mut Cx { catalog: &catalog, scope })?.rows)
        }));
    };
    let aggregates = aggregate::in_select(plain_select(&query)?);
    if aggregates && lock.is_some() {
        return unsupported(format_args!("locking clause with aggregates: {query}"));
    }
    single(query, info, alias, catalog.clone(), lock, aggregates)
}

fn selection_mut(query: &mut Query) -> Option<&mut Expr> {
    match &mut *query.body {
        sqlparser::ast::SetExpr::Select(select) => select.selection.as_mut(),
        _ => None,
    }
}

fn locking_subselect(query: &mut Query) -> Result<Option<Query>, DatabaseError> {
    let found = selection_mut(query).and_then(plan::find_locking);
    Ok(match found {
        Some(Expr::Subquery(before) | Expr::InSubquery { subquery: before, .. }) => Some((**before).clone()),
        _ => None,
    })
}

/// Compiles a query over one table.
fn single(
    query: Query,
    info: Rc<TableInfo>,
    alias: String,
    catalog: Rc<Catalog>,
    lock: Option<(LockMode, LockWait)>,
    aggregates: bool,
) -> Result<Statement<Vec<SqlRow>>, DatabaseError> {
    let select = plain_select(&query)?.clone();
    let by_primary = plan::orders_by_primary(&info, &alias, &query)?
        && !plan::names_keys(&info, &alias, select.selection.as_ref())
        && !plan::prefers_sort(&info, &alias, select.selection.as_ref(), query.limit_clause.is_some());
    let rows = plan::path(&info, &alias, select.selection.as_ref(), by_primary);
    let rows = filtered(rows, select.selection.clone(), &info, &alias, &catalog);
    let mut store_select = rows.select();
    let order = order_list(&query)?;
    if !order.is_empty() && !aggregates {
        let columns: Result<Vec<usize>, DatabaseError> = order
            .iter()
            .map(|order| order_column(order_expr(order, &select.projection), &select, &info, &alias))
            .collect();
        let descending: Result<Vec<bool>, DatabaseError> = order.iter().map(is_descending).collect();
        let (columns, descending) = (columns?, descending?);
        if !by_primary {
            store_select = store_select
                .order_by(move |row: &SqlRow| Key::tuple(columns.iter().map(|column| row[*column].scalar())))
                .descending(descending);
        }
    }
    if let Some(limit) = constant_limit(&query)?.filter(|_| !aggregates) {
        store_select = store_select.limit(limit.0).offset(limit.1);
    }
    if let Some((mode, wait)) = lock {
        store_select = store_select.lock(mode, wait);
    }
    let names = info.column_names();
    Ok(store_select.build().map(move |rows, scope| {
        let cx = &mut Cx { catalog: &catalog, scope };
        if aggregates {
            let matches: Vec<Vec<Rc<SqlRow>>> = rows.into_iter().map(|row| vec![row]).collect();
            return Ok(vec![aggregate::row(&select, &[(alias, names)], &matches, &NOWHERE, cx)?]);
        }
        rows.iter()
            .map(|row| {
                let sources = [Source { alias: &alias, columns: &names, row }];
                query::project(&select.projection, &Env { sources: &sources, outer: None }, cx)
            })
            .collect()
    }))
}

/// Adds a WHERE clause to a selection of rows.
pub(crate) fn filtered(
    rows: shakedown_database::Rows<SqlRow>,
    selection: Option<Expr>,
    info: &Rc<TableInfo>,
    alias: &str,
    catalog: &Rc<Catalog>,
) -> shakedown_database::Rows<SqlRow> {
    let Some(selection) = selection else { return rows };
    let (names, alias, catalog) = (info.column_names(), alias.to_owned(), catalog.clone());
    rows.filter_in(move |row, scope| {
        let sources = [Source { alias: &alias, columns: &names, row }];
        let env = Env { sources: &sources, outer: None };
        holds(Some(&selection), &env, &mut Cx { catalog: &catalog, scope })
    })
}

/// Returns the column that an ordering expression names.
fn order_column(
    expr: &Expr,
    select: &ast::Select,
    info: &TableInfo,
    alias: &str,
) -> Result<usize, DatabaseError> {
    match expr {
        Expr::Value(_) if matches!(select.projection[..], [SelectItem::Wildcard(_)]) => {
            match query::position(expr).filter(|at| *at < info.columns.len()) {
                Some(at) => Ok(at),
                None => unsupported(format_args!("ORDER BY {expr}")),
            }
        }
        Expr::Identifier(name) => info.column(&name.value.to_lowercase()),
        Expr::CompoundIdentifier(parts) => match &parts[..] {
            [table, name] if table.value.eq_ignore_ascii_case(alias) => {
                info.column(&name.value.to_lowercase())
            }
            _ => unsupported(format_args!("ORDER BY {expr}")),
        },
        other => unsupported(format_args!("ORDER BY {other}")),
    }
}

/// Returns LIMIT and OFFSET, if they are plain numbers.
fn constant_limit(query: &Query) -> Result<Option<(usize, usize)>, DatabaseError> {
    use sqlparser::ast::LimitClause;
    let number = |expr: Option<&Expr>, absent: usize| match expr {
        None => Ok(absent),
        Some(Expr::Value(value)) => match value.value.to_string().parse() {
            Ok(number) => Ok(number),
            Err(_) => unsupported(format_args!("LIMIT {value}")),
        },
        Some(other) => unsupported(format_args!("LIMIT {other}")),
    };
    match &query.limit_clause {
        None => Ok(None),
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            let offset = offset.as_ref().map(|offset| &offset.value);
            Ok(Some((number(limit.as_ref(), usize::MAX)?, number(offset, 0)?)))
        }
        Some(other) => unsupported(other),
    }
}

/// Converts the rows of a select to a result with its command tag.
pub(crate) fn answered(statement: Statement<Vec<SqlRow>>) -> Statement<Answer> {
    statement.map(|rows, _| Ok(Answer::rows(format!("SELECT {}", rows.len()), rows)))
}

/// Returns the value of an expression without a table.
pub(crate) fn eval_alone(expr: &Expr, cx: &mut Cx<'_, '_>) -> Result<super::value::Value, DatabaseError> {
    eval(expr, &NOWHERE, cx)
}
