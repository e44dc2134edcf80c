//! Cron expressions: which minutes of local time they name.

use super::zone::{DAY, LocalTime, MINUTE};
use crate::time::date_of;
use std::fmt;
use std::str::FromStr;

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MACROS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// The field of an expression.
struct Kind {
    name: &'static str,
    least: u8,
    most: u8,
    /// The names of the values, from `least`.
    names: &'static [&'static str],
}

const KINDS: [Kind; 5] = [
    Kind { name: "minute", least: 0, most: 59, names: &[] },
    Kind { name: "hour", least: 0, most: 23, names: &[] },
    Kind { name: "day of the month", least: 1, most: 31, names: &[] },
    Kind { name: "month", least: 1, most: 12, names: MONTHS },
    // 7 is Sunday, too.
    Kind { name: "day of the week", least: 0, most: 7, names: DAYS },
];

/// The reason why a text is not a cron expression.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CronError {
    /// It has another number of fields.
    #[error(
        "a cron expression has 5 fields (minute, hour, day of the month, month, day of the week), not {0}"
    )]
    Fields(usize),
    /// A field cannot be read.
    #[error("`{text}` is no {field}: {problem}")]
    Field {
        /// The field.
        field: &'static str,
        /// Its text.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// The values of one field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Field {
    values: u64,
    /// Whether the text begins with `*`.
    pub(super) is_star: bool,
    /// Whether the text is `*` or `?`, without a step.
    pub(super) is_any: bool,
}

impl Field {
    fn has(&self, value: i64) -> bool {
        self.values >> value & 1 == 1
    }

    /// Returns its first value from `value` on.
    fn from(&self, value: i64) -> Option<i64> {
        let left = self.values.checked_shr(value as u32).unwrap_or(0);
        (left != 0).then(|| value + i64::from(left.trailing_zeros()))
    }
}

/// A cron expression: five fields, each `*`, a value, a range `a-b` or a list of these, with an optional step `/n`. Months
/// and days of the week also have English names of three letters; Sunday is 0 and 7. `@daily` and its like are expressions,
/// too. `a/n` without an end means from `a` on, as in robfig/cron and Quartz.
///
/// ```
/// use shakedown_sim::calendar::Cron;
/// let weekdays: Cron = "*/15 8-17 * * mon-fri".parse()?;
/// assert!("60 * * * *".parse::<Cron>().is_err());
/// # Ok::<(), shakedown_sim::calendar::CronError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cron {
    text: String,
    pub(super) minutes: Field,
    pub(super) hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
}

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        let named = MACROS.iter().find(|(name, _)| *name == text);
        let fields: Vec<&str> = named.map_or(text, |(_, fields)| fields).split_whitespace().collect();
        let [minute, hour, day, month, weekday] =
            fields.try_into().map_err(|fields: Vec<&str>| CronError::Fields(fields.len()))?;
        let [of_minute, of_hour, of_day, of_month, of_weekday] = &KINDS;
        let mut weekdays = field(of_weekday, weekday)?;
        weekdays.values |= weekdays.values >> 7 & 1;
        Ok(Self {
            text: text.to_owned(),
            minutes: field(of_minute, minute)?,
            hours: field(of_hour, hour)?,
            days: field(of_day, day)?,
            months: field(of_month, month)?,
            weekdays,
        })
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn field(kind: &Kind, text: &str) -> Result<Field, CronError> {
    let problem = |problem| CronError::Field { field: kind.name, text: text.to_owned(), problem };
    let mut values = 0;
    for item in text.split(',') {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(number(step).ok_or_else(|| problem("a step is a number"))?)),
            None => (item, None),
        };
        // The day of the week 7 is 0 again.
        let most = kind.most - u8::from(kind.most == 7);
        let (first, last) = match (range, range.split_once('-')) {
            ("*" | "?", _) => (kind.least, most),
            (_, Some((first, last))) => (
                value(kind, first).ok_or_else(|| problem("a range begins with a value"))?,
                value(kind, last).ok_or_else(|| problem("a range ends with a value"))?,
            ),
            (one, None) => {
                let one = value(kind, one).ok_or_else(|| problem("it is no value of the field"))?;
                (one, if step.is_some() { most } else { one })
            }
        };
        if first > last {
            return Err(problem("the range ends before it begins"));
        }
        let step = step.unwrap_or(1);
        if step == 0 {
            return Err(problem("a step is at least 1"));
        }
        (first..=last).step_by(usize::from(step)).for_each(|value| values |= 1 << value);
    }
    Ok(Field { values, is_star: text.starts_with('*'), is_any: text == "*" || text == "?" })
}

fn number(text: &str) -> Option<u8> {
    // Checked here, because parsing a number accepts a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn value(kind: &Kind, text: &str) -> Option<u8> {
    let named = kind.names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let value = named.map(|at| at as u8 + kind.least).or_else(|| number(text))?;
    (kind.least..=kind.most).contains(&value).then_some(value)
}

