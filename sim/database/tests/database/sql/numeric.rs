//! `numeric(precision, scale)`: exact decimal numbers.
//!
//! Source: the PostgreSQL manual, "Arbitrary Precision Numbers": a result of `+` and `-` has the greater scale, one of `*` the sum
//! of both; an assignment rounds to the scale of the column, ties away from zero. Division is not supported: its scale depends on
//! the number of significant digits.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A decimal number: `digits` divided by ten to the power of `scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numeric {
    pub digits: i128,
    pub scale: u32,
}

/// The scale at which keys are compared. Columns have no greater one.
const KEY_SCALE: u32 = 6;

impl Numeric {
    pub(crate) fn integer(value: i64) -> Self {
        Self { digits: i128::from(value), scale: 0 }
    }

    /// Returns it with another scale, rounded if that is smaller; `None` if it has too many digits.
    pub(crate) fn rescaled(self, scale: u32) -> Option<Self> {
        let digits = match scale.checked_sub(self.scale) {
            Some(more) => self.digits.checked_mul(10_i128.checked_pow(more)?)?,
            None => {
                let unit = 10_i128.checked_pow(self.scale - scale)?;
                let (quotient, rest) = (self.digits / unit, self.digits % unit);
                quotient + if rest.abs() * 2 >= unit { self.digits.signum() } else { 0 }
            }
        };
        Some(Self { digits, scale })
    }

    /// Returns it as a value of a column; `None` if the column has too few digits.
    pub(crate) fn stored(self, (precision, scale): (u32, u32)) -> Option<Self> {
        let rescaled = self.rescaled(scale)?;
        (rescaled.digits.unsigned_abs() < 10_u128.checked_pow(precision)?).then_some(rescaled)
    }

    /// Computes `+`, `-` or `*`; `None` for another operator, or too many digits.
    pub(crate) fn arithmetic(self, op: char, other: Self) -> Option<Self> {
        if op == '*' {
            let digits = self.digits.checked_mul(other.digits)?;
            return Some(Self { digits, scale: self.scale + other.scale });
        }
        let scale = self.scale.max(other.scale);
        let (a, b) = (self.rescaled(scale)?.digits, other.rescaled(scale)?.digits);
        let digits = match op {
            '+' => a.checked_add(b)?,
            '-' => a.checked_sub(b)?,
            _ => return None,
        };
        Some(Self { digits, scale })
    }

    /// Compares by value: 1.5 equals 1.50.
    pub(crate) fn compare(self, other: Self) -> Option<Ordering> {
        let scale = self.scale.max(other.scale);
        Some(self.rescaled(scale)?.digits.cmp(&other.rescaled(scale)?.digits))
    }

    /// Returns an integer with the same order.
    pub(crate) fn key(self) -> i64 {
        let key = self.rescaled(KEY_SCALE).and_then(|key| i64::try_from(key.digits).ok());
        key.unwrap_or(if self.digits < 0 { i64::MIN } else { i64::MAX })
    }
}

impl FromStr for Numeric {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        let unsigned = whole.strip_prefix('-').unwrap_or(whole);
        if unsigned.len() + fraction.len() == 0 || !is_number(unsigned) || !is_number(fraction) {
            return Err(());
        }
        let digits = format!("{whole}{fraction}").parse().map_err(|_| ())?;
        Ok(Self { digits, scale: u32::try_from(fraction.len()).map_err(|_| ())? })
    }
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = format!("{:0width$}", self.digits.unsigned_abs(), width = self.scale as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - self.scale as usize);
        match fraction {
            "" => write!(f, "{sign}{whole}"),
            fraction => write!(f, "{sign}{whole}.{fraction}"),
        }
    }
}

#[test]
fn numbers_round_and_compare_as_the_manual_says() {
    fn check(text: &str, column: (u32, u32), stored: Option<&str>) {
        let number: Numeric = text.parse().expect("a number");
        assert_eq!(number.stored(column).map(|number| number.to_string()).as_deref(), stored, "{text}");
    }
    check("1.005", (10, 2), Some("1.01"));
    check("-1.005", (10, 2), Some("-1.01"));
    check("1.004", (10, 2), Some("1.00"));
    check("-0.05", (10, 2), Some("-0.05"));
    check("99.995", (4, 2), None);
    check("7", (4, 2), Some("7.00"));
    let number = |text: &str| text.parse::<Numeric>().expect("a number");
    assert_eq!(number("1.5").compare(number("1.50")), Some(Ordering::Equal));
    assert_eq!(number("1.10").arithmetic('*', number("2.5")), Some(number("2.750")));
    assert_eq!(["", ".", "1e3", "--1", "1.-2"].map(|text| text.parse::<Numeric>()), [Err(()); 5]);
}
