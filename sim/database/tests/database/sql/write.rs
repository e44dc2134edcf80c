//! `INSERT`, `UPDATE` and `DELETE`.

use std::rc::Rc;

use shakedown_database::{DatabaseError, Scope, Statement};
use sqlparser::ast::{
    Assignment, AssignmentTarget, ConflictTarget, Delete, DoUpdate, Expr, FromTable, Insert,
    OnConflictAction, OnInsert, SelectItem, SetExpr, TableFactor, TableObject, TableWithJoins, Update,
};

use super::answer::Answer;
use super::catalog::{Catalog, TableInfo, Type, simple_name};
use super::expr::{Cx, Env, NOWHERE, Source, eval, holds, literal};
use super::plan;
use super::query;
use super::select::{self, KeyModes, eval_alone, filtered};
use super::timestamp::Timestamp;
use super::value::{SqlRow, Value, failure, unsupported};

/// Converts a value to the type of its column: a quoted number becomes an integer.
fn coerce(value: Value, ty: Type, not_null: bool) -> Result<Value, DatabaseError> {
    match (value, ty) {
        (Value::Null, _) if not_null => failure("23502", "null value violates a not-null constraint"),
        (Value::Null, _) => Ok(Value::Null),
        (Value::Text(text), Type::Int) => match text.trim().parse() {
            Ok(number) => Ok(Value::Int(number)),
            Err(_) => failure("22P02", format!("not an integer: {text:?}")),
        },
        (Value::Int(number), Type::Text) => Ok(Value::Text(number.to_string())),
        (value @ (Value::Numeric(_) | Value::Int(_) | Value::Text(_)), Type::Numeric(precision, scale)) => {
            match value.numeric()?.and_then(|number| number.stored((precision, scale))) {
                Some(number) => Ok(Value::Numeric(number)),
                None => failure("22003", "numeric field overflow"),
            }
        }
        (Value::Text(text), Type::Timestamp) => match Timestamp::parse(&text) {
            Some(at) => Ok(Value::Timestamp(at)),
            None => failure("22007", format!("not a timestamp: {text:?}")),
        },
        (value @ Value::Timestamp(_), Type::Timestamp)
        | (value @ Value::Int(_), Type::Int)
        | (value @ Value::Text(_), Type::Text)
        | (value @ Value::Bool(_), Type::Bool)
        | (value @ Value::Xid(_), Type::Xid)
        | (value @ Value::Range(..), Type::Range) => Ok(value),
        (value, ty) => failure("42804", format!("{value} for a column of type {ty:?}")),
    }
}

/// Returns assignments by column number.
fn assignments(info: &TableInfo, list: &[Assignment]) -> Result<Vec<(usize, Expr)>, DatabaseError> {
    let column = |assignment: &Assignment| match &assignment.target {
        AssignmentTarget::ColumnName(name) => {
            Ok((info.column(&simple_name(name))?, assignment.value.clone()))
        }
        AssignmentTarget::Tuple(_) => unsupported(assignment),
    };
    let assignments: Vec<(usize, Expr)> = list.iter().map(column).collect::<Result<_, DatabaseError>>()?;
    // The server reads constants before it looks for rows.
    for (at, expr) in &assignments {
        if let Expr::Value(constant) = expr {
            coerce(literal(&constant.value)?, info.columns[*at].ty, false)?;
        }
    }
    Ok(assignments)
}

/// Returns a row with its assignments applied.
fn assign(
    info: &TableInfo,
    set: &[(usize, Expr)],
    row: &SqlRow,
    env: &Env<'_>,
    cx: &mut Cx<'_, '_>,
) -> Result<SqlRow, DatabaseError> {
    let mut new = row.clone();
    for (at, expr) in set {
        let column = &info.columns[*at];
        new[*at] = coerce(eval(expr, env, cx)?, column.ty, column.not_null)?;
    }
    Ok(new)
}

/// Adds the command tag, and the RETURNING list if there is one.
fn returning(
    statement: Statement<Vec<Rc<SqlRow>>>,
    verb: &'static str,
    info: Rc<TableInfo>,
    alias: String,
    items: Option<Vec<SelectItem>>,
    catalog: Rc<Catalog>,
) -> Statement<Answer> {
    statement.map(move |rows, scope| {
        let tag = format!("{verb} {}", rows.len());
        let Some(items) = items else {
            return Ok(Answer::tag(tag));
        };
        let names = info.column_names();
        let cx = &mut Cx { catalog: &catalog, scope };
        let rows: Result<Vec<SqlRow>, DatabaseError> = rows
            .iter()
            .map(|row| {
                let sources = [Source { alias: &alias, columns: &names, row }];
                query::project(&items, &Env { sources: &sources, outer: None }, cx)
            })
            .collect();
        Ok(Answer::rows(tag, rows?))
    })
}

