//! Conditions on rows as values, which can be evaluated and printed.

use shakedown_database::Scalar;
use std::cmp::Ordering;
use std::fmt;
use std::rc::Rc;

/// A column of a table: its name, and its value in a row. Define it as a constant, and build [`Predicate`]s with it.
///
/// ```
/// use shakedown_sim::store::Column;
/// struct Job { state: &'static str, due: i64 }
/// const STATE: Column<Job> = Column::new("state", |job| job.state.into());
/// const DUE: Column<Job> = Column::new("due", |job| job.due.into());
///
/// let is_due = STATE.eq("ready").and(DUE.le(5));
/// assert_eq!(is_due.to_string(), "state = 'ready' AND due <= 5");
/// assert!(is_due.admits(&Job { state: "ready", due: 5 }));
/// ```
pub struct Column<R> {
    name: &'static str,
    value: fn(&R) -> Scalar,
}

impl<R> Clone for Column<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Column<R> {}

impl<R> Column<R> {
    /// Creates a column of this name, with the function that returns its value in a row.
    pub const fn new(name: &'static str, value: fn(&R) -> Scalar) -> Self {
        Self { name, value }
    }

    /// Returns the name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the value in a row.
    pub fn value(&self, row: &R) -> Scalar {
        (self.value)(row)
    }

    fn compare(self, operator: Operator, value: impl Into<Scalar>) -> Predicate<R> {
        Predicate(Rc::new(Node::Compare(self, operator, value.into())))
    }

    /// Returns the predicate `column = value`, which is unknown for a null, as every comparison.
    pub fn eq(self, value: impl Into<Scalar>) -> Predicate<R> {
        self.compare(Operator::Eq, value)
    }

    /// Returns the predicate `column <> value`.
    pub fn ne(self, value: impl Into<Scalar>) -> Predicate<R> {
        self.compare(Operator::Ne, value)
    }

    /// Returns the predicate `column < value`.
    pub fn lt(self, value: impl Into<Scalar>) -> Predicate<R> {
        self.compare(Operator::Lt, value)
    }

    /// Returns the predicate `column <= value`.
    pub fn le(self, value: impl Into<Scalar>) -> Predicate<R> {
        self.compare(Operator::Le, value)
    }

    /// Returns the predicate `column > value`.
    pub fn gt(self, value: impl Into<Scalar>) -> Predicate<R> {
        self.compare(Operator::Gt, value)
    }

    /// Returns the predicate `column >= value`.
    pub fn ge(self, value: impl Into<Scalar>) -> Predicate<R> {
        self.compare(Operator::Ge, value)
    }

    /// Returns the predicate `column IN (values)`.
    pub fn is_in<V: Into<Scalar>>(self, values: impl IntoIterator<Item = V>) -> Predicate<R> {
        Predicate(Rc::new(Node::In(self, values.into_iter().map(Into::into).collect())))
    }

    /// Returns the predicate `column IS NULL`.
    pub fn is_null(self) -> Predicate<R> {
        Predicate(Rc::new(Node::IsNull(self)))
    }
}

/// A condition on rows. It has three truth values, as in SQL: a comparison with a null is unknown, and a row for which
/// the condition is unknown is not admitted.
pub struct Predicate<R>(Rc<Node<R>>);

impl<R> Clone for Predicate<R> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

enum Node<R> {
    Compare(Column<R>, Operator, Scalar),
    In(Column<R>, Vec<Scalar>),
    IsNull(Column<R>),
    And(Predicate<R>, Predicate<R>),
    Or(Predicate<R>, Predicate<R>),
    Not(Predicate<R>),
}

#[derive(Clone, Copy)]
enum Operator {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Operator {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Eq => ordering.is_eq(),
            Self::Ne => ordering.is_ne(),
            Self::Lt => ordering.is_lt(),
            Self::Le => ordering.is_le(),
            Self::Gt => ordering.is_gt(),
            Self::Ge => ordering.is_ge(),
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "<>",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }
}

/// Returns the comparison of two values; `None` if one of them is null.
fn compare(left: &Scalar, right: &Scalar) -> Option<Ordering> {
    let is_known = *left != Scalar::Null && *right != Scalar::Null;
    is_known.then(|| left.cmp(right))
}

