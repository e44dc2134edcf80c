//! `CREATE TABLE`: converts SQL to the core's table definitions, with the metadata that the player needs.

use std::collections::BTreeMap;
use std::rc::Rc;

use shakedown_database::{Database, DatabaseError, Deferral, Key, Sequence, TableDef, TableHandle};
use sqlparser::ast::{
    ColumnDef, ColumnOption, ConstraintCharacteristics, CreateTable, DataType, DeferrableInitial,
    ExactNumberInfo, ExcludeConstraint, Expr, ForeignKeyConstraint, Ident, IndexColumn, ObjectName,
    ReferentialAction, TableConstraint, TimezoneInfo,
};

use super::value::{SqlRow, Value, unsupported};

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Int,
    Text,
    Bool,
    Xid,
    Range,
    /// Its digits, and how many of them are behind the point.
    Numeric(u32, u32),
    Timestamp,
}

pub(crate) struct Column {
    pub name: String,
    pub ty: Type,
    pub default: Option<Expr>,
    pub not_null: bool,
    /// The sequence of a `serial` column.
    pub sequence: Option<Sequence>,
}

/// A unique constraint and its columns.
pub(crate) struct Unique {
    pub name: String,
    pub columns: Vec<usize>,
    pub deferral: Deferral,
}

/// The player's metadata of one table.
pub(crate) struct TableInfo {
    pub name: String,
    pub table: TableHandle<SqlRow>,
    pub columns: Vec<Column>,
    pub primary: Vec<usize>,
    pub uniques: Vec<Unique>,
}

impl TableInfo {
    pub(crate) fn column(&self, name: &str) -> Result<usize, DatabaseError> {
        let found = self.columns.iter().position(|column| column.name == name);
        if found.is_none() && SYSTEM_COLUMNS.contains(&name) {
            return unsupported(format_args!("system column {name}"));
        }
        found.map_or_else(|| super::value::failure("42703", format!("no column {name} in {}", self.name)), Ok)
    }

    /// Returns whether a column belongs to a key that a foreign key could reference.
    pub(crate) fn is_key_column(&self, column: usize) -> bool {
        let immediate = self.uniques.iter().filter(|unique| unique.deferral == Deferral::Immediate);
        self.primary.contains(&column) || immediate.flat_map(|unique| &unique.columns).any(|at| *at == column)
    }

    pub(crate) fn column_names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }
}

/// All tables and sequences of one player.
#[derive(Default)]
pub(crate) struct Catalog {
    pub tables: BTreeMap<String, Rc<TableInfo>>,
    pub sequences: BTreeMap<String, Sequence>,
}

/// The columns that every table of the server has and that the core does not model.
pub(crate) const SYSTEM_COLUMNS: [&str; 6] = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];

fn is_system_catalogue(name: &ObjectName) -> bool {
    let text = name.to_string().to_lowercase();
    text.starts_with("information_schema.") || simple_name(name).starts_with("pg_")
}

/// Returns the last part of a possibly qualified name, in lower case.
pub(crate) fn simple_name(name: &ObjectName) -> String {
    let last = name.0.last().and_then(|part| part.as_ident());
    last.map(|ident| ident.value.to_lowercase()).unwrap_or_default()
}

/// The constraints of a table, collected from columns and table constraints.
#[derive(Default)]
struct Constraints {
    primary: Vec<usize>,
    uniques: Vec<Unique>,
    foreign: Vec<(Vec<usize>, ForeignKeyConstraint)>,
    exclusions: Vec<ExcludeConstraint>,
}

impl Constraints {
    /// Keys are looked up by constants of any scale and form, which the player compares by value only.
    fn check_keys(&self, columns: &[Column]) -> Result<(), DatabaseError> {
        let keys = self.primary.iter().chain(self.uniques.iter().flat_map(|unique| &unique.columns));
        let mut types = keys.map(|at| columns[*at].ty);
        match types.find(|ty| matches!(ty, Type::Numeric(..) | Type::Timestamp)) {
            Some(ty) => unsupported(format_args!("a key of type {ty:?}")),
            None => Ok(()),
        }
    }
}

impl Catalog {
    pub(crate) fn table(&self, name: &ObjectName) -> Result<Rc<TableInfo>, DatabaseError> {
        if is_system_catalogue(name) {
            return unsupported(format_args!("system catalogue {name}"));
        }
        let name = simple_name(name);
        self.tables.get(&name).cloned().ok_or(DatabaseError::UndefinedTable { table: name })
    }