impl Cron {
    /// Returns whether the expression names a minute. If both the day of the month and the day of the week are
    /// restricted, one of them suffices; `steps_restrict` says whether `*/2` is a restriction.
    pub(super) fn names(&self, local: LocalTime, steps_restrict: bool) -> bool {
        let minute = local.minute().rem_euclid(24 * 60);
        self.names_day(local.day(), steps_restrict)
            && self.hours.has(minute / 60)
            && self.minutes.has(minute % 60)
    }

    fn names_day(&self, number: i64, steps_restrict: bool) -> bool {
        let (_, month, day) = date_of(number);
        // 1970-01-01 was a Thursday.
        let (day, weekday) = (self.days.has(day), self.weekdays.has((number + 4).rem_euclid(7)));
        let is_free =
            |field: &Field| if steps_restrict { field.is_any } else { field.is_star || field.is_any };
        let either = !is_free(&self.days) && !is_free(&self.weekdays);
        self.months.has(month) && if either { day || weekday } else { day && weekday }
    }

    /// Returns the first minute from `from` on and before `until` that the expression names.
    pub(super) fn next(&self, from: LocalTime, until: LocalTime, steps_restrict: bool) -> Option<LocalTime> {
        let first = -(-from.0).div_euclid(MINUTE);
        let (mut day, mut minute) = (first.div_euclid(24 * 60), first.rem_euclid(24 * 60));
        while day * DAY < until.0 {
            if self.names_day(day, steps_restrict)
                && let Some(minute) = self.next_of_day(minute)
            {
                let found = LocalTime(day * DAY + minute * MINUTE);
                return (found < until).then_some(found);
            }
            (day, minute) = (day + 1, 0);
        }
        None
    }

    /// Returns the first minute of a day from `minute` on that the expression names.
    fn next_of_day(&self, minute: i64) -> Option<i64> {
        let hour = self.hours.from(minute / 60)?;
        let within = if hour == minute / 60 { self.minutes.from(minute % 60) } else { self.minutes.from(0) };
        match within {
            Some(minute) => Some(hour * 60 + minute),
            None => self.next_of_day((hour + 1) * 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_that_cannot_be_read_names_the_field() {
        fn check(text: &str, error: &str) {
            assert_eq!(text.parse::<Cron>().expect_err(text).to_string(), error);
        }
        let fields =
            "a cron expression has 5 fields (minute, hour, day of the month, month, day of the week), not 4";
        check("* * * *", fields);
        check("60 * * * *", "`60` is no minute: it is no value of the field");
        check("* 9-8 * * *", "`9-8` is no hour: the range ends before it begins");
        check("* * 0 * *", "`0` is no day of the month: it is no value of the field");
        check("* * * foo *", "`foo` is no month: it is no value of the field");
        check("* * * * mon-", "`mon-` is no day of the week: a range ends with a value");
        check("*/0 * * * *", "`*/0` is no minute: a step is at least 1");
        check("*/x * * * *", "`*/x` is no minute: a step is a number");
        check("+5 * * * *", "`+5` is no minute: it is no value of the field");
        check("1,,2 * * * *", "`1,,2` is no minute: it is no value of the field");
    }

    #[test]
    fn names_lists_ranges_and_steps_are_the_values_that_they_mean() {
        fn check(one: &str, other: &str) {
            let [one, other] = [one, other].map(|text| text.parse::<Cron>().expect(text));
            let same = [(one.minutes, other.minutes), (one.hours, other.hours), (one.days, other.days)];
            for (one, other) in
                same.into_iter().chain([(one.months, other.months), (one.weekdays, other.weekdays)])
            {
                assert_eq!(one.values & !(1 << 7), other.values & !(1 << 7));
            }
        }
        check("*/20 * * JAN-mar Sun", "0,20,40 0-23 1-31 1,2,3 7");
        check("5/25 * * * sat,sun", "5,30,55 * * * 6-7");
        check("@daily", "0 0 * * *");
        check("@weekly", "0 0 ? * sun");
        check("1-10/3 * * * *", "1,4,7,10 * * * *");
    }

    #[test]
    fn either_restricted_day_suffices() {
        let day = |day| LocalTime::of(2026, 2, day, 0, 0);
        let both: Cron = "0 0 13 * fri".parse().expect("an expression");
        assert!(both.names(day(6), true) && both.names(day(13), true) && !both.names(day(14), true));
        // Vixie cron looks at the first character only: the 1st, 16th, 31st *and* a Sunday.
        let step: Cron = "0 0 */15 * sun".parse().expect("an expression");
        assert!(step.names(day(1), false) && !step.names(day(16), false) && !step.names(day(8), false));
        assert!(step.names(day(16), true) && step.names(day(8), true));
    }
}