impl<R> Predicate<R> {
    /// Returns the predicate that holds if both do.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(Rc::new(Node::And(self, other)))
    }

    /// Returns the predicate that holds if one of them does.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(Rc::new(Node::Or(self, other)))
    }

    /// Returns the negation.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "a method like the others, not an operator")]
    pub fn not(self) -> Self {
        Self(Rc::new(Node::Not(self)))
    }

    /// Returns whether the condition is true for a row.
    pub fn admits(&self, row: &R) -> bool {
        self.truth(row) == Some(true)
    }

    /// Returns the truth value; `None` is unknown.
    fn truth(&self, row: &R) -> Option<bool> {
        match &*self.0 {
            Node::Compare(column, operator, value) => {
                compare(&column.value(row), value).map(|ordering| operator.holds(ordering))
            }
            Node::In(column, values) => {
                let found = column.value(row);
                let each = values.iter().map(|value| compare(&found, value).map(Ordering::is_eq));
                each.fold(Some(false), or)
            }
            Node::IsNull(column) => Some(column.value(row) == Scalar::Null),
            Node::And(left, right) => and(left.truth(row), right.truth(row)),
            Node::Or(left, right) => or(left.truth(row), right.truth(row)),
            Node::Not(inner) => inner.truth(row).map(|truth| !truth),
        }
    }

    /// Writes the predicate as an operand, in parentheses if it is a composition.
    fn operand(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Node::And(..) | Node::Or(..) => write!(f, "({self})"),
            _ => write!(f, "{self}"),
        }
    }
}

fn and(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

/// A value as an SQL literal.
pub(super) struct Literal<'a>(pub(super) &'a Scalar);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Scalar::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Scalar::Null => f.write_str("NULL"),
            Scalar::Int(value) => write!(f, "{value}"),
        }
    }
}

impl<R> fmt::Display for Predicate<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Node::Compare(column, operator, value) => {
                write!(f, "{} {} {}", column.name, operator.text(), Literal(value))
            }
            Node::In(column, values) => {
                write!(f, "{} IN (", column.name)?;
                for (at, value) in values.iter().enumerate() {
                    write!(f, "{}{}", if at == 0 { "" } else { ", " }, Literal(value))?;
                }
                f.write_str(")")
            }
            Node::IsNull(column) => write!(f, "{} IS NULL", column.name),
            Node::And(left, right) => {
                for (at, side) in [left, right].into_iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { " AND " })?;
                    match &*side.0 {
                        Node::Or(..) => side.operand(f)?,
                        _ => write!(f, "{side}")?,
                    }
                }
                Ok(())
            }
            Node::Or(left, right) => write!(f, "{left} OR {right}"),
            Node::Not(inner) => {
                f.write_str("NOT ")?;
                inner.operand(f)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Job {
        state: &'static str,
        due: Option<i64>,
    }

    const STATE: Column<Job> = Column::new("state", |job| job.state.into());
    const DUE: Column<Job> = Column::new("due", |job| job.due.into());

    #[test]
    fn a_comparison_with_a_null_is_unknown_and_so_is_its_negation() {
        let job = Job { state: "ready", due: None };
        assert!(!DUE.le(5).admits(&job) && !DUE.le(5).not().admits(&job));
        assert!(DUE.is_null().admits(&job) && !DUE.is_null().not().admits(&job));
        assert!(DUE.le(5).or(STATE.eq("ready")).admits(&job));
        assert!(!DUE.is_in([1, 2]).not().admits(&job));
        let known = Job { state: "ready", due: Some(3) };
        assert!(DUE.is_in([1, 2]).not().admits(&known) && DUE.is_in([3]).admits(&known));
        assert!(DUE.ne(4).and(DUE.gt(2)).and(DUE.ge(3)).and(DUE.lt(4)).admits(&known));
    }

    #[test]
    fn a_predicate_is_printed_as_sql() {
        let late = DUE.lt(3).or(DUE.is_null().not());
        let text = STATE.ne("it's").and(late.clone()).and(DUE.is_in([1, 2])).to_string();
        assert_eq!(text, "state <> 'it''s' AND (due < 3 OR NOT due IS NULL) AND due IN (1, 2)");
        assert_eq!(late.not().to_string(), "NOT (due < 3 OR NOT due IS NULL)");
    }
}