    /// Executes `CREATE TABLE`.
    pub(crate) fn create_table(
        &mut self,
        db: &mut Database,
        create: &CreateTable,
    ) -> Result<(), DatabaseError> {
        let name = simple_name(&create.name);
        let mut columns = Vec::new();
        for column in &create.columns {
            columns.push(self.column(db, &name, column)?);
        }
        let constraints = gather(&name, &columns, create)?;
        constraints.check_keys(&columns)?;
        let def = match &constraints.primary[..] {
            [] => TableDef::unkeyed(&name),
            primary => TableDef::keyed(&name, key_of(primary.to_vec())),
        };
        let mut def = def;
        for unique in &constraints.uniques {
            def = def.unique(&unique.name, unique.deferral, key_of(unique.columns.clone()));
        }
        for (own, foreign) in &constraints.foreign {
            def = self.foreign_key(&name, &columns, &constraints, own, foreign, def)?;
        }
        for exclusion in &constraints.exclusions {
            def = exclude(&name, &columns, exclusion, def)?;
        }
        let table = db.create_table(def)?;
        let Constraints { primary, uniques, .. } = constraints;
        let info = TableInfo { name: name.clone(), table, columns, primary, uniques };
        self.tables.insert(name, Rc::new(info));
        Ok(())
    }

    fn column(
        &mut self,
        db: &mut Database,
        table: &str,
        column: &ColumnDef,
    ) -> Result<Column, DatabaseError> {
        let name = column.name.value.to_lowercase();
        let type_name = column.data_type.to_string().to_lowercase();
        let is_serial = type_name.contains("serial");
        let sequence = is_serial.then(|| {
            let sequence = db.create_sequence(1);
            self.sequences.insert(format!("{table}_{name}_seq"), sequence);
            sequence
        });
        let ty = match &column.data_type {
            _ if is_serial => Type::Int,
            DataType::Boolean | DataType::Bool => Type::Bool,
            DataType::Text | DataType::Varchar(_) | DataType::Char(_) => Type::Text,
            DataType::Numeric(info) | DataType::Decimal(info) => numeric(info, &column.data_type)?,
            DataType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => Type::Timestamp,
            _ if type_name.contains("int4range") || type_name.contains("int8range") => Type::Range,
            _ if type_name.contains("int") => Type::Int,
            _ if type_name == "xid8" || type_name == "xid" => Type::Xid,
            other => return unsupported(format_args!("column type {other}")),
        };
        let mut result = Column { name, ty, default: None, not_null: is_serial, sequence };
        for option in &column.options {
            match &option.option {
                ColumnOption::Default(expr) => result.default = Some(expr.clone()),
                ColumnOption::NotNull | ColumnOption::PrimaryKey(_) => result.not_null = true,
                ColumnOption::Null | ColumnOption::Unique(_) | ColumnOption::ForeignKey(_) => {}
                other => return unsupported(format_args!("column option {other}")),
            }
        }
        Ok(result)
    }

    fn foreign_key(
        &self,
        table: &str,
        columns: &[Column],
        constraints: &Constraints,
        own: &[usize],
        foreign: &ForeignKeyConstraint,
        def: TableDef<SqlRow>,
    ) -> Result<TableDef<SqlRow>, DatabaseError> {
        if foreign.on_update.as_ref().is_some_and(|action| *action != ReferentialAction::NoAction) {
            return unsupported(format_args!("referential action in {foreign}"));
        }
        let own_names: Vec<&str> = own.iter().map(|column| columns[*column].name.as_str()).collect();
        let fallback = format!("{table}_{}_fkey", own_names.join("_"));
        let name = foreign.name.as_ref().map_or(fallback, |name| name.value.clone());
        let deferral = deferral(foreign.characteristics.as_ref());
        let referred: Vec<String> = foreign.referred_columns.iter().map(|c| c.value.to_lowercase()).collect();
        let referred: Vec<&str> = referred.iter().map(String::as_str).collect();
        if simple_name(&foreign.foreign_table) == table {
            let def = def.self_reference(&name, deferral, key_of(own.to_vec()));
            let def = on_delete(def, foreign, own)?;
            return reference(def, &referred, columns, &constraints.primary, &constraints.uniques);
        }
        let parent = self.table(&foreign.foreign_table)?;
        let def = def.foreign_key(&name, parent.table, deferral, key_of(own.to_vec()));
        let def = on_delete(def, foreign, own)?;
        reference(def, &referred, &parent.columns, &parent.primary, &parent.uniques)
    }
}

/// Returns the type `numeric(precision, scale)`; one without a scale holds any number of digits.
fn numeric(info: &ExactNumberInfo, whole: &DataType) -> Result<Type, DatabaseError> {
    match info {
        ExactNumberInfo::PrecisionAndScale(precision, scale @ 1..=6) if *precision <= 15 => {
            Ok(Type::Numeric(*precision as u32, *scale as u32))
        }
        _ => unsupported(format_args!("column type {whole}")),
    }
}

/// Gives the last foreign key of a table its action `ON DELETE`.
fn on_delete(
    def: TableDef<SqlRow>,
    foreign: &ForeignKeyConstraint,
    own: &[usize],
) -> Result<TableDef<SqlRow>, DatabaseError> {
    let own = own.to_vec();
    Ok(match foreign.on_delete {
        None | Some(ReferentialAction::NoAction) => def,
        Some(ReferentialAction::Restrict) => def.on_delete_restrict(),
        Some(ReferentialAction::Cascade) => def.on_delete_cascade(),
        Some(ReferentialAction::SetNull) => def.on_delete_set(move |row| {
            let mut row = row.clone();
            own.iter().for_each(|column| row[*column] = Value::Null);
            row
        }),
        Some(ReferentialAction::SetDefault) => {
            return unsupported(format_args!("referential action in {foreign}"));
        }
    })
}

