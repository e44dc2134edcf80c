//! `timestamp` without time zone, in microseconds since 2000-01-01, and `interval` of a fixed length.
//!
//! Source: the PostgreSQL manual, "Date/Time Types". Days of an interval have 24 hours here, as they do for a timestamp without
//! time zone; months are not supported.

use std::fmt;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A timestamp, or with [`Timestamp::interval`] a distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(pub i64);

impl Timestamp {
    /// Reads `2026-03-01`, `2026-03-01 10:00` or `2026-03-01 10:00:05.25`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.trim().split_once([' ', 'T']).unwrap_or((text.trim(), "00:00"));
        let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) = (date.next()??, date.next()??, date.next()??);
        let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
        let mut clock = clock.splitn(3, ':').map(|part| part.parse::<i64>().ok());
        let (hour, minute) = (clock.next()??, clock.next()??);
        let second = clock.next().unwrap_or(Some(0))?;
        let micros: i64 = format!("{fraction:0<6}").parse().ok()?;
        let valid = (1..=12).contains(&month)
            && (1..=days_of(year, month)).contains(&day)
            && (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second)
            && fraction.len() <= 6;
        let of_day = (hour * 3_600 + minute * 60 + second) * SECOND + micros;
        valid.then(|| Self(days_before(year, month, day) * DAY + of_day))
    }

    /// Reads an interval such as `1 hour` or `90 minutes`; returns its microseconds.
    pub(crate) fn interval(text: &str) -> Option<i64> {
        let (number, unit) = text.trim().split_once(' ')?;
        let unit = match unit.trim().trim_end_matches('s') {
            "second" => SECOND,
            "minute" => 60 * SECOND,
            "hour" => 3_600 * SECOND,
            "day" => DAY,
            _ => return None,
        };
        number.parse::<i64>().ok()?.checked_mul(unit)
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the number of days from 2000-01-01 to a date from that year on, or before it.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year_days = |year: i64| 365 + i64::from(is_leap(year));
    let years: i64 = match year {
        2000.. => (2000..year).map(year_days).sum(),
        _ => -(year..2000).map(year_days).sum::<i64>(),
    };
    years + (1..month).map(|month| days_of(year, month)).sum::<i64>() + day - 1
}

/// As Python shows it, with seconds and microseconds only if they are not zero.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut days, of_day) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        let (mut year, mut month) = (2000, 1);
        while days < 0 {
            year -= 1;
            days += 365 + i64::from(is_leap(year));
        }
        while days >= days_of(year, month) {
            days -= days_of(year, month);
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        }
        let (seconds, micros) = (of_day / SECOND, of_day % SECOND);
        write!(f, "{year}, {month}, {}, {}, {}", days + 1, seconds / 3_600, seconds / 60 % 60)?;
        match (seconds % 60, micros) {
            (0, 0) => Ok(()),
            (second, 0) => write!(f, ", {second}"),
            (second, micros) => write!(f, ", {second}, {micros}"),
        }
    }
}

#[test]
fn timestamps_are_read_and_shown() {
    fn check(text: &str, shown: Option<&str>) {
        assert_eq!(Timestamp::parse(text).map(|at| at.to_string()).as_deref(), shown, "{text}");
    }
    check("2026-03-01", Some("2026, 3, 1, 0, 0"));
    check("2024-02-29 23:59:58.5", Some("2024, 2, 29, 23, 59, 58, 500000"));
    check("1999-12-31 10:00:01", Some("1999, 12, 31, 10, 0, 1"));
    check("2026-02-29", None);
    check("2026-13-01", None);
    check("tomorrow", None);
    let noon = Timestamp::parse("2026-12-31 12:00").expect("a timestamp");
    let later = Timestamp(noon.0 + Timestamp::interval("13 hours").expect("an interval"));
    assert_eq!(later.to_string(), "2027, 1, 1, 1, 0");
}
