//! Ordered keys of rows.
//!
//! A key is a short tuple of scalars. The one-integer key, by far the most common, is stored inline and
//! compared without an allocation. Nulls sort last, as PostgreSQL sorts them by default.

use std::fmt;

/// One component of a [`Key`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scalar {
    /// A 64-bit integer.
    Int(i64),
    /// A text, compared byte by byte (collation "C").
    Text(Box<str>),
    /// The absent value: last in order, and never equal to another one in a unique index.
    Null,
}

/// The key of a row in one index.
///
/// ```
/// use shakedown_database::Key;
/// assert!(Key::from(2) < Key::from(10));
/// assert!(Key::from((1, "b")) > Key::from((1, "a")));
/// assert!(Key::from(7) < Key::null());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A key of one column.
    One(Scalar),
    /// A key of no column or of several.
    Many(Box<[Scalar]>),
}

impl Key {
    /// Returns the key of one absent value.
    pub const fn null() -> Self {
        Self::One(Scalar::Null)
    }

    /// Creates a key of any number of columns.
    pub fn tuple(scalars: impl IntoIterator<Item = Scalar>) -> Self {
        let mut scalars: Vec<Scalar> = scalars.into_iter().collect();
        match scalars.len() {
            1 => Self::One(scalars.remove(0)),
            _ => Self::Many(scalars.into()),
        }
    }

    /// Returns the components, in order.
    pub fn scalars(&self) -> &[Scalar] {
        match self {
            Self::One(scalar) => std::slice::from_ref(scalar),
            Self::Many(scalars) => scalars,
        }
    }

    /// Returns whether any component is null; such a key neither violates uniqueness nor references a parent.
    pub fn has_null(&self) -> bool {
        match self {
            Self::One(scalar) => *scalar == Scalar::Null,
            Self::Many(scalars) => scalars.contains(&Scalar::Null),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
            Self::Null => f.write_str("null"),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (index, scalar) in self.scalars().iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{scalar}")?;
        }
        f.write_str(")")
    }
}

macro_rules! scalar_from_integer {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Scalar {
            fn from(value: $integer) -> Self {
                Self::Int(i64::from(value))
            }
        }
    )*};
}
scalar_from_integer!(i64, i32, u32, u16, u8, bool);

/// Converts as `bigint` holds the same 64 bits: numbers beyond its range come before all others.
impl From<u64> for Scalar {
    fn from(value: u64) -> Self {
        Self::Int(value.cast_signed())
    }
}

impl From<&str> for Scalar {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Scalar {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}

impl<T: Into<Self>> From<Option<T>> for Scalar {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Scalar>> From<T> for Key {
    fn from(value: T) -> Self {
        Self::One(value.into())
    }
}

impl<A: Into<Scalar>, B: Into<Scalar>> From<(A, B)> for Key {
    fn from((first, second): (A, B)) -> Self {
        Self::Many([first.into(), second.into()].into())
    }
}

impl<A: Into<Scalar>, B: Into<Scalar>, C: Into<Scalar>> From<(A, B, C)> for Key {
    fn from((first, second, third): (A, B, C)) -> Self {
        Self::Many([first.into(), second.into(), third.into()].into())
    }
}