fn only_table(from: &TableWithJoins, catalog: &Catalog) -> Result<(Rc<TableInfo>, String), DatabaseError> {
    match &from.relation {
        TableFactor::Table { name, alias, args: None, .. } if from.joins.is_empty() => {
            let info = catalog.table(name)?;
            let alias = query::alias_of(alias.as_ref(), &info.name)?;
            Ok((info, alias))
        }
        _ => unsupported(from),
    }
}

/// Compiles an `UPDATE`.
pub(crate) fn update(
    update: &Update,
    catalog: &Rc<Catalog>,
    modes: KeyModes,
) -> Result<Statement<Answer>, DatabaseError> {
    if update.from.is_some() || !update.order_by.is_empty() || update.limit.is_some() {
        return unsupported(update);
    }
    let mut selection = update.selection.clone();
    if let Some(place) = selection.as_mut().and_then(plan::find_locking) {
        let first = before(place, catalog, modes)?;
        let (mut later, catalog) = (update.clone(), catalog.clone());
        return Ok(first.then(move |rows, _| {
            substitute(later.selection.as_mut(), rows)?;
            self::update(&later, &catalog, modes)
        }));
    }
    let (info, alias) = only_table(&update.table, catalog)?;
    let set = assignments(&info, &update.assignments)?;
    let rows = plan::path(&info, &alias, selection.as_ref(), false);
    let rows = filtered(rows, selection, &info, &alias, catalog);
    let (names, own, of, reads) = (info.column_names(), alias.clone(), info.clone(), catalog.clone());
    let statement = rows.update_in(move |row, scope| {
        let sources = [Source { alias: &own, columns: &names, row }];
        assign(&of, &set, row, &Env { sources: &sources, outer: None }, &mut Cx { catalog: &reads, scope })
    });
    Ok(returning(statement, "UPDATE", info, alias, update.returning.clone(), catalog.clone()))
}

/// Compiles a `DELETE`.
pub(crate) fn delete(
    delete: &Delete,
    catalog: &Rc<Catalog>,
    modes: KeyModes,
) -> Result<Statement<Answer>, DatabaseError> {
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    let [from] = &from[..] else {
        return unsupported(delete);
    };
    if delete.using.is_some() || !delete.order_by.is_empty() || delete.limit.is_some() {
        return unsupported(delete);
    }
    let mut selection = delete.selection.clone();
    if let Some(place) = selection.as_mut().and_then(plan::find_locking) {
        let first = before(place, catalog, modes)?;
        let (mut later, catalog) = (delete.clone(), catalog.clone());
        return Ok(first.then(move |rows, _| {
            substitute(later.selection.as_mut(), rows)?;
            self::delete(&later, &catalog, modes)
        }));
    }
    let (info, alias) = only_table(from, catalog)?;
    let rows = plan::path(&info, &alias, selection.as_ref(), false);
    let statement = filtered(rows, selection, &info, &alias, catalog).delete();
    Ok(returning(statement, "DELETE", info, alias, delete.returning.clone(), catalog.clone()))
}

/// Returns the locking sub-select that must run before the statement.
fn before(
    place: &Expr,
    catalog: &Rc<Catalog>,
    modes: KeyModes,
) -> Result<Statement<Vec<SqlRow>>, DatabaseError> {
    match place {
        Expr::Subquery(subquery) | Expr::InSubquery { subquery, .. } => {
            select::compile(subquery, catalog, modes)
        }
        other => unsupported(other),
    }
}

fn substitute(selection: Option<&mut Expr>, rows: Vec<SqlRow>) -> Result<(), DatabaseError> {
    match selection.and_then(plan::find_locking) {
        Some(place) => plan::substitute(place, rows),
        None => Ok(()),
    }
}

/// Compiles an `INSERT`.
pub(crate) fn insert(insert: &Insert, catalog: &Rc<Catalog>) -> Result<Statement<Answer>, DatabaseError> {
    let TableObject::TableName(name) = &insert.table else {
        return unsupported(insert);
    };
    let info = catalog.table(name)?;
    let listed: Result<Vec<usize>, DatabaseError> =
        insert.columns.iter().map(|column| info.column(&simple_name(column))).collect();
    let mut listed = listed?;
    if listed.is_empty() {
        listed = (0..info.columns.len()).collect();
    }
    let (source, of, reads) = (insert.source.clone(), info.clone(), catalog.clone());
    let mut statement = info.table.insert_with(move |scope| {
        let Some(source) = source else {
            return Ok(vec![complete(&of, &[], Vec::new(), &reads, scope)?]);
        };
        if let SetExpr::Values(values) = &*source.body {
            let mut rows = Vec::new();
            for row in &values.rows {
                rows.push(literal_row(&of, &listed, &row.content, &reads, scope)?);
            }
            return Ok(rows);
        }
        let found = query::evaluate(&source, &NOWHERE, &mut Cx { catalog: &reads, scope })?.rows;
        found.into_iter().map(|row| complete(&of, &listed, row, &reads, scope)).collect()
    });
    match &insert.on {
        None => {}
        Some(OnInsert::OnConflict(conflict)) => {
            let target =
                conflict.conflict_target.as_ref().map(|target| arbiter(&info, target)).transpose()?;
            statement = match (&conflict.action, target) {
                (OnConflictAction::DoNothing, None) => statement.on_conflict_do_nothing(),
                (OnConflictAction::DoNothing, Some(constraint)) => {
                    statement.on_conflict_on_do_nothing(&constraint)
                }
                (OnConflictAction::DoUpdate(update), Some(constraint)) => {
                    let merge = merge(&info, update, catalog)?;
                    let statement = statement.on_conflict_on_update(&constraint, merge);
                    let sets_key = assignments(&info, &update.assignments)?
                        .iter()
                        .any(|(column, _)| info.is_key_column(*column));
                    if sets_key { statement.sets_key() } else { statement }
                }
                (OnConflictAction::DoUpdate(_), None) => return unsupported(insert),
            };
        }
        Some(_) => return unsupported(insert),
    }
    let alias = info.name.clone();
    Ok(returning(statement.build(), "INSERT 0", info, alias, insert.returning.clone(), catalog.clone()))
}