/// Makes the last foreign key of a table reference these columns of its parent.
fn reference(
    def: TableDef<SqlRow>,
    referred: &[&str],
    columns: &[Column],
    primary: &[usize],
    uniques: &[Unique],
) -> Result<TableDef<SqlRow>, DatabaseError> {
    let names = |of: &[usize]| of.iter().map(|column| columns[*column].name.as_str()).collect::<Vec<_>>();
    if referred.is_empty() || referred == names(primary) {
        return Ok(def);
    }
    match uniques.iter().find(|unique| names(&unique.columns) == referred) {
        Some(unique) => Ok(def.referencing(&unique.name)),
        None => super::value::failure("42830", "no unique constraint matches the referenced columns"),
    }
}

/// Returns an extractor of the key over some columns.
fn key_of(columns: Vec<usize>) -> impl Fn(&SqlRow) -> Key + 'static {
    move |row| Key::tuple(columns.iter().map(|column| row[*column].scalar()))
}

fn deferral(characteristics: Option<&ConstraintCharacteristics>) -> Deferral {
    match characteristics {
        Some(c) if c.initially == Some(DeferrableInitial::Deferred) => Deferral::TransactionEnd,
        Some(c) if c.deferrable == Some(true) => Deferral::StatementEnd,
        _ => Deferral::Immediate,
    }
}

fn gather(table: &str, columns: &[Column], create: &CreateTable) -> Result<Constraints, DatabaseError> {
    let position = |name: &Ident| {
        let wanted = name.value.to_lowercase();
        let found = columns.iter().position(|column| column.name == wanted);
        found.map_or_else(|| super::value::failure("42703", format!("no column {name}")), Ok)
    };
    let listed = |list: &[IndexColumn]| {
        let column = |index: &IndexColumn| match &index.column.expr {
            Expr::Identifier(name) => position(name),
            other => unsupported(format_args!("index expression {other}")),
        };
        list.iter().map(column).collect::<Result<Vec<usize>, _>>()
    };
    let unique_name = |name: Option<&Ident>, of: &[usize]| {
        let names: Vec<&str> = of.iter().map(|column| columns[*column].name.as_str()).collect();
        name.map_or_else(|| format!("{table}_{}_key", names.join("_")), |name| name.value.clone())
    };
    let mut found = Constraints::default();
    for (at, column) in create.columns.iter().enumerate() {
        for option in &column.options {
            let named = option.name.as_ref();
            match &option.option {
                ColumnOption::PrimaryKey(_) => found.primary = vec![at],
                ColumnOption::Unique(unique) => {
                    let name = unique_name(named.or(unique.name.as_ref()), &[at]);
                    let deferral = deferral(unique.characteristics.as_ref());
                    found.uniques.push(Unique { name, columns: vec![at], deferral });
                }
                ColumnOption::ForeignKey(foreign) => found.foreign.push((vec![at], foreign.clone())),
                _ => {}
            }
        }
    }
    for constraint in &create.constraints {
        match constraint {
            TableConstraint::PrimaryKey(primary) => found.primary = listed(&primary.columns)?,
            TableConstraint::Unique(unique) => {
                let columns = listed(&unique.columns)?;
                let name = unique_name(unique.name.as_ref(), &columns);
                let deferral = deferral(unique.characteristics.as_ref());
                found.uniques.push(Unique { name, columns, deferral });
            }
            TableConstraint::ForeignKey(foreign) => {
                let own: Result<Vec<usize>, _> = foreign.columns.iter().map(position).collect();
                found.foreign.push((own?, foreign.clone()));
            }
            TableConstraint::Exclude(exclusion) => found.exclusions.push(exclusion.clone()),
            other => return unsupported(format_args!("table constraint {other}")),
        }
    }
    Ok(found)
}

/// Adds an exclusion constraint: columns under `=` form the bucket, ranges under `&&` must not overlap.
fn exclude(
    table: &str,
    columns: &[Column],
    exclusion: &ExcludeConstraint,
    def: TableDef<SqlRow>,
) -> Result<TableDef<SqlRow>, DatabaseError> {
    let (mut equal, mut overlap, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for element in &exclusion.elements {
        let name = element.column.column.expr.to_string().to_lowercase();
        let Some(at) = columns.iter().position(|column| column.name == name) else {
            return unsupported(format_args!("exclusion element {element}"));
        };
        names.push(name);
        match element.operator.to_string().as_str() {
            "=" => equal.push(at),
            "&&" => overlap.push(at),
            other => return unsupported(format_args!("exclusion operator {other}")),
        }
    }
    let fallback = format!("{table}_{}_excl", names.join("_"));
    let name = exclusion.name.as_ref().map_or(fallback, |name| name.value.clone());
    Ok(def.exclusion(&name, key_of(equal), move |a, b| {
        overlap.iter().all(|column| match (&a[*column], &b[*column]) {
            (Value::Range(low, high), Value::Range(other_low, other_high)) => {
                low < other_high && other_low < high
            }
            _ => false,
        })
    }))
}