/// Computes the new row from the existing and the proposed one.
type Merge = Box<dyn FnMut(&SqlRow, &SqlRow, &mut Scope<'_>) -> Result<Option<SqlRow>, DatabaseError>>;

/// Returns the computation of `DO UPDATE`.
fn merge(info: &Rc<TableInfo>, update: &DoUpdate, catalog: &Rc<Catalog>) -> Result<Merge, DatabaseError> {
    let set = assignments(info, &update.assignments)?;
    let (selection, names) = (update.selection.clone(), info.column_names());
    let (info, catalog) = (info.clone(), catalog.clone());
    Ok(Box::new(move |old: &SqlRow, new: &SqlRow, scope: &mut Scope<'_>| {
        let sources = [
            Source { alias: &info.name, columns: &names, row: old },
            Source { alias: "excluded", columns: &names, row: new },
        ];
        let env = Env { sources: &sources, outer: None };
        let cx = &mut Cx { catalog: &catalog, scope };
        if !holds(selection.as_ref(), &env, cx)? {
            return Ok(None);
        }
        assign(&info, &set, old, &env, cx).map(Some)
    }))
}

/// Returns the constraint of a conflict target.
fn arbiter(info: &TableInfo, target: &ConflictTarget) -> Result<String, DatabaseError> {
    match target {
        ConflictTarget::OnConstraint(name) => Ok(simple_name(name)),
        ConflictTarget::Columns(columns) => {
            let wanted: Result<Vec<usize>, DatabaseError> =
                columns.iter().map(|column| info.column(&column.value.to_lowercase())).collect();
            let wanted = wanted?;
            if wanted == info.primary {
                return Ok(format!("{}_pkey", info.name));
            }
            match info.uniques.iter().find(|unique| unique.columns == wanted) {
                Some(unique) => Ok(unique.name.clone()),
                None => failure("42P10", "no unique constraint matches the ON CONFLICT specification"),
            }
        }
    }
}

/// Returns a row of VALUES; the word DEFAULT stands for the column's default.
fn literal_row(
    info: &TableInfo,
    listed: &[usize],
    exprs: &[Expr],
    catalog: &Catalog,
    scope: &mut Scope<'_>,
) -> Result<SqlRow, DatabaseError> {
    let (mut columns, mut values) = (Vec::new(), Vec::new());
    for (column, expr) in listed.iter().zip(exprs) {
        let is_default = matches!(expr, Expr::Identifier(name) if name.value.eq_ignore_ascii_case("default"));
        if !is_default {
            columns.push(*column);
            values.push(eval_alone(expr, &mut Cx { catalog, scope })?);
        }
    }
    complete(info, &columns, values, catalog, scope)
}

/// Fills the missing columns in their order, and checks the types.
fn complete(
    info: &TableInfo,
    listed: &[usize],
    values: SqlRow,
    catalog: &Catalog,
    scope: &mut Scope<'_>,
) -> Result<SqlRow, DatabaseError> {
    if values.len() > listed.len() {
        return failure("42601", "INSERT has more expressions than target columns");
    }
    let mut given: Vec<Option<Value>> = vec![None; info.columns.len()];
    for (column, value) in listed.iter().zip(values) {
        given[*column] = Some(value);
    }
    let mut row = Vec::with_capacity(given.len());
    for (column, value) in info.columns.iter().zip(given) {
        let value = match (value, column.sequence, &column.default) {
            (Some(value), _, _) => value,
            (None, Some(sequence), _) => Value::Int(scope.nextval(sequence)?),
            (None, None, Some(default)) => eval_alone(default, &mut Cx { catalog, scope })?,
            (None, None, None) => Value::Null,
        };
        row.push(coerce(value, column.ty, column.not_null)?);
    }
    Ok(row)
}
